"""The records of a Picasso file: a list of records, or a data frame stored by pandas."""

from __future__ import annotations

import pickletools
from collections.abc import Mapping
from typing import Any, NamedTuple, cast

import h5py
import numpy as np
import numpy.typing as npt

from smlmsim.io import hdf5
from smlmsim.io.limits import bounded_memory

LOCS = "locs"
TEXTS = ("UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8")
AROUND = (
    "PROTO", "FRAME", "MARK", "LIST", "EMPTY_LIST", "APPEND", "APPENDS", "PUT", "BINPUT", "LONG_BINPUT",
    "MEMOIZE", "STOP",
)  # fmt: skip
LONGEST_NAMES = 2**16
"""Bytes of the names of columns; more are damage."""


class Place(NamedTuple):
    """The position of a column in a dataset: a field of its records, a column of its rows, or both."""

    field: str | None
    column: int | None

    def of(self, found: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Select the values of the column from rows."""
        values = found if self.field is None else found[self.field]
        return values if self.column is None else values[:, self.column]


class Part(NamedTuple):
    """A dataset that holds some of the columns."""

    data: h5py.Dataset
    places: dict[str, Place]


class Locs(NamedTuple):
    """The columns of a file, by their names in Picasso."""

    parts: list[Part]

    @classmethod
    def of(cls, file: h5py.File) -> Locs:
        """Find the columns of a file.

        Raises
        ------
        ValueError
            If there are none, or their layout is neither that of Picasso nor that of pandas.
        """
        found = cls(_parts(file))
        if missing := [name for name in ("x", "y") if name not in found.names]:
            raise ValueError(f"no field {' nor '.join(missing)}; found {', '.join(found.names[:20])}")
        lengths = {part.data.shape[0] for part in found.parts}
        if len(lengths) > 1:
            raise ValueError(f"the columns of {LOCS!r} are of different lengths: {sorted(lengths)}")
        if lengths == {0}:
            raise ValueError(f"{LOCS!r} holds no localizations")
        return found

    @property
    def names(self) -> list[str]:
        """The names of the columns."""
        return [name for part in self.parts for name in part.places]

    @property
    def size(self) -> int:
        """The number of localizations."""
        return int(self.parts[0].data.shape[0])

    def kind(self, name: str) -> np.dtype[Any]:
        """The type of the numbers of a column."""
        part = next(part for part in self.parts if name in part.places)
        field = part.places[name].field
        return cast("np.dtype[Any]", part.data.dtype if field is None else part.data.dtype[field].base)

    def read(self, start: int, stop: int, *names: str) -> dict[str, npt.NDArray[Any]]:
        """Read a range of rows of the named columns, or of all."""
        columns: dict[str, npt.NDArray[Any]] = {}
        for data, places in self.parts:
            wanted = {name: place for name, place in places.items() if not names or name in names}
            if wanted:
                row_bytes = data.dtype.itemsize * (data.size // max(len(data), 1))
                with bounded_memory((stop - start) * row_bytes):
                    found = data[start:stop]
                columns |= {name: place.of(found) for name, place in wanted.items()}
        return columns


def holds(file: h5py.File) -> bool:
    """Whether a file holds localizations under Picasso's name for them."""
    return isinstance(file.get(LOCS, getlink=True), h5py.HardLink)


def _parts(file: h5py.File) -> list[Part]:
    found = file[LOCS]
    if isinstance(found, h5py.Dataset):
        return [_records(found)]
    kind = found.attrs.get("pandas_type", b"")
    if kind == b"frame":
        return _blocks(found)
    if kind == b"frame_table" and isinstance(found.get("table"), h5py.Dataset):
        return [_table(found["table"])]
    held = ", ".join(sorted(found)[:10]) or "nothing"
    raise ValueError(
        f"{LOCS!r} is a group, neither a list of records nor a data frame of pandas; it holds {held}"
    )


def _records(data: h5py.Dataset) -> Part:
    """A list of records, as Picasso writes it."""
    if data.ndim != 1 or not data.dtype.names:
        raise ValueError(f"{str(data.name).removeprefix('/')!r} is no list of records")
    hdf5.require_readable(data)
    return Part(data, {name: Place(name, None) for name in data.dtype.names})


def _blocks(group: h5py.Group) -> list[Part]:
    """A data frame in the fixed format of pandas: columns of one type are the columns of one dataset."""
    parts = []
    for number in range(int(group.attrs.get("nblocks", 0))):
        values, items = group.get(f"block{number}_values"), group.get(f"block{number}_items")
        if not isinstance(values, h5py.Dataset) or not isinstance(items, h5py.Dataset):
            raise ValueError(f"the data frame {LOCS!r} lacks its block {number}")
        if values.dtype.kind not in "biuf":
            continue  # a block of texts or other objects
        for data in (values, items):
            hdf5.require_readable(data)
        if values.ndim != 2 or items.shape != values.shape[1:] or items.dtype.kind != "S":
            raise ValueError(f"the block {number} of the data frame {LOCS!r} is not laid out as pandas does")
        names = [name.decode("utf-8", errors="replace") for name in items[:]]
        parts.append(Part(values, {name: Place(None, column) for column, name in enumerate(names)}))
    return parts


def _table(data: h5py.Dataset) -> Part:
    """A data frame in the table format of pandas: records, with the columns of one type in one field."""
    part = _records(data)
    places: dict[str, Place] = {}
    for field in part.places:
        names = _names(data.attrs, f"{field}_kind")
        if field == "index" or data.dtype[field].base.kind not in "biuf":
            continue
        if data.dtype[field].shape == ():
            places[field] = Place(field, None)
        elif data.dtype[field].shape == (len(names),):
            places |= {name: Place(field, column) for column, name in enumerate(names)}
        else:
            raise ValueError(f"the field {field!r} of the data frame {LOCS!r} is not laid out as pandas does")
    return Part(data, places)


def _names(attributes: Mapping[str, Any], name: str) -> list[str]:
    """A pickled list of texts, read from its opcodes: nothing is executed."""
    content = attributes.get(name, b"")
    if not isinstance(content, bytes) or len(content) > LONGEST_NAMES:
        return []
    try:
        codes = [(code.name, argument) for code, argument, _ in pickletools.genops(content)]
    except (ValueError, UnicodeDecodeError):
        return []
    if any(code not in (*TEXTS, *AROUND) for code, _ in codes):
        return []
    return [str(argument) for code, argument in codes if code in TEXTS]
