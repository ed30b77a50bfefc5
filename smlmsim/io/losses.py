"""What of a table is not in the file that was made of it: looked up in that file, row by row."""

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

ROUNDING = 2**-22  # of the largest value: what two roundings to float32 may change
PLAIN = {
    "smlm": "further keys of the manifest",
    "picasso": "further keys of the YAML file",
    "first_frame": "what the first frame is called",
}


class Losses(NamedTuple):
    """What was lost by writing a table.

    Parameters
    ----------
    missing : list of str
        Columns, by their headings in the source, and metadata that the file does not hold.
    changed : list of str
        Sentences about what it holds in another way.
    """

    missing: list[str]
    changed: list[str]


def of(data: xr.Dataset, target: Path, form: Format) -> Losses:
    """Compare a table with the file that was made of it.

    Parameters
    ----------
    data : xr.Dataset
        What was written.
    target : Path
        The file.
    form : Format
        Of the file.
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
    """What the file holds; what reading takes for granted was said of the source already."""
    logger = logging.getLogger("smlmsim")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield from form.chunks(target, others=True)
    finally:
        logger.setLevel(level)


def _order(data: xr.Dataset, form: Format) -> npt.NDArray[np.intp] | None:
    """In which order the rows are written: a .smlm file has a table for each channel."""
    if form is not SMLM or "loc_channel" not in data:
        return None
    return np.argsort(data.loc_channel.values, kind="stable")


def _difference(before: npt.NDArray[Any], after: npt.NDArray[Any]) -> float:
    """The largest difference; infinite where one of both is missing."""
    if np.array_equal(before, after, equal_nan=before.dtype.kind == "f"):
        return 0.0
    with np.errstate(invalid="ignore"):
        apart = np.abs(before.astype(np.float64) - after)
    apart[np.isnan(before) & np.isnan(after)] = 0
    return float(np.nan_to_num(apart, nan=np.inf).max(initial=0))


def _allowed(name: str, values: npt.NDArray[Any]) -> float:
    """By how much a column may differ without a word: columns of the vocabulary are float32."""
    if name.startswith(OTHER) or values.dtype.kind != "f":
        return 0.0
    return ROUNDING * float(np.nanmax(np.abs(values), initial=0))


def _is_mean(data: xr.Dataset, name: str) -> bool:
    """Whether a column merely stands for both axes, which are there."""
    return name in axes.AXES and all(axis in data for axis in axes.AXES[name])


def _is_only_channel(data: xr.Dataset, name: str) -> bool:
    """Whether a column says nothing but that all are of the first channel."""
    return name == "loc_channel" and not data[name].values.any()


def _heading(data: xr.Dataset, name: Any) -> str:
    return str(data[name].attrs.get("heading", name))


def _change(name: str, before: Any, after: Any, form: Format) -> str:
    if name == "first_frame":
        return f"frames were counted from {before}, {form.name} counts them from {after}"
    if name in PLAIN:
        return f"{PLAIN[name]} differ"
    return f"{name} was {before}, now {after}"
