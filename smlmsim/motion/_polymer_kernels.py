"""The inner loops of the polymer: modes through time, then bond angles, tangents and vertices."""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from smlmsim._philox import normals_f32, words

BLOCK = 32
"""Time points that go through every loop together; the first block begins with the movie."""
ONE_THREAD = 2**17
"""Products of a matrix multiplication that no BLAS spreads over several threads."""

_kernel = njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
_merged = njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"}, inline="always")
"""For what gets slices in an inner loop: numba counts their references unless it sees all of it at once."""
_inlined = njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"}, forceinline=True)


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
        Origin (y, x) and size of the periodic box; a size of 0 stands for none.
    state : array, shape (filament, parity, 2, slot)
        Coordinates, and what is known of their drives; changed in place.
    update : array, shape (update, filament, parity, 4, slot)
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
    noise_of = noise.reshape(BLOCK, 2, slots)
    coordinate = np.zeros((2, 1 + BLOCK, slots), state.dtype)
    angle = np.empty((2, BLOCK, half), state.dtype)
    tangent = np.empty((4, BLOCK, half), state.dtype)
    path = np.empty(vertices, state.dtype)
    times = y.shape[0]
    row = 0
    while row < times:
        block, start = divmod(first_time + row, BLOCK)
        stop = min(BLOCK, start + times - row)
        for f in range(state.shape[0]):
            _fill_noise(noise, word, key, block, stream[f])
            for parity in range(2):
                own = coordinate[parity]
                _copy(state[f, parity, 0], own[start])
                for t in range(start, stop):
                    u = update_of[row + t - start]
                    if u < 0:
                        _copy(own[t], own[t + 1])
                    else:
                        drive = state[f, parity, 1]
                        _advance(
                            own[t + 1], own[t], drive, update[u, f, parity], persist[u], noise_of[t, parity]
                        )
                _copy(own[stop], state[f, parity, 0])
                _fill_angles(angle[parity], own[1:], shapes[parity])
            _fill_tangents(tangent, angle)
            for axis in range(2):
                for t in range(start, stop):
                    centre = centre_nm[f, axis] + coordinate[axis, t + 1, half]
                    centre = _wrapped(centre, box_nm[axis], box_nm[axis + 2])
                    near, far = _walk(path, tangent[axis, t], tangent[axis + 2, t])
                    vertex = (y if axis == 0 else x)[
                        row + t - start, first_vertex[f] : first_vertex[f] + vertices
                    ]
                    _place(vertex[: half + 1], path[: half + 1], bond_nm[f], centre + bond_nm[f] * near)
                    _place(vertex[half + 1 :], path[half + 1 :], bond_nm[f], centre + bond_nm[f] * far)
        row += stop - start


@_kernel
def _fill_noise(noise: Any, word: Any, key: Any, block: Any, stream: Any) -> None:
    for i in range(word.shape[1]):
        word[0, i], word[1, i], word[2, i], word[3, i] = words(key, i, block, stream)
    for h in range(0, 4, 2):
        for i in range(word.shape[1]):
            noise[h, i], noise[h + 1, i] = normals_f32(word[h, i], word[h + 1, i])


@_merged
def _copy(source: Any, target: Any) -> None:
    for i in range(target.size):
        target[i] = source[i]


@_merged
def _advance(now: Any, before: Any, drive: Any, update: Any, persist: Any, noise: Any) -> None:
    decay, gain, jolt, kick = update[0], update[1], update[2], update[3]
    for i in range(now.size):
        known = drive[i]
        now[i] = decay[i] * before[i] + gain[i] * known + jolt[i] * noise[i]
        drive[i] = persist * known + kick[i] * noise[i]


@_kernel
def _fill_angles(angle: Any, coordinate: Any, shapes: Any) -> None:
    rows = max(1, ONE_THREAD // shapes.size)
    for t in range(0, BLOCK, rows):
        part = angle[t : t + rows]
        np.dot(coordinate[t : t + rows], shapes, part)


@_kernel
def _fill_tangents(tangent: Any, angle: Any) -> None:
    """Sine and cosine of the bonds of the first half, then those of their mirror images in the second."""
    even, odd = angle[0].ravel(), angle[1].ravel()
    sine, cosine = tangent[0].ravel(), tangent[1].ravel()
    for i in range(even.size):
        sine[i], cosine[i] = _sine_and_cosine(even[i] + odd[i], angle.dtype.type)
    sine, cosine = tangent[2].ravel(), tangent[3].ravel()
    for i in range(even.size):
        sine[i], cosine[i] = _sine_and_cosine(even[i] - odd[i], angle.dtype.type)


@_merged
def _walk(path: Any, first: Any, mirror: Any) -> tuple[Any, Any]:
    """Sum unit bonds up from both ends of a filament to its middle.

    Returns
    -------
    float, float
        What to add to the near and to the far part of ``path``, so that they meet and their common mean is 0.
    """
    last, pairs = path.size - 1, (path.size - 1) // 2
    near = far = near_sum = far_sum = path.dtype.type(0)
    for i in range(pairs):
        path[i] = near
        path[last - i] = far
        near_sum += near
        far_sum += far
        near += first[i]
        far -= mirror[i]
    for i in range(pairs, first.size):
        path[i] = near
        near_sum += near
        near += first[i]
    path[first.size] = near
    end = near - far
    mean = (near_sum + near + far_sum + end * path.dtype.type(pairs)) / path.dtype.type(path.size)
    return -mean, end - mean


@_merged
def _place(vertex: Any, path: Any, bond_nm: Any, centre_nm: Any) -> None:
    shift = path.dtype.type(centre_nm)
    for i in range(path.size):
        vertex[i] = path[i] * bond_nm + shift


@_inlined
def _wrapped(position: Any, origin: Any, size: Any) -> Any:
    return position - size * np.floor((position - origin) / size) if size > 0 else position


@_inlined
def _sine_and_cosine(angle: Any, real: Any) -> tuple[Any, Any]:
    """Return both in the type ``real``, by the reduction and the polynomials of the Cephes library."""
    quarters = np.floor(angle * real(0.6366197723675814) + real(0.5))
    r = angle - quarters * real(1.5703125)
    r = r - quarters * real(4.837512969970703125e-4)
    r = r - quarters * real(7.54978995489188216e-8)
    s = r * r
    s2 = s * s
    sine = real(-1.66666666666666307295e-1) + s * real(8.33333333332211858878e-3)
    sine += s2 * (real(-1.98412698295895385996e-4) + s * real(2.75573136213857245213e-6))
    sine += (s2 * s2) * (real(-2.50507477628578072866e-8) + s * real(1.58962301576546568060e-10))
    sine = r + r * s * sine
    cosine = real(4.16666666666665929218e-2) + s * real(-1.38888888888730564116e-3)
    cosine += s2 * (real(2.48015872888517045348e-5) + s * real(-2.75573141792967388112e-7))
    cosine += (s2 * s2) * (real(2.08757008419747316778e-9) + s * real(-1.13585365213876817300e-11))
    cosine = (real(1.0) - real(0.5) * s) + s2 * cosine
    turn = np.int32(quarters)
    odd = (turn & np.int32(1)) != np.int32(0)
    a, b = (cosine, sine) if odd else (sine, cosine)
    return (
        -a if (turn & np.int32(2)) != np.int32(0) else a,
        -b if ((turn + np.int32(1)) & np.int32(2)) != np.int32(0) else b,
    )
