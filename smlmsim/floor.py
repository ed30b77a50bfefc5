"""The floor of a metric: the score of an empty estimate."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import xarray as xr


class Floor(NamedTuple):
    """The lowest and the highest score of an empty estimate among the cells of a grid, each averaged over seeds."""

    low: float
    high: float


def floor_name(metric: str) -> str:
    """The name of the variable that holds the score of an empty estimate by a metric."""
    return f"floor_{metric}"


def floor_of(scores: xr.Dataset, metric: str) -> Floor | None:
    """Return the score of an empty estimate in a grid, or None if it was not stored, as in old grids."""
    if floor_name(metric) not in scores:
        return None
    found = scores[floor_name(metric)]
    cells = found.where(np.isfinite(found)).mean([dim for dim in found.dims if dim == "seed"])
    known = cells.values[np.isfinite(cells.values)]
    return Floor(float(known.min()), float(known.max())) if known.size else None
