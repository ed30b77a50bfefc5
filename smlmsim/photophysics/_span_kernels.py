"""Numba kernels of blinks that span several frames: serial, so that many may run side by side.

A blink begins and ends anywhere in a frame, at a fixed place along the contour. For every frame that it fills far
enough, the molecule is placed where it is in the middle of the time that it is on in this frame: between the two steps
of the moving contour around that time, by the shortest way. What lies outside the window is dropped.

The numpy twin is in ``tests/photophysics/test_spans.py``. For 100,000 blinks of two frames the kernel is 20 times as
fast as it on one core.
"""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from smlmsim._contour_kernels import Edges, Period
from smlmsim._philox import words
from smlmsim.compiled import njit
from smlmsim.photophysics._blinking_kernels import BLOCK, Kinetics, Molecules, Near, _doubled, _locate, _wait

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int32]
Integers = npt.NDArray[np.int64]

Blinks = tuple[Integers, Floats, Doubles, Doubles]
"""``bond, along, start, end``: where each molecule sits, as in ``Molecules``, and when it is on, in frames."""

Timing = tuple[int, float, float, int]
"""``frames, steps_per_frame, share, frozen``: the number of frames, that of steps of the contour in a frame, the least
part of a frame that a blink fills where it is listed, and the number of frames for which the contour rests in the
middle of them, 0 if it moves."""

_UNIT = 2.0**-32  # from a word of 32 bits to a number from 0 to 1


@njit(error_model="numpy")
def list_blinks(
    molecules: Molecules, kinetics: Kinetics, duration_s: float, key: np.uint64, room: int
) -> tuple[Integers, Doubles]:
    """List the blinks of all molecules that begin in a movie: those of ``_blinking_kernels.emit``, word for word.

    Returns
    -------
    molecule : ndarray of int64
    times_s : ndarray, shape (2, blink)
        When each begins and ends.
    """
    bond, _ = molecules
    activation, reactivation, ending, bleaching, _ = kinetics
    molecule, times_s, n = np.empty((1, room), np.int64), np.empty((2, room)), 0
    for m in range(bond.size):
        start_s, blink = 0.0, 0
        while True:
            w0, w1, w2, _ = words(key, blink, m, 0)
            start_s += _wait(w0) / (activation if blink == 0 else reactivation)
            if not start_s < duration_s:
                break
            end_s = start_s + _wait(w1) / ending
            if n == molecule.shape[1]:
                molecule, times_s = _doubled(molecule), _doubled(times_s)
            molecule[0, n], times_s[0, n], times_s[1, n] = m, start_s, end_s
            n += 1
            if (np.float64(w2) + 0.5) * _UNIT < bleaching:
                break
            start_s, blink = end_s, blink + 1
    return molecule[0, :n], times_s[:, :n]


@njit(error_model="numpy")
def follow(
    y: Floats, x: Floats, blinks: Blinks, timing: Timing, near: Near, window: Edges, period: Period, room: int
) -> tuple[Integers, Indices, Floats]:
    """Follow molecules through the frames in which they are on.

    Parameters
    ----------
    y, x : ndarray of float32, shape (step, vertex)
        In nm.
    room : int
        For how many events there is room at first.

    Returns
    -------
    blink : ndarray of int64
        Number of the blink of every event; blinks and their frames are in order.
    frame : ndarray of int32
    found : ndarray of float32, shape (3, event)
        Positions along y and x in nm, and the part of the frame that the blink fills.
    """
    bond, along, start, end = blinks
    frames, steps_per_frame, share, frozen = timing
    number, frame, found, n = (
        np.empty((1, room), np.int64),
        np.empty((1, room), np.int32),
        np.empty((3, room), np.float32),
        0,
    )
    for b in range(bond.size):
        close = near[bond[b] // BLOCK]
        for f in range(max(0, math.floor(start[b])), min(frames, math.ceil(end[b]))):
            begin, finish = max(start[b], float(f)), min(end[b], f + 1.0)
            if finish - begin < share:
                continue
            when = (f // frozen + 0.5) * frozen if frozen > 0 else 0.5 * (begin + finish)
            # The first step is half a step after the beginning of the movie.
            place = min(max(when * steps_per_frame - 0.5, 0.0), len(y) - 1.0)
            row = int(place)
            if not close[row]:
                continue
            at_y = _locate(y, bond[b], along[b], row, np.float32(place - row), period[0])
            at_x = _locate(x, bond[b], along[b], row, np.float32(place - row), period[1])
            if window[0] <= at_y < window[1] and window[2] <= at_x < window[3]:
                if n == number.shape[1]:
                    number, frame, found = _doubled(number), _doubled(frame), _doubled(found)
                number[0, n], frame[0, n] = b, f
                found[0, n], found[1, n], found[2, n] = at_y, at_x, finish - begin
                n += 1
    return number[0, :n], frame[0, :n], found[:, :n]
