"""Widths and standard errors along x and y, and the one value that represents both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

AXES = {
    "loc_sigma": ("loc_sigma_x", "loc_sigma_y"),
    "loc_uncertainty": ("loc_uncertainty_x", "loc_uncertainty_y"),
}
"""Variable for both axes -> the variables along each."""

Column = npt.NDArray[Any]


def joined(columns: Mapping[str, Column]) -> dict[str, Column]:
    """Add one value for both axes where only the values along one or both axes are known.

    Widths are averaged geometrically, which preserves the area of the spot, and standard errors by their squares.

    Parameters
    ----------
    columns : mapping of str to array (localization,)
        Columns in nm, by their names in the vocabulary.

    Returns
    -------
    dict of str to array (localization,)
        The columns, with ``loc_sigma`` and ``loc_uncertainty`` added if possible; NaN where either axis is.
    """
    made = dict(columns)
    for name, (x, y) in AXES.items():
        known = [made[axis] for axis in (x, y) if axis in made]
        if name not in made and known:
            made[name] = _mean(name, known[0], known[-1])
    return made


def repeats(parts: Mapping[str, Sequence[Column]]) -> list[str]:
    """Name the columns along x and y that are equal to the one for both in all rows."""
    found: list[str] = []
    for name, pair in AXES.items():
        if name in parts and all(axis in parts and _same(parts[name], parts[axis]) for axis in pair):
            found.extend(pair)
    return found


def _mean(name: str, along_x: Column, along_y: Column) -> Column:
    if np.array_equal(along_x, along_y, equal_nan=True):
        return along_x
    x, y = along_x.astype(np.float64), along_y.astype(np.float64)
    with np.errstate(invalid="ignore"):
        mean = np.sqrt(x * y) if name == "loc_sigma" else np.sqrt((x * x + y * y) / 2)
    return np.where(x == y, x, mean).astype(np.float32)


def _same(whole: Sequence[Column], axis: Sequence[Column]) -> bool:
    pairs = zip(whole, axis, strict=True)
    return all(one is other or np.array_equal(one, other, equal_nan=True) for one, other in pairs)
