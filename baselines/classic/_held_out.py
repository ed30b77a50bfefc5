"""How likely localizations are, each predicted by all the others."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy.special import ndtri

from baselines.classic import _kernels, _weights

BACKGROUND_SHARE = 0.3
"""Fraction of localizations that may fall anywhere: it bounds what one that lies far from all others can cost."""
LOCALIZATIONS = 3000
"""Localizations that are predicted at least, where there are as many."""
TIME_POINTS = 24
"""Time points that are looked at at least: smoothing their images is the costly part."""

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]


class AtPoints(Protocol):
    """Localizations to be averaged over time at some time points."""

    def average(self, weights: F32) -> tuple[F32, F32]:
        """Average with some weights.

        Parameters
        ----------
        weights : array of float32, shape (n, time)

        Returns
        -------
        images : array of float32, shape (n, y, x)
        seen : array of float32, shape (n, y, x) or (1, 1, 1)
            What the weights of the localizations were divided by.
        """


class Averaged(Protocol):
    """Localizations that can be averaged over time, at rest or along a flow."""

    def counts(self) -> F32:
        """Return the localizations of every time point, shape (time, y, x)."""

    def at(self, points: Int) -> AtPoints:
        """Return them to be averaged at some time points, shape (n,)."""


@dataclass(frozen=True)
class Resting:
    """Counts averaged where they are; at whatever time points, for weights say it all."""

    movie: F32

    def counts(self) -> F32:
        """Return the counts."""
        return self.movie

    def at(self, points: Int) -> Resting:
        """Return the same."""
        return self

    def average(self, weights: F32) -> tuple[F32, F32]:
        """Average over time; nothing is divided."""
        images = np.empty((len(weights), *self.movie.shape[1:]), np.float32)
        _kernels.smooth_time(weights, self.movie, images)
        return images, np.ones((1, 1, 1), np.float32)


@dataclass(frozen=True)
class HeldOut:
    """Localizations at some time points, to be predicted by a Gaussian of all others in time and space.

    They are averaged where they are, or along a flow that takes each to where it would be at another time.

    A kernel estimate from binned counts, less the kernel's own weight, is exactly the estimate without one
    localization, so leaving out each in turn costs no more than one estimate (Habbema, Hermans & van den
    Broek 1974; Duin 1976, doi:10.1109/TC.1976.1674577; for point processes Loader 1999, doi:10.1007/b98858).

    This likelihood is greatest near the density of the localizations, whose curves are as thin as the
    precision allows. To find the density at a coarser resolution instead, a localization is not looked for
    where it is but displaced, by the Gaussian that takes the one density to the other.

    A fraction of 0.3 is taken to lie anywhere. That is more than are false: otherwise the few at the edge of
    all others decide for a wide Gaussian where localizations are rare, which makes worse images.

    Attributes
    ----------
    averaged : AtPoints
        All localizations.
    mean : float
        How many of them there are in a pixel and time point.
    time_s, y_nm, x_nm : array
        The coordinates of the movie.
    points : array of int, shape (n,)
        The time points whose localizations are held out.
    firsts : array of int, shape (n + 1,)
        Where the pixels of each of them begin in the next three.
    homes, targets : array of int, shape (pixel, 2)
        Row and column of the pixels with localizations, and of those where they are looked for.
    numbers : array of float32, shape (pixel,)
        The localizations in a pixel.
    """

    averaged: AtPoints
    mean: float
    time_s: F64
    y_nm: F64
    x_nm: F64
    points: Int
    firsts: Int
    homes: Int
    targets: Int
    numbers: F32

    @classmethod
    def of(cls, observation: xr.Dataset, displacement_nm: float, averaged: Averaged | None = None) -> HeldOut:
        """Hold out evenly spaced time points: 24 of them, or more until they have 3000 localizations.

        By default the counts of the observation are averaged, at rest.
        """
        seen = np.ascontiguousarray(observation.counts.values, np.float32)
        averaged = averaged or Resting(seen)
        counts = averaged.counts()
        time_s, y_nm, x_nm = (observation[name].values for name in ("time", "y", "x"))
        points = _points(seen)
        rank, row, column = np.nonzero(counts[points])
        homes = np.stack([row, column], axis=1)
        return cls(
            averaged=averaged.at(points),
            mean=float(counts.mean(dtype=np.float64)),
            time_s=time_s,
            y_nm=y_nm,
            x_nm=x_nm,
            points=points,
            firsts=np.searchsorted(rank, np.arange(points.size + 1)),
            homes=homes,
            targets=_displaced(homes, displacement_nm, y_nm, x_nm),
            numbers=counts[points[rank], row, column],
        )

    def log_likelihoods(self, time_sigmas_s: Sequence[float], space_sigmas_nm: Sequence[float]) -> F64:
        """Return the Poisson log-likelihood for every width in time and in space, shape (times, spaces).

        The widest in time comes first: what is followed along a flow for it need not be followed farther.
        """
        across = [(self._across(self.y_nm, nm), self._across(self.x_nm, nm)) for nm in space_sigmas_nm]
        pixels = self.firsts, self.homes, self.targets, self.numbers
        found = np.empty((len(time_sigmas_s), len(across)))
        for i in np.argsort(time_sigmas_s)[::-1]:
            sigma_s = time_sigmas_s[i]
            along = _weights.gaussian(self.time_s[self.points], self.time_s, sigma_s)
            images, seen = self.averaged.average(along)
            own = self._own(along, seen)
            for j, (along_y, along_x) in enumerate(across):
                found[i, j] = _kernels.held_out_log_likelihood(
                    images, own, along_y, along_x, *pixels, self.mean, BACKGROUND_SHARE
                )
        return found

    def _own(self, weights: F32, seen: F32) -> F32:
        """The weight of each localization in the image of its own time point, at its pixel."""
        rank = np.repeat(np.arange(self.points.size), np.diff(self.firsts))
        divisors = np.broadcast_to(seen, (self.points.size, self.y_nm.size, self.x_nm.size))
        own: F32 = weights[rank, self.points[rank]] / divisors[rank, self.homes[:, 0], self.homes[:, 1]]
        return own

    @staticmethod
    def _across(places_nm: F64, sigma_nm: float) -> F32:
        return _weights.gaussian(places_nm, places_nm, sigma_nm)


def _points(counts: F32) -> Int:
    length = counts.shape[0]
    per_point = counts.sum(dtype=np.float64) / length
    wanted = max(TIME_POINTS, math.ceil(LOCALIZATIONS / per_point)) if per_point else TIME_POINTS
    return np.linspace(0, length - 1, min(length, wanted)).round().astype(np.int64)


def _displaced(homes: Int, sigma_nm: float, y_nm: F64, x_nm: F64) -> Int:
    """Displace pixels by a Gaussian, within the field.

    The displacements are the normal quantiles of an additive sequence of low discrepancy, whose steps are the
    powers of the inverse of the plastic number 1.3247.
    """
    uniform = np.outer(np.arange(1, len(homes) + 1), [0.7548776662466927, 0.5698402909980532]) % 1
    pixel_nm = np.array([_weights.spacing(y_nm) or np.inf, _weights.spacing(x_nm) or np.inf])
    moved = np.rint(homes + ndtri(uniform) * sigma_nm / pixel_nm)
    inside: Int = np.clip(moved, 0, [y_nm.size - 1, x_nm.size - 1]).astype(np.int64)
    return inside
