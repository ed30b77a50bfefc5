"""Events along a moving contour by rejection sampling: serial, so that many may run side by side.

Proposals are thrown uniformly on all frames between two rows and on all slots that ``_survey_kernels`` laid out there.
A proposal becomes a place on a segment at the time of its frame. It is rejected if it lies beyond the end of the
segment, on a segment that is not real, or outside the window. What remains is a Poisson process that is uniform along
the contour, without a table of cumulative lengths for every frame.

Proposals of several rows are gathered in batches, so that the arithmetic on them runs in long vectorised loops. The
density of the events is held against numpy by ``tests/photophysics/test_poisson.py``. With localization included, for
300 time points of 128 x 128 pixels the kernels are about 54, 12 and 3 times as fast as ``np.random.poisson`` of every
pixel at 45, 900 and 4800 localizations per time point, on one core (``benchmarks/bench_sampling.py``).
"""

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

_1 = np.float32(1)  # the end of a segment
_32 = np.uint64(32)  # bits of a random word
_WHEN, _WHERE = np.int64(0), np.int64(1)  # streams of random words
# Least number of proposals in a batch, where there are as many. The addresses of the random words depend on it, so
# another number gives other events; from 1 to 4096 the time differs by less than 10 %.
_BATCH = 1024
# Unsigned indices: numba would test whether signed ones are negative, which takes 1.1 to 1.3 times as long.
_NEXT, _BLOCK = np.uint64(1), np.uint64(BLOCK)
_FEW = np.uint64(2)  # surplus stores per frame, see _sort_into_frames


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
    """Throw ``draws[i]`` proposals on the slots near the window after row i, and keep those that hit a segment in it.

    Each falls with equal probability on any frame and any place in any slot. Those beyond the end of their segment are
    rejected: the others are uniform along the contour, however long its segments are.

    Returns
    -------
    int
        How many events were written, in the order of frames.
    """
    rows, ahead, first_frame, blend = frames
    near, copies, end, unit, places = nearby
    # A batch may exceed _BATCH by the proposals of the largest row, and a frame writes _FEW surplus entries.
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
        # A batch ends with the first row after which it is large enough.
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
    """Let each word fall on one of equally likely frames; write these, and how far on they are, in their order."""
    tally[:] = 0
    for m in range(thrown.size):
        # Lemire's multiply-shift (doi:10.1145/3230636): the upper half of word * n is a number below n, each as likely
        # to within n / 2**32. The remainder of a division would make emission take 1.1 to 1.3 times as long.
        tally[(np.uint64(thrown[m]) * np.uint64(tally.size)) >> _32] += 1
    done = np.uint64(0)
    for f in range(first_frame, first_frame + tally.size):
        stop = done + np.uint64(tally[f - first_frame])
        # Always write two entries per frame: most frames have at most two events, and an unconditional store is cheaper
        # than a mispredicted branch. Surplus entries are overwritten by the next frame; the buffers have two spare
        # entries. With 45 localizations per time point emission would take 1.2 times as long without, with 900 as long.
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
    """List the slots of some blocks: their first vertex, how far along the segments they begin, which segments are
    real.

    A block with longer segments is listed several times, each time one slot length farther along.
    """
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
    """Turn each word into a segment and a distance along it in nm."""
    # word * places: the high 32 bits pick the slot (Lemire's multiply-shift, doi:10.1145/3230636), the low 32 bits are
    # uniform and give the position inside it, so one word serves for both. For a segment with link == 0, which is not
    # real, the division gives infinity, and _keep rejects it without a branch here.
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
    """Look up where segments start, and the vector along them: the only loop with scattered reads."""
    for m in range(start_y.size):
        j = bond[m]
        start_y[m], way_y[m] = y[j], y[j + 1] - y[j]
        start_x[m], way_x[m] = x[j], x[j + 1] - x[j]


@njit(error_model="numpy", fastmath={"contract"})
def _divide_by_length(t: Floats, y: Floats, x: Floats) -> None:
    """Turn distances along segments into fractions of their length."""
    for m in range(t.size):
        t[m] /= np.sqrt(y[m] * y[m] + x[m] * x[m])


@njit(error_model="numpy", fastmath={"contract"})
def _divide_by_length_between(
    t: Floats, a: Floats, y: Floats, x: Floats, later_y: Floats, later_x: Floats
) -> None:
    """Turn distances along segments into fractions of their length, which lies between those now and later."""
    for m in range(t.size):
        now = np.sqrt(y[m] * y[m] + x[m] * x[m])
        t[m] /= now + a[m] * (np.sqrt(later_y[m] * later_y[m] + later_x[m] * later_x[m]) - now)


@njit(error_model="numpy", fastmath={"contract"})
def _interpolate(
    start: Floats, goal: Floats, way: Floats, later: Floats, period: np.float32, a: Floats
) -> None:
    """Move the starts of segments, and the vectors along them, on towards those of later, along one axis."""
    for m in range(start.size):
        start[m] += a[m] * nearest(goal[m] - start[m], period)
        way[m] += a[m] * (later[m] - way[m])


@njit(error_model="numpy", fastmath={"contract"})
def _go_along(start: Floats, way: Floats, t: Floats) -> None:
    """Go from the starts of segments to places along them, along one axis."""
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
    """Write those that hit a segment in the window from place n on; return the place after them."""
    top, bottom, left, right = window
    # Always write, and step on only if it is accepted: the next proposal overwrites a rejected one. A branch that the
    # processor cannot predict takes 1.1 times as long.
    for m in range(frame.size):
        loc_frame[n], loc_y[n], loc_x[n] = frame[m], y[m], x[m]
        n += np.uint64((t[m] < _1) & (y[m] >= top) & (y[m] < bottom) & (x[m] >= left) & (x[m] < right))
    return n
