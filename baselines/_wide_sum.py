"""Counts averaged over neighbouring time points, of which only the part that is looked at is computed.

A movie of thousands of time points thus takes the memory of its counts, and not that of as many averages.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from baselines.classic._kernels import smooth_time
from baselines.classic._weights import TRUNCATE, gaussian

Floats = npt.NDArray[np.float32]

MOST_ROWS = 256
"""Time points whose weights are computed at once."""
MOST_VOXELS = 2**26
"""Voxels that are converted to float32 at once for a mean over the whole movie."""


class WideSum:
    """A movie (time, y, x) averaged over neighbouring time points with Gaussian weights.

    It is used like an array of float32: slices along all three axes give its parts, and ``np.asarray`` the whole.

    Parameters
    ----------
    counts : ndarray (time, y, x)
    sigma : float
        Standard deviation in time points, above 0; with infinity all time points have the same weight.
    """

    def __init__(self, counts: npt.NDArray[Any], sigma: float) -> None:
        self._counts, self._sigma = counts, sigma
        self._mean = _mean(counts) if math.isinf(sigma) else None

    @property
    def shape(self) -> tuple[int, ...]:
        """Time points, rows and columns."""
        return self._counts.shape

    def __getitem__(self, place: tuple[slice, slice, slice]) -> Floats:
        """Compute a part, given by a slice along each axis."""
        times, y, x = place
        at = np.arange(len(self._counts))[times]
        if self._mean is not None:
            image = self._mean[y, x]
            return np.broadcast_to(image, (at.size, *image.shape))
        parts = [self._part(rows, y, x) for rows in np.array_split(at, math.ceil(at.size / MOST_ROWS))]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        """Compute the whole movie."""
        return self[:, :, :].astype(dtype or np.float32, copy=False)

    def _part(self, at: npt.NDArray[np.int64], y: slice, x: slice) -> Floats:
        """The averages at some time points that follow each other."""
        points = np.arange(len(self._counts), dtype=np.float64)
        reach = math.ceil(min(TRUNCATE * self._sigma, points.size)) + 1
        near = slice(max(0, int(at[0]) - reach), int(at[-1]) + reach + 1)
        weights = np.ascontiguousarray(gaussian(points[at], points, self._sigma)[:, near])
        movie = np.ascontiguousarray(self._counts[near, y, x], np.float32)
        found = np.empty((at.size, *movie.shape[1:]), np.float32)
        smooth_time(weights, movie, found)
        return found


def _mean(counts: npt.NDArray[Any]) -> Floats:
    """The mean (y, x) of a movie over its time points."""
    points = np.arange(len(counts), dtype=np.float64)
    weights = gaussian(points[:1], points, math.inf)
    found = np.empty((1, *counts.shape[1:]), np.float32)
    rows = max(1, MOST_VOXELS // max(1, counts[:, :1].size))
    for top in range(0, counts.shape[1], rows):
        movie = np.ascontiguousarray(counts[:, top : top + rows], np.float32)
        part = np.empty((1, *movie.shape[1:]), np.float32)
        smooth_time(weights, movie, part)
        found[:, top : top + rows] = part
    return found[0]
