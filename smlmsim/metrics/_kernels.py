"""The passes over pixels that the metrics share: serial, without the GIL, float64 wherever sums grow long.

Structural similarity needs the local means, variances and covariance of two images a and b. All of them follow from the
images' sum s = a + b and difference d = a - b, whose local means m and variances v say

    2 mean(a) mean(b)        = (m_s^2 - m_d^2) / 2        2 covariance(a, b)         = (v_s - v_d) / 2
    mean(a)^2 + mean(b)^2    = (m_s^2 + m_d^2) / 2        variance(a) + variance(b)  = (v_s + v_d) / 2

That is four filtered images instead of five, and, because no variance is let below zero, every local similarity stays in
[-1, 1] whatever float32 rounds away.
"""

from __future__ import annotations

import numba
import numpy as np

F32 = np.float32
LUMINANCE_FLOOR = F32(0.01**2)
CONTRAST_FLOOR = F32(0.03**2)

_sums_in_any_order = {"contract", "reassoc", "nsz"}


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=_sums_in_any_order)
def products(a, b, offset_a, offset_b):
    """Return the sums of a a, a b and b b over two flat arrays, each less its offset."""
    aa, ab, bb = 0.0, 0.0, 0.0
    for i in range(a.size):
        u, v = np.float64(a[i]) - offset_a, np.float64(b[i]) - offset_b
        aa += u * u
        ab += u * v
        bb += v * v
    return aa, ab, bb


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=_sums_in_any_order)
def total(a):
    """Return the sum of a flat array."""
    result = 0.0
    for i in range(a.size):
        result += np.float64(a[i])
    return result


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=_sums_in_any_order)
def squared_error(a, b):
    """Return the sum of (a - b)^2 over two flat arrays."""
    result = 0.0
    for i in range(a.size):
        difference = np.float64(a[i]) - np.float64(b[i])
        result += difference * difference
    return result


@numba.njit(cache=True, nogil=True)
def scaled(a, factor):
    """Return a flat array times a factor, rounded to float32 once."""
    result = np.empty(a.size, F32)
    for i in range(a.size):
        result[i] = F32(a[i] * factor)
    return result


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=_sums_in_any_order)
def similarity(s, d, window, rows):
    """Return the mean contrast-structure term and the mean similarity of one image pair.

    Parameters
    ----------
    s, d : array (height, width), float32
        Sum and difference of the two images; values in units of the data range.
    window : tuple of float32
        The taps of the separable window; its length is odd and known when this is compiled, so the tap loops unroll.
    rows : array (4, >= width), float32
        Scratch: the column-filtered s, d, s^2 and d^2 of one row.
    """
    taps = len(window)
    height, width = s.shape
    half = F32(0.5)
    s1, d1, s2, d2 = rows[0], rows[1], rows[2], rows[3]
    contrast, similar = 0.0, 0.0
    for i in range(height - taps + 1):
        for j in range(width):
            a, b, aa, bb = F32(0), F32(0), F32(0), F32(0)
            for k in range(taps):
                ga, gb = window[k] * s[i + k, j], window[k] * d[i + k, j]
                a += ga
                b += gb
                aa += ga * s[i + k, j]
                bb += gb * d[i + k, j]
            s1[j], d1[j], s2[j], d2[j] = a, b, aa, bb
        row_contrast, row_similar = F32(0), F32(0)
        for j in range(width - taps + 1):
            a, b, aa, bb = F32(0), F32(0), F32(0), F32(0)
            for k in range(taps):
                g = window[k]
                a += g * s1[j + k]
                b += g * d1[j + k]
                aa += g * s2[j + k]
                bb += g * d2[j + k]
            a, b = a * a, b * b
            aa, bb = max(aa - a, F32(0)), max(bb - b, F32(0))
            structure = (half * (aa - bb) + CONTRAST_FLOOR) / (half * (aa + bb) + CONTRAST_FLOOR)
            luminance = (half * (a - b) + LUMINANCE_FLOOR) / (half * (a + b) + LUMINANCE_FLOOR)
            row_contrast += structure
            row_similar += structure * luminance
        contrast += row_contrast
        similar += row_similar
    windows = (height - taps + 1) * (width - taps + 1)
    return contrast / windows, similar / windows


@numba.njit(cache=True, nogil=True)
def halve(pixels, height, width, row):
    """Replace the image at the front of a flat array by its 2 x 2 means, and return the new height and width.

    An odd extent gets a line of zeros before its first one. A row of the result ends before the first row that is still
    to be read, so one array is enough.
    """
    top, left = height % 2, width % 2
    half_height, half_width = (height + top) // 2, (width + left) // 2
    for i in range(half_height):
        row[0] = F32(0)
        pair = row[left : left + width]
        lower = 2 * i + 1 - top
        pair[:] = pixels[lower * width : (lower + 1) * width]
        if lower > 0:
            pair += pixels[(lower - 1) * width : lower * width]
        for j in range(half_width):
            pixels[i * half_width + j] = F32(0.25) * (row[2 * j] + row[2 * j + 1])
    return half_height, half_width


@numba.njit(cache=True, nogil=True)
def ssim(truth, estimate, window):
    """Return the structural similarity of two movies (time, height, width), averaged over all windows and time."""
    frames, _, width = truth.shape
    rows = np.empty((4, width), F32)
    result = 0.0
    for frame in range(frames):
        a, b = truth[frame], estimate[frame]
        result += similarity(a + b, a - b, window, rows)[1]
    return result / frames


@numba.njit(cache=True, nogil=True)
def ms_ssim(truth, estimate, window, weights):
    """Return the multi-scale similarity of two movies (time, height, width), averaged over time.

    There are as many scales as weights; terms below zero count as zero.
    """
    frames, height, width = truth.shape
    s, d = np.empty(height * width, F32), np.empty(height * width, F32)
    rows = np.empty((4, width + 1), F32)
    coarsest = len(weights) - 1
    result = 0.0
    for frame in range(frames):
        np.add(truth[frame].ravel(), estimate[frame].ravel(), s)
        np.subtract(truth[frame].ravel(), estimate[frame].ravel(), d)
        h, w = height, width
        value = 1.0
        for scale in range(coarsest):
            shape = (h, w)
            contrast = similarity(s[: h * w].reshape(shape), d[: h * w].reshape(shape), window, rows)[0]
            value *= max(contrast, 0.0) ** weights[scale]
            halve(s, h, w, rows[0])
            h, w = halve(d, h, w, rows[0])
        similar = similarity(s[: h * w].reshape((h, w)), d[: h * w].reshape((h, w)), window, rows)[1]
        result += value * max(similar, 0.0) ** weights[coarsest]
    return result / frames
