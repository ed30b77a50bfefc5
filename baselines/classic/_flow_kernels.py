"""Localizations carried along a flow, and how sharp their image is; the flow is a polynomial of place at every time.

A velocity is a polynomial of u = (y, x), which are -1 and 1 at the borders of the field. Its coefficients, in the
field's half sizes per time point, have the shape (yx, n, n): the power of y, then that of x.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from smlmsim.compiled import njit

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]


@njit(error_model="numpy")
def sharpness(
    rows: F64, columns: F64, times: F64, basis: F64, terms: F64, taps: F32, image: F32, gradient: F64
) -> float:
    """Return the sharpness of the image of warped events, and write its gradient.

    An event at time t goes back by t times its velocity, the sum of its basis functions times ``terms``, and is shared
    among the four nearest pixels; those that leave the image are lost. The sharpness is the sum of the image times
    itself blurred, which is the sum of squares of the image blurred by a Gaussian narrower by the square root of 2.

    Parameters
    ----------
    rows, columns, times : array, shape (event,)
        Places in pixels of the image, times from that of the image.
    basis : array, shape (event, k)
    terms : array, shape (yx, k)
        Velocities in pixels per unit of time.
    taps : array of float32, shape (2 r + 1,)
        The blur.
    image : array of float32, shape (y, x)
        Overwritten.
    gradient : array, shape (yx, k)
        Written: the derivatives of the sharpness by the terms.
    """
    warped = np.empty((times.size, 2))
    image[:] = np.float32(0)
    height, width = image.shape
    for i in range(times.size):
        y, x = rows[i], columns[i]
        for k in range(basis.shape[1]):
            y -= times[i] * basis[i, k] * terms[0, k]
            x -= times[i] * basis[i, k] * terms[1, k]
        warped[i, 0], warped[i, 1] = y, x
        if 0 <= y < height - 1 and 0 <= x < width - 1:
            row, column = int(y), int(x)
            v, u = np.float32(y - row), np.float32(x - column)
            image[row, column] += (1 - v) * (1 - u)
            image[row, column + 1] += (1 - v) * u
            image[row + 1, column] += v * (1 - u)
            image[row + 1, column + 1] += v * u
    blurred = _blurred(image, taps)
    gradient[:] = 0
    for i in range(times.size):
        y, x = warped[i]
        if 0 <= y < height - 1 and 0 <= x < width - 1:
            row, column = int(y), int(x)
            v, u = y - row, x - column
            a, b = blurred[row, column], blurred[row, column + 1]
            c, d = blurred[row + 1, column], blurred[row + 1, column + 1]
            along_y = -2 * times[i] * ((c - a) * (1 - u) + (d - b) * u)
            along_x = -2 * times[i] * ((b - a) * (1 - v) + (d - c) * v)
            for k in range(basis.shape[1]):
                gradient[0, k] += along_y * basis[i, k]
                gradient[1, k] += along_x * basis[i, k]
    return _product(image, blurred)


@njit(error_model="numpy")
def best_translation(rows: F64, columns: F64, times: F64, shifts: F64, taps: F32, image: F32) -> int:
    """Return which of some velocities (n, yx), the same everywhere, gives the sharpest image; the first of equals."""
    basis, gradient = np.ones((times.size, 1)), np.empty((2, 1))
    best, sharpest = 0, -1.0
    for n in range(shifts.shape[0]):
        found = sharpness(rows, columns, times, basis, shifts[n].copy().reshape(2, 1), taps, image, gradient)
        if found > sharpest:
            best, sharpest = n, found
    return best


@njit(error_model="numpy")
def legendre_basis(places: F64, order: int, basis: F64, slopes: F64) -> None:
    """Write products of Legendre polynomials of y and x and their derivatives, lower total degrees first.

    Parameters
    ----------
    places : array, shape (yx, event)
        Beyond 1.2, where polynomials run away, they are taken to be at 1.2.
    order : int
        The highest total degree.
    basis : array, shape (event, k)
    slopes : array, shape (event, yx, k)
    """
    value, slope = np.ones((2, order + 1)), np.zeros((2, order + 1))
    for i in range(places.shape[1]):
        for axis in range(2):
            at = min(max(places[axis, i], -1.2), 1.2)
            for n in range(1, order + 1):
                before = value[axis, n - 2] if n > 1 else 0.0
                value[axis, n] = ((2 * n - 1) * at * value[axis, n - 1] - (n - 1) * before) / n
                slope[axis, n] = n * value[axis, n - 1] + at * slope[axis, n - 1]
        k = 0
        for total in range(order + 1):
            for b in range(total + 1):
                a = total - b
                basis[i, k] = value[0, a] * value[1, b]
                slopes[i, 0, k] = slope[0, a] * value[1, b]
                slopes[i, 1, k] = value[0, a] * slope[1, b]
                k += 1


@njit(fastmath={"reassoc", "contract", "nsz"})
def _blurred(image: F32, taps: F32) -> F32:
    """Blur along both axes; beyond the image there is nothing."""
    height, width = image.shape
    reach = taps.size // 2
    along_y, blurred = np.zeros_like(image), np.zeros_like(image)
    for y in range(height):
        row = along_y[y]
        for other in range(max(y - reach, 0), min(y + reach + 1, height)):
            weight, source = taps[other - y + reach], image[other]
            for x in range(width):
                row[x] += weight * source[x]
    for y in range(height):
        for k in range(taps.size):
            shift, weight = k - reach, taps[k]
            first, last = max(-shift, 0), min(width - shift, width)
            source, row = along_y[y, first + shift : last + shift], blurred[y, first:last]
            for x in range(row.size):
                row[x] += weight * source[x]
    return blurred


@njit(fastmath={"reassoc", "contract", "nsz"})
def _product(v: F32, w: F32) -> float:
    total = 0.0
    for y in range(v.shape[0]):
        part = np.float32(0)
        for x in range(v.shape[1]):
            part += v[y, x] * w[y, x]
        total += float(part)
    return total


@njit(error_model="numpy", inline="always")
def _velocity(c, y, x):  # type: ignore[no-untyped-def]
    """Evaluate both components of a velocity."""
    n = c.shape[1]
    along_y, along_x = 0.0, 0.0
    for a in range(n - 1, -1, -1):
        row_y, row_x = 0.0, 0.0
        for b in range(n - 1 - a, -1, -1):
            row_y = row_y * x + c[0, a, b]
            row_x = row_x * x + c[1, a, b]
        along_y = along_y * y + row_y
        along_x = along_x * y + row_x
    return along_y, along_x


@njit(error_model="numpy")
def align(points: Int, offsets: F64, y: F64, x: F64, flow: F64) -> None:
    """Carry events in place to the middle of their time point, from which they are ``offsets`` time points away."""
    for i in range(points.size):
        v, u = _velocity(flow[points[i]], y[i], x[i])
        y[i] -= offsets[i] * v
        x[i] -= offsets[i] * u


@njit(error_model="numpy")
def carry(
    points: Int, y: F64, x: F64, flow: F64, between: F64, weights: F32, slots: Int, ends: Int, images: F32
) -> None:
    """Add every event to all images that it counts in, at the place where the flow takes it by then.

    From one time point to the next an event goes with the mean of both flows, evaluated half a step ahead. What
    leaves the field is lost.

    Parameters
    ----------
    points : array of int64, shape (event,)
        Time points.
    y, x : array, shape (event,)
        Places at the middles of the time points, -1 to 1 in the field.
    flow : array, shape (time, yx, n, n)
    between : array, shape (time - 1, yx, n, n)
        The means of successive flows.
    weights : array of float32, shape (image, time)
        How much an event of a time point counts in an image.
    slots : array of int64, shape (time,)
        The image of a time point, or -1.
    ends : array of int64, shape (time, 2)
        The first and the last time point whose image an event counts in.
    images : array of float32, shape (image, y, x)
        Added to.
    """
    height, width = images.shape[1] / 2, images.shape[2] / 2
    for i in range(points.size):
        home = points[i]
        for step in (1, -1):
            p, at_y, at_x = home, y[i], x[i]
            v, u = _velocity(flow[p], at_y, at_x)
            while abs(at_y) < 1 and abs(at_x) < 1:
                n = slots[p]
                if n >= 0 and (p != home or step == 1):
                    images[n, int((at_y + 1) * height), int((at_x + 1) * width)] += weights[n, home]
                p += step
                if p < ends[home, 0] or p > ends[home, 1]:
                    break
                v, u = _velocity(between[min(p, p - step)], at_y + step * v / 2, at_x + step * u / 2)
                at_y += step * v
                at_x += step * u


@njit(error_model="numpy")
def seen(chosen: Int, y: F64, x: F64, flow: F64, between: F64, weights: F32, out: F32) -> None:
    """Write the weight of all time points at which what is at a place at one of them was in the field.

    Parameters
    ----------
    chosen : array of int64, shape (n,)
        Time points.
    y, x : array, shapes (rows,) and (columns,)
        Places, -1 to 1 in the field.
    flow, between : array, shapes (time, yx, n, n) and (time - 1, yx, n, n)
        As for :func:`carry`.
    weights : array of float32, shape (n, time)
    out : array of float32, shape (n, rows, columns)
    """
    for n in range(chosen.size):
        for row in range(y.size):
            for column in range(x.size):
                total = np.float32(0)
                for step in (1, -1):
                    p, at_y, at_x = chosen[n], y[row], x[column]
                    v, u = _velocity(flow[p], at_y, at_x)
                    while abs(at_y) < 1 and abs(at_x) < 1:
                        if p != chosen[n] or step == 1:
                            total += weights[n, p]
                        p += step
                        if p < 0 or p >= flow.shape[0] or weights[n, p] == 0:
                            break
                        v, u = _velocity(between[min(p, p - step)], at_y + step * v / 2, at_x + step * u / 2)
                        at_y += step * v
                        at_x += step * u
                out[n, row, column] = total
