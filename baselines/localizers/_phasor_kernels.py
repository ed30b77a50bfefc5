"""The phasor of every spot: the first Fourier coefficients of its window along both axes.

A window of n pixels has the first coefficient ``F = sum k exp(-i w x)`` along x, with w = 2 pi / n. A constant
background adds nothing to it. The position is its phase divided by -w, and the width follows from its modulus, which
a Gaussian of the standard deviation s reduces by ``exp(-w^2 s^2 / 2)`` and a pixel by ``sin(w / 2) / (w / 2)``
(Martens et al. 2018, doi:10.1063/1.5005899). A count more in a pixel moves the phase by ``-Im(exp(-i w x) / F)``,
which to first order gives the variance of the position. Light and background are the linear least-squares fit of a
Gaussian of the expected width at that position. The twin in numpy is in
``tests/baselines/localizers/test_phasor.py``.
"""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from baselines.localizers._fit_kernels import profile
from smlmsim.compiled import njit

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I32 = npt.NDArray[np.int32]


@njit(error_model="numpy")
def phasors(counts: F32, variance: F32, spots: I32, sigma_px: float, radius: int) -> tuple[F64, F64]:
    """Localize every spot in the square window around its brightest pixel.

    Parameters
    ----------
    counts : array of float32, shape (frame, y, x)
    variance : array of float32, shape (y, x)
        Variance of the readout.
    spots : array of int32, shape (spot, 3)
        Frame, row and column.
    sigma_px : float
        Expected standard deviation of a spot.
    radius : int
        Pixels on either side of the middle one that belong to the window, as far as they are in the frame.

    Returns
    -------
    found : array of float64, shape (spot, 5)
        y and x in pixels (the middle of the first pixel is 0), counts of the spot, background in counts per pixel, and
        standard deviation of the spot in pixels; this is NaN if the window shows no width.
    variances : array of float64, shape (spot, 2)
        Variances of y and x, to first order; infinite without a modulus.
    """
    height, width = variance.shape
    found, variances = np.empty((len(spots), 5)), np.empty((len(spots), 2))
    parts = np.empty((3, 2, 2 * radius + 1))
    for m in range(len(spots)):
        frame, row, column = spots[m]
        top, bottom = max(row - radius, 0), min(row + radius + 1, height)
        left, right = max(column - radius, 0), min(column + radius + 1, width)
        image, noise = counts[frame, top:bottom, left:right], variance[top:bottom, left:right]
        at_y, variance_y, modulus_y = _along(image, noise, row - top, True)
        at_x, variance_x, modulus_x = _along(image, noise, column - left, False)
        light, background = _light(image, at_y, at_x, sigma_px, parts)
        squares = 0.5 * (
            _spread(modulus_y / light, image.shape[0]) + _spread(modulus_x / light, image.shape[1])
        )
        found[m, 0], found[m, 1] = top + at_y, left + at_x
        found[m, 2], found[m, 3], found[m, 4] = (
            light,
            background,
            math.sqrt(squares) if squares > 0 else np.nan,
        )
        variances[m, 0], variances[m, 1] = variance_y, variance_x
    return found, variances


@njit(error_model="numpy")
def _light(image: F32, y: float, x: float, sigma_px: float, parts: npt.NDArray[Any]) -> tuple[float, float]:
    """The counts of a Gaussian of a given place and width, and of the background, by linear least squares."""
    rows, columns = image.shape
    profile(y, sigma_px, rows, parts[0, 0], parts[1, 0], parts[2, 0])
    profile(x, sigma_px, columns, parts[0, 1], parts[1, 1], parts[2, 1])
    ee = ke = e = k = 0.0
    for row in range(rows):
        for column in range(columns):
            part, count = parts[0, 0, row] * parts[0, 1, column], float(image[row, column])
            e += part
            k += count
            ee += part * part
            ke += part * count
    n = rows * columns
    light = (n * ke - e * k) / (n * ee - e * e)
    return light, (k - light * e) / n


@njit(error_model="numpy")
def _along(image: F32, noise: F32, middle: int, down: bool) -> tuple[float, float, float]:
    """The position along an axis nearest to a pixel, its variance, and the modulus of the first coefficient."""
    size = image.shape[0] if down else image.shape[1]
    w = 2 * math.pi / size
    cosine = sine = 0.0
    for y in range(image.shape[0]):
        for x in range(image.shape[1]):
            phase = w * ((y if down else x) - middle)
            cosine += image[y, x] * math.cos(phase)
            sine += image[y, x] * math.sin(phase)
    square = cosine * cosine + sine * sine
    variance = 0.0
    for y in range(image.shape[0]):
        for x in range(image.shape[1]):
            phase = w * ((y if down else x) - middle)
            share = (cosine * math.sin(phase) - sine * math.cos(phase)) / square
            variance += (max(image[y, x], np.float32(0)) + noise[y, x]) * share * share
    return middle + math.atan2(sine, cosine) / w, variance / (w * w), math.sqrt(square)


@njit(error_model="numpy")
def _spread(modulus: float, size: int) -> float:
    """The square of the standard deviation of a Gaussian whose first coefficient has a modulus, relative to its sum."""
    w = 2 * math.pi / size
    pixel = math.sin(w / 2) / (w / 2)
    return -2 * math.log(modulus / pixel) / (w * w) if modulus > 0 else np.nan
