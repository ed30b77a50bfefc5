"""Summary of a localization table, made in one pass over its pieces."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import xarray as xr

from smlmsim import schema
from smlmsim.acquisition import recorded_frames, recorded_from

SPANS = 10  # number of time spans for which a rate is given
MOST_COMPARED = 2**20
"""First localizations of a table, among which repeated rows are sought."""
BINS = 1024  # number of bins of frames, at least half of which are in use
LEAST, GREATEST = 1e-3, 1e6
"""Range of the histograms, in nm or photons, wider than that of any table."""
EDGES = np.geomspace(LEAST, GREATEST, 4146)  # neighbouring edges are 0.5 % apart
COUNTED = ("loc_uncertainty", "loc_intensity", "loc_background")
"""Columns of which there are histograms."""


@dataclass
class Summary:
    """Number, extent in space and time, and reported precision of the localizations of a table.

    Parameters
    ----------
    localizations : int
    first_frame, last_frame : int
        First and last camera frame, counted from 0; -1 if the table has no frames.
    extent_nm : dict of str to (float, float)
        The smallest and the largest coordinate, by ``loc_y``, ``loc_x`` and, if there is one, ``loc_z``.
    first_called : int
        Number that the file gives to the first camera frame.
    channels : dict of int to int
        Number of localizations of each channel, by the number of the channel; empty if there are none.
    recorded : (int, int), optional
        First recorded camera frame and the one after the last, if the table was selected from a longer one.
    known_frames : int
        Total number of camera frames, if the table states it.
    compared, repeated : int
        Number of localizations that were compared, at most a million, and number of those that repeat the frame and
        position of an earlier one.
    """

    localizations: int = 0
    first_frame: int = -1
    last_frame: int = -1
    extent_nm: dict[str, tuple[float, float]] = field(default_factory=dict)
    first_called: int = 0
    channels: dict[int, int] = field(default_factory=dict)
    recorded: tuple[int, int] | None = None
    known_frames: int = 0
    compared: int = 0
    repeated: int = 0
    _frames: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(BINS, np.int64))
    _frames_per_bin: int = 1
    _counted: dict[str, npt.NDArray[np.int64]] = field(default_factory=dict)

    def add(self, chunk: xr.Dataset) -> None:
        """Add a piece of the table."""
        schema.check(chunk, "loc_y", "loc_x")
        self.localizations += chunk.sizes["localization"]
        for name in ("loc_y", "loc_x", "loc_z"):
            values = chunk[name].values if name in chunk else np.empty(0)
            values = values[np.isfinite(values)]
            if values.size:
                low, high = self.extent_nm.get(name, (math.inf, -math.inf))
                self.extent_nm[name] = min(low, float(values.min())), max(high, float(values.max()))
        if "loc_frame" in chunk and chunk.sizes["localization"]:
            self._add_frames(chunk.loc_frame.values)
        if "loc_channel" in chunk:
            for channel, found in zip(*np.unique(chunk.loc_channel.values, return_counts=True), strict=True):
                self.channels[int(channel)] = self.channels.get(int(channel), 0) + int(found)
        if "recorded_frames" in chunk.attrs:
            self.recorded = recorded_frames(chunk)
        self.known_frames = int(chunk.attrs.get("frames", 0))
        self.first_called = int(chunk.attrs.get("first_frame", self.first_called))
        if not self.compared:
            self._compare(chunk)
        for name in COUNTED:
            values = chunk[name].values if name in chunk else np.empty(0)
            counts = np.bincount(
                np.searchsorted(EDGES, values[np.isfinite(values)]), minlength=EDGES.size + 1
            )
            self._counted[name] = self._counted.get(name, 0) + counts

    @property
    def begin(self) -> int:
        """The camera frame at which the recording begins; see :func:`~smlmsim.acquisition.recorded_frames`."""
        if self.recorded is not None:
            return self.recorded[0]
        return recorded_from(self.first_frame, self.last_frame, self.localizations)

    @property
    def end(self) -> int:
        """The camera frame after the last one of the recording."""
        return self.recorded[1] if self.recorded is not None else max(self.last_frame + 1, self.known_frames)

    @property
    def frames(self) -> int:
        """The number of recorded camera frames."""
        return self.end - self.begin if self.last_frame >= 0 else 0

    @property
    def frames_per_span(self) -> float:
        """The number of frames in one span of :meth:`rate_per_frame`."""
        return self.frames / min(SPANS, max(self.frames, 1))

    def rate_per_frame(self) -> npt.NDArray[np.float64]:
        """Mean number of localizations per frame in ten equal spans of the recording, fewer if it has fewer frames.

        If a span ends within a bin of frames, the localizations of the bin are divided in proportion to time; a bin
        is shorter than 1/500 of the recording.
        """
        spans = min(SPANS, self.frames)
        first_bin = self.first_frame // self._frames_per_bin
        upto = (first_bin + np.arange(BINS + 1)) * self._frames_per_bin
        total = np.concatenate([[0], np.cumsum(self._frames)])
        edges = self.begin + np.linspace(0, self.frames, spans + 1)
        within = np.clip(upto, edges[0], edges[-1])
        return np.asarray(np.diff(np.interp(edges, within, total)) / np.diff(edges))

    def rate_hz(self, exposure_s: float) -> float:
        """Localizations per second, 0 if the table has no frames."""
        return self.localizations / (self.frames * exposure_s) if self.frames else 0.0

    def frame_below(self, share: float) -> int:
        """The last frame of the first bin by whose end a share of the localizations is reached."""
        total = np.cumsum(self._frames)
        found = int(np.searchsorted(total, share * total[-1]))
        first_bin = self.first_frame // self._frames_per_bin
        return min((first_bin + found + 1) * self._frames_per_bin - 1, self.last_frame)

    def precision_nm(self, share: float) -> float:
        """The quantile, at a share of the localizations, of the reported lateral standard error, within 0.25 %.

        NaN if the table reports none.
        """
        return self._quantile("loc_uncertainty", share)

    def photons(self, share: float) -> float:
        """The quantile, at a share of the localizations, of the photons in a spot; NaN if the table has none."""
        return self._quantile("loc_intensity", share)

    def background(self, share: float) -> float:
        """The quantile, at a share of the localizations, of the background per pixel; NaN if the table has none."""
        return self._quantile("loc_background", share)

    def _quantile(self, name: str, share: float) -> float:
        """A quantile of a column, within 0.25 %; 0 if it is below a thousandth."""
        total = np.cumsum(self._counted.get(name, np.zeros(1, np.int64)))
        if total[-1] == 0:
            return math.nan
        found = int(np.searchsorted(total, share * total[-1]))
        if found == 0 and name != "loc_uncertainty":
            return 0.0
        low, high = max(found - 1, 0), min(found, EDGES.size - 1)
        return float(np.sqrt(EDGES[low] * EDGES[high]))

    def _compare(self, chunk: xr.Dataset) -> None:
        """Count the localizations that repeat an earlier one, among the first million."""
        names = [name for name in ("loc_frame", "loc_y", "loc_x", "loc_z", "loc_channel") if name in chunk]
        rows = np.stack([chunk[name].values[:MOST_COMPARED].astype(np.float64) for name in names])
        order = np.lexsort(rows)
        self.compared = rows.shape[1]
        self.repeated = int(np.count_nonzero((np.diff(rows[:, order], axis=1) == 0).all(axis=0)))

    def _add_frames(self, frame: npt.NDArray[np.integer]) -> None:
        """Count localizations per bin of frames; bins double in width whenever the movie exceeds them."""
        old_bin, old_width = max(self.first_frame, 0) // self._frames_per_bin, self._frames_per_bin
        first, last = int(frame.min()), int(frame.max())
        self.first_frame = first if self.first_frame < 0 else min(first, self.first_frame)
        self.last_frame = max(last, self.last_frame)
        width = old_width
        while self.last_frame // width - self.first_frame // width >= BINS:
            width *= 2
        origin = self.first_frame // width
        counted = np.flatnonzero(self._frames)
        moved = (old_bin + counted) * old_width // width - origin
        counts = np.bincount(frame // width - origin, minlength=BINS)
        np.add.at(counts, moved, self._frames[counted])
        self._frames, self._frames_per_bin = counts, width


def summarise(chunks: Iterable[xr.Dataset]) -> Summary:
    """Summarise a table that is read in pieces, in memory for one piece.

    Parameters
    ----------
    chunks : iterable of xr.Dataset
        ``loc_y``, ``loc_x`` and, where known, ``loc_frame``, ``loc_z``, ``loc_uncertainty`` (localization,).

    Examples
    --------
    >>> found = schema.dataset(loc_frame=[0, 1, 1, 3], loc_y=[0.0, 5.0, 1.0, 2.0], loc_x=[1.0, 2.0, 3.0, 4.0])
    >>> summarise([found, found]).rate_per_frame()
    array([2., 4., 0., 2.])
    """
    summary = Summary()
    for chunk in chunks:
        summary.add(chunk)
    return summary
