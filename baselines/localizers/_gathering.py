"""Molecules from what networks expect at many points, with the light that the frames have there."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from baselines.localizers import _gathering_kernels, _light_kernels
from baselines.localizers._precision import precision_px
from baselines.localizers._table import table
from smlmsim.shot_noise import Counts

WINDOW = 3.0
"""Half the window in which light is fitted, in standard deviations of the spot."""
SWEEPS = 20

Values = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]


def gathered(
    frame: Values, y: Values, x: Values, weight: Values, *, radius: float, blur: float, least: float
) -> tuple[npt.NDArray[np.intp], Floats]:
    """Gather the points of every frame to molecules; see :func:`baselines.localizers._gathering_kernels.gather`.

    Parameters
    ----------
    frame, y, x, weight : array, shape (point,)
        Sorted by frame.
    radius, blur, least : float

    Returns
    -------
    frame : array of int, shape (molecule,)
    molecules : array, shape (4, molecule)
        y, x, weight, and the mean variance of y and x.
    """
    points = np.stack([y, x, weight], axis=1).astype(np.float64)
    numbers, begins = np.unique(frame, return_index=True)
    found = [_gathering_kernels.gather(part, radius, blur, least) for part in np.split(points, begins[1:])]
    frames = np.repeat(numbers, [len(part) for part in found[: len(numbers)]]).astype(np.intp)
    return frames, np.concatenate(found).T


def lit(
    frames: xr.Dataset, counts: Counts, frame: Values, y_px: Values, x_px: Values, spread_px: Values,
    *, sigma_px: float,
) -> xr.Dataset:  # fmt: skip
    """Make a table of molecules at known places, with the light that all of them together explain the frames by.

    Parameters
    ----------
    frames : Dataset
        The camera frames.
    counts : Counts
        The same frames in counts.
    frame : array of int, shape (molecule,)
        Frame among these frames; sorted.
    y_px, x_px, spread_px : array, shape (molecule,)
        Position, and its standard error as far as known. No molecule is reported to be more precise than a spot by
        itself of its light.
    sigma_px : float
        Standard deviation of the spots.
    """
    light, background = _light_kernels.light(
        counts.values, counts.variance, np.asarray(frame, np.int64),
        np.stack([y_px, x_px], axis=1).astype(np.float64), sigma_px, math.ceil(WINDOW * sigma_px), SWEEPS,
    )  # fmt: skip
    width = np.full(len(frame), sigma_px)
    best = precision_px(light, background + float(counts.variance.mean()), width)
    return table(
        frames, counts, frame, y_px, x_px, uncertainty_px=np.maximum(spread_px, best), light=light,
        background=background, sigma_px=width,
    )  # fmt: skip
