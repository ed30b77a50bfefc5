"""Localization tables of SMAP: ``_sml.mat``, which MATLAB writes as HDF5 (7.3) or in its own format (5); read only.

The table is ``saveloc.loc``, a structure of columns: positions in nm, camera frames counted from 1.
"""

from __future__ import annotations

import functools
import logging
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
import numpy.typing as npt
import xarray as xr

from smlmsim.io import hdf5, matlab5, records
from smlmsim.io.columns import ROWS
from smlmsim.io.limits import bounded_memory
from smlmsim.io.metadata import Metadata
from smlmsim.io.reading import Reading

FIRST_FRAME = 1
"""Number of the first frame in this format."""
FIELDS = {
    "loc_frame": "frame",
    "loc_x": "xnm",
    "loc_y": "ynm",
    "loc_z": "znm",
    "loc_intensity": "phot",
    "loc_background": "bg",
    "loc_sigma_x": "PSFxnm",
    "loc_sigma_y": "PSFynm",
    "loc_uncertainty": "locprecnm",
    "loc_uncertainty_z": "locprecznm",
    "loc_channel": "channel",
}
TABLE = ("saveloc", "loc")
PIXEL = (("saveloc", "file", "info", "cam_pixelsize_um"), ("saveloc", "info", "cam_pixelsize_um"))
HDF5_HEAD = b"MATLAB 7.3"
_log = logging.getLogger(__name__)


class Column(NamedTuple):
    """A column of a table: its length, and a function that reads a range of its rows."""

    size: int
    rows: Callable[[int, int], npt.NDArray[Any]]


class Table(NamedTuple):
    """The columns of a file, and the pixel of its camera if stated."""

    columns: dict[str, Column]
    pixel_nm: float | None


def chunks(path: Path, reading: Reading, *, rows: int, others: bool) -> Iterator[xr.Dataset]:
    """Read the pieces of a table, as :class:`~smlmsim.io.formats.TableModule` says.

    A file in MATLAB's own format is unpacked completely.
    """
    with _opened(path) as table:
        columns = _checked(table.columns)
        size = columns["xnm"].size
        _warn_of_several(columns, path)
        known = {
            name: records.Known(field)
            for name, field in FIELDS.items()
            if name != "loc_channel" or _counts(columns.get(field))
        }
        if "channel" in columns and "loc_channel" not in known:
            del columns["channel"]
        attrs = Metadata(camera_pixel_nm=table.pixel_nm).tree()
        pieces = (
            {name: column.rows(start, min(start + rows, size)) for name, column in columns.items()}
            for start in range(0, size, rows)
        )
        yield from records.tables(pieces, known, attrs, path, reading, others=others)


@contextmanager
def _opened(path: Path) -> Iterator[Table]:
    with path.open("rb") as file:
        is_hdf5 = file.read(len(HDF5_HEAD)) == HDF5_HEAD
    if is_hdf5:
        with hdf5.opened(path, whole=False) as archive:
            with bounded_memory():
                table = _of_hdf5(archive)
            yield table
        return
    try:
        yield _of_matlab5(path)
    except (ValueError, zlib.error, LookupError, MemoryError, OverflowError) as error:
        what = str(error) if isinstance(error, ValueError) else f"the file is damaged ({error})"
        raise ValueError(f"{path}: {what}") from None


def _checked(columns: dict[str, Column]) -> dict[str, Column]:
    """The columns that have the same length as the positions."""
    if missing := [name for name in ("frame", "xnm", "ynm") if name not in columns]:
        raise ValueError(
            f"no column {' nor '.join(missing)} in saveloc.loc; found {', '.join(list(columns)[:20]) or 'nothing'}"
        )
    size = columns["xnm"].size
    if size == 0:
        raise ValueError("saveloc.loc holds no localizations")
    wrong = [name for name in FIELDS.values() if name in columns and columns[name].size != size]
    if wrong:
        raise ValueError(f"the column {wrong[0]!r} holds {columns[wrong[0]].size} values, 'xnm' {size}")
    return {name: column for name, column in columns.items() if column.size == size}


def _of_hdf5(file: h5py.File) -> Table:
    parent: h5py.Group | None = file
    for name in TABLE:
        parent = hdf5.group(parent, name) if parent is not None else None
    if parent is None:
        raise ValueError(_no_table(sorted(file)))
    columns = {
        name: column for name in parent if (column := _of_dataset(hdf5.dataset(parent, name))) is not None
    }
    return Table(columns, _pixel(lambda place: _numbers_at(file, place)))


def _of_dataset(data: h5py.Dataset | None) -> Column | None:
    """Make a column; MATLAB's columns are rows in HDF5."""
    if data is None or data.dtype.kind not in "iuf" or data.ndim != 2 or 1 not in data.shape:
        return None

    def rows(start: int, stop: int) -> npt.NDArray[Any]:
        with bounded_memory((stop - start) * data.dtype.itemsize):
            found: npt.NDArray[Any] = data[0, start:stop] if data.shape[0] == 1 else data[start:stop, 0]
        return found

    return Column(data.size, rows)


def _numbers_at(file: h5py.File, place: tuple[str, ...]) -> npt.NDArray[Any] | None:
    parent: h5py.Group | None = file
    for name in place[:-1]:
        parent = hdf5.group(parent, name) if parent is not None else None
    data = hdf5.dataset(parent, place[-1]) if parent is not None else None
    if data is None or data.dtype.kind not in "iuf" or data.size > 3:
        return None
    return np.asarray(data[()]).ravel()


def _of_matlab5(path: Path) -> Table:
    saved, names = matlab5.variable(path, TABLE[0])
    table = _field(saved, TABLE[1:])
    if saved is None or table is None or not table.is_struct:
        raise ValueError(_no_table([*names, *([TABLE[0]] if saved else [])]))
    columns = {}
    for name, field in table.fields().items():
        values = field.values()
        if values is not None:
            columns[name] = Column(values.size, functools.partial(_rows, values))
    return Table(columns, _pixel(lambda place: _values_at(saved, place[1:])))


def _rows(values: npt.NDArray[Any], start: int, stop: int) -> npt.NDArray[Any]:
    return values[start:stop]


def _field(parent: matlab5.Matrix | None, place: tuple[str, ...]) -> matlab5.Matrix | None:
    for name in place:
        parent = parent.fields().get(name) if parent is not None and parent.is_struct else None
    return parent


def _values_at(parent: matlab5.Matrix, place: tuple[str, ...]) -> npt.NDArray[Any] | None:
    found = _field(parent, place)
    return found.values() if found is not None else None


def _pixel(at: Callable[[tuple[str, ...]], npt.NDArray[Any] | None]) -> float | None:
    """The pixel of the camera, if the file states the same for both axes."""
    for place in PIXEL:
        found = at(place)
        if found is not None and found.size and (found == found[0]).all() and 0 < found[0] < 1000:
            return round(float(found[0]) * 1000, 6)
    return None


def _counts(column: Column | None) -> bool:
    """Whether the column numbers several channels, and every localization has one."""
    if column is None:
        return False
    least, most, whole = np.inf, -np.inf, True
    for start in range(0, column.size, ROWS):
        found = column.rows(start, min(start + ROWS, column.size))
        least, most = min(least, found.min()), max(most, found.max())
        whole = whole and bool((found % 1 == 0).all())
    return bool(0 <= least < most and whole)


def _warn_of_several(columns: Mapping[str, Column], path: Path) -> None:
    """Warn if a table holds the localizations of several recordings, which overlap."""
    if _counts(columns.get("filenumber")):
        _log.warning("%s: the table holds several recordings (filenumber); they are read as one", path)


def _no_table(names: list[str]) -> str:
    return f"no table of SMAP, saveloc.loc, is in the file; it holds {', '.join(names[:10]) or 'nothing'}"
