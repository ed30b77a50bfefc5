"""Localizations smoothed by a Gaussian in time and space, whose widths are chosen from the data."""

from __future__ import annotations

import math
from typing import Annotated, NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr
from pydantic import Field, NonNegativeFloat

from baselines.classic import _kernels, _repeats, _weights
from baselines.classic._held_out import HeldOut
from baselines.classic._units import PER_POINT
from smlmsim import schema
from smlmsim.remembered import remembered
from smlmsim.spec import Spec


class Widths(NamedTuple):
    """The standard deviations of a Gaussian in time (infinity: equal weights) and in space.

    ``repeat_frames`` is the number of camera frames over which molecules were found to be localized repeatedly: 0 if
    they are not, or if both widths were given, so that no search was needed.
    """

    time_s: float
    space_nm: float
    repeat_frames: int = 0


class AtRest(NamedTuple):
    """Widths, and how well localizations are predicted with them: the log-likelihood, and how many were held out."""

    widths: Widths
    log_likelihood: float
    number: float


class GaussianTime(Spec):
    """Smooth localizations with a Gaussian in time and space.

    Weights are normalised over the observed times and pixels, so neither the ends of the movie nor the borders of
    the field are dark. A width that is not given is chosen from the localizations: the one with the greatest
    leave-one-out likelihood, in which each localization is predicted from all the others.

    A molecule that is localized many times would predict itself, and make the chosen widths too small. So if
    localizations have more near neighbours in later frames than independent molecules can have, the widths are
    chosen from the first localization of each molecule; the density always uses all localizations. The number of
    frames is returned as ``repeat_frames``. Three limits remain: repeats that are few among chance neighbours, as of
    a molecule that comes back after a long dark time, still make the width in time too small; a structure of dots
    is mistaken for repeats; and with repeats, fast structures are smoothed too much, because the search also drops
    independent neighbours in later frames.

    Parameters
    ----------
    time_sigma_s : float, optional
        From 0 (each time point by itself) to infinity (equal weights). By default chosen: one of these two, or
        half a time point to half the movie.
    space_sigma_nm : float, optional
        By default chosen: from sqrt(resolution_nm^2 - reported precision^2) to 5.7 times that.
    resolution_nm : float
        Target resolution: the standard deviation across a thin filament in the density. It only guides the choice of
        widths, which would otherwise target the localizations themselves, as thin and noisy as their precision allows.
    """

    time_sigma_s: Annotated[float, Field(ge=0, allow_inf_nan=True)] | None = None
    space_sigma_nm: NonNegativeFloat | None = None
    resolution_nm: NonNegativeFloat = 30.0

    def reconstruct(self, observation: xr.Dataset) -> xr.Dataset:
        """Return ``density`` (time, y, x) in localizations per pixel and time point, and the widths."""
        widths = self.widths(observation)
        return schema.estimate(
            {
                "time_sigma_s": widths.time_s,
                "space_sigma_nm": widths.space_nm,
                "repeat_frames": widths.repeat_frames,
            },
            meaning=PER_POINT,
            density=_smooth(observation, widths),
            time=observation.time,
            y=observation.y,
            x=observation.x,
        )

    def widths(self, observation: xr.Dataset) -> Widths:
        """Return the given widths, or else the likeliest: searched in steps of 2, then of sqrt(2)."""
        if self.time_sigma_s is not None and self.space_sigma_nm is not None:
            return Widths(self.time_sigma_s, self.space_sigma_nm)
        return self.at_rest(observation).widths

    @remembered
    def at_rest(self, observation: xr.Dataset) -> AtRest:
        """Choose the widths that are not given, and say how good they are; once for each movie, whoever asks."""
        given = self.time_sigma_s is not None and self.space_sigma_nm is not None
        repeat_frames = 0 if given else _repeats.repeat_frames(observation)
        first = _repeats.first_appearances(observation, repeat_frames)
        held_out = HeldOut.of(first, self.displacement_nm(observation))
        widths, likelihood = self.likeliest(held_out, observation)
        number = float(held_out.numbers.sum())
        return AtRest(widths._replace(repeat_frames=repeat_frames), likelihood, number)

    def likeliest(
        self, held_out: HeldOut, observation: xr.Dataset, most_points: float = math.inf
    ) -> tuple[Widths, float]:
        """Return the likeliest widths, in time at most ``most_points`` time points, and their log-likelihood."""
        times_s, spaces_nm = self._time_sigmas_s(observation, most_points), self._space_sigmas_nm(observation)
        coarse, likelihood = _likeliest(held_out, times_s, spaces_nm)
        if len(times_s) == len(spaces_nm) == 1:
            return coarse, likelihood
        return _likeliest(
            held_out,
            _refined(coarse.time_s, times_s) if self.time_sigma_s is None else times_s,
            _refined(coarse.space_nm, spaces_nm) if self.space_sigma_nm is None else spaces_nm,
        )

    def _time_sigmas_s(self, observation: xr.Dataset, most_points: float) -> list[float]:
        if self.time_sigma_s is not None:
            return [self.time_sigma_s]
        time_s = observation.time.values
        if time_s.size == 1:
            return [0.0]
        points = 2.0 ** np.arange(-1, math.log2(time_s.size) - 1)
        widths_s = [0.0, *(points * _weights.spacing(time_s)), math.inf]
        return [width_s for width_s in widths_s if width_s <= most_points * _weights.spacing(time_s)]

    def _space_sigmas_nm(self, observation: xr.Dataset) -> list[float]:
        if self.space_sigma_nm is not None:
            return [self.space_sigma_nm]
        pixel_nm = max(_weights.spacing(observation[axis].values) for axis in ("y", "x"))
        least_nm = max(self.displacement_nm(observation), pixel_nm / 2)
        return [least_nm, 2 * least_nm, 4 * least_nm]

    def displacement_nm(self, observation: xr.Dataset) -> float:
        """Return the Gaussian width in nm that broadens the density of localizations to the target resolution."""
        reported_nm = (
            observation["loc_uncertainty"].values if "loc_uncertainty" in observation else np.empty(0)
        )
        known_nm = reported_nm[np.isfinite(reported_nm)]
        precision_nm = float(np.median(known_nm)) if known_nm.size else 0.0
        return math.sqrt(max(self.resolution_nm**2 - precision_nm**2, 0.0))


def _refined(sigma: float, tried: list[float]) -> list[float]:
    finer = {sigma / math.sqrt(2), sigma, sigma * math.sqrt(2)}
    return sorted(value for value in finer if value >= min(tried))


def _likeliest(held_out: HeldOut, times_s: list[float], spaces_nm: list[float]) -> tuple[Widths, float]:
    time, space, likelihood = held_out.likeliest(times_s, spaces_nm)
    return Widths(float(times_s[time]), float(spaces_nm[space])), likelihood


def _smooth(observation: xr.Dataset, widths: Widths) -> npt.NDArray[np.float32]:
    counts = np.ascontiguousarray(observation.counts.values, np.float32)
    time_s, y_nm, x_nm = (observation[name].values for name in ("time", "y", "x"))
    at_s = time_s[:1] if math.isinf(widths.time_s) else time_s
    images = np.empty((at_s.size, *counts.shape[1:]), np.float32)
    _kernels.smooth_time(_weights.gaussian(at_s, time_s, widths.time_s), counts, images)
    across_y = _weights.gaussian(y_nm, y_nm, widths.space_nm)
    across_x = _weights.gaussian(x_nm, x_nm, widths.space_nm)
    _kernels.smooth_space(across_y, across_x, images)
    return images if at_s.size == time_s.size else np.repeat(images, time_s.size, axis=0)
