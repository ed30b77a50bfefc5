"""First pass over a moving contour, before it emits: how much of it is in the field, and which blocks are near it.

For every row (a time at which vertices are given) the segments that may enter the window before the next row are
marked, the blocks that hold one are listed, and their length inside the field is measured. Emission is rejection
sampling: a slot length is chosen, a little above the mean segment, and every block gets as many slots for each of its
segments as the longest of them needs. So a uniformly drawn place in a slot lies on a segment or beyond its end, where
it is rejected. A slot length near the mean keeps the rejected fraction low.

The clipped length (Liang & Barsky 1984) is held against numpy by ``tests/photophysics/test_poisson.py``. For 300 rows
of 4000 vertices the survey takes 0.7 ms on one core; without the relaxed rounding that lets its loops be vectorised it
would take 4 times as long.
"""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from smlmsim._contour_kernels import Edges, Period
from smlmsim.compiled import njit
from smlmsim.photophysics._block_kernels import BLOCK, Blocks, copy

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int32]
Integers = npt.NDArray[np.int64]


# Plain tuples, not classes: numba could not read its cache on disk any more once a class in it is renamed.

Frames = tuple[Integers, int, Integers, Floats]
"""``rows, ahead, first, blend``: how the camera frames lie between the rows, the steps that are used.

The contour of frame f, one of ``first[i]`` to ``first[i + 1] - 1``, is ``blend[f]`` of the way from row i to
row ``i + ahead``; ``ahead`` is 1, or 0 if the contour stays.
"""

Nearby = tuple[Indices, Indices, Integers, Floats, Integers]
"""``near, copies, end, unit, places``: what may come into the window on the way from each row to the next.

Entries ``end[i - 1]`` to ``end[i]`` of ``near`` are the blocks that may enter the window between row i and row i + 1.
In entry k each segment is given ``copies[k]`` slots of length ``unit[i]`` in nm: an upper bound on its length, so that
a uniformly drawn slot can be accepted or rejected. ``places[i]`` is the number of all these slots.
"""

_0, _1 = np.float32(0), np.float32(1)  # the start and the end of a segment
# Unsigned indices: numba would test whether signed ones are negative, which takes 1.1 times as long.
_NEXT, _BLOCK = np.uint64(1), np.uint64(BLOCK)
_HALF = np.float32(0.5)  # of a period: a vertex that moves farther went the other way round
_TINY = np.float32(1e-30)  # nm: instead of a length of 0, by which one cannot divide
_ABOUT = np.float32(
    1.0001
)  # enlarges the window by more than float32 rounds, so that no segment in it is missed
_SPARE = np.float32(
    1.01
)  # slot over mean segment: equal segments then fit in one slot although they are rounded


@njit(error_model="numpy")
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
        Whether all vertices of the rows are, and the lengths between those nearby.
    visible : ndarray, shape (row,)
        The length of contour in the field in nm.
    nearby : Nearby
        What may come into the window.
    """
    rows, ahead, _, _ = frames
    first, linked, last = blocks
    touches = np.zeros(linked.size, np.bool_)
    lines = np.empty((6, linked.size), np.float32)
    link, length, at_y, on_y, at_x, on_x = lines[0], lines[1], lines[2], lines[3], lines[4], lines[5]
    near, copies = np.empty(rows.size * first.size + 1, np.int32), np.empty(rows.size * first.size, np.int32)
    end, places = np.empty(rows.size, np.int64), np.empty(rows.size, np.int64)
    unit, visible = np.empty(rows.size, np.float32), np.empty(rows.size)
    total, n = _0, 0
    for i in range(rows.size):
        y0, x0 = y[rows[i]], x[rows[i]]
        goal = min(i + ahead, rows.size - 1)
        y1, x1 = y[rows[goal]], x[rows[goal]]
        if goal > i:
            total += _mark_moving(y0, x0, y1, x1, window, period, touches)
        else:
            total += _mark(y0, x0, window, touches)
        # The loops over segments leave out the last vertex.
        total += y0[-1] * x0[-1]
        # What would bridge two filaments is no segment.
        for k in range(last.size):
            touches[np.uint64(last[k])] = False
        # Eight flags of a block read as one uint64, which is non-zero if any segment is marked; needs BLOCK == 8.
        # Testing flag by flag takes 1.1 times as long.
        end[i] = _list_blocks(touches.view(np.uint64), near, n)
        listed = near[n : end[i]]
        _lay_out(linked, listed, link)
        _lay_out_bonds(y0, first, listed, at_y, on_y)
        _lay_out_bonds(x0, first, listed, at_x, on_x)
        count = BLOCK * listed.size
        visible[i] = _length_inside(at_y[:count], on_y, at_x, on_x, link, field, length)
        if goal > i:
            _lay_out_bonds(y1, first, listed, at_y, on_y)
            _lay_out_bonds(x1, first, listed, at_x, on_x)
            _lengthen(at_y[:count], on_y, at_x, on_x, link, length)
        unit[i], places[i] = _share_out(length[:count], link, copies[n : end[i]])
        n = end[i]
    finite = bool(np.isfinite(total) and np.isfinite(visible).all() and np.isfinite(unit).all())
    return finite, visible, (near[:n], copies[:n], end, unit, places)


@njit(error_model="numpy", fastmath={"reassoc", "contract", "nsz"})
def _mark(y: Floats, x: Floats, window: Edges, touches: Any) -> np.float32:
    """Mark the segments whose bounding boxes touch the window; return a sum that is finite if all vertices are.

    Twice the distance of the centres of box and window is at most the sum of their sizes then, along both axes.
    """
    top, bottom, left, right = window
    height, width = _ABOUT * (bottom - top), _ABOUT * (right - left)
    total = _0
    for j in range(np.uint64(y.size - 1)):
        apart_y = abs(y[j] + y[j + _NEXT] - (top + bottom)) - abs(y[j + _NEXT] - y[j])
        apart_x = abs(x[j] + x[j + _NEXT] - (left + right)) - abs(x[j + _NEXT] - x[j])
        touches[j] = (apart_y <= height) & (apart_x <= width)
        total += y[j] * x[j]
    return total


@njit(error_model="numpy", fastmath={"reassoc", "contract", "nsz"})
def _mark_moving(
    y: Floats, x: Floats, later_y: Floats, later_x: Floats, window: Edges, period: Period, touches: Any
) -> np.float32:
    """Mark the segments that may touch the window while they move, and those that go the other way round in the box."""
    top, bottom, left, right = window
    half_y, half_x = _HALF * period[0], _HALF * period[1]
    total = _0
    for j in range(np.uint64(y.size - 1)):
        y0, y1 = _sort(y[j], later_y[j])
        y2, y3 = _sort(y[j + _NEXT], later_y[j + _NEXT])
        x0, x1 = _sort(x[j], later_x[j])
        x2, x3 = _sort(x[j + _NEXT], later_x[j + _NEXT])
        lowest, highest = y0 if y0 < y2 else y2, y1 if y1 > y3 else y3
        leftmost, rightmost = x0 if x0 < x2 else x2, x1 if x1 > x3 else x3
        # A path of more than half a period leads around the box, and the rectangle around its ends says nothing.
        overlaps = (highest >= top) & (lowest < bottom) & (rightmost >= left) & (leftmost < right)
        touches[j] = overlaps | (y1 - y0 > half_y) | (x1 - x0 > half_x)
        total += y[j] * x[j]
    return total


@njit(forceinline=True, error_model="numpy")
def _sort(a: Any, b: Any) -> tuple[Any, Any]:
    return (a, b) if a < b else (b, a)


@njit(error_model="numpy")
def _list_blocks(touches: Any, near: Indices, n: int) -> Any:
    """List the blocks of which a segment is marked from place n on, with no branch; return the next place."""
    place = np.uint64(n)
    # Always write, and step on only if a segment is marked: the next block overwrites a surplus entry.
    for b in range(touches.size):
        near[place] = b
        place += np.uint64(touches[b] != np.uint64(0))
    return np.int64(place)


@njit(error_model="numpy")
def _lay_out(linked: Floats, near: Indices, link: Floats) -> None:
    """Copy which segments of some blocks are real (1) or not (0), side by side."""
    for k in range(np.uint64(near.size)):
        copy(linked, _BLOCK * np.uint64(near[k]), link, _BLOCK * k)


@njit(error_model="numpy")
def _lay_out_bonds(vertices: Floats, first: Indices, near: Indices, at: Floats, on: Floats) -> None:
    """Copy the segments of some blocks side by side: where along one axis each starts and ends."""
    for k in range(np.uint64(near.size)):
        start = np.uint64(first[np.uint64(near[k])])
        copy(vertices, start, at, _BLOCK * k)
        copy(vertices, start + _NEXT, on, _BLOCK * k)


@njit(error_model="numpy", fastmath={"reassoc", "contract", "nsz", "nnan"})
def _length_inside(
    y: Floats, on_y: Floats, x: Floats, on_x: Floats, link: Floats, edges: Edges, length: Floats
) -> np.float32:
    """Measure segments, and their length inside (Liang & Barsky 1984, doi:10.1145/357332.357333)."""
    top, bottom, left, right = edges
    total = _0
    for j in range(y.size):
        dy, dx = on_y[j] - y[j], on_x[j] - x[j]
        # Fractions of the segment at which it crosses the four borders; inside lies what all of them leave.
        per_y, per_x = _1 / (dy if dy != _0 else _TINY), _1 / (dx if dx != _0 else _TINY)
        at_top, at_bottom = (top - y[j]) * per_y, (bottom - y[j]) * per_y
        at_left, at_right = (left - x[j]) * per_x, (right - x[j]) * per_x
        enter_y, leave_y = (at_top, at_bottom) if at_top < at_bottom else (at_bottom, at_top)
        enter_x, leave_x = (at_left, at_right) if at_left < at_right else (at_right, at_left)
        enter = enter_y if enter_y > enter_x else enter_x
        leave = leave_y if leave_y < leave_x else leave_x
        part = (leave if leave < _1 else _1) - (enter if enter > _0 else _0)
        length[j] = link[j] * np.sqrt(dy * dy + dx * dx)
        total += (part if part > _0 else _0) * length[j]
    return total


@njit(error_model="numpy", fastmath={"contract", "nsz", "nnan"})
def _lengthen(y: Floats, on_y: Floats, x: Floats, on_x: Floats, link: Floats, length: Floats) -> None:
    """Raise the lengths of segments to those at another time, where these are longer."""
    for j in range(y.size):
        dy, dx = on_y[j] - y[j], on_x[j] - x[j]
        other = link[j] * np.sqrt(dy * dy + dx * dx)
        length[j] = other if other > length[j] else length[j]


@njit(error_model="numpy", fastmath={"reassoc"})
def _share_out(length: Floats, link: Floats, copies: Indices) -> tuple[np.float32, int]:
    """Pick the slot length, 1 % above the mean segment, and the slots per block: ceil(longest segment / slot)."""
    bonds, total = _0, _0
    for j in range(length.size):
        bonds, total = bonds + link[j], total + length[j]
    unit = max(_SPARE * total / max(bonds, _1), _TINY)
    copies[:] = 1
    # Segments of one length need one slot each, as most structures do: without this test, 1.3 times the time.
    if _longest(length, np.uint64(0), np.uint64(length.size)) > unit:
        for k in range(np.uint64(copies.size)):
            copies[k] = np.ceil(_longest(length, _BLOCK * k, _BLOCK * k + _BLOCK) / unit)
    return unit, BLOCK * copies.sum()


@njit(error_model="numpy")
def _longest(length: Floats, start: np.uint64, stop: np.uint64) -> np.float32:
    """Return the largest of some numbers that are not negative."""
    # As integers, their bits have the same order, and a maximum of integers is vectorised: float32 takes 1.2 times as
    # long, because of NaN.
    bits, longest = length.view(np.int32), np.int32(0)
    for j in range(start, stop):
        longest = max(longest, bits[j])
    return np.int32(longest).view(np.float32)
