"""The localizations smoothed along the flow that makes the image of all of them sharpest."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Annotated, NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr
from pydantic import Field, NonNegativeFloat, PositiveFloat

from baselines.classic import _kernels, _repeats, _weights
from baselines.classic._flow import Carried, Events, Flow, terms_of
from baselines.classic._held_out import HeldOut
from baselines.classic._units import PER_POINT
from baselines.classic.gaussian_time import GaussianTime, Widths
from smlmsim import schema
from smlmsim.spec import Spec

LEAST_EVENTS = 100
"""Number of localizations in the shortest window: fewer do not determine the terms of a flow."""
LEAST_POINTS = 2
"""Number of time points in the shortest window: a single one shows no motion."""
MOST_POINTS = 8
"""Longest width along time, in time points, that is tried with a flow."""


class Found(NamedTuple):
    """A flow, the length in time points of the windows in which it was fitted, and its gain over no motion.

    ``gain`` is the gain in log-likelihood, reduced by one for every parameter, per localization.
    """

    flow: Flow
    window: float
    widths: Widths
    gain: float


class ContrastMaximisation(Spec):
    """Smooth localizations with a Gaussian in time and space, along the estimated motion of the structure.

    Localizations are treated like the events of an event camera: moved back to one time along the true velocity field,
    they give the sharpest image (Gallego, Rebecq & Scaramuzza 2018, doi:10.1109/CVPR.2018.00407). The velocity is a
    polynomial of position in overlapping windows of time, blended from one window to the next. It is found by gradient
    ascent on the logarithm of the sharpness, starting from a grid of translations, with blurs from wide to narrow.
    Flows that collapse all events into few places give sharp images too, so the gain due to their divergence is
    subtracted (Shiba, Aoki & Gallego 2022, doi:10.3390/s22145190).

    Then the localizations are smoothed as by ``gaussian_time``, but along the paths of the flow. Near borders, weights
    are normalised over the time points at which the material now at a place was inside the field.

    The length of the windows is doubled, each flow starting from the previous one, as long as that raises the
    leave-one-out likelihood of the localizations. A flow must beat ``gaussian_time`` by more than one unit of
    log-likelihood per parameter (Akaike 1974, doi:10.1109/TAC.1974.1100705) plus the standard error of a sum over the
    held-out localizations whose terms vary by one; otherwise the result is that of ``gaussian_time``.

    There is one velocity at each place: crossing structures that move differently cannot be followed, and for
    filaments that move independently only their common motion is found.

    Parameters
    ----------
    time_sigma_s, space_sigma_nm, resolution_nm :
        As in :class:`~baselines.classic.gaussian_time.GaussianTime`. Along a flow, the chosen width in time is
        at most twice the window and 8 time points.
    order : int
        The highest total degree of the polynomials, 0 (a translation) to 4.
    window_s : float, optional
        Length of the windows. By default chosen: a power of two times the shortest length, which is two time points or
        as many as hold 100 localizations.
    blur_nm : float
        Standard deviation of the last blur, about equal to the resolution. The first blur, which finds the fastest
        motion, is six times as wide.
    collapse : float
        Penalty of divergence: 1 subtracts the gain that localizations without any structure would have, 0 nothing.
    """

    time_sigma_s: Annotated[float, Field(ge=0, allow_inf_nan=True)] | None = None
    space_sigma_nm: NonNegativeFloat | None = None
    resolution_nm: NonNegativeFloat = 30.0
    order: Annotated[int, Field(ge=0, le=4)] = 4
    window_s: PositiveFloat | None = None
    blur_nm: PositiveFloat = 30.0
    collapse: NonNegativeFloat = 1.0

    def reconstruct(self, observation: xr.Dataset) -> xr.Dataset:
        """Return ``density`` (time, y, x) in localizations per pixel and time point, the widths, and the window.

        ``window_s`` is 0 where no motion was found.
        """
        resting = self._resting.widths(observation)
        found = self.find(observation, resting)
        widths = found.widths if found else resting
        density = _along(observation, found) if found else self._at_rest(observation, widths)
        attrs = {
            "time_sigma_s": widths.time_s,
            "space_sigma_nm": widths.space_nm,
            "repeat_frames": resting.repeat_frames,
            "window_s": found.window * _weights.spacing(observation.time.values) if found else 0.0,
        }
        return schema.estimate(
            attrs, meaning=PER_POINT, density=density, time=observation.time, y=observation.y, x=observation.x
        )

    def find(self, observation: xr.Dataset, resting: Widths) -> Found | None:
        """Return the flow with the greatest held-out likelihood, or None if none is better than no motion."""
        if not _repeats.usable(observation):
            return None
        first = _repeats.first_appearances(observation, resting.repeat_frames)
        chosen = _repeats.appearances(observation, resting.repeat_frames)
        events, once = Events.of(observation), Events.of(observation.isel(localization=chosen))
        displacement_nm = self._resting.displacement_nm(observation)
        _, at_rest, held_out = self._resting.at_rest(observation)
        number = max(held_out, 1.0)
        best, flow = None, None
        for window in self._windows(events, _weights.spacing(observation.time.values)):
            flow = Flow.sharpest(events, window, self.order, self.blur_nm, self.collapse, flow)
            moving = HeldOut.of(first, displacement_nm, Carried.along(once, flow))
            widths, likelihood = self._resting.likeliest(moving, observation, min(2 * window, MOST_POINTS))
            parameters = 2 * terms_of(self.order) * events.length / window
            gain = (likelihood - at_rest) / number - parameters / events.times.size
            if best and gain <= best.gain:
                break
            best = Found(flow, window, widths, gain)
        return best if best and best.gain > 1 / math.sqrt(number) else None

    @property
    def _resting(self) -> GaussianTime:
        return GaussianTime(
            time_sigma_s=self.time_sigma_s,
            space_sigma_nm=self.space_sigma_nm,
            resolution_nm=self.resolution_nm,
        )

    def _at_rest(self, observation: xr.Dataset, widths: Widths) -> npt.NDArray[np.float32]:
        given = self._resting.replace({"time_sigma_s": widths.time_s, "space_sigma_nm": widths.space_nm})
        density: npt.NDArray[np.float32] = given.reconstruct(observation).density.values
        return density

    def _windows(self, events: Events, point_s: float) -> Iterator[float]:
        """Yield window lengths in time points, from the shortest with enough localizations to that of the movie."""
        if self.window_s is not None and point_s:
            yield max(self.window_s / point_s, LEAST_POINTS)
            return
        window = max(LEAST_POINTS, LEAST_EVENTS * events.length / max(events.times.size, 1))
        while window <= events.length:
            yield window
            window *= 2


def _along(observation: xr.Dataset, found: Found) -> npt.NDArray[np.float32]:
    time_s, y_nm, x_nm = (observation[name].values for name in ("time", "y", "x"))
    carried = Carried.along(Events.of(observation), found.flow)
    along = _weights.gaussian(time_s, time_s, found.widths.time_s)
    images, _ = carried.average(np.arange(time_s.size), along)
    across_y, across_x = (_weights.gaussian(at, at, found.widths.space_nm) for at in (y_nm, x_nm))
    _kernels.smooth_space(across_y, across_x, images)
    return images
