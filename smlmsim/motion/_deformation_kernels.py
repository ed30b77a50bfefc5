"""The kernel of the deformation: points carried by a translation and a polynomial.

At every time each point is shifted, put back into the periodic box, and displaced by a polynomial of its place that
fades out beyond the field. The same formulas in numpy give the same float32 numbers and are the twin (``carry`` is held
by ``tests/motion/test_deformation.py``). For 767 points at 1500 times the kernel is about 39 times as fast as numpy on
one core, because nothing but the result is written to memory.
"""

import numpy as np
import numpy.typing as npt

from smlmsim._contour_kernels import nearest
from smlmsim.compiled import njit

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]

FUSED = {"contract"}
"""Permission to round a product and a sum once, which a fused multiply-add does."""
FINITE_IN_ANY_ORDER = {"contract", "nsz", "nnan", "ninf", "reassoc"}
"""The sums may be split into parts and no number is NaN or infinite: makes ``_normal_shift`` 1.4 times as fast."""
F = np.float32  # type of the vertices
TINY = F(1e-30)
"""Square of a length in nm^2 that keeps the normal of a segment of length zero finite."""


@njit(error_model="numpy")
def carry(
    points: F64,
    centres: F64,
    period: F64,
    corner: F64,
    shifts: F64,
    amplitudes: F64,
    terms: F64,
    field: F64,
    out: F32,
) -> None:
    """Write where points are at every time.

    A point starts at ``points`` (yx, point), is shifted by ``shifts`` (yx, time), re-enters the box of ``corner`` and
    ``period`` (yx) when its centre (yx, point) leaves it, and is there displaced by the polynomials ``terms`` (yx, 9)
    times ``amplitudes`` (time,). ``field`` is y0, x0, height, width.
    """
    half = field[2:] / 2
    middle = field[:2] + half
    # Two buffers for the coordinates of one time, reused, stay in the cache.
    v, u = np.empty(points.shape[1]), np.empty(points.shape[1])
    for t in range(amplitudes.size):
        _enter(points[0], centres[0], shifts[0, t], corner[0], period[0], middle[0], half[0], v)
        _enter(points[1], centres[1], shifts[1, t], corner[1], period[1], middle[1], half[1], u)
        _displace(v, u, amplitudes[t], terms, middle, half, out[0, t], out[1, t])


@njit(error_model="numpy", fastmath=FUSED)
def _enter(
    points: F64, centres: F64, shift: float, corner: float, period: float, middle: float, half: float, u: F64
) -> None:
    """Find where points are after a shift along one axis, in half fields from the middle."""
    boxes = 1.0 / period
    for p in range(u.size):
        whole = np.floor((centres[p] + shift - corner) * boxes)
        # The whole object goes round when its centre does, so that no filament is torn.
        u[p] = (points[p] + shift - period * whole - middle) * (1.0 / half)


@njit(error_model="numpy", fastmath=FUSED)
def _displace(v: F64, u: F64, amplitude: float, terms: F64, middle: F64, half: F64, y: F32, x: F32) -> None:
    """Displace points by the polynomials, faded beyond the field."""
    for p in range(v.size):
        fade = amplitude * _fade(v[p]) * _fade(u[p])
        # Beyond a half field from the border the fade is 0: clamping only keeps the polynomial from overflowing.
        kept_v, kept_u = min(max(v[p], -2.0), 2.0), min(max(u[p], -2.0), 2.0)
        y[p] = middle[0] + half[0] * (v[p] + fade * _polynomial(terms[0], kept_v, kept_u))
        x[p] = middle[1] + half[1] * (u[p] + fade * _polynomial(terms[1], kept_v, kept_u))


@njit(error_model="numpy")
def mean_normal_shift(before: F32, after: F32, weights: F32, box: F64, field: F64) -> float:
    """Return the weighted mean |shift along the normal| of vertices while they are in the field, or NaN.

    Positions are (yx, time, vertex). The contour runs from every vertex of a weight (vertex,) to the next one. Box and
    field are y0, x0, height, width.
    """
    top, left, period_y, period_x = F(field[0]), F(field[1]), F(box[2]), F(box[3])
    bottom, right = F(field[0] + field[2]), F(field[1] + field[3])
    # Sums within one time are float32, over the times float64.
    total, seen = 0.0, 0.0
    for t in range(before.shape[1]):
        shift, weight = _normal_shift(
            before[0, t], before[1, t], after[0, t], after[1, t], weights, period_y, period_x, top, left, bottom, right
        )  # fmt: skip
        total, seen = total + float(shift), seen + float(weight)
    return total / seen


@njit(error_model="numpy", fastmath=FINITE_IN_ANY_ORDER)
def _normal_shift(
    y: F32, x: F32, later_y: F32, later_x: F32, weights: F32, period_y: F, period_x: F, top: F, left: F, bottom: F,
    right: F,
) -> tuple[np.float32, np.float32]:  # fmt: skip
    """Return the sums of weight * |shift along the normal| and of weight over the vertices in the field."""
    total, seen = F(0), F(0)
    for v in range(y.size - 1):
        # A product of comparisons, not "and", lets the loop be vectorised: 4 times as fast.
        rows, columns = F(y[v] >= top) * F(y[v] < bottom), F(x[v] >= left) * F(x[v] < right)
        weight = weights[v] * rows * columns
        along_y, along_x = y[v + 1] - y[v], x[v + 1] - x[v]
        dy, dx = nearest(later_y[v] - y[v], period_y), nearest(later_x[v] - x[v], period_x)
        across = abs(dy * along_x - dx * along_y) / np.sqrt(along_y * along_y + along_x * along_x + TINY)
        total, seen = total + weight * across, seen + weight
    return total, seen


@njit(inline="always")
def _polynomial(c, y, x):  # type: ignore[no-untyped-def]
    """The value of c0 + c1 x + ... + c4 x^4 + c5 y + ... + c8 y^4."""
    return (
        c[0]
        + x * (c[1] + x * (c[2] + x * (c[3] + x * c[4])))
        + y * (c[5] + y * (c[6] + y * (c[7] + y * c[8])))
    )


@njit(inline="always")
def _fade(u):  # type: ignore[no-untyped-def]
    """1 within the field (|u| <= 1), 0 a half field beyond it, smooth in between."""
    beyond = min(max(abs(u) - 1.0, 0.0), 1.0)
    return 1.0 - beyond * beyond * (3.0 - 2.0 * beyond)
