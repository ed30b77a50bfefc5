"""From localizations to counts per pixel and time point: serial kernels, without the GIL.

Localizations are taken in blocks that stay in the cache. For a block, one vectorised loop finds the time points, a
second the pixels, and a loop that cannot be vectorised adds one to each pixel. The numpy twin is ``np.histogram2d`` of
every time point (``histograms`` in ``tests/test_sparse.py``). With 270,000 localizations in 300 time points of 128 x
128 pixels the kernel is about 60 times as fast as ``np.histogram2d`` and 6 times as fast as ``fast_histogram`` on one
core (``benchmarks/bench_sparse.py``).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from smlmsim.compiled import njit

Array = npt.NDArray[Any]

I32, U16, U64 = np.int32, np.uint16, np.uint64  # types of indices, of counts, and of indices known to be >= 0
MOST = np.iinfo(U16).max
"""Localizations that a pixel of a time point can hold, 65535."""
BLOCK = 4096
"""Localizations that pass through all three loops together: their indices fill 48 kB, less than a core's cache. All at
once would take 1.5 times as long; a quarter of it or four times as many, as long."""


@njit(error_model="numpy")
def count(
    frame: Array,
    y: Array,
    x: Array,
    frames_per_point: int,
    origin_y_nm: float,
    origin_x_nm: float,
    pixels_per_nm: float,
    counts: Array,
) -> int:
    """Count localizations per time point and pixel.

    A time point is zeroed when the first localization at or after it comes: where frames are sorted, it is
    counted while still in the cache.

    Parameters
    ----------
    frame : array (localization,), int
        Camera frames of the movie, counted from 0, in any order.
    y, x : array (localization,)
        In nm, finite; those outside of the field are left out.
    frames_per_point : int
        Camera frames in one time point.
    origin_y_nm, origin_x_nm : float
        The upper left corner of the first pixel.
    pixels_per_nm : float
        One over the edge length of a pixel.
    counts : array (time, y, x), uint16
        Overwritten.

    Returns
    -------
    int
        -1, or a localization that found its pixel full.
    """
    times, height, width = counts.shape
    # One index per image instead of two: a multiplication less per localization.
    flat = counts.reshape((times, height * width))
    points_per_frame = 1.0 / frames_per_point
    point, pixel, inside = np.empty(BLOCK, I32), np.empty(BLOCK, I32), np.empty(BLOCK, I32)
    zeroed = 0
    for begin in range(0, frame.size, BLOCK):
        end = min(begin + BLOCK, frame.size)
        size = end - begin
        latest = to_point(frame[begin:end], points_per_frame, point[:size])
        # Zeroing all time points beforehand would read them from memory twice: 1.3 times the time.
        if latest >= zeroed:
            flat[zeroed : latest + 1] = 0
            zeroed = latest + 1
        to_pixel(
            y[begin:end],
            x[begin:end],
            origin_y_nm,
            origin_x_nm,
            pixels_per_nm,
            height,
            width,
            pixel[:size],
            inside[:size],
        )
        refused = add(point[:size], pixel[:size], inside[:size], flat)
        if refused >= 0:
            return begin + refused
    flat[zeroed:] = 0
    return -1


@njit(error_model="numpy", fastmath={"contract"})
def to_point(frame: Array, points_per_frame: float, point: Array) -> int:
    """Find the time point of every frame; return the last one.

    Half a frame keeps the quotient away from integers by more than the rounding of the reciprocal.
    """
    latest = I32(0)
    # A product instead of a quotient: integer division is not vectorised, and all would take 1.8 times as long.
    for i in range(point.size):
        point[i] = I32((frame[i] + 0.5) * points_per_frame)
        latest = max(latest, point[i])
    return int(latest)


@njit(error_model="numpy", fastmath={"contract", "nsz"})
def to_pixel(
    y: Array,
    x: Array,
    origin_y_nm: float,
    origin_x_nm: float,
    pixels_per_nm: float,
    height: int,
    width: int,
    pixel: Array,
    inside: Array,
) -> None:
    """Find the pixel of every position, counted row by row, and whether it is in the field (1) or not (0)."""
    last_row, last_column, columns = np.float64(height - 1), np.float64(width - 1), I32(width)
    for i in range(pixel.size):
        row = np.floor((y[i] - origin_y_nm) * pixels_per_nm)
        column = np.floor((x[i] - origin_x_nm) * pixels_per_nm)
        # Clamp before the conversion to int32: a position far away would overflow it.
        kept_row, kept_column = min(max(row, 0.0), last_row), min(max(column, 0.0), last_column)
        inside[i] = I32(kept_row == row) & I32(kept_column == column)
        pixel[i] = I32(kept_row) * columns + I32(kept_column)


@njit(error_model="numpy")
def add(point: Array, pixel: Array, inside: Array, counts: Array) -> int:
    """Add 1 or 0 to the pixel of every localization; return -1, or the first that found its pixel full."""
    for i in range(point.size):
        # Unsigned indices need no check for negative ones, which numba would wrap around: 1.1 times as fast.
        t, p = U64(point[i]), U64(pixel[i])
        # Outside of the field, 0 is added to the nearest pixel: with half of the localizations outside, a branch that
        # the processor cannot predict would take 2.3 times as long.
        total = I32(counts[t, p]) + inside[i]
        if total > MOST:
            return i
        counts[t, p] = U16(total)
    return -1
