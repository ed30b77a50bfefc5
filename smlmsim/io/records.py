"""Shared code of the readers of binary tables: from the fields of records to the columns of a table."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from smlmsim.io import columns as table_columns
from smlmsim.io.columns import LEFT_OUT
from smlmsim.io.flaws import Flaws
from smlmsim.io.reading import Reading

_log = logging.getLogger(__name__)
Fields = Mapping[str, npt.NDArray[Any]]


class Known(NamedTuple):
    """The meaning of a field.

    Parameters
    ----------
    field : str
        Name of the field in the file.
    scale : float
        Factor to the unit of the vocabulary.
    shift : float
        Shift that is added before scaling, in the unit of the file.
    """

    field: str
    scale: float = 1.0
    shift: float = 0.0

    def of(self, found: Fields) -> npt.NDArray[Any]:
        """The values of the field in the unit of the vocabulary."""
        values = found[self.field]
        if values.dtype.kind not in "iuf" or values.ndim != 1:
            raise ValueError(f"the field {self.field!r} holds {values.dtype}, not numbers")
        return values + np.float64(self.shift) if self.shift else values


def tables(
    pieces: Iterable[Fields],
    known: Mapping[str, Known],
    attrs: dict[str, Any],
    path: str | Path,
    reading: Reading,
    *,
    others: bool,
) -> Iterator[xr.Dataset]:
    """Make the pieces of a table of records.

    Parameters
    ----------
    pieces : iterable of mapping of str to array (localization,)
        Records in pieces: the unchanged values of each field.
    known : mapping of str to Known
        Fields by their names in the vocabulary; fields that the file lacks are ignored.
    attrs : dict
        Attributes of the datasets.
    path : str or Path
        The file, for log messages.
    reading : Reading
        States whether rows without a position or frame are left out.
    others : bool
        Whether to also keep unknown fields of numbers. The attribute ``left_out`` then names all others, if there are
        any.

    Yields
    ------
    xr.Dataset
        Localizations with frames as in the file; empty pieces are skipped.

    Raises
    ------
    ValueError
        If a field does not hold numbers, rows lack a position or frame and must not be left out, or no row is left.
    """
    flaws = Flaws(str(path), drop_bad_rows=reading.drop_bad_rows)
    start, empty, said = 0, True, False
    for found in pieces:
        columns = {name: meaning.of(found) for name, meaning in known.items() if meaning.field in found}
        kept = _kept(columns, known, start, flaws)
        if kept.any() and not flaws.refused:
            empty = False
            taken = {meaning.field for meaning in known.values()}
            rest = {field: values for field, values in found.items() if others and field not in taken}
            left_out = [field for field, values in rest.items() if not _is_column(values)]
            if left_out and not said:
                names = ", ".join(map(repr, left_out))
                _log.info("%s: fields of texts, or of several values a record, are left out: %s", path, names)
            said = said or bool(left_out)
            more = {LEFT_OUT: left_out} if left_out else {}
            yield _table(columns, known, rest, kept, start, flaws).assign_attrs(dict(attrs) | more)
        start += kept.size
    flaws.require_rows()
    flaws.say()
    if empty:
        raise ValueError(
            "the file holds no localizations" + (" with a position and a frame" if start else "")
        )


def _kept(columns: Fields, known: Mapping[str, Known], start: int, flaws: Flaws) -> npt.NDArray[np.bool_]:
    """Which records have everything that a localization needs."""

    def place(row: int, name: str | None) -> str:
        assert name is not None
        return f"in record {start + row}: found {columns[name][row]:g} in the field {known[name].field!r}"

    return table_columns.complete(columns, flaws, place)


def _table(
    columns: Fields,
    known: Mapping[str, Known],
    rest: Fields,
    kept: npt.NDArray[np.bool_],
    start: int,
    flaws: Flaws,
) -> xr.Dataset:
    """The dataset of the records that are kept."""
    rows = slice(None) if kept.all() else kept
    numbers = np.flatnonzero(kept)

    def place(row: int) -> str:
        return f"in record {start + numbers[row]}"

    made = {
        name: table_columns.values(name, found[rows], known[name].scale, place, flaws, known[name].field)
        for name, found in columns.items()
    }
    more = [_other(field, values[rows]) for field, values in rest.items() if _is_column(values)]
    return table_columns.dataset(made, {}, more)


def _is_column(values: npt.NDArray[Any]) -> bool:
    """Whether a field holds one number per record."""
    return values.dtype.kind in "biuf" and values.ndim == 1


def _other(field: str, found: npt.NDArray[Any]) -> xr.Variable:
    """An unknown column; its attribute ``whole`` is the type of its numbers if they are integers."""
    column = table_columns.other(field, "", found)
    if found.dtype.kind in "biu":
        column.attrs["whole"] = f"<{'u' if found.dtype.kind == 'u' else 'i'}{max(found.dtype.itemsize, 4)}"
    return column
