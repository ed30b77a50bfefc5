"""Molecules that are localized repeatedly: over how many frames, and which localization of each is the first.

Independent molecules have no more neighbours within a distance r than between r and 2 r. On a straight line the two
numbers are equal. If the line is blurred, neighbours offset by u lie on lengths of sqrt(r^2 - u^2) within r and of
sqrt(4 r^2 - u^2) within 2 r, which is more than twice as long; in an area there are three times as many between r and
2 r. This holds at any lag between two localizations and at any velocity: a line seen later is still a line. At the
ends of a line of length L neighbours are missing, which raises the ratio by r / L. A quarter more is allowed for that;
structures shorter than 4 r, such as dots, exceed it and are mistaken for repeats.

The repeats of a molecule all lie within a few localization errors. So if there are significantly more neighbours within
such an r, some of them are repeats. Repeats that are few among chance neighbours are not found.

Neighbours are counted by brute force over pairs of frames. ``tests/baselines/classic/test_repeats.py`` holds the counts
against numpy. ``_neighbours`` is about 170 times as fast as numpy with one vector operation per localization, on one
core.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import xarray as xr

from baselines.classic import _weights
from smlmsim.compiled import njit

ERRORS = 3 * math.sqrt(2)
"""Distance r in localization errors: three times the sqrt(2) errors by which two localizations of a molecule differ."""
ERROR_OVER_REPORTED = 2.0
"""True error over the reported precision, as found in practice (doi:10.1101/2024.10.10.617567)."""
UNKNOWN_NM = 15.0
"""Precision in nm where a table reports none: typical of live cells."""
EXCESS = 1.25
"""Greatest ratio of neighbours within r to those from r to 2 r without repeats: the ends of lines can cause it."""
SIGNIFICANT = 3.0
"""Number of Poisson errors by which the neighbours within r must exceed that ratio."""
LONGEST = 256
"""Upper limit of lags in frames (excluded), a power of two as the bins of lags double: 8 s of frames of 30 ms."""
COMPARISONS = 2**20
"""Number of pairs compared in a bin of lags: a Poisson error of at most a few per cent, in about 2 ms."""

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]


def repeat_frames(observation: xr.Dataset) -> int:
    """Find the number of camera frames over which molecules are localized repeatedly.

    Lags between localizations are gathered in bins that double: 1 frame, 2 and 3, 4 to 7, up to 255. A bin has repeats
    if the neighbours within r exceed 1.25 times those between r and 2 r by three Poisson errors. At most about a
    million pairs are compared for a bin, between evenly spaced localizations and all others at its lags.

    Parameters
    ----------
    observation : xr.Dataset
        ``loc_frame``, ``loc_y``, ``loc_x`` (localization,), sorted by frame; ``loc_uncertainty`` if known.

    Returns
    -------
    int
        Longest lag in frames: bins are tested from the shortest lag on, up to the first without repeats. 0 if there
        are no repeats, or no usable localizations.
    """
    if not usable(observation):
        return 0
    table = _Table.of(observation, slice(None))
    first = 1
    while first < LONGEST and table.repeats(first, 2 * first - 1):
        first *= 2
    return first - 1


def first_appearances(observation: xr.Dataset, frames: int) -> xr.Dataset:
    """Count only localizations without an earlier one nearby.

    Parameters
    ----------
    observation : xr.Dataset
        ``counts`` (time, y, x), and the localizations with their ``loc_time``.
    frames : int
        Longest lag in frames at which a localization within r of an earlier one is its repeat; 0 for no repeats.

    Returns
    -------
    xr.Dataset
        The observation with fewer ``counts``.
    """
    if frames == 0:
        return observation
    chosen = observation.isel(localization=appearances(observation, frames))
    at = [_index(chosen[f"loc_{axis}"].values, chosen[axis].values) for axis in ("time", "y", "x")]
    counts = np.zeros(observation.counts.shape, np.float32)
    np.add.at(counts.reshape(-1), np.ravel_multi_index(at, counts.shape), 1)
    return observation.assign(counts=(("time", "y", "x"), counts))


def appearances(observation: xr.Dataset, frames: int) -> Int:
    """Return which localizations lie in the movie and have no earlier one nearby, as in ``first_appearances``."""
    shape = observation.counts.shape
    at = [_index(observation[f"loc_{axis}"].values, observation[axis].values) for axis in ("time", "y", "x")]
    inside = np.logical_and.reduce([(i >= 0) & (i < n) for i, n in zip(at, shape, strict=True)])
    found: Int = np.flatnonzero(inside)
    return found[_Table.of(observation, inside).first(frames)] if frames else found


def reach_nm(observation: xr.Dataset) -> float:
    """Return the distance r in nm within which repeats lie.

    Two localizations of a molecule differ by sqrt(2) errors along either axis, nearly all by less than three times it.
    The error is in practice about twice the median reported precision (doi:10.1101/2024.10.10.617567), which is assumed
    to be 15 nm if it is unknown. It is at least a pixel, since counts do not resolve less.
    """
    reported_nm = observation["loc_uncertainty"].values if "loc_uncertainty" in observation else np.empty(0)
    known_nm = reported_nm[np.isfinite(reported_nm)]
    usual_nm = float(np.median(known_nm)) if known_nm.size else UNKNOWN_NM
    pixel_nm = max(_weights.spacing(observation[axis].values) for axis in ("y", "x"))
    return max(ERRORS * ERROR_OVER_REPORTED * usual_nm, pixel_nm, 1.0)


def usable(observation: xr.Dataset) -> bool:
    """Return whether the localizations of an observation have frames, times and positions, all of them finite."""
    names = "loc_frame", "loc_time", "loc_y", "loc_x"
    return all(name in observation and np.isfinite(observation[name].values).all() for name in names)


def _index(places: npt.NDArray[np.floating], centres: F64) -> Int:
    step = _weights.spacing(centres) or np.inf
    index: Int = np.floor((places - centres[0]) / step + 0.5).astype(np.int64)
    return index


@dataclass(frozen=True)
class _Table:
    """Localizations sorted by frame, the index at which each frame starts, and the distance r of repeats."""

    frame: Int
    starts: Int
    y_nm: F32
    x_nm: F32
    reach_nm: float

    @classmethod
    def of(cls, observation: xr.Dataset, chosen: Bool | slice) -> _Table:
        frame = observation.loc_frame.values[chosen].astype(np.int64)
        y_nm, x_nm = (observation[name].values[chosen].astype(np.float32) for name in ("loc_y", "loc_x"))
        starts = np.concatenate([[0], np.cumsum(np.bincount(frame))])
        return cls(frame, starts, y_nm, x_nm, reach_nm(observation))

    def repeats(self, first: int, last: int) -> bool:
        """Return whether significantly more neighbours lie within r than beyond, at lags from first to last."""
        frames = self.starts.size - 1
        at = np.arange(frames)
        begins, ends = (self.starts[np.minimum(at + lag, frames)] for lag in (first, last + 1))
        pairs = int(np.diff(self.starts) @ (ends - begins))
        stride = max(1, math.ceil(pairs / COMPARISONS))
        near, beyond = _neighbours(
            begins[self.frame[::stride]],
            ends[self.frame[::stride]],
            self.y_nm[::stride],
            self.x_nm[::stride],
            self.y_nm,
            self.x_nm,
            self.reach_nm,
        )
        return bool(near - EXCESS * beyond > SIGNIFICANT * math.sqrt(near + EXCESS**2 * beyond))

    def first(self, frames: int) -> Bool:
        """Return for each localization whether no other lies within r in the ``frames`` before it."""
        rows, columns = self._cells(self.y_nm), self._cells(self.x_nm)
        newest = np.full((rows.max(initial=0) + 2, columns.max(initial=0) + 2), -1, np.int64)
        first: Bool = _first(self.starts, self.y_nm, self.x_nm, rows, columns, newest, frames, self.reach_nm)
        return first

    def _cells(self, places_nm: F32) -> Int:
        cells: Int = 1 + ((places_nm - places_nm.min(initial=np.inf)) / self.reach_nm).astype(np.int64)
        return cells


@njit()
def _neighbours(
    begins: Int, ends: Int, y_nm: F32, x_nm: F32, all_y_nm: F32, all_x_nm: F32, reach_nm: float
) -> tuple[int, int]:
    """Count neighbours within r and between r and 2 r, of each place among those from its begin to its end."""
    # Squares of distances, so that no root is taken. Where table and frames are sorted, the candidates of one place are
    # adjacent, so that the inner loop is vectorised: two comparisons, no branch.
    within = np.float32(reach_nm**2)
    near, far = 0, 0
    for i in range(y_nm.size):
        y, x = y_nm[i], x_nm[i]
        for j in range(begins[i], ends[i]):
            square = (all_y_nm[j] - y) ** 2 + (all_x_nm[j] - x) ** 2
            near += square < within
            far += square < 4 * within
    return near, far - near


@njit()
def _first(
    starts: Int, y_nm: F32, x_nm: F32, rows: Int, columns: Int, newest: Int, frames: int, reach_nm: float
) -> Bool:
    """Find localizations without another within r in the frames before.

    The plane is in square cells of the size r, with a margin of one. Each knows its newest localization, and each
    localization the one before it in its cell, so a search ends at the first that is too old. Those of one frame
    enter their cells together, after all of them have searched.
    """
    # Linked lists in two arrays: entering a localization takes two assignments, whatever its cell holds already.
    before = np.empty(y_nm.size, np.int64)
    first = np.ones(y_nm.size, np.bool_)
    for frame in range(starts.size - 1):
        begin, end = starts[frame], starts[frame + 1]
        # Localizations are sorted by frame: what is too old has a smaller index.
        oldest = starts[max(frame - frames, 0)]
        for i in range(begin, end):
            # What lies within r is in the cell itself or in the eight around it.
            for row in range(rows[i] - 1, rows[i] + 2):
                for column in range(columns[i] - 1, columns[i] + 2):
                    j = newest[row, column]
                    while first[i] and j >= oldest:
                        square = (y_nm[j] - y_nm[i]) ** 2 + (x_nm[j] - x_nm[i]) ** 2
                        first[i] = square >= reach_nm**2
                        j = before[j]
        # Only now, so that two molecules of one frame are no repeat of each other.
        for i in range(begin, end):
            before[i] = newest[rows[i], columns[i]]
            newest[rows[i], columns[i]] = i
    return first
