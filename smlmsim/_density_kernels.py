"""From polylines to a blurred image of their length: serial kernels, without the GIL.

The contour is cut into short pieces, and the length of each goes to its two points of Gauss-Legendre
quadrature. A point spreads over 4 x 4 points of a grid with the weights of the cubic B-spline. Their first
three moments are the same wherever the point lies, so one blur of the grid makes a Gaussian of every point.
With the quadratic B-spline, two moments and 3 x 3 points, a short line would err three times as much.

With pieces of length h and a blur of width sigma, both in grid points, the quadrature along a straight line
errs by 2 |cos(pi / sqrt(3))| exp(-2 pi^2 sigma^2 / h^2), which is 4e-4 at h = 5/3 sigma. A piece alone errs by
h^4 / 1440 sigma^4, which is 5e-3: where a filament ends, nothing cancels that, so there h is half as long.

The numpy twin is the exact line integral by error functions (``line_integral`` in ``tests/test_density.py``). For 300
time points of 128 x 128 pixels and 40 filaments of 100 vertices, the kernel is about 16 times as fast as
``np.histogram2d`` of the sampled contour with ``scipy.ndimage.gaussian_filter``, and 4 times as fast as
``fast_histogram`` with the filter, on one core (``benchmarks/bench_density.py``).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from smlmsim.compiled import njit

Array = npt.NDArray[Any]

F32, I32 = np.float32, np.int32  # types of coordinates and weights, and of indices
GAUSS_NODE = F32(0.5 / np.sqrt(3.0))
"""Distance of the two points of Gauss-Legendre quadrature from the middle of a piece, in its lengths."""
BLOCK = 128
"""Pieces deposited together. Their weights fill 4 kB; from 32 to 512 the time is the same."""
RUN = 16
"""Segments skipped together if they lie beyond one edge of the grid. Without skipping, drawing takes 1.7 times as long;
runs of 4 or 64 segments take up to 6 % more."""
TAPS = 3
"""Taps of the blur that are added in one pass. One at a time is as fast, but rounds in another order."""
FUSED = {"contract"}
"""Permission to round a product and a sum once, which a fused multiply-add does."""


@njit(error_model="numpy")
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
    # As far beyond the field as the blur reaches, and the 4 x 4 points of a spline more.
    margin = taps.size + 3
    grid = np.empty((height * refinement + 2 * margin, width * refinement + 2 * margin), F32)
    row = np.empty(grid.shape[1], F32)
    line = np.empty(width * refinement, F32)
    y, x = np.empty((2, vertex_y.shape[1]), F32)
    side = np.empty(vertex_y.shape[1], I32)
    bonds = np.empty((4, vertex_y.shape[1]), F32)
    pieces = np.empty((5, BLOCK), F32)
    weights = np.empty((2, 4, BLOCK), F32)
    corners = np.empty((2, BLOCK), I32)
    step_nm = pixel_nm / refinement
    first_y, first_x = origin_y_nm - (margin - 0.5) * step_nm, origin_x_nm - (margin - 0.5) * step_nm
    # The buffers above serve every time point, so that nothing is allocated in the loop.
    for t in range(times):
        to_grid(vertex_y[t], first_y, step_nm, y)
        to_grid(vertex_x[t], first_x, step_nm, x)
        grid[:] = 0
        find_sides(y, x, F32(grid.shape[0] - 3), F32(grid.shape[1] - 3), side)
        lay(y, x, side, starts, longest, F32(1 / step_nm), grid, bonds, pieces, weights, corners)
        blur(grid, margin, taps, refinement, row, line, density[t])


@njit(error_model="numpy", fastmath=FUSED)
def to_grid(vertex: Array, first_nm: float, step_nm: float, z: Array) -> None:
    """Express one coordinate of some vertices in grid points."""
    per_nm = 1 / step_nm
    for i in range(z.size):
        z[i] = F32((vertex[i] - first_nm) * per_nm)


@njit(error_model="numpy")
def lay(
    y: Array,
    x: Array,
    side: Array,
    starts: Array,
    longest: np.float32,
    per_nm: np.float32,
    grid: Array,
    bonds: Array,
    pieces: Array,
    weights: Array,
    corners: Array,
) -> None:
    """Add the length of the bonds near the grid, per area, to it: cut into short pieces, a block of them at a time."""
    measure(y, x, F32(1 / longest), F32(0.5) * per_nm, bonds)
    # Pieces wait in a buffer until it is full; the last ones are deposited at the end.
    n = np.int64(0)
    for filament in range(starts.size - 1):
        first, last = starts[filament], starts[filament + 1] - 1
        for begin in range(first, last, RUN):
            stop = min(begin + RUN, last)
            # All vertices of the run lie beyond one edge, so none of its segments can cross the grid.
            if beyond(side[begin : stop + 1]):
                continue
            for i in range(begin, stop):
                count = int(bonds[3, i])
                # The ends of a filament are cut finer: see above.
                if i == first or i == last - 1:
                    count *= 2
                part = F32(1) / F32(count)
                step_y, step_x, share = part * bonds[0, i], part * bonds[1, i], part * bonds[2, i]
                # Pieces of all segments fill one buffer, so that the loops over it are long enough to be vectorised.
                for k in range(count):
                    if n == pieces.shape[1]:
                        deposit(pieces, n, grid, weights, corners)
                        n = np.int64(0)
                    pieces[0, n], pieces[1, n] = y[i] + F32(k) * step_y, step_y
                    pieces[2, n], pieces[3, n] = x[i] + F32(k) * step_x, step_x
                    pieces[4, n] = share
                    n += 1
    deposit(pieces, n, grid, weights, corners)


@njit(error_model="numpy", fastmath=FUSED)
def measure(y: Array, x: Array, per_longest: np.float32, half_per_nm: np.float32, bonds: Array) -> None:
    """Find how far every bond goes along y and x, half its length per area, and into how many pieces it is cut."""
    for i in range(y.size - 1):
        dy, dx = y[i + 1] - y[i], x[i + 1] - x[i]
        length = np.sqrt(dy * dy + dx * dx)
        bonds[0, i], bonds[1, i], bonds[2, i] = dy, dx, half_per_nm * length
        # At least one piece, so that none is longer than the longest.
        bonds[3, i] = np.floor(length * per_longest) + F32(1)


@njit(error_model="numpy", fastmath=FUSED)
def find_sides(y: Array, x: Array, last_y: np.float32, last_x: np.float32, side: Array) -> None:
    """Find out beyond which edges of the grid every vertex lies: a bit for each."""
    for i in range(side.size):
        # Sums of comparisons, not branches, so that the loop is vectorised.
        along_y = I32(y[i] < F32(1)) + I32(2) * I32(y[i] > last_y)
        along_x = I32(x[i] < F32(1)) + I32(2) * I32(x[i] > last_x)
        side[i] = along_y + I32(4) * along_x


@njit(error_model="numpy")
def beyond(side: Array) -> bool:
    """Tell whether some vertices all lie beyond the same edge of the grid."""
    # One bit an edge; the bits that all vertices share remain.
    common = I32(0b1111)
    for i in range(side.size):
        common &= side[i]
    return bool(common)


@njit(error_model="numpy")
def deposit(pieces: Array, n: Any, grid: Array, weights: Array, corners: Array) -> None:
    """Add the two points of each of the first n pieces to the grid; what lies off it is left out.

    The rows of ``pieces`` are where each begins and how far it goes, along y, then x, and the share of a point.
    """
    y, step_y, x, step_x = pieces[0, :n], pieces[1, :n], pieces[2, :n], pieces[3, :n]
    share, corner_y, corner_x = pieces[4, :n], corners[0, :n], corners[1, :n]
    wy, wx = weights[0], weights[1]
    last_y, last_x = F32(grid.shape[0] - 3), F32(grid.shape[1] - 3)
    # First the weights along either axis, vectorised; then the additions, which cannot be, as pieces may overlap.
    for node in (-GAUSS_NODE, GAUSS_NODE):
        along = F32(0.5) + node
        spread(y, step_y, along, last_y, corner_y, wy[0], wy[1], wy[2], wy[3])
        spread(x, step_x, along, last_x, corner_x, wx[0], wx[1], wx[2], wx[3])
        add(share, corner_y, wy, corner_x, wx, grid)


@njit(error_model="numpy", fastmath=FUSED)
def spread(
    z: Array,
    step: Array,
    along: np.float32,
    last: np.float32,
    corner: Array,
    first: Array,
    second: Array,
    third: Array,
    fourth: Array,
) -> None:
    """Find, on one axis, the first of four grid points for a point of every piece, and their weights.

    The point lies a fraction ``along`` its piece. If it is off the grid, the first one is -1.
    """
    one, sixth = F32(1), F32(1 / 6)
    for i in range(corner.size):
        # Clamp before the conversion to int32: a position far off the grid would overflow it.
        position = z[i] + along * step[i]
        kept = min(max(position, one), last)
        below = I32(kept)
        after = kept - F32(below)
        before = one - after
        # Weights of the cubic B-spline at the four nearest grid points; they add up to 1.
        far_before, far_after = sixth * before * before * before, sixth * after * after * after
        near_before = F32(2 / 3) - after * after + F32(3) * far_after
        first[i], second[i] = far_before, near_before
        third[i], fourth[i] = one - near_before - far_before - far_after, far_after
        corner[i] = below - I32(1) if kept == position else I32(-1)


@njit(error_model="numpy", fastmath=FUSED)
def add(
    share: Array, corner_y: Array, weights_y: Array, corner_x: Array, weights_x: Array, grid: Array
) -> None:
    """Add one point of every piece to the 4 x 4 grid points around it."""
    for i in range(share.size):
        if corner_y[i] < 0 or corner_x[i] < 0:
            continue
        top, left = corner_y[i], corner_x[i]
        first, second, third, fourth = weights_x[0, i], weights_x[1, i], weights_x[2, i], weights_x[3, i]
        for weight in (weights_y[0, i], weights_y[1, i], weights_y[2, i], weights_y[3, i]):
            here = share[i] * weight
            grid[top, left] += here * first
            grid[top, left + 1] += here * second
            grid[top, left + 2] += here * third
            grid[top, left + 3] += here * fourth
            top += 1


@njit(error_model="numpy")
def blur(
    grid: Array, margin: int, taps: Array, refinement: int, row: Array, line: Array, image: Array
) -> None:
    """Blur the grid along y, then x, at the pixel centres only."""
    # Along y a tap is a whole row away, so the same loop blurs along either axis, each time over adjacent numbers.
    flat = grid.ravel()
    for i in range(image.shape[0]):
        convolve(flat, (margin + i * refinement + refinement // 2) * row.size, row.size, taps, row)
        # With one grid point per pixel the image is written directly: without this case, 1.1 times the time.
        if refinement == 1:
            convolve(row, margin, 1, taps, image[i])
        else:
            convolve(row, margin, 1, taps, line)
            for j in range(image.shape[1]):
                image[i, j] = line[j * refinement + refinement // 2]


@njit(error_model="numpy", fastmath=FUSED)
def convolve(source: Array, start: int, stride: int, taps: Array, target: Array) -> None:
    """Convolve a flat array with a symmetric kernel whose taps are a stride apart, from ``start`` on.

    ``TAPS`` taps are added in one pass over the target.
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
