"""A structure at rest: the sum of all its localizations is the best density, and its variance follows from counting.

Whether a structure is at rest is what :class:`~baselines.classic.gaussian_time.GaussianTime` finds: there, each
localization is predicted best from all others, however far in time.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from baselines.classic.gaussian_time import GaussianTime, Widths

Floats = npt.NDArray[np.float32]

UNSEEN = 0.5
"""Localizations whose variance is added everywhere: where nothing was found, something may still be."""
SHAPE = 0.08
"""Standard error of the density from the form of the blur, relative to the density. Chosen on simulated movies of other
seeds than those of the benchmark, such that 90 % intervals hold at all rates."""


class AtRest(NamedTuple):
    """Density (time, y, x) in localizations per pixel and time point, and its variance."""

    density: Floats
    variance: Floats


def at_rest(observation: xr.Dataset) -> AtRest | None:
    """Sum the localizations of a structure at rest, smoothed in space.

    Parameters
    ----------
    observation : xr.Dataset
        ``counts`` (time, y, x), and the localizations with their camera frames.

    Returns
    -------
    AtRest or None
        None if the structure moves, or if there is nothing to tell it from.
    """
    if observation.sizes["time"] == 1 or not observation.counts.values.any():
        return None
    widths = GaussianTime().widths(observation)
    if not math.isinf(widths.time_s):
        return None
    density = _smoothed(observation, widths)
    # A Gaussian squared is a Gaussian of half the variance, so the variance of the sum is a smoothed movie, too.
    squared = _smoothed(observation, widths._replace(space_nm=widths.space_nm / math.sqrt(2)))
    peak = (observation.attrs["pixel_nm"] / widths.space_nm) ** 2 / (2 * math.pi)
    variance = squared * (peak / 2) + UNSEEN * peak**2 / len(density)
    return AtRest(density, (variance / len(density) + (SHAPE * density) ** 2).astype(np.float32))


def _smoothed(observation: xr.Dataset, widths: Widths) -> Floats:
    smooth = GaussianTime(time_sigma_s=widths.time_s, space_sigma_nm=widths.space_nm)
    found: Floats = smooth.reconstruct(observation).density.values
    return found
