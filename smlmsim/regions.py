"""Regions of a grid: named ranges of its axes, such as the values measured in live cells."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import xarray as xr

Range = tuple[float, float]
Region = Mapping[str, Range]

VELOCITY, RATE = "motion.velocity_nm_per_s", "photophysics.rate_hz"
LIVE_CELLS: Region = {RATE: (110.0, 380.0), VELOCITY: (60.0, 90.0)}
EVERYWHERE = "everywhere"

REGIONS: Mapping[str, Region] = {
    EVERYWHERE: {},
    "live cells": LIVE_CELLS,
    "at rest": {VELOCITY: (0.0, 0.0)},
    "slower than live cells": {VELOCITY: (math.nextafter(0, 1), math.nextafter(60, 0))},
    "faster than live cells": {VELOCITY: (math.nextafter(90, 91), math.inf)},
    "fewer localizations than live cells": {RATE: (0.0, math.nextafter(110, 0))},
    "more localizations than live cells": {RATE: (math.nextafter(380, 381), math.inf)},
}


def axes_of(scores: xr.DataArray) -> list[str]:
    """The dims of scores other than ``seed`` and ``reconstructor``."""
    return [str(dim) for dim in scores.dims if dim not in ("seed", "reconstructor")]


def is_text(axis: xr.DataArray) -> bool:
    """Whether the values of an axis are texts, such as kinds of motion, between which nothing can be interpolated."""
    return axis.dtype.kind not in "biuf"


def rising(scores: xr.DataArray) -> xr.DataArray:
    """Sort scores by the values of their axes; axes of texts, seeds and reconstructors keep their order."""
    return scores.sortby([axis for axis in axes_of(scores) if not is_text(scores[axis])])


def inside(scores: xr.DataArray, region: Region) -> xr.DataArray:
    """Find the cells of scores that lie in a region: True or False over their axes.

    Parameters
    ----------
    scores : xr.DataArray
        Scores with a coordinate for each of their axes.
    region : mapping
        Setting -> the lowest and the highest value of the region, both included.

    Raises
    ------
    ValueError
        If the region names a setting that is not an axis of the scores.
    """
    axes = axes_of(scores)
    if unknown := [setting for setting in region if setting not in axes]:
        raise ValueError(f"a region in {unknown[0]!r} needs it as an axis; there are: {', '.join(axes)}")
    found = xr.DataArray(np.ones([scores.sizes[axis] for axis in axes], bool), dims=axes)
    for setting, (low, high) in region.items():
        found = found & (scores[setting] >= low) & (scores[setting] <= high)
    return found.transpose(*axes)


def regions_of(scores: xr.DataArray) -> dict[str, Region]:
    """The regions of ``REGIONS`` that hold some but not all cells of scores, and the one that holds them all."""
    axes, cells = axes_of(scores), {}
    for name, region in REGIONS.items():
        held = inside(scores, region) if region.keys() <= set(axes) else xr.DataArray(False)
        if name == EVERYWHERE or (held.any() and not held.all()):
            cells[name] = region
    return cells
