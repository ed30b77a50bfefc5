"""An axis of a heatmap: cells of equal size, however their values are spaced."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from smlmsim.figures.label import with_units
from smlmsim.regions import RATE, VELOCITY, Range

LABELS = {
    VELOCITY: {"long_name": "velocity", "units": "nm/s"},
    RATE: {"long_name": "localization rate", "units": "Hz"},
    "reconstructor": {"long_name": ""},
}


class Axis(NamedTuple):
    """The name and unit of the setting along an axis, and its value for every row or column."""

    setting: str
    name: str
    units: str
    values: npt.NDArray[Any]

    @property
    def label(self) -> str:
        """The label of the axis."""
        return with_units(self.name, self.units)

    @property
    def ticks(self) -> list[str]:
        """The label of every row or column."""
        return [v if isinstance(v, str) else _rounded(v) for v in self.values.tolist()]

    @property
    def centres(self) -> npt.NDArray[np.float64]:
        """The centres of the rows or columns, in cells from the outer edge of the first."""
        return np.arange(self.values.size, dtype=np.float64) + np.float64(0.5)

    def place(self, low: float, high: float) -> tuple[float, float]:
        """The ends of a range, in cells, cut off at the outer edges.

        Between the centres of two cells the position is linear in the value, or in its logarithm if the values
        are spaced more nearly geometrically. An axis of a single value is one cell.
        """
        knots, ends = self.values.astype(np.float64), np.array([low, high])
        if knots.size == 1:
            return (0.0, 1.0) if low <= knots[0] <= high else (0.0, 0.0)
        if _is_geometric(knots):
            knots, ends = np.log(knots), np.log(np.maximum(ends, np.finfo(np.float64).tiny))
        first, last = 1.5 * knots[0] - 0.5 * knots[1], 1.5 * knots[-1] - 0.5 * knots[-2]
        start, end = np.interp(ends, [first, *knots, last], [0, *self.centres, knots.size])
        return float(start), float(end)


def axis_of(scores: xr.DataArray, dim: str) -> Axis:
    """Describe the axis along a dim of scores."""
    named = LABELS.get(dim, scores[dim].attrs)
    return Axis(dim, named.get("long_name", dim), named.get("units", ""), scores[dim].values)


def shown(reach: Range, units: str) -> str:
    """A range in words."""
    if math.isinf(reach[1]):
        return f"{_rounded(reach[0])} {units} or more"
    return "\N{EN DASH}".join(dict.fromkeys(map(_rounded, reach))) + f" {units}"


def _rounded(value: float) -> str:
    """A value in three digits, without an exponent if possible."""
    return f"{float(f'{value:.3g}'):g}"


def _is_geometric(values: npt.NDArray[np.float64]) -> bool:
    """Whether the ratios of successive values vary less than their differences."""
    if values.min() <= 0:
        return False
    steps, ratios = np.diff(values), np.diff(np.log(values))
    return bool(ratios.std() * steps.mean() < steps.std() * ratios.mean())
