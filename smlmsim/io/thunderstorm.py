"""Localization tables as ThunderSTORM writes them: CSV with the units in the header."""

from __future__ import annotations

import csv
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, TextIO

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from smlmsim import schema
from smlmsim.io.atomic import replacing

HEADINGS = {
    "loc_frame": ("frame",),
    "loc_x": ("x",),
    "loc_y": ("y",),
    "loc_z": ("z",),
    "loc_sigma": ("sigma",),
    "loc_intensity": ("intensity",),
    "loc_background": ("offset",),
    "loc_uncertainty": ("uncertainty_xy", "uncertainty"),
}
REQUIRED = ("loc_frame", "loc_x", "loc_y")
LENGTHS_NM = {
    "": 1.0,
    "nm": 1.0,
    "um": 1e3,
    "µm": 1e3,
    "μm": 1e3,
    "\N{REPLACEMENT CHARACTER}m": 1e3,
    "m": 1e9,
}
UNITS = {"nm": LENGTHS_NM, "photon": {"": 1.0, "photon": 1.0, "photons": 1.0}, "1": {"": 1.0, "1": 1.0}}
LARGEST = float(np.finfo(np.float32).max) / LENGTHS_NM["m"]  # in any of the units a float32 in nm holds it
LAST_FRAME = np.iinfo(np.int32).max + 1


class Column(NamedTuple):
    """A column of interest: where it stands, what the header calls it, its factor to our unit."""

    place: int
    heading: str
    factor: float


def read(path: str | Path, *, pixel_nm: float | None = None) -> xr.Dataset:
    """Read a localization table.

    The columns may stand in any order; those that are not known are left out. A length without a unit is
    in nm. The time of a localization is not in the file.

    Parameters
    ----------
    path : str or Path
        Text in UTF-8; the micro sign of older encodings is understood.
    pixel_nm : float, optional
        The size of a camera pixel, for tables whose lengths are in pixels.

    Returns
    -------
    xr.Dataset
        ``loc_frame`` (counted from 0; the file counts from 1), ``loc_y``, ``loc_x`` and, where the file has
        them, ``loc_z``, ``loc_sigma``, ``loc_uncertainty`` in nm and ``loc_intensity``, ``loc_background`` in
        photons, all (localization,), sorted by frame; those of one frame stay in the order of the file.

    Raises
    ------
    ValueError
        If frame, x or y are missing, a unit is not known, the table is empty or ragged, a value is text, NaN
        or infinite, a frame is not a whole number from 1, or an uncertainty is negative; the message names
        the file and, where there is one, the line.
    OSError
        If there is no such file, or it may not be read.
    """
    if pixel_nm is not None and not 0 < pixel_nm < np.inf:
        raise ValueError(f"pixel_nm is a positive length, found {pixel_nm!r}")
    try:
        columns, table = _parse(path, pixel_nm)
        values = {name: _values(name, column, table) for name, column in columns.items()}
    except (ValueError, csv.Error) as error:
        raise ValueError(f"{path}: {error}") from None
    order = np.argsort(values["loc_frame"], kind="stable")
    return schema.dataset(**{name: array[order] for name, array in values.items()})


def write(data: xr.Dataset | xr.DataArray, path: str | Path) -> None:
    """Write the localizations of a dataset as a table.

    What has no place in ``HEADINGS`` is left out, such as the time of a localization.

    Parameters
    ----------
    data : xr.Dataset
        ``loc_frame``, ``loc_y``, ``loc_x`` and any other variable of ``HEADINGS``.
    path : str or Path
        The file to make or replace.

    Raises
    ------
    smlmsim.schema.SchemaError
        If frames or positions are missing, or a value is NaN or infinite.
    OSError
        If the file cannot be written; see :func:`~smlmsim.io.atomic.replacing`.
    """
    if isinstance(data, xr.DataArray):
        raise schema.SchemaError(
            f"a table is made from a dataset of localizations, found the array {data.name!r}"
        )
    names = [name for name in HEADINGS if name in data or name in REQUIRED]
    schema.check(data, *names)
    table = pd.DataFrame({"id": np.arange(1, data.sizes["localization"] + 1)})
    for name in names:
        units = schema.VOCABULARY[name].units
        heading = HEADINGS[name][0] + (f" [{units}]" if units != "1" else "")
        table[heading] = data[name].values
    table["frame"] = table["frame"].astype(np.int64) + 1
    with replacing(path) as draft:
        table.to_csv(draft, index=False, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")


def _parse(path: str | Path, pixel_nm: float | None) -> tuple[dict[str, Column], pd.DataFrame]:
    """Find the columns and parse the rest of the file; line n of the file is row n - 2 of the table."""
    with _open(path) as file:
        headings = next(csv.reader([file.readline()]), [])
        columns = _columns(headings, pixel_nm)
        width, places = len(headings), [column.place for column in columns.values()]
        try:
            table = _numbers(file, width, places)
        except ValueError:
            _inspect(path, width, columns)
            raise
    finite = bool((table[places].abs() <= LARGEST).to_numpy().all())
    if not finite or table[width - 1].isna().any() or table[width].notna().any():
        _inspect(path, width, columns)
    if table.empty:
        raise ValueError("a header, but no localizations")
    return columns, table


def _numbers(file: TextIO, width: int, places: list[int]) -> pd.DataFrame:
    """Parse the lines below the header, with one column more than they should have, where long ones show."""
    with warnings.catch_warnings(action="ignore", category=pd.errors.ParserWarning):
        return pd.read_csv(
            file, header=None, names=range(width + 1), index_col=False, skip_blank_lines=False,
            keep_default_na=False, na_values=["", "nan", "NaN"], low_memory=False,
            dtype=dict.fromkeys(places, np.float64),
        ).dropna(how="all")  # fmt: skip


def _open(path: str | Path) -> TextIO:
    return open(path, encoding="utf-8-sig", errors="replace")


def _columns(headings: list[str], pixel_nm: float | None) -> dict[str, Column]:
    """Find the columns of interest by their headings, which read ``name [unit]``."""
    columns: dict[str, Column] = {}
    variables = {known: variable for variable, names in HEADINGS.items() for known in names}
    for place, heading in enumerate(headings):
        name, unit = _split(heading)
        variable = variables.get(name)
        if variable is None:
            continue
        if variable in columns:
            raise ValueError(
                f"the columns {columns[variable].heading!r} and {heading!r} mean the same; keep one"
            )
        factor = _factor(heading, unit, UNITS[schema.VOCABULARY[variable].units], pixel_nm)
        columns[variable] = Column(place, heading, factor)
    if missing := [HEADINGS[variable][0] for variable in REQUIRED if variable not in columns]:
        found = ", ".join(repr(heading[:40]) for heading in headings[:20]) or "nothing"
        raise ValueError(f"no column {' nor '.join(missing)}; the first line names {found}")
    return columns


def _split(heading: str) -> tuple[str, str]:
    """Split ``name [unit]`` into a lower-case name and the unit."""
    name, _, unit = heading.strip().partition("[")
    return name.strip().lower(), unit.removesuffix("]").strip()


def _factor(heading: str, unit: str, known: Mapping[str, float], pixel_nm: float | None) -> float:
    """The factor from a unit to the one of the vocabulary."""
    if unit in known:
        return known[unit]
    if known is not LENGTHS_NM or unit != "px":
        units = ", ".join(filter(str.isascii, filter(None, known))) or "none"
        raise ValueError(f"the column {heading!r} has the unit {unit!r}; known for it: {units}")
    if pixel_nm is None:
        raise ValueError(
            f"the column {heading!r} is in camera pixels; say how large one is, as in pixel_nm=100"
        )
    return pixel_nm


def _inspect(path: str | Path, width: int, columns: Mapping[str, Column]) -> None:
    """Go through a file line by line and say what is wrong with it, if anything."""
    unusable: list[str] = []
    with _open(path) as file:
        rows = csv.reader(file)
        next(rows)
        for row in filter(any, rows):
            line = f"line {rows.line_num}"
            if len(row) < width or any(row[width:]):
                raise ValueError(f"{line} holds {len(row)} values, the first line names {width}")
            for column in columns.values():
                found = f"{row[column.place][:40]!r} in {line}, column {column.heading!r}"
                if not _is_finite(row[column.place], found):
                    unusable.append(found)
    if unusable:
        raise ValueError(f"{len(unusable)} values are missing, NaN or infinite, the first {unusable[0]}")


def _is_finite(text: str, found: str) -> bool:
    try:
        return abs(float(text or "nan")) <= LARGEST
    except ValueError:
        raise ValueError(f"found {found}, where a number should be") from None


def _values(name: str, column: Column, table: pd.DataFrame) -> npt.NDArray[np.generic]:
    """The values of a column in the vocabulary's unit, checked."""
    found = np.asarray(table[column.place], dtype=np.float64)
    good, claim = np.ones(found.shape, dtype=np.bool_), ""
    if name == "loc_frame":
        good = (found >= 1) & (found <= LAST_FRAME) & (found % 1 == 0)
        claim = "frames are counted 1, 2, 3, ..."
    if name == "loc_uncertainty":
        good, claim = found >= 0, "an uncertainty is not negative"
    if not good.all():
        row = np.argmin(good)
        line = np.asarray(table.index)[row] + 2
        raise ValueError(f"{claim}; found {found[row]:g} in line {line}, column {column.heading!r}")
    return (found - 1).astype(np.int32) if name == "loc_frame" else (found * column.factor).astype(np.float32)
