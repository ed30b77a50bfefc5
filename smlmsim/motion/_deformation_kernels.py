"""The kernel of the deformation: points carried by a translation and a polynomial."""

import numpy as np
import numpy.typing as npt
from numba import njit

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]


@njit(cache=True, nogil=True, error_model="numpy")
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
    times ``amplitudes`` (time,). ``field`` is y0, x0, height, width. A period of 0 never wraps.
    """
    half_y, half_x = field[2] / 2, field[3] / 2
    middle_y, middle_x = field[0] + half_y, field[1] + half_x
    y, x = terms[0], terms[1]
    for t in range(amplitudes.size):
        for p in range(points.shape[1]):
            at_y = points[0, p] + _wrapped(shifts[0, t], centres[0, p], corner[0], period[0])
            at_x = points[1, p] + _wrapped(shifts[1, t], centres[1, p], corner[1], period[1])
            v, u = (at_y - middle_y) / half_y, (at_x - middle_x) / half_x
            fade = amplitudes[t] * _fade(v) * _fade(u)
            v, u = min(max(v, -2.0), 2.0), min(max(u, -2.0), 2.0)
            out[0, t, p] = at_y + half_y * fade * _polynomial(y, v, u)
            out[1, t, p] = at_x + half_x * fade * _polynomial(x, v, u)


@njit(cache=True, nogil=True, error_model="numpy")
def mean_normal_shift(before: F32, after: F32, probes: npt.NDArray[np.int64], box: F64, field: F64) -> float:
    """Return the mean |shift along the normal| of some vertices while they are in the field, or NaN.

    Positions are (yx, time, vertex). A row of ``probes`` (probe, 3) holds a vertex and the two between which the
    contour runs there; box and field are y0, x0, height, width.
    """
    total, seen = 0.0, 0
    for t in range(before.shape[1]):
        for k in range(probes.shape[0]):
            v, back, ahead = probes[k, 0], probes[k, 1], probes[k, 2]
            y, x = np.float64(before[0, t, v]) - field[0], np.float64(before[1, t, v]) - field[1]
            if y < 0.0 or y >= field[2] or x < 0.0 or x >= field[3]:
                continue
            along_y = np.float64(before[0, t, ahead]) - before[0, t, back]
            along_x = np.float64(before[1, t, ahead]) - before[1, t, back]
            dy = _nearest(np.float64(after[0, t, v]) - before[0, t, v], box[2])
            dx = _nearest(np.float64(after[1, t, v]) - before[1, t, v], box[3])
            total += abs(dy * along_x - dx * along_y) / np.sqrt(along_y * along_y + along_x * along_x)
            seen += 1
    return total / seen


@njit(cache=True, nogil=True, inline="always")
def _nearest(shift, period):  # type: ignore[no-untyped-def]
    """The shift to the nearest periodic image."""
    if period <= 0.0:
        return shift
    return shift - period * np.round(shift / period)


@njit(cache=True, nogil=True, inline="always")
def _wrapped(shift, centre, corner, period):  # type: ignore[no-untyped-def]
    """The shift less the whole periods that keep the centre in the box."""
    if period <= 0.0:
        return shift
    return shift - period * np.floor((centre + shift - corner) / period)


@njit(cache=True, nogil=True, inline="always")
def _polynomial(c, y, x):  # type: ignore[no-untyped-def]
    """The value of c0 + c1 x + ... + c4 x^4 + c5 y + ... + c8 y^4."""
    return (
        c[0]
        + x * (c[1] + x * (c[2] + x * (c[3] + x * c[4])))
        + y * (c[5] + y * (c[6] + y * (c[7] + y * c[8])))
    )


@njit(cache=True, nogil=True, inline="always")
def _fade(u):  # type: ignore[no-untyped-def]
    """1 within the field (|u| <= 1), 0 a half field beyond it, smooth in between."""
    beyond = min(max(abs(u) - 1.0, 0.0), 1.0)
    return 1.0 - beyond * beyond * (3.0 - 2.0 * beyond)
