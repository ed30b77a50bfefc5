"""Detection of spots: a band-pass, and its local maxima that stand out of the noise.

The band-pass is the difference of two Gaussians, one as wide as the spot and one twice as wide, each of them
separable. Its noise in a place follows from the local mean of the counts. ``noise_ratio`` scales it to the noise that
the frame has in truth, so that a wrong calibration does not turn noise into spots. The twin with ``scipy.ndimage`` is
in ``tests/baselines/localizers/test_detection.py``.
"""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from smlmsim._shot_noise_kernels import noise_ratio
from smlmsim.compiled import njit

F32 = npt.NDArray[np.float32]
I32 = npt.NDArray[np.int32]
_FLAGS = {"reassoc", "contract", "nsz"}
LEAST_RATIO = 0.3
"""Smallest ratio of measured to expected noise; constant images have none."""
LEAST_VARIANCE = 0.5
"""Smallest variance of a pixel in counts: below, single photons exceed any multiple of the standard deviation."""


@njit(fastmath=_FLAGS)
def blur(image: F32, taps: F32, rows: F32, out: F32) -> None:
    """Convolve an image with symmetric taps along both axes; beyond the border it continues as at the border.

    Parameters
    ----------
    image, out : array of float32, shape (y, x)
    taps : array of float32, shape (radius + 1,)
        The middle of the kernel, and one side.
    rows : array of float32, shape (y, x)
        Is overwritten.
    """
    height, width = image.shape
    radius = taps.size - 1
    for y in range(height):
        for x in range(width):
            rows[y, x] = taps[0] * image[y, x]
        for k in range(1, radius + 1):
            above, below, weight = max(y - k, 0), min(y + k, height - 1), taps[k]
            for x in range(width):
                rows[y, x] += weight * (image[above, x] + image[below, x])
    line = np.empty(width + 2 * radius, np.float32)
    for y in range(height):
        line[:radius], line[radius + width :] = rows[y, 0], rows[y, width - 1]
        line[radius : radius + width] = rows[y]
        for x in range(width):
            out[y, x] = taps[0] * line[radius + x]
        for k in range(1, radius + 1):
            weight = taps[k]
            for x in range(width):
                out[y, x] += weight * (line[radius + x - k] + line[radius + x + k])


@njit(error_model="numpy")
def detect(counts: F32, variance: F32, narrow: F32, wide: F32, energy: float, threshold: float) -> I32:
    """Find the spots in every frame.

    Parameters
    ----------
    counts : array of float32, shape (frame, y, x)
    variance : array of float32, shape (y, x)
        Variance of the readout.
    narrow, wide : array of float32, shape (radius + 1,)
        Taps of the two Gaussians, each with the sum 1 in all.
    energy : float
        Sum of the squares of the band-pass, in two dimensions.
    threshold : float
        Smallest response, in standard deviations of its noise.

    Returns
    -------
    array of int32, shape (spot, 3)
        Frame, row and column, sorted.
    """
    height, width = counts.shape[1:]
    rows = np.empty((height, width), np.float32)
    band, mean = np.empty_like(rows), np.empty_like(rows)
    stands_out = np.empty((height, width), np.bool_)
    found = np.empty((64, 3), np.int32)
    n = 0
    for frame in range(counts.shape[0]):
        blur(counts[frame], narrow, rows, band)
        blur(counts[frame], wide, rows, mean)
        ratio = max(noise_ratio(counts[frame], mean, variance), LEAST_RATIO)
        _compare(band, mean, variance, np.float32((threshold * ratio) ** 2 * energy), stands_out)
        for y in range(height):
            for x in range(width):
                if stands_out[y, x] and _is_peak(band, y, x):
                    if n == len(found):
                        found = np.concatenate((found, np.empty_like(found)))
                    found[n] = frame, y, x
                    n += 1
    return found[:n]


@njit(fastmath=_FLAGS)
def _compare(
    band: F32, mean: F32, variance: F32, least: np.float32, stands_out: npt.NDArray[np.bool_]
) -> None:
    """Subtract the local mean from the narrow Gaussian, and mark where the rest exceeds its noise."""
    lowest = np.float32(LEAST_VARIANCE)
    for y in range(band.shape[0]):
        for x in range(band.shape[1]):
            response = max(band[y, x] - mean[y, x], np.float32(0))
            noise = max(mean[y, x] + variance[y, x], lowest)
            band[y, x] = response
            stands_out[y, x] = response * response > least * noise


@njit()
def _is_peak(band: F32, y: int, x: int) -> bool:
    """Whether the band-pass has a maximum here; of equal neighbours, the first counts."""
    here = band[y, x]
    for row in range(max(y - 1, 0), min(y + 2, band.shape[0])):
        for column in range(max(x - 1, 0), min(x + 2, band.shape[1])):
            earlier = row < y or (row == y and column < x)
            if band[row, column] > here or (earlier and band[row, column] == here):
                return False
    return True
