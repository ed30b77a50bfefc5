"""Numba kernels of the emission along a moving contour: serial, so that many may run side by side.

The contour is cut into blocks of a few consecutive bonds of one filament. Most of them can be left out after
one look at the central vertex: nothing of a block is farther from it than the contour in between is long.
"""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from smlmsim._philox import uniform_f32, words
from smlmsim.photophysics._surroundings import Edges, Period

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int32]
Integers = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint32]


# Plain tuples, not classes: numba could not read its cache on disk any more once a class in it is renamed.

Frames = tuple[Integers, int, Integers, Floats]
"""``rows, ahead, first, blend``: how the camera frames lie between the rows, the steps that are used.

The contour of frame f, one of ``first[i]`` to ``first[i + 1] - 1``, is ``blend[f]`` of the way from row i to
row ``i + ahead``; ``ahead`` is 1, or 0 if the contour stays.
"""

Blocks = tuple[Integers, Integers]
"""``first, size``: block b has ``size[b]`` bonds from the vertex ``first[b]`` on."""

Nearby = tuple[Indices, Indices, Indices, Integers, Floats, Integers]
"""``first, bonds, copies, end, unit, places``: what may come into the window on the way from each row to the next.

From ``end[i - 1]`` to ``end[i]`` are the runs of row i: run k has ``bonds[k]`` bonds from the vertex ``first[k]`` on,
none of which gets longer on that way than ``copies[k]`` times ``unit[i]``. All of them have that many ``places[i]``.
"""

_0, _1 = np.float32(0), np.float32(1)
_32 = np.uint64(32)
_WHEN, _WHERE = np.int64(0), np.int64(1)  # streams of random words
_ROUNDING, _HEADROOM, _GROWTH = np.float32(1.01), np.float32(1.3), np.float32(2.0)
_FEWEST_BONDS, _BATCH = 4, 1024
_NEXT, _FEW = np.uint64(1), np.uint64(2)  # numba need not test unsigned indices for being negative
_TINY, _LARGEST = np.float32(1e-30), np.float32(np.finfo(np.float32).max)


@njit(cache=True, nogil=True, error_model="numpy")
def _line(size: int) -> Floats:
    return np.empty(size, np.float32)


@njit(cache=True, nogil=True, error_model="numpy")
def cut(filament: npt.NDArray[Any], y: Floats, x: Floats, most_bonds: int, most_nm: float) -> Blocks:
    """Cut filaments into as few blocks as can be, as equal as can be, of so many bonds and so long on average.

    A block keeps a few bonds even if it is longer then: to look at one costs as much as to look at these.
    """
    first, size = np.empty(filament.size, np.int64), np.empty(filament.size, np.int64)
    n, start, length = 0, 0, 0.0
    for vertex in range(1, filament.size + 1):
        if vertex < filament.size and filament[vertex] == filament[start]:
            length += np.hypot(y[vertex] - y[vertex - 1], x[vertex] - x[vertex - 1])
            continue
        bonds = vertex - start - 1
        blocks = max(-(-bonds // most_bonds), min(int(length / most_nm), bonds // _FEWEST_BONDS))
        for b in range(blocks):
            first[n] = start + b * bonds // blocks
            size[n] = start + (b + 1) * bonds // blocks - first[n]
            n += 1
        start, length = vertex, 0.0
    return first[:n], size[:n]


@njit(cache=True, nogil=True, error_model="numpy")
def survey(
    y: Floats, x: Floats, frames: Frames, blocks: Blocks, field: Edges, window: Edges, period: Period
) -> tuple[bool, Doubles, Nearby]:
    """Look once at the whole contour in every row: how much is in the field, and what comes near the window.

    Parameters
    ----------
    y, x : ndarray of float32, shape (step, vertex)
        In nm.

    Returns
    -------
    finite : bool
        Whether all vertices of the rows are.
    visible : ndarray, shape (row,)
        The length of contour in the field in nm.
    nearby : Nearby
        What may come into the window.
    """
    rows, ahead, _, _ = frames
    first, size = blocks
    squares = np.full(max(y.shape[1] - 1, 0), _LARGEST)
    for b in range(first.size):
        squares[first[b] : first[b] + size[b]] = _0
    reach, touches = np.zeros(first.size, np.float32), np.empty(first.size, np.int32)
    centre = first + size // 2
    now, later = np.empty((2, first.size), np.float32), np.empty((2, first.size), np.float32)
    most = rows.size * first.size
    near, bonds, copies = np.empty(most, np.int32), np.empty(most, np.int32), np.empty(most, np.int32)
    unit, visible = _line(rows.size), np.empty(rows.size)
    end, places = np.empty(rows.size, np.int64), np.empty(rows.size, np.int64)
    at_y, at_x, way_y, way_x = (
        _line(squares.size),
        _line(squares.size),
        _line(squares.size),
        _line(squares.size),
    )
    length, outgrown, n, seen = _line(squares.size), _0, 0, -1
    for i in range(rows.size):
        begin, goal = n, min(i + ahead, rows.size - 1)
        y0, x0, y1, x1 = y[rows[i]], x[rows[i]], y[rows[goal]], x[rows[goal]]
        while seen < goal:
            seen += 1
            row_y, row_x = y[rows[seen]], x[rows[seen]]
            too_long = _scan(row_y, row_y[1:], row_x, row_x[1:], squares)
            outgrown += too_long
            if too_long > _0:
                _widen(row_y, row_x, blocks, squares, reach)
        _pick(y0, x0, centre, now)
        if goal > i:
            _pick(y1, x1, centre, later)
        _mark(now, later if goal > i else now, reach, window, period, touches)
        n = _list_runs(blocks, touches, near, bonds, begin)
        runs = slice(begin, n)
        count = _lay_out(y0, near[runs], bonds[runs], at_y, way_y)
        _lay_out(x0, near[runs], bonds[runs], at_x, way_x)
        visible[i] = _length_inside(at_y[:count], at_x, way_y, way_x, field, length)
        if goal > i:
            _lay_out(y1, near[runs], bonds[runs], at_y, way_y)
            _lay_out(x1, near[runs], bonds[runs], at_x, way_x)
            _lengthen(way_y[:count], way_x, length)
        unit[i], places[i] = _share_out(bonds[runs], length, copies[runs])
        end[i] = n
    return np.isfinite(outgrown), visible, (near[:n], bonds[:n], copies[:n], end, unit, places)


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc", "contract", "nsz"})
def _scan(y: Floats, next_y: Floats, x: Floats, next_x: Floats, squares: Floats) -> np.float32:
    """Sum up by how much bonds outgrow their squares; what is NaN or infinite makes the sum so too.

    With the next vertices as arrays of their own, the loop loads them instead of shifting lanes, which is faster.
    """
    outgrown = _0
    for j in range(squares.size):
        dy, dx = next_y[j] - y[j], next_x[j] - x[j]
        square = dy * dy + dx * dx
        outgrown += _0 if square <= squares[j] else square - squares[j]
    return outgrown


@njit(cache=True, nogil=True, error_model="numpy")
def _widen(y: Floats, x: Floats, blocks: Blocks, squares: Floats, reach: Floats) -> None:
    """Raise the squares and the reach of blocks whose bonds outgrow them, soon too: to be called seldom."""
    first, size = blocks
    outgrown = np.empty(squares.size, np.bool_)
    for j in range(squares.size):
        dy, dx = y[j + 1] - y[j], x[j + 1] - x[j]
        outgrown[j] = _HEADROOM * (dy * dy + dx * dx) > squares[j]
    for b in range(first.size):
        if outgrown[first[b] : first[b] + size[b]].any():
            before, after = _0, _0
            for j in range(first[b], first[b] + size[b]):
                dy, dx = y[j + 1] - y[j], x[j + 1] - x[j]
                slack = _GROWTH if squares[j] > _0 else _ROUNDING
                squares[j] = min(max(squares[j], slack * (dy * dy + dx * dx)), _LARGEST)
                if j < first[b] + size[b] // 2:
                    before += np.sqrt(squares[j])
                else:
                    after += np.sqrt(squares[j])
            reach[b] = max(before, after)


@njit(cache=True, nogil=True, error_model="numpy")
def _pick(y: Floats, x: Floats, centre: Integers, centres: Floats) -> None:
    """Copy the centres of the blocks side by side."""
    for b in range(centre.size):
        centres[0, b], centres[1, b] = y[centre[b]], x[centre[b]]


@njit(cache=True, nogil=True, error_model="numpy")
def _mark(now: Floats, later: Floats, reach: Floats, window: Edges, period: Period, touches: Indices) -> None:
    """Mark the blocks that may touch the window while their centres move."""
    top, bottom, left, right = window
    period_y, period_x = period
    y0, x0, y1, x1 = now[0], now[1], later[0], later[1]
    for b in range(reach.size):
        y_end, x_end = y0[b] + _nearest(y1[b] - y0[b], period_y), x0[b] + _nearest(x1[b] - x0[b], period_x)
        lowest, highest = (y0[b], y_end) if y0[b] < y_end else (y_end, y0[b])
        leftmost, rightmost = (x0[b], x_end) if x0[b] < x_end else (x_end, x0[b])
        touches[b] = (
            (highest > top - reach[b])
            & (lowest < bottom + reach[b])
            & (rightmost > left - reach[b])
            & (leftmost < right + reach[b])
        )


@njit(cache=True, nogil=True, forceinline=True, error_model="numpy")
def _nearest(displacement: Any, period: Any) -> Any:
    """Take the whole periods out of a displacement."""
    return displacement - period * np.rint(displacement / period)


@njit(cache=True, nogil=True, error_model="numpy")
def _list_runs(blocks: Blocks, touches: Indices, near: Indices, bonds: Indices, n: int) -> int:
    """List the runs of marked blocks from place n on; return the next place."""
    first, size = blocks
    stop = -1
    for b in range(first.size):
        if touches[b]:
            if first[b] == stop:
                bonds[n - 1] += size[b]
            else:
                near[n], bonds[n] = first[b], size[b]
                n += 1
            stop = first[b] + size[b]
    return n


@njit(cache=True, nogil=True, error_model="numpy")
def _lay_out(vertices: Floats, first: Indices, bonds: Indices, at: Floats, way: Floats) -> Any:
    """Lay the bonds of some runs side by side: where along one axis each starts, and its way; return how many."""
    n = np.uint64(0)
    for k in range(first.size):
        start, size = np.uint64(first[k]), np.uint64(bonds[k])
        for j in range(size):
            here, on = vertices[start + j], vertices[start + j + _NEXT]
            at[n + j], way[n + j] = here, on - here
        n += size
    return np.int64(n)


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc", "contract", "nsz", "nnan"})
def _length_inside(
    y: Floats, x: Floats, way_y: Floats, way_x: Floats, edges: Edges, length: Floats
) -> np.float32:
    """Measure bonds, and their length inside (Liang & Barsky 1984, doi:10.1145/357332.357333)."""
    top, bottom, left, right = edges
    total = _0
    for j in range(y.size):
        dy, dx = way_y[j], way_x[j]
        per_y, per_x = _1 / (dy if dy != _0 else _TINY), _1 / (dx if dx != _0 else _TINY)
        at_top, at_bottom = (top - y[j]) * per_y, (bottom - y[j]) * per_y
        at_left, at_right = (left - x[j]) * per_x, (right - x[j]) * per_x
        enter_y, leave_y = (at_top, at_bottom) if at_top < at_bottom else (at_bottom, at_top)
        enter_x, leave_x = (at_left, at_right) if at_left < at_right else (at_right, at_left)
        enter = enter_y if enter_y > enter_x else enter_x
        leave = leave_y if leave_y < leave_x else leave_x
        part = (leave if leave < _1 else _1) - (enter if enter > _0 else _0)
        length[j] = np.sqrt(dy * dy + dx * dx)
        total += (part if part > _0 else _0) * length[j]
    return total


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract", "nsz", "nnan"})
def _lengthen(way_y: Floats, way_x: Floats, length: Floats) -> None:
    """Raise the lengths of bonds to those of other ways, where these are longer."""
    for j in range(way_y.size):
        other = np.sqrt(way_y[j] * way_y[j] + way_x[j] * way_x[j])
        length[j] = other if other > length[j] else length[j]


@njit(cache=True, nogil=True, error_model="numpy")
def _share_out(bonds: Indices, length: Floats, copies: Indices) -> tuple[np.float32, int]:
    """Choose a unit of length, about the mean bond, and give every bond as many copies of it as it may need."""
    longest, n, total = _line(bonds.size), 0, _0
    for k in range(bonds.size):
        longest[k] = _longest(length, np.uint64(n), np.uint64(n + bonds[k]))
        n, total = n + bonds[k], total + bonds[k] * longest[k]
    unit, places = max(np.float32(_ROUNDING * total / max(n, 1)), _TINY), 0
    for k in range(bonds.size):
        copies[k] = np.ceil(longest[k] / unit)
        places += copies[k] * bonds[k]
    return unit, places


@njit(cache=True, nogil=True, error_model="numpy")
def _longest(length: Floats, start: np.uint64, stop: np.uint64) -> np.float32:
    """Return the largest of some numbers that are not negative: as integers, their bits have the same order."""
    bits, longest = length.view(np.int32), np.int32(0)
    for j in range(start, stop):
        longest = max(longest, bits[j])
    return np.int32(longest).view(np.float32)


@njit(cache=True, nogil=True, error_model="numpy")
def emit(
    y: Floats,
    x: Floats,
    frames: Frames,
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
    first, bonds, copies, end, unit, places = nearby
    room = _BATCH + draws.max() + np.int64(_FEW)
    when, where = np.empty(room + 3, np.uint32), np.empty(room + 3, np.uint32)
    frame, bond, a, t = np.empty(room, np.int32), np.empty(room, np.int64), _line(room), _line(room)
    start_y, way_y, start_x, way_x = _line(room), _line(room), _line(room), _line(room)
    goal_y, later_y, goal_x, later_x = _line(room), way_y, _line(room), way_x
    if ahead > 0:
        later_y, later_x = _line(room), _line(room)
    near, offset = np.empty(places.max(), np.int32), _line(places.max())
    tallies = np.empty(_most_frames(first_frame), np.int64)
    n, begin, row = np.uint64(0), 0, np.int64(0)
    while row < rows.size:
        batch, stop = 0, row
        while stop < rows.size and batch < _BATCH:
            batch, stop = batch + draws[stop], stop + 1
        _throw(when, batch, key, row, _WHEN)
        _throw(where, batch, key, row, _WHERE)
        done = 0
        for i in range(row, stop):
            some, runs = slice(done, done + draws[i]), slice(begin, end[i])
            tally, begin, done = tallies[: first_frame[i + 1] - first_frame[i]], end[i], done + draws[i]
            now, goal = rows[i], rows[min(i + ahead, rows.size - 1)]
            _sort_into_frames(when[some], first_frame[i], tally, blend, frame[some], a[some])
            _list_places(first[runs], bonds[runs], copies[runs], unit[i], near, offset)
            _aim(where[some], near[: places[i]], offset, unit[i], bond, t[some])
            _look_up(bond, y[now], x[now], start_y[some], start_x[some], way_y[some], way_x[some])
            if ahead > 0:
                _look_up(bond, y[goal], x[goal], goal_y[some], goal_x[some], later_y[some], later_x[some])
            else:
                _copy(start_y[some], goal_y[some])
                _copy(start_x[some], goal_x[some])
        _divide_by_length(t[:batch], a, way_y, way_x, later_y, later_x)
        _interpolate(start_y[:batch], goal_y, way_y, later_y, period[0], a, t)
        _interpolate(start_x[:batch], goal_x, way_x, later_x, period[1], a, t)
        n = _keep(frame[:batch], start_y, start_x, t, window, loc_frame, loc_y, loc_x, n)
        row = stop
    return n


@njit(cache=True, nogil=True, error_model="numpy")
def _most_frames(first_frame: Integers) -> int:
    most = 0
    for i in range(first_frame.size - 1):
        most = max(most, first_frame[i + 1] - first_frame[i])
    return most


@njit(cache=True, nogil=True, error_model="numpy")
def _throw(thrown: Words, n: int, key: np.uint64, step: Any, stream: Any) -> None:
    """Fill the buffer with at least n random words."""
    for m in range((n + 3) // 4):
        thrown[4 * m], thrown[4 * m + 1], thrown[4 * m + 2], thrown[4 * m + 3] = words(key, m, step, stream)


@njit(cache=True, nogil=True, error_model="numpy")
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


@njit(cache=True, nogil=True, error_model="numpy")
def _list_places(
    first: Indices, bonds: Indices, copies: Indices, unit: np.float32, near: Indices, offset: Floats
) -> None:
    """List all places of some runs: the bond of each, and how far along it begins."""
    n = np.uint64(0)
    for k in range(first.size):
        for copy in range(copies[k]):
            along = np.float32(copy * unit)
            for j in range(np.uint64(bonds[k])):
                near[n + j], offset[n + j] = first[k] + np.int32(j), along
            n += np.uint64(bonds[k])


@njit(cache=True, nogil=True, error_model="numpy")
def _aim(
    thrown: Words, near: Indices, offset: Floats, unit: np.float32, bond: Integers, along: Floats
) -> None:
    """Turn each word into a bond and how far along: the high part of a product is a place, the low one where in it."""
    for m in range(thrown.size):
        place = np.uint64(thrown[m]) * np.uint64(near.size)
        k = place >> _32
        bond[m], along[m] = near[k], offset[k] + unit * uniform_f32(np.uint32(place))


@njit(cache=True, nogil=True, error_model="numpy")
def _look_up(
    bond: Integers, y: Floats, x: Floats, start_y: Floats, start_x: Floats, way_y: Floats, way_x: Floats
) -> None:
    """Look up where bonds start, and the way along them."""
    for m in range(start_y.size):
        j = bond[m]
        start_y[m], way_y[m] = y[j], y[j + 1] - y[j]
        start_x[m], way_x[m] = x[j], x[j + 1] - x[j]


@njit(cache=True, nogil=True, error_model="numpy")
def _copy(source: Floats, target: Floats) -> None:
    for m in range(target.size):
        target[m] = source[m]


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def _divide_by_length(t: Floats, a: Floats, y: Floats, x: Floats, later_y: Floats, later_x: Floats) -> None:
    """Turn places along bonds into fractions of their length, which lies between those now and later."""
    for m in range(t.size):
        now = np.sqrt(y[m] * y[m] + x[m] * x[m])
        t[m] /= now + a[m] * (np.sqrt(later_y[m] * later_y[m] + later_x[m] * later_x[m]) - now)


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def _interpolate(
    start: Floats, goal: Floats, way: Floats, later: Floats, period: np.float32, a: Floats, t: Floats
) -> None:
    """Go from the starts of bonds to places along them, along one axis."""
    for m in range(start.size):
        move = _nearest(goal[m] - start[m], period)
        start[m] += a[m] * move + t[m] * (way[m] + a[m] * (later[m] - way[m]))


@njit(cache=True, nogil=True, error_model="numpy")
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
