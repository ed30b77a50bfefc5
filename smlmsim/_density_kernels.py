"""From polylines to a blurred image of their length: serial kernels, without the GIL.

The contour is cut into short pieces, and the length of each goes to its two points of Gauss-Legendre
quadrature. A point spreads over 3 x 3 points of a grid with the weights of the quadratic B-spline. Their
variance is 1/4 wherever the point lies, so a Gaussian that lacks this variance blurs the grid to the wanted
width. Bilinear weights have the variance 1/6 only on average: the image would err four times as much.

With pieces of length h and a blur of width sigma, both in grid points, the quadrature along a straight line
errs by 2 |cos(pi / sqrt(3))| exp(-2 pi^2 sigma^2 / h^2), which is 4e-4 at h = 2 and sigma = 1.2.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

F32, I32, U64 = np.float32, np.int32, np.uint64
GAUSS_NODE = F32(0.5 / np.sqrt(3.0))
SPREAD_VARIANCE = 0.25
LONGEST_PIECE = F32(2)
BLOCK = 128
FINITE = {"contract", "nsz", "nnan", "ninf"}


@numba.njit(cache=True, nogil=True, error_model="numpy")
def draw(
    vertex_y: Array,
    vertex_x: Array,
    starts: Array,
    origin_y_nm: float,
    origin_x_nm: float,
    pixel_nm: float,
    refinement: int,
    taps: Array,
    density: Array,
) -> None:
    """Draw polylines, blurred, at every time.

    Parameters
    ----------
    vertex_y, vertex_x : array (time, vertex)
        In nm, finite.
    starts : array (filament + 1,), int
        The first vertex of every filament, and the number of vertices.
    origin_y_nm, origin_x_nm : float
        The upper left corner of the first pixel.
    pixel_nm : float
        Edge length of a pixel.
    refinement : int
        Odd: grid points along the edge of a pixel, the middle one in its centre.
    taps : array (radius + 1,), float32
        One half of the symmetric blur kernel, from its centre on, in grid points.
    density : array (time, y, x), float32
        Overwritten: contour length per area at the pixel centres, nm^-1.
    """
    times, height, width = density.shape
    margin = taps.size + 2
    grid = np.empty((height * refinement + 2 * margin, width * refinement + 2 * margin), F32)
    row = np.empty(grid.shape[1], F32)
    line = np.empty(width * refinement, F32)
    scratch = np.empty((9, BLOCK + 1), F32)
    corners = np.empty((2, BLOCK), I32)
    step_nm = pixel_nm / refinement
    first_y, first_x = origin_y_nm - (margin - 0.5) * step_nm, origin_x_nm - (margin - 0.5) * step_nm
    for t in range(times):
        grid[:] = 0
        for filament in range(starts.size - 1):
            last = starts[filament + 1] - 1
            for begin in range(starts[filament], last, BLOCK):
                block = slice(begin, min(begin + BLOCK, last) + 1)
                deposit(
                    vertex_y[t, block], vertex_x[t, block], first_y, first_x, step_nm, grid, scratch, corners
                )
        blur(grid, margin, taps, refinement, row, line, density[t])


@numba.njit(cache=True, nogil=True, error_model="numpy")
def deposit(
    vertex_y: Array,
    vertex_x: Array,
    first_y: float,
    first_x: float,
    step_nm: float,
    grid: Array,
    scratch: Array,
    corners: Array,
) -> None:
    """Add the length of a polyline, per area, to the grid; what lies off the grid is left out."""
    vertices, segments = vertex_y.size, vertex_y.size - 1
    y, x, share = scratch[0, :vertices], scratch[1, :vertices], scratch[2, :segments]
    weights_y, weights_x = scratch[3:6], scratch[6:9]
    corner_y, corner_x = corners[0, :segments], corners[1, :segments]
    last_y, last_x = F32(grid.shape[0] - 2), F32(grid.shape[1] - 2)
    to_grid(vertex_y, first_y, step_nm, y)
    to_grid(vertex_x, first_x, step_nm, x)
    if beyond(y, last_y) or beyond(x, last_x):
        return
    pieces = measure(y, x, share)
    share *= F32(0.5 / (pieces * step_nm))
    for piece in range(pieces):
        for node in (-GAUSS_NODE, GAUSS_NODE):
            along = (F32(piece) + F32(0.5) + node) / F32(pieces)
            spread(y, along, last_y, corner_y, weights_y[0], weights_y[1], weights_y[2])
            spread(x, along, last_x, corner_x, weights_x[0], weights_x[1], weights_x[2])
            add(share, corner_y, weights_y, corner_x, weights_x, grid)


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=FINITE)
def to_grid(vertex: Array, first_nm: float, step_nm: float, z: Array) -> None:
    """Express one coordinate of some vertices in grid points."""
    per_nm = 1 / step_nm
    for i in range(z.size):
        z[i] = F32((vertex[i] - first_nm) * per_nm)


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=FINITE)
def beyond(z: Array, last: np.float32) -> bool:
    """Tell whether a polyline lies wholly on the far side of one edge of the grid."""
    below, above = I32(0), I32(0)
    for i in range(z.size):
        below += I32(z[i] < F32(1))
        above += I32(z[i] > last)
    return bool(below == z.size or above == z.size)


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=FINITE)
def measure(y: Array, x: Array, length: Array) -> int:
    """Measure every segment, in grid points; return into how many pieces the longest has to be cut."""
    pieces = I32(0)
    for i in range(length.size):
        dy, dx = y[i + 1] - y[i], x[i + 1] - x[i]
        length[i] = np.sqrt(dy * dy + dx * dx)
        pieces = max(pieces, I32(length[i] / LONGEST_PIECE))
    return int(pieces) + 1


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=FINITE)
def spread(
    z: Array, along: np.float32, last: np.float32, corner: Array, before: Array, middle: Array, after: Array
) -> None:
    """Find, on one axis, the first of three grid points for a point of every segment, and their weights.

    The point lies a fraction ``along`` its segment. If it is off the grid, the first one is -1.
    """
    half = F32(0.5)
    for i in range(corner.size):
        position = z[i] + along * (z[i + 1] - z[i])
        kept = min(max(position, F32(1)), last)
        nearest = I32(kept + half)
        offset = kept - F32(nearest)
        low, high = half - offset, half + offset
        low, high = half * low * low, half * high * high
        before[i], middle[i], after[i] = low, F32(1) - low - high, high
        corner[i] = nearest - I32(1) if kept == position else I32(-1)


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=FINITE)
def add(
    share: Array, corner_y: Array, weights_y: Array, corner_x: Array, weights_x: Array, grid: Array
) -> None:
    """Add one point of every segment to the grid; unsigned indices need no check for negative ones."""
    for i in range(share.size):
        if corner_y[i] < 0 or corner_x[i] < 0:
            continue
        top, left = U64(corner_y[i]), U64(corner_x[i])
        for j in range(3):
            weight = share[i] * weights_y[j, i]
            for k in range(3):
                grid[top + U64(j), left + U64(k)] += weight * weights_x[k, i]


@numba.njit(cache=True, nogil=True, error_model="numpy")
def blur(
    grid: Array, margin: int, taps: Array, refinement: int, row: Array, line: Array, image: Array
) -> None:
    """Blur the grid along y, then x, at the pixel centres only."""
    flat = grid.ravel()
    for i in range(image.shape[0]):
        convolve(flat, (margin + i * refinement + refinement // 2) * row.size, row.size, taps, row)
        if refinement == 1:
            convolve(row, margin, 1, taps, image[i])
        else:
            convolve(row, margin, 1, taps, line)
            for j in range(image.shape[1]):
                image[i, j] = line[j * refinement + refinement // 2]


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=FINITE)
def convolve(source: Array, start: int, stride: int, taps: Array, target: Array) -> None:
    """Convolve a flat array with a symmetric kernel whose taps are a stride apart, from ``start`` on."""
    size = target.size
    centre, tap = source[start : start + size], taps[0]
    for i in range(size):
        target[i] = tap * centre[i]
    for j in range(1, taps.size):
        tap = taps[j]
        before = source[start - j * stride : start - j * stride + size]
        after = source[start + j * stride : start + j * stride + size]
        for i in range(size):
            target[i] += tap * (before[i] + after[i])
