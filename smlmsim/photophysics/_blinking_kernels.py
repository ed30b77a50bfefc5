"""Numba kernels of blinking: serial, so that many may run side by side.

Every molecule is simulated event by event (doi:10.1021/j100540a008): it waits an exponential time, blinks for another,
bleaches or goes dark, and so on until the end of the movie. Its place is computed only for frames in which it is seen
and its part of the contour is near the window, so the cost is that of the blinks, however many frames there are.

There is no twin that agrees number by number; ``tests/photophysics/test_blinking.py`` compares the distributions with
closed forms and matrix exponentials. Skipping blocks of the contour that are far from the window makes ``emit`` 1.6
and ``visible`` 2.1 times as fast on one core, where the structure repeats beyond the field.
"""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from smlmsim._contour_kernels import Edges, Period, nearest
from smlmsim._philox import words
from smlmsim.compiled import njit

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int32]
Integers = npt.NDArray[np.int64]

Molecules = tuple[Integers, Floats]
"""``bond, along``: molecule m sits on the bond from the vertex ``bond[m]`` on, at the part ``along[m]`` of it."""

Frames = tuple[Integers, Floats, float]
"""``before, blend, exposure_s``: the middle of frame f is ``blend[f]`` of the way from step ``before[f]`` on."""

Kinetics = tuple[float, float, float, float, float]
"""``activation, reactivation, ending, bleaching, share``: three rates in 1/s, those of the first blink, of the
next one after the dark, and of the end of a blink; how many of the ends are for good; the least part of a frame
that a blink fills where it is seen."""

Near = npt.NDArray[np.bool_]
"""Shape (block, step): whether any of ``BLOCK`` consecutive bonds may touch the window until the next step."""

BLOCK = 16
"""Consecutive segments that share one entry of ``near``. With 8 or 64, finding them takes 1.1 times as long."""
_0, _1 = np.float32(0), np.float32(1)  # the start and the end of a segment
_UNIT = 2.0**-32  # from a word of 32 bits to a number from 0 to 1


@njit(error_model="numpy")
def find_near(y: Floats, x: Floats, window: Edges) -> Near:
    """Compare the rectangle around the vertices of each block, at each step and the next, with the window.

    A block that straddles two filaments has one rectangle around both.
    """
    top, bottom, left, right = window
    steps, vertices = y.shape
    near = np.empty((-(-vertices // BLOCK), steps), np.bool_)
    for i in range(steps):
        # Between two steps vertices move in straight lines, so they stay in the rectangle around both.
        later = min(i + 1, steps - 1)
        for b in range(near.shape[0]):
            block = slice(b * BLOCK, min((b + 1) * BLOCK + 1, vertices))
            lowest, highest = _range(y[i, block], y[later, block])
            leftmost, rightmost = _range(x[i, block], x[later, block])
            near[b, i] = (highest >= top) & (lowest < bottom) & (rightmost >= left) & (leftmost < right)
    return near


@njit(error_model="numpy")
def _range(a: Floats, b: Floats) -> tuple[Any, Any]:
    """Return the least and the largest of two arrays of one length."""
    low, high = a[0], a[0]
    # Comparisons, not min and max, which must return NaN where there is one: 1.5 times as fast.
    for k in range(a.size):
        less, more = (a[k], b[k]) if a[k] < b[k] else (b[k], a[k])
        low = less if less < low else low
        high = more if more > high else high
    return low, high


@njit(error_model="numpy")
def visible(
    y: Floats, x: Floats, near: Near, steps: Integers, bonds: Integers, rest_nm: Doubles, field: Edges
) -> Doubles:
    """Sum the lengths at rest of what of the bonds is in the field, at some steps (Liang & Barsky 1984)."""
    top, bottom, left, right = field
    seen_nm = np.zeros(steps.size)
    for s in range(steps.size):
        i = steps[s]
        for k in range(bonds.size):
            j = bonds[k]
            if near[j // BLOCK, i]:
                enter, leave = _inside(y[i, j], y[i, j + 1], top, bottom, _0, _1)
                enter, leave = _inside(x[i, j], x[i, j + 1], left, right, enter, leave)
                seen_nm[s] += max(leave - enter, _0) * rest_nm[k]
    return seen_nm


@njit(forceinline=True, error_model="numpy")
def _inside(start: Any, end: Any, low: Any, high: Any, enter: Any, leave: Any) -> tuple[Any, Any]:
    """Narrow the part of a segment that lies between two borders along one axis."""
    # A segment along the border has no crossing: it is inside or outside as a whole.
    way = end - start
    if way == 0:
        return (enter, leave) if low <= start < high else (_1, _0)
    one, other = (low - start) / way, (high - start) / way
    return max(enter, min(one, other)), min(leave, max(one, other))


@njit(error_model="numpy")
def expected(states: Doubles, step: Doubles, gain: Doubles, weights: Doubles) -> Any:
    """Sum weights[f] * gain . states over the frames f; the states go on by the matrix ``step`` in each."""
    total = 0.0
    # By hand: on three states, the call of np.dot would cost more than the product.
    now, then = states.copy(), np.empty_like(states)
    for f in range(weights.size):
        for i in range(now.size):
            then[i] = 0.0
            for j in range(now.size):
                then[i] += step[i, j] * now[j]
        frame = 0.0
        for i in range(now.size):
            frame += gain[i] * now[i]
        total += weights[f] * frame
        now[:] = then
    return total


@njit(error_model="numpy")
def emit(
    y: Floats,
    x: Floats,
    molecules: Molecules,
    frames: Frames,
    kinetics: Kinetics,
    near: Near,
    window: Edges,
    period: Period,
    key: np.uint64,
    room: int,
) -> tuple[Indices, Indices, Floats, Floats, Floats]:
    """Let every molecule blink, and list where it is in the frames in which it is seen in the window.

    Parameters
    ----------
    y, x : ndarray of float32, shape (step, vertex)
        In nm.
    room : int
        For how many events there is room at first.

    Returns
    -------
    frame, molecule : ndarray of int32
    y, x : ndarray of float32
        In nm.
    on_fraction : ndarray of float32
        The part of the frame that the blink fills. All are ordered by molecule, then by frame.
    """
    bond, along = molecules
    before, blend, exposure_s = frames
    activation, reactivation, ending, bleaching, share = kinetics
    label, place, n = np.empty((2, room), np.int32), np.empty((3, room), np.float32), 0
    for m in range(bond.size):
        start_s, blink, close = 0.0, 0, near[bond[m] // BLOCK]
        while True:
            # Three words decide a blink: when it begins, when it ends, and whether the molecule bleaches.
            w0, w1, w2, _ = words(key, blink, m, 0)
            start_s += _wait(w0) / (activation if blink == 0 else reactivation)
            # "not <" rather than ">=": NaN, too, ends the molecule.
            if not start_s < before.size * exposure_s:
                break
            end_s = start_s + _wait(w1) / ending
            start, end = start_s / exposure_s, end_s / exposure_s
            first, stop = _frames_seen(start, end, share)
            for f in range(first, min(stop, before.size)):
                if not close[before[f]]:
                    continue
                at_y = _locate(y, bond[m], along[m], before[f], blend[f], period[0])
                at_x = _locate(x, bond[m], along[m], before[f], blend[f], period[1])
                if window[0] <= at_y < window[1] and window[2] <= at_x < window[3]:
                    # The number of events is random: the arrays double when they are full.
                    if n == label.shape[1]:
                        label, place = _doubled(label), _doubled(place)
                    label[0, n], label[1, n], place[0, n], place[1, n] = f, m, at_y, at_x
                    place[2, n] = min(end, f + 1) - max(start, f)
                    n += 1
            if (np.float64(w2) + 0.5) * _UNIT < bleaching:
                break
            start_s, blink = end_s, blink + 1
    return label[0, :n], label[1, :n], place[0, :n], place[1, :n], place[2, :n]


@njit(forceinline=True, error_model="numpy")
def _wait(word: Any) -> Any:
    """Turn a word into an exponential waiting time of mean one."""
    # Half a step above zero, so that the logarithm is finite.
    return -math.log((np.float64(word) + 0.5) * _UNIT)


@njit(forceinline=True, error_model="numpy")
def _frames_seen(start: float, end: float, share: float) -> tuple[int, int]:
    """Find the frames that a blink fills by a share at least: the first, and the one after the last.

    All times are in frames. In frame f the blink is on for min(end, f + 1) - max(start, f).
    """
    if end - start < share:
        return 0, 0
    return math.ceil(start + share) - 1, math.floor(end - share) + 1


@njit(forceinline=True, error_model="numpy")
def _locate(z: Floats, bond: int, along: Any, row: int, blend: Any, period: Any) -> Any:
    """Find a molecule along one axis between two steps, by the shortest way from one to the next."""
    # Linear in time and along the segment: its start moves, and so does the vector to its end.
    later = min(row + 1, z.shape[0] - 1)
    start, way = z[row, bond], z[row, bond + 1] - z[row, bond]
    move, turn = z[later, bond] - start, z[later, bond + 1] - z[later, bond] - way
    return start + blend * nearest(move, period) + along * (way + blend * turn)


@njit(error_model="numpy")
def _doubled(rows: Any) -> Any:
    """Copy rows into an array twice as long."""
    longer = np.empty((rows.shape[0], 2 * rows.shape[1]), rows.dtype)
    longer[:, : rows.shape[1]] = rows
    return longer
