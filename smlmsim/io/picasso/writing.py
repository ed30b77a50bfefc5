"""Writing of tables that Picasso opens."""

from __future__ import annotations

import logging
import math
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
import xarray as xr

from smlmsim.io import columns as table_columns
from smlmsim.io.atomic import replacing_pair
from smlmsim.io.axes import AXES
from smlmsim.io.columns import Columns
from smlmsim.io.metadata import Metadata
from smlmsim.io.picasso import movie
from smlmsim.io.picasso.fields import FIELDS, MEAN_FRAME, PIXELS, PRECISIONS, WHOLE
from smlmsim.io.picasso.locs import LOCS

NOMINAL_PIXEL_NM = 100.0
"""Camera pixel in nm that is written where none is known: usual for SMLM."""
NOMINAL_PRECISION_PX = 0.1
"""Precision in camera pixels that is written where none is known, since Picasso requires one."""
_log = logging.getLogger(__name__)


def write(data: xr.Dataset | xr.DataArray, path: str | Path) -> None:
    """Write the localizations of a dataset, and a YAML file with the information that Picasso needs.

    When it opens a table, Picasso drops localizations outside its field, and those with NaN or without a precision. So
    the sizes in the YAML file include all positions, which are shifted by whole pixels if any is not positive, and the
    precisions lpx and lpy are always written, as a tenth of a pixel if unknown. The YAML file records both changes, and
    :func:`smlmsim.io.read` reverts them.

    Variables without a field in ``FIELDS``, such as the time of a localization, are left out; columns from other files
    are kept without their units. Lengths along x and y are in pixels of ``camera_pixel_nm``, or of 100 nm if that is
    unknown, rounded to float32. Frames are counted from 0. The keys of an earlier YAML file are kept.

    Parameters
    ----------
    data : xr.Dataset
        ``loc_y``, ``loc_x`` and any other variable of ``FIELDS``, or one for both axes; see :mod:`smlmsim.io.axes`.
    path : str or Path
        HDF5 file to make or replace.

    Raises
    ------
    smlmsim.schema.SchemaError
        If positions are missing, or one is NaN or infinite.
    OSError
        If a file cannot be written; see :func:`~smlmsim.io.atomic.replacing`.
    """
    columns = _columns(data)
    metadata = Metadata.of(data)
    pixel_nm = metadata.camera_pixel_nm or NOMINAL_PIXEL_NM
    if metadata.camera_pixel_nm is None:
        _log.info(
            "%s: the camera pixel is not known and taken to be %g nm; if not, give camera_pixel_nm=130, say",
            path,
            pixel_nm,
        )
    zero = metadata.picasso is not None
    shift = (_shift(columns["loc_y"], pixel_nm, zero=zero), _shift(columns["loc_x"], pixel_nm, zero=zero))
    if any(shift):
        _log.info(
            "%s: x and y are shifted by %d and %d pixels, since Picasso leaves out what is not positive; "
            "the YAML file says so",
            path,
            *reversed(shift),
        )
    values = _fields(columns, pixel_nm, {"loc_y": shift[0], "loc_x": shift[1]})
    stand_ins = tuple(name for name in PRECISIONS if name not in values)
    if stand_ins:
        _log.info(
            "%s: no precision is known; %s are %g pixels, since Picasso leaves out what has none",
            path,
            " and ".join(stand_ins),
            NOMINAL_PRECISION_PX,
        )
    stood_in = np.full(data.sizes["localization"], NOMINAL_PRECISION_PX, np.float32)
    values |= dict.fromkeys(stand_ins, stood_in)
    others = {heading: _other(heading, column) for heading, column in table_columns.others(data).items()}
    if "frame" not in values and MEAN_FRAME in others:
        values["frame"] = others.pop(MEAN_FRAME)
    values |= {heading: column for heading, column in others.items() if heading not in values}
    if "frame" not in values:
        _log.warning(
            "%s: there are no camera frames; Picasso shows such a table, but cannot link or undrift it", path
        )
    _warn_of_nan(values, path)
    said = movie.text(
        movie.Movie(pixel_nm, metadata, shift, stand_ins), **_extent(values, metadata, pixel_nm, shift)
    )
    with (
        replacing_pair(path, Path(path).with_suffix(".yaml"), said) as draft,
        h5py.File(draft, "w") as file,
    ):
        file.create_dataset(LOCS, data=_records(values))


def _columns(data: xr.Dataset | xr.DataArray) -> Columns:
    """The columns by the names of ``FIELDS``; a column for both axes is used for each of them."""
    columns = table_columns.written(data, (*FIELDS, *AXES), "loc_x", "loc_y")
    for name, pair in AXES.items():
        whole = columns.pop(name, None)
        if whole is not None:
            columns |= {axis: whole for axis in pair if axis not in columns}
    return {name: columns[name] for name in FIELDS if name in columns}


def _shift(found: npt.NDArray[Any], pixel_nm: float, *, zero: bool) -> int:
    """The shift in whole pixels that makes positions positive, with a margin for rounding.

    A position of exactly 0 from a Picasso table is not shifted.
    """
    least = float(found.min(initial=np.inf)) / pixel_nm
    return 0 if least > 0 or (zero and least == 0) else math.floor(-least * (1 + 1e-6)) + 1


def _fields(columns: Columns, pixel_nm: float, shifts: dict[str, int]) -> dict[str, npt.NDArray[Any]]:
    """The columns in Picasso's units, by their names in Picasso."""
    made = {}
    for name, found in columns.items():
        scaled = found / np.float64(pixel_nm) + shifts.get(name, 0) if name in PIXELS else found
        made[FIELDS[name]] = scaled.astype(np.float32) if scaled.dtype.kind == "f" else scaled
    return made


def _other(heading: str, column: xr.Variable) -> npt.NDArray[Any]:
    """A column from another file: as integers if it held integers, else with the precision that it needs."""
    found: npt.NDArray[Any] = column.values
    kinds = [
        kind for kind in (column.attrs.get("whole"), WHOLE.get(heading)) if kind and np.isfinite(found).all()
    ]
    with np.errstate(all="ignore"):
        for kind in (*kinds, np.float32):
            narrow = found.astype(kind)
            if np.array_equal(narrow, found, equal_nan=True):
                return narrow
    return found


def _warn_of_nan(values: dict[str, npt.NDArray[Any]], path: str | Path) -> None:
    bad = {name: ~np.isfinite(found) for name, found in values.items() if found.dtype.kind == "f"}
    names = [name for name, where in bad.items() if where.any()]
    if names:
        rows = int(np.count_nonzero(np.logical_or.reduce([bad[name] for name in names])))
        _log.warning(
            "%s: %d localization%s with NaN in %s; Picasso leaves out such ones when it opens the table",
            path,
            rows,
            "" if rows == 1 else "s",
            ", ".join(names),
        )


def _extent(
    values: dict[str, npt.NDArray[Any]], metadata: Metadata, pixel_nm: float, shift: tuple[int, int]
) -> dict[str, int]:
    """Height and width in pixels that include the field and all positions, and the number of camera frames."""
    y0, x0, height, width = metadata.field_nm or (0.0, 0.0, pixel_nm, pixel_nm)
    ends = {
        "height": ("y", (y0 + height) / pixel_nm + shift[0]),
        "width": ("x", (x0 + width) / pixel_nm + shift[1]),
    }
    extent = {
        name: max(math.ceil(end - 1e-6), math.floor(float(values[axis].max(initial=0))) + 1, 1)
        for name, (axis, end) in ends.items()
    }
    last = float(values["frame"].max(initial=-1)) if "frame" in values else -1.0
    return extent | {"frames": max(metadata.frames or 1, math.floor(last) + 1)}


def _records(values: dict[str, npt.NDArray[Any]]) -> npt.NDArray[Any]:
    kinds = [
        (name, WHOLE[name] if name in WHOLE and found.dtype.kind in "iu" else found.dtype.newbyteorder("<"))
        for name, found in values.items()
    ]
    records = np.empty(len(values["x"]), kinds)
    for name, found in values.items():
        records[name] = found
    return records
