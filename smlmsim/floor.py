"""The floor of a metric: what an estimate scores that shows nothing."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import xarray as xr


class Floor(NamedTuple):
    """The lowest and the highest score of an empty estimate among the cells of a grid, each the mean of its seeds."""

    low: float
    high: float


def floor_name(metric: str) -> str:
    """The name of the variable that holds what an empty estimate scores by a metric."""
    return f"floor_{metric}"


def floor_of(scores: xr.Dataset, metric: str) -> Floor | None:
    """Return what an empty estimate scores in a grid, or None if the scores do not tell, as those of old grids."""
    if floor_name(metric) not in scores:
        return None
    found = scores[floor_name(metric)]
    cells = found.where(np.isfinite(found)).mean([dim for dim in found.dims if dim == "seed"])
    known = cells.values[np.isfinite(cells.values)]
    return Floor(float(known.min()), float(known.max())) if known.size else None
