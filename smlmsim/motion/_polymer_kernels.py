"""The inner loops of the polymer: modes through time, then segment angles, tangents and vertices.

The normal modes of a filament are independent. Each is advanced from one time to the next by an exact update with one
normal number (see ``_persistent_noise``), so a step may have any length. A matrix product turns mode amplitudes into
the angles of the segments, sine and cosine into unit vectors, and a running sum into vertices. All of it runs for
``BLOCK`` time points of one filament at once, so that the intermediate arrays stay in the cache.

Modes are even or odd about the middle of the filament. So the angles of one half give those of the other by the sum and
the difference of two products, which halves the work.

The twin in numpy is ``tests/motion/test_polymer.py``. Explicit dynamics is the alternative: a movie of 300 time points
of 40 filaments with 100 vertices takes 10 ms on one core, OpenMM on its CPU platform about an hour, extrapolated from
a thousandth of the movie in 3.5 s (``benchmarks/bench_polymer.py``). With ``np.sin`` and ``np.cos`` instead of
``_fast_math`` the kernel would take 1.9 times as long, with signed indices 1.2 times.
"""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

from typing import Any

import numpy as np

from smlmsim._contour_kernels import entered
from smlmsim._fast_math import sine_and_cosine
from smlmsim._philox import normals_f32, words
from smlmsim.compiled import njit

BLOCK = 32
"""Time points that go through every loop together; the first block begins with the movie. The addresses of the random
numbers depend on it. With 8 or 128, the kernel takes 1.2 times as long."""
ONE_THREAD = 2**17
"""Products of a matrix multiplication that no BLAS spreads over several threads; a larger one is cut into parts."""

# "contract" alone: a sum in any order would let the bytes depend on the processor.
_kernel = njit(error_model="numpy", fastmath={"contract"})
_inlined = njit(error_model="numpy", fastmath={"contract"}, forceinline=True)


@_kernel
def trace(
    y: Any,
    x: Any,
    first_vertex: Any,
    vertices: Any,
    bond_nm: Any,
    centre_nm: Any,
    box_nm: Any,
    state: Any,
    update: Any,
    persist: Any,
    update_of: Any,
    shapes: Any,
    key: Any,
    stream: Any,
    first_time: Any,
) -> None:
    """Fill in the vertices of filaments of one number of vertices, and leave their state at the last time.

    The arithmetic is in the floating point type of ``state``, except for the random numbers, which are
    float32, and the centres of mass, which are float64. The slots of parity 0 hold the modes whose bond
    angles are even about the middle of the filament, those of parity 1 the odd ones; slot (vertices // 2) of
    either holds the shift of the centre of mass, in nm, along y and along x, and further ones hold nothing.

    Parameters
    ----------
    y, x : array, shape (time, vertex), nm
        Filled in from the first vertex of every filament on.
    first_vertex : int array, shape (filament,)
    vertices : int
        In one filament.
    bond_nm : array, shape (filament,)
    centre_nm : array, shape (filament, 2), nm
        Centre of mass (y, x) from which the shift is counted.
    box_nm : array, shape (4,)
        Origin (y, x) and size of the periodic box.
    state : array, shape (filament, parity, 2, slot)
        Mode amplitudes, and the filtered estimate of the active force on each (see
        :class:`smlmsim.motion._persistent_noise.Schedule`); changed in place.
    update : array, shape (filament, parity, update, 4, slot)
        Decay of the coordinate, gain from the drive, noise of the coordinate and noise of the drive.
    persist : array, shape (update,)
        Decay of the drive.
    update_of : int array, shape (time,)
        Which update leads to a time; -1 where the state is of that time already.
    shapes : array, shape (parity, slot, vertices // 2)
        Angles of the first half of the bonds (the middle one included), per unit of the coordinate.
    key : uint64
    stream : int array, shape (filament,)
        Which random numbers are those of a filament.
    first_time : int
        How many times of the movie came before.
    """
    slots, half = shapes.shape[1:]
    word = np.empty((4, BLOCK * slots // 2), np.uint32)
    noise = np.empty((4, BLOCK * slots // 2), np.float32)
    coordinate = np.zeros((2, 1 + BLOCK, slots), state.dtype)
    angle = np.empty((2, BLOCK, half), state.dtype)
    tangent = np.empty((4, BLOCK, half), state.dtype)
    path = np.empty((2, vertices), state.dtype)
    times = y.shape[0]
    row = 0
    while row < times:
        # Random numbers are drawn for whole blocks, so a movie made in parts is that made at once.
        block, start = divmod(first_time + row, BLOCK)
        stop = min(BLOCK, start + times - row)
        some = slice(row, row + stop - start)
        for f in range(state.shape[0]):
            _fill_noise(noise, word, key, block, stream[f])
            for parity in range(2):
                of_parity = noise.reshape(-1)[(2 * start + parity) * slots :]
                _advance(
                    coordinate[parity, start:].reshape(-1),
                    state[f, parity].reshape(-1),
                    update[f, parity].reshape(-1),
                    update_of[some],
                    persist,
                    of_parity,
                )
                _fill_angles(angle[parity], coordinate[parity, 1:], shapes[parity])
            _fill_tangents(tangent, angle)
            centre = _centres(coordinate[:, start + 1 : stop + 1, half], centre_nm[f], box_nm)
            _lay_out(y[some], x[some], first_vertex[f], bond_nm[f], centre, tangent, start, path)
        row += stop - start


@_kernel
def _fill_noise(noise: Any, word: Any, key: Any, block: Any, stream: Any) -> None:
    # Two short loops, words and then normal numbers, are vectorised better than one: see _philox.
    for i in range(word.shape[1]):
        word[0, i], word[1, i], word[2, i], word[3, i] = words(key, i, block, stream)
    for h in range(0, 4, 2):
        for i in range(word.shape[1]):
            noise[h, i], noise[h + 1, i] = normals_f32(word[h, i], word[h + 1, i])


@_kernel
def _advance(coordinate: Any, state: Any, update: Any, update_of: Any, persist: Any, noise: Any) -> None:
    """Draw the coordinates of some times, one after the other, and leave the state at the last one.

    Flat arrays and unsigned indices, for the loops to become SIMD code: with signed indices, 1.06 times the time.
    """
    slots = np.uint64(state.size // 2)
    for i in range(slots):
        coordinate[i] = state[i]
    for t in range(np.uint64(update_of.size)):
        before, now = t * slots, t * slots + slots
        if update_of[t] < 0:
            for i in range(slots):
                coordinate[now + i] = coordinate[before + i]
        else:
            decay, noise_of = np.uint64(4 * update_of[t]) * slots, np.uint64(2) * before
            gain = decay + slots
            jolt = gain + slots
            kick = jolt + slots
            remains = persist[update_of[t]]
            for i in range(slots):
                # One normal number z moves the amplitude and the estimate of its force: the Kalman filter's innovation.
                known, z = state[slots + i], noise[noise_of + i]
                coordinate[now + i] = (
                    update[decay + i] * coordinate[before + i]
                    + update[gain + i] * known
                    + update[jolt + i] * z
                )
                state[slots + i] = remains * known + update[kick + i] * z
    last = np.uint64(update_of.size) * slots
    for i in range(slots):
        state[i] = coordinate[last + i]


@_kernel
def _fill_angles(angle: Any, coordinate: Any, shapes: Any) -> None:
    # A product that BLAS spreads over threads may be summed in another order, which would change the bytes.
    rows = max(1, ONE_THREAD // shapes.size)
    for t in range(0, BLOCK, rows):
        part = angle[t : t + rows]
        np.dot(coordinate[t : t + rows], shapes, part)


@_kernel
def _fill_tangents(tangent: Any, angle: Any) -> None:
    """Sine and cosine of the bonds of the first half, then those of their mirror images in the second."""
    # Modes are even or odd about the middle: the sum is the angle of a segment, the difference that of its image.
    even, odd = angle[0].ravel(), angle[1].ravel()
    sine, cosine = tangent[0].ravel(), tangent[1].ravel()
    for i in range(even.size):
        sine[i], cosine[i] = sine_and_cosine(even[i] + odd[i], angle.dtype.type)
    sine, cosine = tangent[2].ravel(), tangent[3].ravel()
    for i in range(even.size):
        sine[i], cosine[i] = sine_and_cosine(even[i] - odd[i], angle.dtype.type)


@_kernel
def _centres(shift: Any, centre_nm: Any, box_nm: Any) -> Any:
    """Centres of mass in the box, shape (2, time), in float64."""
    centre = np.empty(shift.shape, np.float64)
    for axis in range(2):
        for t in range(shift.shape[1]):
            centre[axis, t] = entered(centre_nm[axis] + shift[axis, t], box_nm[axis], box_nm[axis + 2])
    return centre


@_kernel
def _lay_out(
    y: Any, x: Any, first_vertex: Any, bond_nm: Any, centre: Any, tangent: Any, start: Any, path: Any
) -> None:
    """Write the vertices of one filament, time by time."""
    first = np.uint64(first_vertex)
    for t in range(np.uint64(y.shape[0])):
        near_y, near_x, far_y, far_x = _walk(path, tangent, np.uint64(start) + t)
        _place(y, path, np.uint64(0), t, first, bond_nm, centre, near_y, far_y)
        _place(x, path, np.uint64(1), t, first, bond_nm, centre, near_x, far_x)


@_inlined
def _walk(path: Any, tangent: Any, t: Any) -> tuple[Any, Any, Any, Any]:
    """Sum unit bonds up from both ends of a filament to its middle, along both axes at once: no sum waits long.

    Returns
    -------
    float, float, float, float
        What to add to the near part of ``path`` along y and x, and to the far part, so that they meet and
        their common mean is 0.
    """
    # Four running sums (two ends, two axes) overlap, where a single one would wait for every addition.
    last, half = np.uint64(path.shape[1] - 1), np.uint64(tangent.shape[2])
    pairs, zero = last >> np.uint64(1), path.dtype.type(0)
    near_y = far_y = near_sum_y = far_sum_y = near_x = far_x = near_sum_x = far_sum_x = zero
    for i in range(pairs):
        path[0, i], path[0, last - i] = near_y, far_y
        path[1, i], path[1, last - i] = near_x, far_x
        near_sum_y, far_sum_y = near_sum_y + near_y, far_sum_y + far_y
        near_sum_x, far_sum_x = near_sum_x + near_x, far_sum_x + far_x
        near_y, far_y = near_y + tangent[0, t, i], far_y - tangent[2, t, i]
        near_x, far_x = near_x + tangent[1, t, i], far_x - tangent[3, t, i]
    for i in range(pairs, half):
        path[0, i], path[1, i] = near_y, near_x
        near_sum_y, near_sum_x = near_sum_y + near_y, near_sum_x + near_x
        near_y, near_x = near_y + tangent[0, t, i], near_x + tangent[1, t, i]
    path[0, half], path[1, half] = near_y, near_x
    end_y, end_x = near_y - far_y, near_x - far_x
    far_vertices, vertices = path.dtype.type(pairs), path.dtype.type(path.shape[1])
    mean_y = (near_sum_y + near_y + far_sum_y + end_y * far_vertices) / vertices
    mean_x = (near_sum_x + near_x + far_sum_x + end_x * far_vertices) / vertices
    return -mean_y, -mean_x, end_y - mean_y, end_x - mean_x


@_inlined
def _place(
    vertex: Any, path: Any, axis: Any, t: Any, first: Any, bond_nm: Any, centre: Any, near: Any, far: Any
) -> None:
    # The two halves of the path began at its ends; each is shifted so that they meet, in units of a segment.
    vertices, real = np.uint64(path.shape[1]), path.dtype.type
    middle = vertices // np.uint64(2) + np.uint64(1)
    near_nm, far_nm = real(centre[axis, t] + bond_nm * near), real(centre[axis, t] + bond_nm * far)
    for i in range(middle):
        vertex[t, first + i] = path[axis, i] * bond_nm + near_nm
    for i in range(middle, vertices):
        vertex[t, first + i] = path[axis, i] * bond_nm + far_nm
