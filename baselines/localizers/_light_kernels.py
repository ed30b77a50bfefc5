"""The light of molecules whose places are known: weighted least squares, one spot after the other.

The counts of a frame are those of all its spots and, around every spot, a constant background. In every sweep each spot
and its background are fitted to what the other spots leave in its window (block relaxation of the normal equations), so
spots that overlap share their light. Pixels weigh by the inverse of the variance that the last sweep expects, which
makes it the climb to the maximum of the likelihood. The twin with ``numpy.linalg.lstsq`` is in
``tests/baselines/localizers/test_light.py``.
"""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from baselines.localizers._fit_kernels import LEAST_COUNTS, profile
from smlmsim.compiled import njit

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

LEAST_VARIANCE = 0.5
"""Smallest variance of a pixel in counts."""
DARKEST = 1e-6
"""Smallest determinant, relative to the product of the diagonal: below, a window does not tell light and background."""


@njit(error_model="numpy")
def light(
    counts: F32, variance: F32, frame: I64, places: F64, sigma_px: float, radius: int, sweeps: int
) -> tuple[F64, F64]:
    """Fit the counts of every spot, and those of the background around it.

    Parameters
    ----------
    counts : array of float32, shape (frame, y, x)
    variance : array of float32, shape (y, x)
        Variance of the readout.
    frame : array of int64, shape (spot,)
        Sorted.
    places : array of float64, shape (spot, 2)
        y and x in pixels; the middle of the first pixel is 0.
    sigma_px : float
        Standard deviation of the spots.
    radius : int
        Pixels on either side of that of the spot that belong to its window, as far as they are in the frame.
    sweeps : int
        How often every spot is fitted.

    Returns
    -------
    light, background : array of float64, shape (spot,)
        Counts of the spot, at least 1, and of the background per pixel.
    """
    height, width = variance.shape
    size = 2 * radius + 1
    parts, unused = np.empty((len(frame), 2, size)), np.empty(size)
    corners, lengths = np.empty((len(frame), 2), np.int64), np.empty((len(frame), 2), np.int64)
    for m in range(len(frame)):
        for axis in range(2):
            middle = int(np.floor(places[m, axis] + 0.5))
            first = max(middle - radius, 0)
            length = min(middle + radius + 1, height if axis == 0 else width) - first
            corners[m, axis], lengths[m, axis] = first, max(length, 0)
            profile(places[m, axis] - first, sigma_px, lengths[m, axis], parts[m, axis], unused, unused)
    found, background = np.zeros(len(frame)), np.zeros(len(frame))
    rest = np.empty((height, width))
    begin = 0
    while begin < len(frame):
        end = begin
        while end < len(frame) and frame[end] == frame[begin]:
            end += 1
        rest[:] = counts[frame[begin]]
        for sweep in range(sweeps):
            for m in range(begin, end):
                _fit_one(
                    counts[frame[m]], variance, rest, corners[m], lengths[m], parts[m], sweep > 0,
                    found, background, m,
                )  # fmt: skip
        begin = end
    return found, background


@njit(error_model="numpy")
def _fit_one(
    counts: F32, variance: F32, rest: F64, corner: I64, length: I64, parts: F64, weighted: bool,
    found: F64, background: F64, m: int,
) -> None:  # fmt: skip
    """Fit a spot and its background to what the others leave, which is ``rest`` with the spot itself put back."""
    saa, sab, sbb, sad, sbd = 0.0, 0.0, 0.0, 0.0, 0.0
    for i in range(length[0]):
        for j in range(length[1]):
            y, x = corner[0] + i, corner[1] + j
            part = parts[0, i] * parts[1, j]
            weight = 1.0
            if weighted:
                expected = counts[y, x] - rest[y, x] + background[m] + variance[y, x]
                weight = 1.0 / max(expected, LEAST_VARIANCE)
            value = rest[y, x] + found[m] * part
            saa += weight * part * part
            sab += weight * part
            sbb += weight
            sad += weight * part * value
            sbd += weight * value
    determinant = saa * sbb - sab * sab
    if determinant <= DARKEST * saa * sbb:
        found[m] = max(found[m], LEAST_COUNTS)
        return
    new = max((sbb * sad - sab * sbd) / determinant, LEAST_COUNTS)
    background[m] = max((sbd - sab * new) / sbb, 0.0)
    for i in range(length[0]):
        for j in range(length[1]):
            rest[corner[0] + i, corner[1] + j] -= (new - found[m]) * parts[0, i] * parts[1, j]
    found[m] = new
