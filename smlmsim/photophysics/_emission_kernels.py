"""Numba kernels of the emission along a moving contour: serial, so that many may run side by side."""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from smlmsim._contour_kernels import Edges, Period, nearest
from smlmsim._philox import uniform_f32, words
from smlmsim.compiled import njit
from smlmsim.photophysics._block_kernels import BLOCK, Blocks, copy
from smlmsim.photophysics._survey_kernels import Frames, Nearby

Floats = npt.NDArray[np.float32]
Indices = npt.NDArray[np.int32]
Integers = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint32]

_1 = np.float32(1)
_32 = np.uint64(32)
_WHEN, _WHERE = np.int64(0), np.int64(1)  # streams of random words
_BATCH = 1024
_NEXT, _FEW, _BLOCK = np.uint64(1), np.uint64(2), np.uint64(BLOCK)  # unsigned: not tested for being negative


@njit(error_model="numpy")
def _line(size: int) -> Floats:
    return np.empty(size, np.float32)


@njit(error_model="numpy")
def emit(
    y: Floats,
    x: Floats,
    frames: Frames,
    blocks: Blocks,
    nearby: Nearby,
    draws: Integers,
    window: Edges,
    period: Period,
    key: np.uint64,
    loc_frame: Indices,
    loc_y: Floats,
    loc_x: Floats,
) -> Any:
    """Throw ``draws[i]`` molecules at the bonds near the window after row i, and keep those that hit it.

    Each falls with equal probability on any frame and any place nearby. Those beyond the end of their bond
    are dropped: the others are uniform along the contour, however long its bonds are.

    Returns
    -------
    int
        How many events were written, in the order of frames.
    """
    rows, ahead, first_frame, blend = frames
    near, copies, end, unit, places = nearby
    room = _BATCH + draws.max() + np.int64(_FEW)
    when, where = np.empty(room + 3, np.uint32), np.empty(room + 3, np.uint32)
    frame, bond, a, t = np.empty(room, np.int32), np.empty(room, np.int64), _line(room), _line(room)
    start_y, way_y, start_x, way_x = _line(room), _line(room), _line(room), _line(room)
    goal_y, later_y, goal_x, later_x = _line(room), _line(room), _line(room), _line(room)
    vertex, offset = np.empty(places.max() // BLOCK, np.int32), _line(places.max() // BLOCK)
    link = _line(places.max())
    tallies = np.empty(np.diff(first_frame).max(), np.int64)
    n, begin, row = np.uint64(0), 0, np.int64(0)
    while row < rows.size:
        batch, stop = 0, row
        while stop < rows.size and batch < _BATCH:
            batch, stop = batch + draws[stop], stop + 1
        _throw(when, batch, key, row, _WHEN)
        _throw(where, batch, key, row, _WHERE)
        done = 0
        for i in range(row, stop):
            some, listed = slice(done, done + draws[i]), slice(begin, end[i])
            tally, begin, done = tallies[: first_frame[i + 1] - first_frame[i]], end[i], done + draws[i]
            now, goal = rows[i], rows[min(i + ahead, rows.size - 1)]
            _sort_into_frames(when[some], first_frame[i], tally, blend, frame[some.start :], a[some.start :])
            _list_copies(near[listed], copies[listed], unit[i], blocks, vertex, offset, link)
            _aim(where[some], places[i], vertex, offset, link, unit[i], bond, t[some])
            _look_up(bond, y[now], x[now], start_y[some], start_x[some], way_y[some], way_x[some])
            if ahead > 0:
                _look_up(bond, y[goal], x[goal], goal_y[some], goal_x[some], later_y[some], later_x[some])
        if ahead > 0:
            _divide_by_length_between(t[:batch], a, way_y, way_x, later_y, later_x)
            _interpolate(start_y[:batch], goal_y, way_y, later_y, period[0], a)
            _interpolate(start_x[:batch], goal_x, way_x, later_x, period[1], a)
        else:
            _divide_by_length(t[:batch], way_y, way_x)
        _go_along(start_y[:batch], way_y, t)
        _go_along(start_x[:batch], way_x, t)
        n = _keep(frame[:batch], start_y, start_x, t, window, loc_frame, loc_y, loc_x, n)
        row = stop
    return n


@njit(error_model="numpy")
def _throw(thrown: Words, n: int, key: np.uint64, step: Any, stream: Any) -> None:
    """Fill the buffer with at least n random words."""
    for m in range((n + 3) // 4):
        thrown[4 * m], thrown[4 * m + 1], thrown[4 * m + 2], thrown[4 * m + 3] = words(key, m, step, stream)


@njit(error_model="numpy")
def _sort_into_frames(
    thrown: Words, first_frame: int, tally: Integers, blend: Floats, frame: Indices, a: Floats
) -> None:
    """Let each word fall on one of equally likely frames; write these, and how far on they are, in their order.

    A few places are filled in for each frame, with no branch on whether it has so many; the next one overwrites
    the rest, and behind the last the buffers have room.
    """
    tally[:] = 0
    for m in range(thrown.size):
        tally[(np.uint64(thrown[m]) * np.uint64(tally.size)) >> _32] += 1
    done = np.uint64(0)
    for f in range(first_frame, first_frame + tally.size):
        stop = done + np.uint64(tally[f - first_frame])
        for m in range(_FEW):
            frame[done + m], a[done + m] = f, blend[f]
        for m in range(done + _FEW, stop):
            frame[m], a[m] = f, blend[f]
        done = stop


@njit(error_model="numpy")
def _list_copies(
    near: Indices,
    copies: Indices,
    unit: np.float32,
    blocks: Blocks,
    vertex: Indices,
    offset: Floats,
    link: Floats,
) -> None:
    """List all copies of some blocks: from which vertex on, how far along their bonds, and which of these count."""
    first, linked, _ = blocks
    n = np.uint64(0)
    for k in range(np.uint64(near.size)):
        for number in range(copies[k]):
            vertex[n], offset[n] = first[np.uint64(near[k])], np.float32(number * unit)
            copy(linked, _BLOCK * np.uint64(near[k]), link, _BLOCK * n)
            n += _NEXT


@njit(error_model="numpy")
def _aim(
    thrown: Words,
    places: int,
    vertex: Indices,
    offset: Floats,
    link: Floats,
    unit: np.float32,
    bond: Integers,
    along: Floats,
) -> None:
    """Turn each word into a bond and how far along: the high part of a product is a place, the low one where in it.

    What hits a bond that does not count is infinitely far along.
    """
    for m in range(thrown.size):
        product = np.uint64(thrown[m]) * np.uint64(places)
        place = product >> _32
        k = place // _BLOCK
        bond[m] = np.uint64(vertex[k]) + place % _BLOCK
        along[m] = (offset[k] + unit * uniform_f32(np.uint32(product))) / link[place]


@njit(error_model="numpy")
def _look_up(
    bond: Integers, y: Floats, x: Floats, start_y: Floats, start_x: Floats, way_y: Floats, way_x: Floats
) -> None:
    """Look up where bonds start, and the way along them."""
    for m in range(start_y.size):
        j = bond[m]
        start_y[m], way_y[m] = y[j], y[j + 1] - y[j]
        start_x[m], way_x[m] = x[j], x[j + 1] - x[j]


@njit(error_model="numpy", fastmath={"contract"})
def _divide_by_length(t: Floats, y: Floats, x: Floats) -> None:
    """Turn places along bonds into fractions of their length."""
    for m in range(t.size):
        t[m] /= np.sqrt(y[m] * y[m] + x[m] * x[m])


@njit(error_model="numpy", fastmath={"contract"})
def _divide_by_length_between(
    t: Floats, a: Floats, y: Floats, x: Floats, later_y: Floats, later_x: Floats
) -> None:
    """Turn places along bonds into fractions of their length, which lies between those now and later."""
    for m in range(t.size):
        now = np.sqrt(y[m] * y[m] + x[m] * x[m])
        t[m] /= now + a[m] * (np.sqrt(later_y[m] * later_y[m] + later_x[m] * later_x[m]) - now)


@njit(error_model="numpy", fastmath={"contract"})
def _interpolate(
    start: Floats, goal: Floats, way: Floats, later: Floats, period: np.float32, a: Floats
) -> None:
    """Move the starts of bonds, and the ways along them, on towards those of later, along one axis."""
    for m in range(start.size):
        start[m] += a[m] * nearest(goal[m] - start[m], period)
        way[m] += a[m] * (later[m] - way[m])


@njit(error_model="numpy", fastmath={"contract"})
def _go_along(start: Floats, way: Floats, t: Floats) -> None:
    """Go from the starts of bonds to places along them, along one axis."""
    for m in range(start.size):
        start[m] += t[m] * way[m]


@njit(error_model="numpy")
def _keep(
    frame: Indices,
    y: Floats,
    x: Floats,
    t: Floats,
    window: Edges,
    loc_frame: Indices,
    loc_y: Floats,
    loc_x: Floats,
    n: Any,
) -> Any:
    """Write those that hit a bond in the window from place n on; return the place after them."""
    top, bottom, left, right = window
    for m in range(frame.size):
        loc_frame[n], loc_y[n], loc_x[n] = frame[m], y[m], x[m]
        n += np.uint64((t[m] < _1) & (y[m] >= top) & (y[m] < bottom) & (x[m] >= left) & (x[m] < right))
    return n
