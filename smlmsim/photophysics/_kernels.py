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

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int32]
Integers = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint32]


# Plain tuples, not classes: numba could not read its cache on disk any more once a class in it is renamed.

Edges = tuple[np.float32, np.float32, np.float32, np.float32]
"""Top, bottom, left and right border of a rectangle in nm."""

Period = tuple[np.float32, np.float32]
"""After how many nm along y and x the structure repeats; the largest float where it does not."""

Frames = tuple[Integers, int, Integers, Floats]
"""``rows, ahead, first, blend``: how the camera frames lie between the rows, the steps that are used.

The contour of frame f, one of ``first[i]`` to ``first[i + 1] - 1``, is ``blend[f]`` of the way from row i to
row ``i + ahead``; ``ahead`` is 1, or 0 if the contour stays.
"""

Blocks = tuple[Integers, Integers]
"""``first, size``: block b has ``size[b]`` bonds from the vertex ``first[b]`` on."""

Nearby = tuple[Indices, Integers, Integers, Floats]
"""``block, end, bonds, longest``: the blocks that may come into the window on the way from each row to the next.

Those of row i are ``block[end[i - 1] : end[i]]``. They have ``bonds[i]`` bonds, none longer than
``longest[i]``.
"""

_0, _1 = np.float32(0), np.float32(1)
_LOW = np.uint64(0xFFFFFFFF)
_32 = np.uint64(32)
_SLACK = np.float32(1.01)
_TINY = np.float32(1e-30)


@njit(cache=True, nogil=True, error_model="numpy")
def cut(filament: npt.NDArray[Any], most: int) -> Blocks:
    """Cut each filament into as few blocks of at most ``most`` bonds as can be, as equal as can be."""
    first, size = np.empty(filament.size, np.int64), np.empty(filament.size, np.int64)
    n, start = 0, 0
    for vertex in range(1, filament.size + 1):
        if vertex == filament.size or filament[vertex] != filament[start]:
            total = vertex - start - 1
            blocks = -(-total // most)
            for b in range(blocks):
                first[n] = start + b * total // blocks
                size[n] = start + (b + 1) * total // blocks - first[n]
                n += 1
            start = vertex
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
        The blocks that may come into the window.
    """
    rows, ahead, _, _ = frames
    first, size = blocks
    squares = np.full(max(y.shape[1] - 1, 0), np.float32(np.inf))
    for b in range(first.size):
        squares[first[b] : first[b] + size[b]] = _0
    bound, reach = np.zeros(first.size, np.float32), np.zeros(first.size, np.float32)
    centre, touches = first + size // 2, np.zeros(first.size, np.int32)
    centre_y, centre_x = np.empty((2, first.size), np.float32), np.empty((2, first.size), np.float32)
    visible, longest = np.zeros(rows.size), np.zeros(rows.size, np.float32)
    end, bonds = np.zeros(rows.size, np.int64), np.zeros(rows.size, np.int64)
    block = np.empty(rows.size * first.size, np.int32)
    checksum, n, seen = _0, 0, -1
    for i in range(rows.size):
        goal = min(i + ahead, rows.size - 1)
        while seen < goal:
            seen += 1
            y_row, x_row = y[rows[seen]], x[rows[seen]]
            total, longer = _scan(y_row, x_row, squares)
            checksum += total
            if longer > 0:
                _widen(y_row, x_row, blocks, squares, bound, reach)
            for b in range(first.size):
                centre_y[seen % 2, b], centre_x[seen % 2, b] = y_row[centre[b]], x_row[centre[b]]
        y0, x0, y1, x1 = centre_y[i % 2], centre_x[i % 2], centre_y[goal % 2], centre_x[goal % 2]
        _mark(y0, x0, y1, x1, reach, window, period, touches)
        y_row, x_row, b = y[rows[i]], x[rows[i]], 0
        while b < first.size:
            start = stop = first[b]
            while b < first.size and touches[b] and first[b] == stop:
                longest[i] = max(longest[i], bound[b])
                stop += size[b]
                block[n] = b
                n += 1
                b += 1
            if start == stop:
                b += 1
            else:
                bonds[i] += stop - start
                visible[i] += _length_inside(y_row[start : stop + 1], x_row[start : stop + 1], field)
        end[i] = n
    return np.isfinite(checksum), visible, (block[:n], end, bonds, longest)


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc", "contract", "nsz"})
def _scan(y: Floats, x: Floats, squares: Floats) -> tuple[np.float32, np.float32]:
    """Return a number that is finite only if all vertices are, and how many bonds outgrow their squares."""
    checksum, longer = _0, _0
    for j in range(squares.size):
        dy, dx = y[j + 1] - y[j], x[j + 1] - x[j]
        square = dy * dy + dx * dx
        checksum += square
        longer += _1 if square > squares[j] else _0
    return checksum, longer


@njit(cache=True, nogil=True, error_model="numpy")
def _widen(y: Floats, x: Floats, blocks: Blocks, squares: Floats, bound: Floats, reach: Floats) -> None:
    """Raise the squares of bonds, and for each block the longest bond and the way from centre to ends."""
    for j in range(squares.size):
        dy, dx = y[j + 1] - y[j], x[j + 1] - x[j]
        square = dy * dy + dx * dx
        squares[j] = square * _SLACK if square > squares[j] else squares[j]
    first, size = blocks
    for b in range(first.size):
        lengths = np.sqrt(squares[first[b] : first[b] + size[b]])
        bound[b] = lengths.max()
        reach[b] = max(lengths[: size[b] // 2].sum(), lengths[size[b] // 2 :].sum())


@njit(cache=True, nogil=True, error_model="numpy")
def _mark(
    y0: Floats,
    x0: Floats,
    y1: Floats,
    x1: Floats,
    reach: Floats,
    window: Edges,
    period: Period,
    touches: Indices,
) -> None:
    """Mark the blocks that may touch the window while their centres move from (y0, x0) to (y1, x1)."""
    top, bottom, left, right = window
    period_y, period_x = period
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


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc", "contract", "nsz"})
def _length_inside(y: Floats, x: Floats, edges: Edges) -> np.float32:
    """Measure the length of a polyline inside (Liang & Barsky 1984, doi:10.1145/357332.357333)."""
    top, bottom, left, right = edges
    total = _0
    for j in range(y.size - 1):
        dy, dx = y[j + 1] - y[j], x[j + 1] - x[j]
        per_y, per_x = _1 / (dy if dy != _0 else _TINY), _1 / (dx if dx != _0 else _TINY)
        at_top, at_bottom = (top - y[j]) * per_y, (bottom - y[j]) * per_y
        at_left, at_right = (left - x[j]) * per_x, (right - x[j]) * per_x
        enter_y, leave_y = (at_top, at_bottom) if at_top < at_bottom else (at_bottom, at_top)
        enter_x, leave_x = (at_left, at_right) if at_left < at_right else (at_right, at_left)
        enter = enter_y if enter_y > enter_x else enter_x
        leave = leave_y if leave_y < leave_x else leave_x
        part = (leave if leave < _1 else _1) - (enter if enter > _0 else _0)
        total += (part if part > _0 else _0) * np.sqrt(dy * dy + dx * dx)
    return total


@njit(cache=True, nogil=True, error_model="numpy")
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

    Each falls with equal probability on any frame, any bond and any place up to ``longest[i]`` from its
    start. Those beyond its end are dropped: the others are uniform along the contour, however long its bonds
    are.

    Returns
    -------
    int
        How many events were written, in the order of frames.
    """
    rows, ahead, first_frame, blend = frames
    block, end, bonds, longest = nearby
    most = draws.max()
    thrown, frame, a, t = np.empty(most + 3, np.uint32), np.empty(most, np.int32), _line(most), _line(most)
    start_y, start_x, move_y, move_x = _line(most), _line(most), _line(most), _line(most)
    bond_y, bond_x, later_y, later_x = _line(most), _line(most), _line(most), _line(most)
    near, tallies = np.empty(bonds.max(), np.int64), np.empty(np.diff(first_frame).max(), np.int64)
    n, begin = np.uint64(0), 0
    for i in range(rows.size):
        now, goal, words_now = rows[i], rows[min(i + ahead, rows.size - 1)], thrown[: draws[i]]
        _throw(thrown, draws[i], key, i, 0)
        _sort_into_frames(
            words_now, first_frame[i], tallies[: first_frame[i + 1] - first_frame[i]], blend, frame, a
        )
        _throw(thrown, draws[i], key, i, 1)
        _list_bonds(blocks, block[begin : end[i]], near)
        begin = end[i]
        _aim(words_now, near[: bonds[i]], y[now], y[goal], start_y, move_y, bond_y, later_y)
        _aim(words_now, near[: bonds[i]], x[now], x[goal], start_x, move_x, bond_x, later_x)
        _fractions(words_now, np.uint32(bonds[i]), longest[i], a, bond_y, bond_x, later_y, later_x, t)
        _interpolate(start_y[: draws[i]], move_y, bond_y, later_y, period[0], a, t)
        _interpolate(start_x[: draws[i]], move_x, bond_x, later_x, period[1], a, t)
        n = _keep(frame[: draws[i]], start_y, start_x, t, window, loc_frame, loc_y, loc_x, n)
    return n


@njit(cache=True, nogil=True, error_model="numpy")
def _line(size: int) -> Floats:
    return np.empty(size, np.float32)


@njit(cache=True, nogil=True, error_model="numpy")
def _throw(thrown: Words, n: int, key: np.uint64, step: int, stream: int) -> None:
    """Fill the buffer with at least n random words."""
    for m in range((n + 3) // 4):
        thrown[4 * m], thrown[4 * m + 1], thrown[4 * m + 2], thrown[4 * m + 3] = words(key, m, step, stream)


@njit(cache=True, nogil=True, error_model="numpy")
def _sort_into_frames(
    thrown: Words, first_frame: int, tally: Integers, blend: Floats, frame: Indices, a: Floats
) -> None:
    """Let each word fall on one of equally likely frames; write these, and how far on they are, in their order."""
    tally[:] = 0
    for m in range(thrown.size):
        tally[np.int64((np.uint64(thrown[m]) * np.uint64(tally.size)) >> _32)] += 1
    done = 0
    for f in range(tally.size):
        for m in range(done, done + tally[f]):
            frame[m], a[m] = first_frame + f, blend[first_frame + f]
        done += tally[f]


@njit(cache=True, nogil=True, error_model="numpy")
def _list_bonds(blocks: Blocks, block: Indices, bond: Integers) -> None:
    """List the first vertices of all bonds of some blocks."""
    first, size = blocks
    n = 0
    for b in block:
        for j in range(first[b], first[b] + size[b]):
            bond[n] = j
            n += 1


@njit(cache=True, nogil=True, error_model="numpy")
def _aim(
    thrown: Words,
    near: Integers,
    now: Floats,
    goal: Floats,
    start: Floats,
    move: Floats,
    bond: Floats,
    later: Floats,
) -> None:
    """Look up, along one axis, the bonds that the words fall on: start, its move, the bond and the bond later."""
    for m in range(thrown.size):
        j = near[(np.uint64(thrown[m]) * np.uint64(near.size)) >> _32]
        start[m], move[m] = now[j], goal[j] - now[j]
        bond[m], later[m] = now[j + 1] - now[j], goal[j + 1] - goal[j]


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def _fractions(
    thrown: Words,
    choices: np.uint32,
    longest: np.float32,
    a: Floats,
    bond_y: Floats,
    bond_x: Floats,
    later_y: Floats,
    later_x: Floats,
    t: Floats,
) -> None:
    """Find at which fraction of its bond each word falls; beyond 1 it falls behind its end."""
    for m in range(thrown.size):
        place = uniform_f32(np.uint32(thrown[m] * choices)) * longest
        length = (_1 - a[m]) * np.sqrt(bond_y[m] * bond_y[m] + bond_x[m] * bond_x[m])
        t[m] = place / (length + a[m] * np.sqrt(later_y[m] * later_y[m] + later_x[m] * later_x[m]))


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def _interpolate(
    start: Floats, move: Floats, bond: Floats, later: Floats, period: np.float32, a: Floats, t: Floats
) -> None:
    """Go from the starts of bonds to places along them, along one axis."""
    for m in range(start.size):
        start[m] += a[m] * _nearest(move[m], period) + t[m] * (bond[m] + a[m] * (later[m] - bond[m]))


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
