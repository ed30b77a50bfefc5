"""From polylines to a blurred image of their length: serial kernels, without the GIL.

The contour is cut into short pieces, and the length of each goes to its two points of Gauss-Legendre
quadrature. A point spreads over 3 x 3 points of a grid with the weights of the quadratic B-spline. Their
variance is 1/4 wherever the point lies, so a Gaussian that lacks this variance blurs the grid to the wanted
width. Bilinear weights have the variance 1/6 only on average: the image would err four times as much.

With pieces of length h and a blur of width sigma, both in grid points, the quadrature along a straight line
errs by 2 |cos(pi / sqrt(3))| exp(-2 pi^2 sigma^2 / h^2), which is 4e-4 at h = 5/3 sigma.
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
BLOCK = 64
RUN = 16
TAPS = 3
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
    longest: np.float32,
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
    longest : float32
        Of the pieces, in grid points.
    taps : array (radius + 1,), float32
        One half of the symmetric blur kernel, from its centre on, in grid points; the radius is a multiple of 3.
    density : array (time, y, x), float32
        Overwritten: contour length per area at the pixel centres, nm^-1.
    """
    times, height, width = density.shape
    margin = taps.size + 2
    grid = np.empty((height * refinement + 2 * margin, width * refinement + 2 * margin), F32)
    row = np.empty(grid.shape[1], F32)
    line = np.empty(width * refinement, F32)
    runs = vertex_y.shape[1] // RUN + starts.size
    whole = np.empty((2, vertex_y.shape[1]), F32)
    y, x, joined = np.empty((3, vertex_y.shape[1] + runs), F32)
    scratch = np.empty((7, BLOCK), F32)
    corners = np.empty((2, BLOCK), I32)
    step_nm = pixel_nm / refinement
    first_y, first_x = origin_y_nm - (margin - 0.5) * step_nm, origin_x_nm - (margin - 0.5) * step_nm
    for t in range(times):
        to_grid(vertex_y[t], first_y, step_nm, whole[0])
        to_grid(vertex_x[t], first_x, step_nm, whole[1])
        vertices = gather(whole[0], whole[1], starts, grid.shape, y, x, joined)
        grid[:] = 0
        for begin in range(0, vertices - 1, BLOCK):
            block = slice(begin, min(begin + BLOCK + 1, vertices))
            deposit(y[block], x[block], joined[block], longest, step_nm, grid, scratch, corners)
        blur(grid, margin, taps, refinement, row, line, density[t])


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=FINITE)
def to_grid(vertex: Array, first_nm: float, step_nm: float, z: Array) -> None:
    """Express one coordinate of some vertices in grid points."""
    per_nm = 1 / step_nm
    for i in range(z.size):
        z[i] = F32((vertex[i] - first_nm) * per_nm)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def gather(
    whole_y: Array, whole_x: Array, starts: Array, shape: tuple[int, int], y: Array, x: Array, joined: Array
) -> int:
    """Collect the runs of a few bonds that may touch the grid; return how many vertices they have.

    A vertex is ``joined`` to the next one (1) unless it is the last of its run (0).
    """
    last_y, last_x, n = F32(shape[0] - 2), F32(shape[1] - 2), 0
    for filament in range(starts.size - 1):
        last = starts[filament + 1] - 1
        for begin in range(starts[filament], last, RUN):
            stop = min(begin + RUN, last) + 1
            if beyond(whole_y, begin, stop, last_y) or beyond(whole_x, begin, stop, last_x):
                continue
            for i in range(begin, stop):
                y[n], x[n], joined[n] = whole_y[i], whole_x[i], F32(1)
                n += 1
            joined[n - 1] = F32(0)
    return n


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=FINITE)
def beyond(z: Array, begin: int, stop: int, last: np.float32) -> bool:
    """Tell whether some vertices lie wholly on the far side of one edge of the grid."""
    below, above = I32(0), I32(0)
    for i in range(begin, stop):
        below += I32(z[i] < F32(1))
        above += I32(z[i] > last)
    return bool(below == stop - begin or above == stop - begin)


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=FINITE)
def deposit(
    y: Array,
    x: Array,
    joined: Array,
    longest: np.float32,
    step_nm: float,
    grid: Array,
    scratch: Array,
    corners: Array,
) -> None:
    """Add the length of the bonds between joined vertices, per area, to the grid; what lies off it is left out."""
    segments = y.size - 1
    share, weights_y, weights_x = scratch[0, :segments], scratch[1:4], scratch[4:7]
    corner_y, corner_x = corners[0, :segments], corners[1, :segments]
    last_y, last_x = F32(grid.shape[0] - 2), F32(grid.shape[1] - 2)
    pieces = measure(y, x, joined, longest, share)
    share *= F32(0.5 / (pieces * step_nm))
    for piece in range(pieces):
        for node in (-GAUSS_NODE, GAUSS_NODE):
            along = (F32(piece) + F32(0.5) + node) / F32(pieces)
            spread(y, along, last_y, corner_y, weights_y[0], weights_y[1], weights_y[2])
            spread(x, along, last_x, corner_x, weights_x[0], weights_x[1], weights_x[2])
            add(share, corner_y, weights_y, corner_x, weights_x, grid)


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=FINITE)
def measure(y: Array, x: Array, joined: Array, longest: np.float32, length: Array) -> int:
    """Measure every bond, in grid points; return into how many pieces the longest has to be cut."""
    pieces = I32(0)
    for i in range(length.size):
        dy, dx = y[i + 1] - y[i], x[i + 1] - x[i]
        length[i] = joined[i] * np.sqrt(dy * dy + dx * dx)
        pieces = max(pieces, I32(length[i] / longest))
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
    """Convolve a flat array with a symmetric kernel whose taps are a stride apart, from ``start`` on.

    Three taps at a time read and write the target less often.
    """
    size = target.size
    centre, tap = source[start : start + size], taps[0]
    for i in range(size):
        target[i] = tap * centre[i]
    for j in range(1, taps.size, TAPS):
        near, middle, far = taps[j], taps[j + 1], taps[j + 2]
        first, last = start - j * stride, start + j * stride
        near_before, near_after = source[first : first + size], source[last : last + size]
        first, last = first - stride, last + stride
        middle_before, middle_after = source[first : first + size], source[last : last + size]
        first, last = first - stride, last + stride
        far_before, far_after = source[first : first + size], source[last : last + size]
        for i in range(size):
            target[i] += (
                near * (near_before[i] + near_after[i])
                + middle * (middle_before[i] + middle_after[i])
                + far * (far_before[i] + far_after[i])
            )
