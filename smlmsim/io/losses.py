"""Losses: what a written table lacks or changes, found by reading the file back row by row."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from smlmsim.io import axes
from smlmsim.io.columns import OTHER
from smlmsim.io.formats import SMLM, Format

ROUNDING = 2**-22  # largest change by rounding to float32 twice, relative to the largest value
PLAIN = {
    "smlm": "further keys of the manifest",
    "picasso": "further keys of the YAML file",
    "first_frame": "what the first frame is called",
}


class Losses(NamedTuple):
    """What was lost or changed by writing a table.

    Parameters
    ----------
    missing : list of str
        Columns, by their headings in the source, and metadata that the file lacks.
    changed : list of str
        Sentences about values that the file holds in another form.
    """

    missing: list[str]
    changed: list[str]


def of(data: xr.Dataset, target: Path, form: Format) -> Losses:
    """Compare a table with the file it was written to.

    Parameters
    ----------
    data : xr.Dataset
        The table that was written.
    target : Path
        The file.
    form : Format
        Format of the file.
    """
    order = _order(data, form)
    start, kept = 0, xr.Dataset()
    differences: dict[str, float] = {}
    for chunk in _written(target, form):
        kept = kept if start else chunk
        rows = slice(start, start + chunk.sizes["localization"])
        rows_of_source = rows if order is None else order[rows]
        for name in data.data_vars:
            if name in chunk:
                most = _difference(data[name].values[rows_of_source], chunk[name].values)
                differences[str(name)] = max(differences.get(str(name), 0.0), most)
        start += chunk.sizes["localization"]
    missing = [
        _heading(data, name)
        for name in data.data_vars
        if name not in kept and not _is_mean(data, str(name)) and not _is_only_channel(data, str(name))
    ]
    missing += [PLAIN.get(name, name) for name in map(str, data.attrs) if name not in kept.attrs]
    changed = [
        f"{_heading(data, name)} differs by up to {most:.2g}"
        for name, most in differences.items()
        if most > _allowed(name, data[name].values)
    ]
    changed += [
        f"{_heading(data, name)} loses its unit, {data[name].attrs['units']}"
        for name in differences
        if data[name].attrs.get("units") != kept[name].attrs.get("units")
    ]
    for name in map(str, data.attrs):
        before, after = data.attrs[name], kept.attrs.get(name, data.attrs[name])
        if not np.array_equal(before, after):
            changed.append(_change(name, before, after, form))
    return Losses(missing, changed)


def _written(target: Path, form: Format) -> Iterator[xr.Dataset]:
    """Read the file back, without repeating the messages about assumptions that were logged for the source."""
    logger = logging.getLogger("smlmsim")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield from form.chunks(target, others=True)
    finally:
        logger.setLevel(level)


def _order(data: xr.Dataset, form: Format) -> npt.NDArray[np.intp] | None:
    """The order in which rows are written: a .smlm file has one table per channel."""
    if form is not SMLM or "loc_channel" not in data:
        return None
    return np.argsort(data.loc_channel.values, kind="stable")


def _difference(before: npt.NDArray[Any], after: npt.NDArray[Any]) -> float:
    """The largest difference; infinite if a value is missing on one side only."""
    if np.array_equal(before, after, equal_nan=before.dtype.kind == "f"):
        return 0.0
    with np.errstate(invalid="ignore"):
        apart = np.abs(before.astype(np.float64) - after)
    apart[np.isnan(before) & np.isnan(after)] = 0
    return float(np.nan_to_num(apart, nan=np.inf).max(initial=0))


def _allowed(name: str, values: npt.NDArray[Any]) -> float:
    """The difference by rounding that is not reported: columns of the vocabulary are float32."""
    if name.startswith(OTHER) or values.dtype.kind != "f":
        return 0.0
    return ROUNDING * float(np.nanmax(np.abs(values), initial=0))


def _is_mean(data: xr.Dataset, name: str) -> bool:
    """Whether a column is only the mean of values along both axes, which are written."""
    return name in axes.AXES and all(axis in data for axis in axes.AXES[name])


def _is_only_channel(data: xr.Dataset, name: str) -> bool:
    """Whether a column only says that all localizations are in the first channel."""
    return name == "loc_channel" and not data[name].values.any()


def _heading(data: xr.Dataset, name: Any) -> str:
    return str(data[name].attrs.get("heading", name))


def _change(name: str, before: Any, after: Any, form: Format) -> str:
    if name == "first_frame":
        return f"frames were counted from {before}, {form.name} counts them from {after}"
    if name in PLAIN:
        return f"{PLAIN[name]} differ"
    return f"{name} was {before}, now {after}"
