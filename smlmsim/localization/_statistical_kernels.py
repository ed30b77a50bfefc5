"""Numba kernels of the localization: plain arrays in and out, serial, many may run side by side."""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from smlmsim._contour_kernels import Edges
from smlmsim._philox import normals_f32, words
from smlmsim.compiled import njit

Floats = npt.NDArray[np.float32]
Indices = npt.NDArray[np.int32]


# Plain tuples, not classes: numba could not read its cache on disk any more once a class in it is renamed.

Errors = tuple[np.float32, np.float32, np.float32, np.float32]
"""``median, spread, factor, linkage``: the distribution of the reported errors, and how the true ones differ."""

Spots = tuple[Indices, Floats, Floats, Floats]
"""``frame, y, x, uncertainty`` of localizations, sorted by frame."""

_0, _1 = np.float32(0), np.float32(1)
_CHUNK = 1024


@njit(error_model="numpy")
def inside(y: Floats, x: Floats, edges: Edges) -> npt.NDArray[np.int64]:
    """List the points within the edges."""
    found, n = np.empty(y.size + 1, np.int64), np.uint64(0)
    for i in range(y.size):
        found[n] = i
        n += _within(y[i], x[i], edges)
    return found[: np.int64(n)]


@njit(error_model="numpy")
def localize(
    frame: Indices,
    y: Floats,
    x: Floats,
    errors: Errors,
    key: np.uint64,
    false: Spots,
    edges: Edges,
    found: Spots,
) -> Any:
    """Displace molecules by random errors, merge false positives in, and keep what lies within the edges.

    Returns
    -------
    int
        How many localizations were written to ``found``, in the order of frames.
    """
    false_frame, false_y, false_x, false_uncertainty = false
    found_frame, found_y, found_x, found_uncertainty = found
    error_y, error_x, reported = (
        np.empty(_CHUNK, np.float32),
        np.empty(_CHUNK, np.float32),
        np.empty(_CHUNK, np.float32),
    )
    w0, w1 = np.empty(_CHUNK, np.uint32), np.empty(_CHUNK, np.uint32)
    w2, w3 = np.empty(_CHUNK, np.uint32), np.empty(_CHUNK, np.uint32)
    n, k, last = np.uint64(0), np.uint64(0), np.uint64(false_frame.size)
    for start in range(0, frame.size, _CHUNK):
        for m in range(_CHUNK):
            w0[m], w1[m], w2[m], w3[m] = words(key, start + m, 0, 0)
        _draw_reported(w0, w1, errors, reported)
        _draw_errors(w2, w3, errors, reported, error_y, error_x)
        for m in range(np.uint64(min(_CHUNK, frame.size - start))):
            i = np.uint64(start) + m
            while k < last and false_frame[k] < frame[i]:
                found_frame[n], found_uncertainty[n] = false_frame[k], false_uncertainty[k]
                found_y[n], found_x[n] = false_y[k], false_x[k]
                n += _within(false_y[k], false_x[k], edges)
                k += np.uint64(1)
            place_y, place_x = y[i] + error_y[m], x[i] + error_x[m]
            found_frame[n], found_uncertainty[n] = frame[i], reported[m]
            found_y[n], found_x[n] = place_y, place_x
            n += _within(place_y, place_x, edges)
    for rest in range(k, last):
        found_frame[n], found_uncertainty[n] = false_frame[rest], false_uncertainty[rest]
        found_y[n], found_x[n] = false_y[rest], false_x[rest]
        n += _within(false_y[rest], false_x[rest], edges)
    return n


@njit(forceinline=True, error_model="numpy")
def _within(y: Any, x: Any, edges: Edges) -> Any:
    top, bottom, left, right = edges
    return np.uint64((y >= top) & (y < bottom) & (x >= left) & (x < right))


@njit(error_model="numpy", fastmath={"contract"})
def _draw_reported(radius: Any, angle: Any, errors: Errors, reported: Floats) -> None:
    """Draw log-normal standard errors."""
    median, spread, _, _ = errors
    for m in range(reported.size):
        normal, _ = normals_f32(radius[m], angle[m])
        reported[m] = median * _exp(spread * normal)


@njit(error_model="numpy", fastmath={"contract"})
def _draw_errors(
    radius: Any, angle: Any, errors: Errors, reported: Floats, error_y: Floats, error_x: Floats
) -> None:
    """Draw the true errors; the variances of localization and linkage add."""
    _, _, factor, linkage = errors
    for m in range(reported.size):
        normal_y, normal_x = normals_f32(radius[m], angle[m])
        true = factor * reported[m]
        size = np.sqrt(true * true + linkage * linkage)
        error_y[m], error_x[m] = size * normal_y, size * normal_x


@njit(forceinline=True, error_model="numpy", fastmath={"contract"})
def _exp(x: Any) -> Any:
    """Return the exponential of a float32 from -80 to 80, to 3e-7: 2**n exp(r), the latter by its series."""
    n = np.rint(x * np.float32(1 / math.log(2)))
    r = (x - n * np.float32(0.693359375)) - n * np.float32(math.log(2) - 0.693359375)
    series = np.float32(1 / 120) + r * np.float32(1 / 720)
    series = np.float32(1 / 6) + r * (np.float32(1 / 24) + r * series)
    series = _1 + r * (_1 + r * (np.float32(1 / 2) + r * series))
    return series * np.int32((np.int32(n) + np.int32(127)) << np.int32(23)).view(np.float32)
