"""Memoryless emission along a moving contour."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import numpy.typing as npt
import xarray as xr
from pydantic import PositiveFloat

from smlmsim import schema
from smlmsim.acquisition import Acquisition
from smlmsim.contour import Box, frames_between_steps, steps
from smlmsim.field import FieldOfView
from smlmsim.photophysics import _blinking_kernels, _emission_kernels
from smlmsim.photophysics._block_kernels import BLOCK, cut
from smlmsim.photophysics._survey_kernels import Frames, Nearby, survey
from smlmsim.photophysics.emission import LEAST_SHARE, Emission
from smlmsim.photophysics.spans import Contour, follow
from smlmsim.rng import key

_MOST_DRAWS = 1e9
"""Proposals of a movie: a thousand million fill 12 GB."""
_FEWEST = 1e-100
"""Frames per blink: fewer are as good as none, but cannot be divided by."""


class Poisson(Emission):
    """Molecules of constant density along the contour emit at random times, each for one camera frame or longer.

    The events are a Poisson process of constant intensity per nm of contour and second: the rate divided by
    the mean length of contour inside the field over the movie (between two steps, the mean of both lengths).
    So there are more events while more of the structure is in the field. The settings of
    :class:`~smlmsim.photophysics.emission.Emission` say how bright they are, and which of them are listed.

    Parameters
    ----------
    rate_hz : float
        Mean number of events per second inside the field, above 0. Live mEos3.2 data has 110-380, the sweep
        of Bai 2023 (tel-04772446, chapter II.3) 30-1600.
    frozen : bool
        Whether the structure rests at its middle position during a time point, as in Bai 2023. Otherwise
        every event lies on the contour at the middle of its own camera frame: between two steps of the moving
        structure, vertices move along straight lines and segments keep their molecules; before the first step and
        after the last, it is at rest.
    on_time_s : float, optional
        Mean time for which a molecule emits, exponentially distributed, above 0; by default every molecule is on in one
        whole frame. It begins anywhere in a frame, keeps its place on the contour, and is on in part of its first
        and last frame. ``rate_hz`` then counts the frames in which a molecule is on for half of the time or longer.
    """

    kind: Literal["poisson"] = "poisson"
    rate_hz: PositiveFloat = 200.0
    frozen: bool = False
    on_time_s: PositiveFloat | None = None

    def emit(
        self, moving: xr.Dataset, field: FieldOfView, acquisition: Acquisition, rng: np.random.Generator
    ) -> xr.Dataset:
        """Draw the events of a movie.

        Parameters
        ----------
        moving : Dataset
            ``vertex_y``, ``vertex_x`` (time, vertex) in nm at ``acquisition.step_times_s``, with the
            coordinate ``filament``. In a periodic box, the attribute ``box_nm`` = (y0, x0, height, width), a
            filament that leaves on one side and enters on the other does not cross the field in between.
        field : FieldOfView
        acquisition : Acquisition
        rng : Generator

        Returns
        -------
        Dataset
            ``event_frame``, ``event_time`` in s, ``event_y``, ``event_x`` in nm (event,), sorted by frame:
            the positions of the molecules, in the field and its margin. Empty if the contour is never in the
            field. With ``on_time_s`` also ``event_on_fraction`` and ``event_molecule``, a number for each blink;
            without, every molecule is on for the whole frame. ``event_photons`` if ``photons`` is set.

        Raises
        ------
        ValueError
            If the structure lacks a variable or has other steps than the acquisition, if a vertex is NaN or
            infinite, or if so little of the contour is in the field that the rate would need more than 10**9
            draws along the whole contour.
        """
        if self.on_time_s is not None:
            return self._lasting(self.on_time_s, moving, field, acquisition, rng)
        frame, at_y, at_x = self._draw(moving, field, acquisition, rng)
        return schema.dataset(
            event_frame=frame,
            event_time=acquisition.frame_times_s(frame),
            event_y=at_y,
            event_x=at_x,
            **self._event_photons(np.arange(frame.size), 1.0, rng),
        )

    def _lasting(
        self,
        on_time_s: float,
        moving: xr.Dataset,
        field: FieldOfView,
        acquisition: Acquisition,
        rng: np.random.Generator,
    ) -> xr.Dataset:
        """Draw the events of molecules that are on for exponential times."""
        contour = Contour.of(moving, field, acquisition, self.margin_nm)
        mean = on_time_s / acquisition.exposure_s
        # A blink of mean duration d fills (d + 1 - share) exp(-share / d) frames by a share on average.
        per_blink = (mean + 1 - LEAST_SHARE) * math.exp(-LEAST_SHARE / mean)
        close = contour.near[contour.bonds // _blinking_kernels.BLOCK].any(axis=1)
        ends_nm = np.cumsum(np.where(close, contour.rest_nm, 0.0))
        number, visible_nm = 0, float(contour.seen_nm.mean())
        if visible_nm > 0:
            per_nm = self.rate_hz / max(per_blink, _FEWEST) / visible_nm
            expected = per_nm * ends_nm[-1] * (acquisition.recorded_s + on_time_s)
            self._require_few(expected, visible_nm, float(ends_nm[-1]))
            number = int(rng.poisson(expected))
        place_nm = rng.uniform(0, ends_nm[-1] if number else 0.0, number)
        on = np.searchsorted(ends_nm, place_nm, side="right").clip(0, max(ends_nm.size - 1, 0))
        along = (1 - (ends_nm[on] - place_nm) / contour.rest_nm[on]).astype(np.float32)
        # Of those that were on at the beginning, exponential times remain: they begin there.
        start_s = rng.uniform(-on_time_s, acquisition.recorded_s, number).clip(0)
        end_s = start_s + on_time_s * rng.standard_exponential(number)
        blink, events = follow(
            contour,
            (contour.bonds[on], along, np.stack([start_s, end_s])),
            field,
            acquisition,
            share=0.0 if self.faint_frames else LEAST_SHARE,
            margin_nm=self.margin_nm,
            frozen=self.frozen,
        )
        photons = self._event_photons(blink, events["event_on_fraction"], rng)
        return schema.dataset(**events, event_molecule=blink.astype(np.int32), **photons)

    def _draw(
        self, moving: xr.Dataset, field: FieldOfView, acquisition: Acquisition, rng: np.random.Generator
    ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Draw the frame and the position along y and x of every event."""
        filament, y, x = _vertices(moving, acquisition)
        frames, weights = _frozen_frames(acquisition) if self.frozen else _frames(acquisition)
        blocks = cut(filament)
        window, period = field.edges(self.margin_nm), Box.of(moving).period
        finite, visible, nearby = survey(y, x, frames, blocks, field.edges(), window, period)
        if not finite:
            schema.check(moving, "vertex_y", "vertex_x")
            raise ValueError("the vertices are too far apart for single precision")
        draws = rng.poisson(self._expected(nearby, frames, float(weights @ visible), acquisition))
        most = int(draws.sum())
        frame, (at_y, at_x) = np.empty(most, np.int32), np.empty((2, most), np.float32)
        n = _emission_kernels.emit(
            y, x, frames, blocks, nearby, draws, window, period, key(rng), frame, at_y, at_x
        )
        return frame[:n], at_y[:n], at_x[:n]

    def _expected(
        self, nearby: Nearby, frames: Frames, visible_nm: float, acquisition: Acquisition
    ) -> npt.NDArray[np.floating]:
        """Return the expected number of proposals between each row and the next, before rejection.

        Proposals are drawn on slots near the field that are longer than the segments in them, so some are rejected.
        """
        *_, unit, places = nearby
        _, _, first_frame, _ = frames
        if visible_nm == 0:
            return np.zeros(places.size)
        per_nm = self.rate_hz * acquisition.exposure_s / visible_nm
        expected = per_nm * places * unit * np.diff(first_frame)
        self._require_few(float(expected.sum()), visible_nm, float((places * unit).max(initial=0)))
        return expected

    def _require_few(self, draws: float, visible_nm: float, nearby_nm: float) -> None:
        if draws > _MOST_DRAWS:
            raise ValueError(
                f"{self.rate_hz:g} Hz from a mean of {visible_nm:.3g} nm of contour in the field take {draws:.2g} "
                f"draws on {nearby_nm:.3g} nm nearby, more than {_MOST_DRAWS:.0e}; "
                f"lower rate_hz or margin_nm{', raise on_time_s' * (self.on_time_s is not None)}, or move the field"
            )


def _vertices(
    moving: xr.Dataset, acquisition: Acquisition
) -> tuple[npt.NDArray[np.integer], npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return the filament of each vertex, and the positions along y and x, shape (step, vertex).

    They are checked for NaN later. Structures smaller than a block are padded with filaments of one vertex each.
    """
    y, x = steps(moving, acquisition)
    filament = moving.variables["filament"].values
    if (more := BLOCK + 1 - filament.size) > 0:
        filament = np.append(filament, filament.max(initial=0) + 1 + np.arange(more))
        y, x = np.pad(y, ((0, 0), (0, more))), np.pad(x, ((0, 0), (0, more)))
    return filament, y, x


def _frozen_frames(acquisition: Acquisition) -> tuple[Frames, npt.NDArray[np.float64]]:
    """Place all frames of a time point at its middle step."""
    points = acquisition.time_points
    rows = np.arange(points * acquisition.steps_per_point)[acquisition.middle_steps]
    first = np.arange(points + 1) * acquisition.frames_per_point
    return (rows, 0, first, np.zeros(acquisition.frames, np.float32)), np.full(points, 1 / points)


def _frames(acquisition: Acquisition) -> tuple[Frames, npt.NDArray[np.float64]]:
    """Place the middle of each frame between the two steps around it.

    The mean over all frames of a quantity that is linear between steps is its weighted sum over the steps.
    """
    rows = np.arange(acquisition.time_points * acquisition.steps_per_point)
    before, blend = frames_between_steps(acquisition)
    weights = np.bincount(before, 1.0 - blend, rows.size)
    weights += np.bincount(np.minimum(before + 1, rows[-1]), blend, rows.size)
    first = np.searchsorted(before, np.arange(rows.size + 1))
    return (rows, 1, first, blend.astype(np.float32)), weights / before.size
