"""Localizations carried along a flow, and how sharp their image is; the flow is a polynomial of place at every time.

A velocity is a polynomial of u = (y, x), which are -1 and 1 at the borders of the field. Its coefficients, in the
field's half sizes per time point, have the shape (yx, n, n): the power of y, then that of x.

``sharpness`` spreads warped events over an image, blurs it, and differentiates the result by the terms of the flow: one
evaluation of the loss that an optimiser calls hundreds of times. ``trace``, ``add``, ``stays`` and ``seen`` average
events along the flow that was found. ``tests/baselines/classic/test_flow.py`` holds the sharpness against
``scipy.ndimage``, the gradient against finite differences and the rest against sums of counts. On one core
``sharpness`` is about 9 times as fast as numpy with ``np.add.at``.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from smlmsim.compiled import njit

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]
Int32 = npt.NDArray[np.int32]
Bool = npt.NDArray[np.bool_]
Taps = tuple[np.float32, ...]

_BLOCK = 256
"""Events or places that take each step together, vectorised: their arrays fill 16 kB, which stay in the cache."""


@njit(error_model="numpy")
def sharpness(
    rows: F64, columns: F64, times: F64, basis: F64, terms: F64, taps: Taps, image: F32, gradient: F64
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
    taps : tuple of float32, length 2 r + 1
        The blur. The length of a tuple is known when this is compiled, so its loops unroll.
    image : array of float32, shape (y, x)
        Overwritten.
    gradient : array, shape (yx, k)
        Written: the derivatives of the sharpness by the terms. If it has no elements, nobody asks for them.
    """
    warped = np.empty((times.size, 2))
    image[:] = np.float32(0)
    height, width = image.shape
    top, bottom = height, 0
    for i in range(times.size):
        y, x = rows[i], columns[i]
        for k in range(basis.shape[1]):
            y -= times[i] * basis[i, k] * terms[0, k]
            x -= times[i] * basis[i, k] * terms[1, k]
        warped[i, 0], warped[i, 1] = y, x
        # Shared among four pixels, the image changes smoothly with the flow, and a gradient exists.
        if 0 <= y < height - 1 and 0 <= x < width - 1:
            row, column = int(y), int(x)
            v, u = np.float32(y - row), np.float32(x - column)
            image[row, column] += (1 - v) * (1 - u)
            image[row, column + 1] += (1 - v) * u
            image[row + 1, column] += v * (1 - u)
            image[row + 1, column + 1] += v * u
            top, bottom = min(top, row), max(bottom, row + 2)
    # The blur is symmetric, so the blurred image is half the derivative of the sharpness by the image itself.
    # Where rows hold no event, nobody asks for it.
    blurred = np.empty_like(image)
    found = _blur(image, taps, top, bottom, blurred)
    gradient[:] = 0
    if gradient.size == 0:
        return found
    for i in range(times.size):
        y, x = warped[i]
        if 0 <= y < height - 1 and 0 <= x < width - 1:
            row, column = int(y), int(x)
            # Chain rule: the slope of the blurred image at the event, times how far a term moves it.
            v, u = y - row, x - column
            a, b = blurred[row, column], blurred[row, column + 1]
            c, d = blurred[row + 1, column], blurred[row + 1, column + 1]
            along_y = -2 * times[i] * ((c - a) * (1 - u) + (d - b) * u)
            along_x = -2 * times[i] * ((b - a) * (1 - v) + (d - c) * v)
            for k in range(basis.shape[1]):
                gradient[0, k] += along_y * basis[i, k]
                gradient[1, k] += along_x * basis[i, k]
    return found


@njit(error_model="numpy")
def best_translation(rows: F64, columns: F64, times: F64, shifts: F64, taps: Taps, image: F32) -> int:
    """Return which of some velocities (n, yx), the same everywhere, gives the sharpest image; the first of equals."""
    # A translation is the constant term alone; the search asks for no gradient.
    basis, gradient = np.ones((times.size, 1)), np.empty((2, 0))
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
                # Bonnet's recursion, and the derivative of the polynomials.
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


@njit(fastmath={"contract"})
def _blur(image: F32, taps: Taps, top: int, bottom: int, blurred: F32) -> float:
    """Blur some rows along both axes, and return the sum of the image times itself blurred.

    Beyond the image there is nothing, and so there is in all other rows.
    """
    height, width = image.shape
    reach = len(taps) // 2
    # A row is blurred along y, with a border of zeros at either end, then along x, and compared while it is in the
    # cache. All taps are summed at once, in their order: inner loops over adjacent pixels, vectorised.
    along_y = np.zeros(width + 2 * reach, np.float32)
    total = 0.0
    for y in range(top, bottom):
        if reach <= y < height - reach:
            for x in range(width):
                value = np.float32(0)
                for k in range(len(taps)):
                    value += taps[k] * image[y + k - reach, x]
                along_y[reach + x] = value
        else:
            along_y[reach : reach + width] = np.float32(0)
            for k in range(len(taps)):
                if 0 <= y + k - reach < height:
                    for x in range(width):
                        along_y[reach + x] += taps[k] * image[y + k - reach, x]
        row = blurred[y]
        for x in range(width):
            value = np.float32(0)
            for k in range(len(taps)):
                value += taps[k] * along_y[x + k]
            row[x] = value
        # float32 within a row, for SIMD code, and float64 over the rows, where the sum grows long.
        total += float(_dot(image[y], row))
    return total


@njit(fastmath={"reassoc", "contract", "nsz"})
def _dot(v: F32, w: F32) -> np.float32:
    part = np.float32(0)
    for x in range(v.size):
        part += v[x] * w[x]
    return part


@njit(error_model="numpy", inline="always")
def _velocity(c, y, x):  # type: ignore[no-untyped-def]
    """Evaluate both components of a velocity."""
    # Horner's scheme in both variables.
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
def trace(
    starts: Int, y: F64, x: F64, flow: F64, between: F64, slots: Int, reach: int, shape: Int, pixels: Int32
) -> None:
    """Follow every event to the time points around its own, and write the pixel that it is in at each.

    From one time point to the next an event goes with the mean of both flows, evaluated half a step ahead. What
    leaves the field is lost. Events of a time point go together, for what they do is the same.

    Parameters
    ----------
    starts : array of int64, shape (time + 1,)
        Where the events of each time point begin.
    y, x : array, shape (event,)
        Places at the middles of the time points, -1 to 1 in the field.
    flow : array, shape (time, yx, n, n)
    between : array, shape (time - 1, yx, n, n)
        The means of successive flows.
    slots : array of int64, shape (time,)
        The row of ``pixels`` of a time point, or -1.
    reach : int
        How many time points an event is followed before and after its own.
    shape : array of int64, shape (2,)
        Rows and columns of the field.
    pixels : array of int32, shape (slot, event)
        Written where an event comes to: the number of the pixel; what is not, is left as it is.
    """
    # Buffers for one block, made once: nothing is allocated in the loops.
    height, width, columns = shape[0] / 2, shape[1] / 2, shape[1]
    at, way, spare = np.empty((2, _BLOCK)), np.empty((2, _BLOCK)), np.empty((4, _BLOCK))
    inside = np.empty(_BLOCK, np.bool_)
    for home in range(starts.size - 1):
        for first in range(starts[home], starts[home + 1], _BLOCK):
            n = min(starts[home + 1] - first, _BLOCK)
            for step in (1, -1):
                at[0, :n], at[1, :n] = y[first : first + n], x[first : first + n]
                inside[:n] = True
                _velocities(flow[home], at, way, spare, n)
                p = home
                while True:
                    slot = slots[p]
                    if slot >= 0 and (p != home or step == 1):
                        row = pixels[slot, first : first + n]
                        for i in range(n):
                            if inside[i]:
                                row[i] = int((at[0, i] + 1) * height) * columns + int((at[1, i] + 1) * width)
                    p += step
                    if p < 0 or p >= slots.size or abs(p - home) > reach:
                        break
                    _advance(between[min(p, p - step)], step, at, way, spare, inside, n)


@njit(error_model="numpy")
def add(first: int, homes: Int, weights: F32, pixels: Int32, images: F32) -> None:
    """Add every event of some to all images that it counts in, at the pixel that it is in by then.

    Parameters
    ----------
    first : int
        The first of these events.
    homes : array of int64, shape (event,)
        The time points of all events.
    weights : array of float32, shape (image, time)
        How much an event of a time point counts in an image.
    pixels : array of int32, shape (image, some)
        As of :func:`trace`; -1 where an event does not come.
    images : array of float32, shape (image, pixel)
        Added to.
    """
    for n in range(images.shape[0]):
        image, weight, row = images[n], weights[n], pixels[n]
        for i in range(row.size):
            # The pixels do not depend on the weights: events are followed once for all widths.
            share = weight[homes[first + i]]
            if share > 0 and row[i] >= 0:
                image[row[i]] += share


@njit(error_model="numpy")
def stays(chosen: Int, y: F64, x: F64, flow: F64, between: F64, reach: int, out: Int32) -> None:
    """Write the first and the last time point at which what is at a place at one of them was in the field.

    Parameters
    ----------
    chosen : array of int64, shape (n,)
        Time points.
    y, x : array, shape (place,)
        Places, -1 to 1 in the field.
    flow, between : array, shapes (time, yx, n, n) and (time - 1, yx, n, n)
        As for :func:`trace`.
    reach : int
        How many time points are looked at before and after.
    out : array of int32, shape (n, 2, place)
    """
    at, way, spare = np.empty((2, _BLOCK)), np.empty((2, _BLOCK)), np.empty((4, _BLOCK))
    inside = np.empty(_BLOCK, np.bool_)
    for slot in range(chosen.size):
        for first in range(0, y.size, _BLOCK):
            n = min(y.size - first, _BLOCK)
            for step in (1, -1):
                at[0, :n], at[1, :n] = y[first : first + n], x[first : first + n]
                inside[:n] = True
                _velocities(flow[chosen[slot]], at, way, spare, n)
                row = out[slot, (step + 1) // 2, first : first + n]
                p = chosen[slot]
                row[:] = p
                while True:
                    p += step
                    if p < 0 or p >= flow.shape[0] or abs(p - chosen[slot]) > reach:
                        break
                    _advance(between[min(p, p - step)], step, at, way, spare, inside, n)
                    for i in range(n):
                        if inside[i]:
                            row[i] = p


@njit(error_model="numpy")
def seen(chosen: Int, between: Int32, weights: F32, out: F32) -> None:
    """Write the weight of all time points at which what is at a place at one of them was in the field.

    Parameters
    ----------
    chosen : array of int64, shape (n,)
        Time points.
    between : array of int32, shape (n, 2, place)
        The first and the last of them.
    weights : array of float32, shape (n, time)
    out : array of float32, shape (n, place)
    """
    for n in range(chosen.size):
        for i in range(out.shape[1]):
            total = np.float32(0)
            for p in range(chosen[n], between[n, 1, i] + 1):
                total += weights[n, p]
            for p in range(chosen[n] - 1, between[n, 0, i] - 1, -1):
                total += weights[n, p]
            out[n, i] = total


@njit(error_model="numpy")
def _advance(flow: F64, step: int, at: F64, way: F64, spare: F64, inside: Bool, n: int) -> None:
    """Take places one time point on, and note which are still in the field; ``way`` is their last velocity."""
    # Midpoint rule: the velocity half a step ahead, which makes the error of a step of third order.
    for axis in range(2):
        for i in range(n):
            spare[2 + axis, i] = at[axis, i] + step * way[axis, i] / 2
    ahead = spare[2:]
    _velocities(flow, ahead, way, spare, n)
    for i in range(n):
        at[0, i] += step * way[0, i]
        at[1, i] += step * way[1, i]
        inside[i] = inside[i] and abs(at[0, i]) < 1 and abs(at[1, i]) < 1


@njit(error_model="numpy")
def _velocities(c: F64, at: F64, way: F64, spare: F64, n: int) -> None:
    """Write the velocities at many places, as ``_velocity`` does at one: 1.4 to 1.7 times as fast, as SIMD code."""
    y, x = at[0, :n], at[1, :n]
    along_y, along_x, row_y, row_x = way[0, :n], way[1, :n], spare[0, :n], spare[1, :n]
    along_y[:] = 0.0
    along_x[:] = 0.0
    for a in range(c.shape[1] - 1, -1, -1):
        row_y[:] = 0.0
        row_x[:] = 0.0
        for b in range(c.shape[1] - 1 - a, -1, -1):
            for i in range(n):
                row_y[i] = row_y[i] * x[i] + c[0, a, b]
                row_x[i] = row_x[i] * x[i] + c[1, a, b]
        for i in range(n):
            along_y[i] = along_y[i] * y[i] + row_y[i]
            along_x[i] = along_x[i] * y[i] + row_x[i]
