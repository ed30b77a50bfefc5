"""The columns of a localization table: their units, what they may hold, and how they make a dataset."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from smlmsim import schema
from smlmsim.io import axes

OTHER = "other_"
"""Begins the name of a variable that the vocabulary does not know; ``heading`` is what its file calls it."""
ROWS = 2**20  # of a chunk, unless asked otherwise
REQUIRED = ("loc_frame", "loc_x", "loc_y")
WHOLE = ("loc_frame", "loc_channel")
NOT_NEGATIVE = ("loc_uncertainty", "loc_uncertainty_x", "loc_uncertainty_y", "loc_uncertainty_z")
LENGTHS_NM = {
    "": 1.0,
    "nm": 1.0,
    "um": 1e3,
    "µm": 1e3,
    "μm": 1e3,
    "\N{REPLACEMENT CHARACTER}m": 1e3,
    "m": 1e9,
}
PIXEL = ("px", "pixel", "pixels")
UNITS = {"nm": LENGTHS_NM, "photon": {"": 1.0, "photon": 1.0, "photons": 1.0}, "1": {"": 1.0, "1": 1.0}}
LARGEST = float(np.finfo(np.float32).max) / LENGTHS_NM["m"]  # in any of the units a float32 in nm holds it
LAST_FRAME = np.iinfo(np.int32).max

Columns = dict[str, npt.NDArray[Any]]


def factor(variable: str, heading: str, unit: str, pixel_nm: float | None) -> float:
    """The factor from the unit of a column to the one of the vocabulary.

    Parameters
    ----------
    variable : str
        What the column is in the vocabulary.
    heading : str
        What the file calls it, for the message.
    unit : str
        As in ``UNITS``; "" stands for the unit of the vocabulary.
    pixel_nm : float or None
        The size of a camera pixel, for lengths in pixels.

    Raises
    ------
    ValueError
        If the unit is not known, or is a pixel of unknown size.
    """
    known = UNITS[schema.VOCABULARY[variable].units]
    if unit in known:
        return known[unit]
    if known is not LENGTHS_NM or unit not in PIXEL:
        units = ", ".join(filter(str.isascii, filter(None, known))) or "none"
        raise ValueError(f"the column {heading!r} has the unit {unit!r}; known for it: {units}")
    if pixel_nm is None:
        raise ValueError(
            f"the column {heading!r} is in camera pixels; say how large one is, as in camera_pixel_nm=100"
        )
    return pixel_nm


def values(
    variable: str, found: npt.NDArray[Any], scale: float, place: Callable[[int], str]
) -> npt.NDArray[Any]:
    """Check a column and bring it to the precision and the unit of the vocabulary.

    Parameters
    ----------
    variable : str
        What the column is in the vocabulary.
    found : array (localization,)
        Numbers of any type.
    scale : float
        The factor to the unit of the vocabulary.
    place : function
        Says in words where the value with some index stands.

    Returns
    -------
    array (localization,)
        int32 for frames, as the file counts them, and channels; float32 for all else.

    Raises
    ------
    ValueError
        At the first value that is NaN, infinite or absurdly large, a frame that is not a whole number from 0, or a
        negative uncertainty.
    """
    good, claim = _usable(variable, found)
    if not good.all():
        index = int(np.argmin(good))
        raise ValueError(f"{claim}; found {found[index]:g} in {place(index)}")
    if variable in WHOLE:
        return found.astype(np.int32)
    return found.astype(np.float32) if scale == 1 else (found * np.float64(scale)).astype(np.float32)


def _usable(variable: str, found: npt.NDArray[Any]) -> tuple[npt.NDArray[np.bool_], str]:
    """Which values can be used, and what is asked of them."""
    if variable in WHOLE:
        good = (found >= 0) & (found <= LAST_FRAME)
        if found.dtype.kind == "f":
            good &= found == np.floor(found)
        return good, f"{'frames' if variable == 'loc_frame' else 'channels'} are counted 0, 1, 2, ..."
    if variable in NOT_NEGATIVE:
        return (found >= 0) & (found <= LARGEST), "an uncertainty is not negative"
    return np.abs(found) <= LARGEST, f"a value is a finite number, at most {LARGEST:.2g}"


def other(heading: str, unit: str, found: npt.NDArray[Any]) -> xr.Variable:
    """A column that the vocabulary does not know, float64, as it is: NaN and any unit may be in it."""
    return xr.Variable(
        ("localization",), found.astype(np.float64), {"units": unit or "1", "heading": heading}
    )


def named(others: Iterable[xr.Variable]) -> dict[str, xr.Variable]:
    """Name columns by their headings, in plain letters."""
    return {OTHER + re.sub(r"\W+", "_", found.attrs["heading"]): found for found in others}


def others(data: xr.Dataset | xr.DataArray) -> dict[str, xr.Variable]:
    """The columns of a dataset that the vocabulary does not know, by the headings that a file gives them."""
    variables = data.variables if isinstance(data, xr.Dataset) else {}
    found = (column for name, column in variables.items() if str(name).startswith(OTHER))
    return {str(column.attrs["heading"]): column for column in found if column.dims == ("localization",)}


def dataset(
    columns: Mapping[str, npt.NDArray[Any]], attrs: dict[str, Any], more: Iterable[xr.Variable] = ()
) -> xr.Dataset:
    """Make the dataset of a table, its variables in the order of the vocabulary, the others behind.

    Where widths or standard errors are known along both axes, one for both is among them.
    """
    columns = axes.joined(columns)
    known = {name: columns[name] for name in schema.VOCABULARY if name in columns}
    return schema.dataset(attrs, **known).assign(named(more))


def gathered(chunks: Iterable[xr.Dataset]) -> xr.Dataset:
    """Join the chunks of a table and sort them by frame; those of one frame keep their order.

    Every chunk is let go as soon as its columns are taken. Values along x and y that are the same throughout are one.
    """
    parts: dict[str, list[npt.NDArray[Any]]] = {}
    attrs: dict[str, Any] = {}
    unknown: dict[str, dict[Any, Any]] = {}
    for chunk in chunks:
        attrs = dict(chunk.attrs)
        for name, variable in chunk.variables.items():
            parts.setdefault(str(name), []).append(variable.values)
            if name not in schema.VOCABULARY:
                unknown[str(name)] = variable.attrs
    for name in axes.repeats(parts):
        del parts[name]
    columns = {name: np.concatenate(parts.pop(name)) for name in list(parts)}
    frame = columns.get("loc_frame")
    if frame is not None and (frame[1:] < frame[:-1]).any():
        order = np.argsort(frame, kind="stable")
        columns = {name: array[order] for name, array in columns.items()}
    more = [xr.Variable(("localization",), columns[name], said) for name, said in unknown.items()]
    return dataset(columns, attrs, more)


def written(data: xr.Dataset | xr.DataArray, known: Iterable[str], *required: str) -> Columns:
    """The columns of a dataset that a format has a place for, checked.

    Raises
    ------
    smlmsim.schema.SchemaError
        If it is no dataset of localizations, or a required variable is missing, or a value is NaN or infinite.
    """
    if isinstance(data, xr.DataArray):
        raise schema.SchemaError(
            f"a table is made from a dataset of localizations, found the array {data.name!r}"
        )
    names = [name for name in known if name in data or name in required]
    schema.check(data, *names)
    return {name: data[name].values for name in names}
