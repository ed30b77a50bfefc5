"""The passes over pixels that the metrics share: serial, without the GIL, float64 where sums grow long.

Structural similarity needs the local means, variances and covariance of two images a and b. All of them
follow from the images' sum s = a + b and difference d = a - b, whose local means m and variances v say

    2 mean(a) mean(b)     = (m_s^2 - m_d^2) / 2        2 covariance(a, b)        = (v_s - v_d) / 2
    mean(a)^2 + mean(b)^2 = (m_s^2 + m_d^2) / 2        variance(a) + variance(b) = (v_s + v_d) / 2

That is four filtered images instead of five; and because no variance is let below zero, every local
similarity stays in [-1, 1] whatever float32 rounds away.

The window is separable: a row of windows is averaged along y, then along x, and compared while it is in the cache, so
no filtered image is ever stored. ``tests/metrics/test_kernels.py`` and ``test_ms_ssim.py`` hold the kernels against
numpy and against pytorch-msssim and scikit-image. On one core ``ms_ssim`` is about 76 times as fast as pytorch-msssim,
``ssim`` 19 times as fast as scikit-image, and ``products`` 9 times as fast as numpy (``benchmarks/bench_metrics.py``).

What is called from another kernel and sums in any order has ``forceinline``. Otherwise numba keeps copies of it that
round differently, and which of them runs depends on whether the caller was just compiled or comes from the cache.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from smlmsim.compiled import njit

Array = npt.NDArray[Any]
Window = tuple[np.float32, ...]

F32 = np.float32  # type of the images
K1, K2 = 0.01, 0.03
"""Constants of the similarity in units of the data range, as published (doi:10.1109/TIP.2003.819861)."""
LUMINANCE_FLOOR = F32(K1**2)
"""What keeps the luminance term finite where both images are dark, in units of the data range squared."""
CONTRAST_FLOOR = F32(K2**2)
"""What keeps the contrast term finite where both images are constant, in units of the data range squared."""
ANY_ORDER = {"contract", "reassoc", "nsz"}
"""Sums may be split into parts, one for each lane of a vector; NaN and infinity stay what they are."""


@njit(error_model="numpy", fastmath=ANY_ORDER)
def total(a: Array) -> float:
    """Return the sum of a flat array."""
    result = 0.0
    for i in range(a.size):
        result += np.float64(a[i])
    return result


@njit(error_model="numpy", fastmath=ANY_ORDER)
def products(a: Array, b: Array, offset_a: float, offset_b: float) -> tuple[float, float, float]:
    """Return the sums of a a, a b and b b over two flat arrays, each less its offset."""
    aa, ab, bb = 0.0, 0.0, 0.0
    for i in range(a.size):
        u, v = np.float64(a[i]) - offset_a, np.float64(b[i]) - offset_b
        aa += u * u
        ab += u * v
        bb += v * v
    return aa, ab, bb


@njit(error_model="numpy", fastmath=ANY_ORDER)
def squared_error(a: Array, b: Array) -> float:
    """Return the sum of (a - b)^2 over two flat arrays."""
    result = 0.0
    for i in range(a.size):
        difference = np.float64(a[i]) - np.float64(b[i])
        result += difference * difference
    return result


@njit()
def scaled(a: Array, factor: float) -> Array:
    """Return a flat array times a factor, rounded once, to float32."""
    result = np.empty(a.size, F32)
    for i in range(a.size):
        result[i] = F32(a[i] * factor)
    return result


@njit(error_model="numpy", fastmath=ANY_ORDER, forceinline=True)
def average_columns(image: Array, top: int, window: Window, means: Array, squares: Array) -> None:
    """Average pixels and their squares along y, over the window that begins at row ``top``."""
    # Rows lie side by side, so the loop over columns is vectorised and that over the window unrolled.
    for j in range(image.shape[1]):
        mean, square = F32(0), F32(0)
        for k in range(len(window)):
            pixel = image[top + k, j]
            weighted = window[k] * pixel
            mean += weighted
            square += weighted * pixel
        means[j], squares[j] = mean, square


@njit(error_model="numpy", fastmath=ANY_ORDER, forceinline=True)
def average_row(values: Array, window: Window, means: Array, windows: int) -> None:
    """Average values along x, over every window that lies inside."""
    for j in range(windows):
        mean = F32(0)
        for k in range(len(window)):
            mean += window[k] * values[j + k]
        means[j] = mean


@njit(error_model="numpy", fastmath=ANY_ORDER, forceinline=True)
def compare_row(s: Array, d: Array, ss: Array, dd: Array, windows: int) -> tuple[Any, Any]:
    """Sum contrast-structure and similarity over a row of windows, from local means of s, d, s^2 and d^2."""
    half, none = F32(0.5), F32(0)
    structures, similarities = F32(0), F32(0)
    for j in range(windows):
        ms, md = s[j] * s[j], d[j] * d[j]
        # A variance is never negative, but the difference of two float32 may be.
        vs, vd = max(ss[j] - ms, none), max(dd[j] - md, none)
        structure = (half * (vs - vd) + CONTRAST_FLOOR) / (half * (vs + vd) + CONTRAST_FLOOR)
        luminance = (half * (ms - md) + LUMINANCE_FLOOR) / (half * (ms + md) + LUMINANCE_FLOOR)
        # Contrast and structure are one fraction, because the constant of the latter is half that of the former.
        structures += structure
        similarities += structure * luminance
    return structures, similarities


@njit(forceinline=True)
def similarity(s: Array, d: Array, window: Window, scratch: Array) -> tuple[float, float]:
    """Return the mean contrast-structure term and the mean similarity of one pair of images.

    Parameters
    ----------
    s, d : array (height, width), float32
        Sum and difference of the two images, in units of the data range.
    window : tuple of float32
        Weights along one axis. The length of a tuple is known when this is compiled, so its loops unroll; with an
        array of weights the kernel takes 7 times as long.
    scratch : array (2, 4, >= width), float32
        For one row of averages along y, and along both axes.
    """
    height, width = s.shape[0] - len(window) + 1, s.shape[1] - len(window) + 1
    columns, local = scratch[0], scratch[1]
    structures, similarities = 0.0, 0.0
    # Four moments of one row of windows, and their comparison, before the next row.
    for top in range(height):
        average_columns(s, top, window, columns[0], columns[2])
        average_columns(d, top, window, columns[1], columns[3])
        for moment in range(4):
            average_row(columns[moment], window, local[moment], width)
        structure, similar = compare_row(local[0], local[1], local[2], local[3], width)
        structures += structure
        similarities += similar
    return structures / (height * width), similarities / (height * width)


@njit()
def halve(pixels: Array, height: int, width: int, row: Array) -> tuple[int, int]:
    """Replace the image at the front of a flat array by its 2 x 2 means; return their height and width.

    An odd extent gets a line of zeros before its first one. A row of the result ends before the next row to
    be read, so one array is enough.
    """
    # The result overwrites the front of the image it is made of: no scale needs an array of its own.
    top, left = height % 2, width % 2
    half_height, half_width = (height + top) // 2, (width + left) // 2
    for i in range(half_height):
        row[0] = F32(0)
        lower = (2 * i + 1 - top) * width
        for j in range(width):
            row[left + j] = pixels[lower + j]
        if lower > 0:
            for j in range(width):
                row[left + j] += pixels[lower - width + j]
        for j in range(half_width):
            pixels[i * half_width + j] = F32(0.25) * (row[2 * j] + row[2 * j + 1])
    return half_height, half_width


@njit()
def ssim(truth: Array, estimate: Array, window: Window) -> Any:
    """Return the structural similarity of two movies (time, height, width), averaged over time."""
    frames, _, width = truth.shape
    scratch = np.empty((2, 4, width), F32)
    result = 0.0
    for frame in range(frames):
        # One time point at a time: its sum and difference stay in the cache.
        a, b = truth[frame], estimate[frame]
        result += similarity(a + b, a - b, window, scratch)[1]
    return result / frames


@njit()
def ms_ssim(truth: Array, estimate: Array, window: Window, weights: Array) -> Any:
    """Return the multi-scale similarity of two movies (time, height, width), averaged over time.

    There are as many scales as weights; a term below zero counts as zero.
    """
    frames, height, width = truth.shape
    scratch = np.empty((2, 4, width), F32)
    row = np.empty(width + 1, F32)
    coarsest = len(weights) - 1
    result = 0.0
    for frame in range(frames):
        s = (truth[frame] + estimate[frame]).ravel()
        d = (truth[frame] - estimate[frame]).ravel()
        h, w = height, width
        value = 1.0
        for scale in range(len(weights)):
            shape = (h, w)
            structure, similar = similarity(
                s[: h * w].reshape(shape), d[: h * w].reshape(shape), window, scratch
            )
            # Only the coarsest scale compares brightness.
            value *= max(similar if scale == coarsest else structure, 0.0) ** weights[scale]
            if scale < coarsest:
                halve(s, h, w, row)
                h, w = halve(d, h, w, row)
        result += value
    return result / frames
