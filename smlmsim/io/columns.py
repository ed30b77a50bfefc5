"""The columns of a localization table: units, valid values, and conversion to a dataset."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Container, Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from smlmsim import schema
from smlmsim.io import axes
from smlmsim.io.flaws import Flaws

OTHER = "other_"
"""Prefix of variables that are not in the vocabulary; the attribute ``heading`` is the name in the file."""
LEFT_OUT = "left_out"
"""Attribute of a table read with other columns: the headings of columns that were not read, if there are any."""
ROWS = 2**20  # default number of rows of a chunk
REQUIRED = ("loc_frame", "loc_x", "loc_y")
WHOLE = ("loc_frame", "loc_channel")
NEEDED = (*REQUIRED, "loc_channel")  # each row also needs its channel if there are channels
NOT_NEGATIVE = ("loc_uncertainty", "loc_uncertainty_x", "loc_uncertainty_y", "loc_uncertainty_z")
NM_PER = {
    1.0: ("", "nm", "nanometer", "nanometers", "nanometre", "nanometres"),
    1e3: ("um", "µm", "μm", "\N{REPLACEMENT CHARACTER}m", "micron", "microns", "micrometer", "micrometers",
          "micrometre", "micrometres"),
    1e6: ("mm", "millimeter", "millimetre"),
    1e9: ("m", "meter", "metre"),
}  # fmt: skip
LENGTHS_NM = {unit: length for length, units in NM_PER.items() for unit in units}
PIXEL = ("px", "pixel", "pixels", "pix")
PHOTONS = {"": 1.0, "photon": 1.0, "photons": 1.0, "ph": 1.0}
NUMBERS = {"": 1.0, "1": 1.0, "frame": 1.0, "frames": 1.0, "fr": 1.0, "#": 1.0}
USUAL = {"nm": "nm, um, mm, m, px", "photon": "photon", "1": "1, frame"}
UNITS = {"nm": LENGTHS_NM, "photon": PHOTONS, "1": NUMBERS}
LARGEST = (
    float(np.finfo(np.float32).max) / LENGTHS_NM["m"]
)  # still fits float32 after conversion from m to nm
LAST_FRAME = np.iinfo(np.int32).max
"""Largest frame number: frames are int32."""

Columns = dict[str, npt.NDArray[Any]]


def factor(variable: str, heading: str, unit: str, pixel_nm: float | None) -> float:
    """Return the factor from the unit of a column to that of the vocabulary.

    Parameters
    ----------
    variable : str
        Name of the column in the vocabulary.
    heading : str
        Name of the column in the file, for the message.
    unit : str
        Unit as in ``UNITS``, in upper or lower case; "" means the unit of the vocabulary.
    pixel_nm : float or None
        The size of a camera pixel, for lengths in pixels.

    Raises
    ------
    ValueError
        If the unit is not known, or is a pixel of unknown size.
    """
    known, plain = UNITS[schema.VOCABULARY[variable].units], unit.casefold()
    if plain in known:
        return known[plain]
    if known is not LENGTHS_NM or plain not in PIXEL:
        usual = USUAL[schema.VOCABULARY[variable].units]
        raise ValueError(f"the column {heading!r} has the unit {unit!r}; known for it: {usual}")
    if pixel_nm is None:
        raise ValueError(
            f"the column {heading!r} is in camera pixels; say how large one is, as in camera_pixel_nm=100"
        )
    return pixel_nm


def values(
    variable: str,
    found: npt.NDArray[Any],
    scale: float,
    place: Callable[[int], str],
    flaws: Flaws | None = None,
    heading: str = "",
) -> npt.NDArray[Any]:
    """Check a column and convert it to the precision and the unit of the vocabulary.

    Parameters
    ----------
    variable : str
        Name of the column in the vocabulary.
    found : array (localization,)
        Numbers of any type.
    scale : float
        Factor to the unit of the vocabulary.
    place : function
        Returns in words the place in the file of the value with a given index.
    flaws : Flaws, optional
        Counts the values that become NaN.
    heading : str
        Name of the column in the file.

    Returns
    -------
    array (localization,)
        int32 for frames, counted as in the file, and for channels; float32 for all other columns, with NaN for values
        that are NaN, infinite, absurdly large, or negative where that is impossible. Positions must be valid.

    Raises
    ------
    ValueError
        At the first position that is not finite, or frame or channel that is not a whole number of at least 0.
    """
    good, claim = usable(variable, found)
    if not good.all():
        if variable in NEEDED:
            index = int(np.argmin(good))
            raise ValueError(f"{claim}; found {found[index]:g} in {place(index)}")
        if flaws is not None:
            flaws.values(heading or variable, ~good, place)
        found = np.where(good, found, np.nan)
    if variable in WHOLE:
        return found.astype(np.int32)
    return found.astype(np.float32) if scale == 1 else (found * np.float64(scale)).astype(np.float32)


def usable(variable: str, found: npt.NDArray[Any]) -> tuple[npt.NDArray[np.bool_], str]:
    """Which values of a column are valid, and the requirement in words."""
    if variable in WHOLE:
        good = (found >= 0) & (found <= LAST_FRAME)
        if found.dtype.kind == "f":
            good &= found == np.floor(found)
        return good, f"{'frames' if variable == 'loc_frame' else 'channels'} are counted 0, 1, 2, ..."
    if variable in NOT_NEGATIVE:
        return (found >= 0) & (found <= LARGEST), "an uncertainty is not negative"
    return np.abs(found) <= LARGEST, f"a value is a finite number, at most {LARGEST:.2g}"


def complete(
    found: Mapping[str, npt.NDArray[Any]],
    flaws: Flaws,
    place: Callable[[int, str | None], str],
    misfits: npt.NDArray[np.bool_] | None = None,
) -> npt.NDArray[np.bool_]:
    """Find the rows that have everything a localization needs, and count the others.

    Parameters
    ----------
    found : mapping of str to array (localization,)
        Numbers of any type, by their names in the vocabulary.
    flaws : Flaws
        Counts the other rows.
    place : function
        Describes the place of a row, by its index, and what is wrong in it: the name of a column, or None for a misfit.
    misfits : array (localization,), optional
        Rows that cannot be divided into columns.
    """
    good = {name: usable(name, found[name])[0] for name in NEEDED if name in found}
    kept = np.logical_and.reduce(list(good.values()))
    if misfits is not None:
        kept &= ~misfits

    def said(row: int) -> str:
        misfit = misfits is not None and bool(misfits[row])
        return place(row, None if misfit else next(name for name, column in good.items() if not column[row]))

    flaws.rows(~kept, said)
    return np.asarray(kept)


def other(heading: str, unit: str, found: npt.NDArray[Any]) -> xr.Variable:
    """Keep a column that is not in the vocabulary unchanged, as float64: it may hold NaN and have any unit."""
    return xr.Variable(
        ("localization",), found.astype(np.float64), {"units": unit or "1", "heading": heading}
    )


def named(others: Iterable[xr.Variable]) -> dict[str, xr.Variable]:
    """Name columns by their headings, in plain letters; columns of the same name are numbered."""
    columns: dict[str, xr.Variable] = {}
    for heading, found in _told_apart(others).items():
        columns[numbered(OTHER + re.sub(r"\W+", "_", heading), columns)] = found
    return columns


def _told_apart(others: Iterable[xr.Variable]) -> dict[str, xr.Variable]:
    """Columns by their headings; columns of the same heading, which may differ in units, are numbered."""
    columns: dict[str, xr.Variable] = {}
    for found in others:
        columns[numbered(str(found.attrs["heading"]), columns)] = found
    return columns


def numbered(name: str, taken: Container[str]) -> str:
    """Return a name that is not taken: the name itself, or with the first free number from 2 on.

    Examples
    --------
    >>> numbered("width", {"width"})
    'width_2'
    """
    names = itertools.chain([name], (f"{name}_{number}" for number in itertools.count(2)))
    return next(candidate for candidate in names if candidate not in taken)


def others(data: xr.Dataset | xr.DataArray) -> dict[str, xr.Variable]:
    """The columns of a dataset that are not in the vocabulary, by their headings in a file.

    Columns of the same heading, which may differ in units, are numbered.
    """
    variables = data.variables if isinstance(data, xr.Dataset) else {}
    found = (column for name, column in variables.items() if str(name).startswith(OTHER))
    return _told_apart(column for column in found if column.dims == ("localization",))


def dataset(
    columns: Mapping[str, npt.NDArray[Any]], attrs: dict[str, Any], more: Iterable[xr.Variable] = ()
) -> xr.Dataset:
    """Make the dataset of a table, with its variables in the order of the vocabulary, followed by the others.

    If widths or standard errors are known along both axes, one value for both is added.
    """
    columns = axes.joined(columns)
    known = {name: columns[name] for name in schema.VOCABULARY if name in columns}
    return schema.dataset(attrs, **known).assign(named(more))


def gathered(chunks: Iterable[xr.Dataset]) -> xr.Dataset:
    """Join the chunks of a table and sort them by frame; localizations of one frame keep their order.

    Every chunk is released as soon as its columns are taken. Equal values along x and y are kept as one column.
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
    """Check and return the columns of a dataset that a format can hold.

    Raises
    ------
    smlmsim.schema.SchemaError
        If it is not a dataset of localizations, a required variable is missing or holds NaN or infinite values, or
        another one holds infinite values.
    """
    if isinstance(data, xr.DataArray):
        raise schema.SchemaError(f"a table needs a dataset of localizations, found the array {data.name!r}")
    names = [name for name in known if name in data or name in required]
    schema.check(data, *(name for name in names if name in NEEDED))
    schema.check(data, *(name for name in names if name not in NEEDED), missing=True)
    return {name: data[name].values for name in names}
