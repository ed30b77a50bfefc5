"""The leave-one-out likelihood of localizations: each is predicted from all the others."""

from __future__ import annotations

import functools
import itertools
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
"""Fraction of localizations assumed to lie anywhere: it limits the influence of one that lies far from all others."""
LOCALIZATIONS = 3000
"""Smallest number of localizations to predict, if the movie has that many."""
KEPT_BYTES = 2**26
"""Memory for images of the widths in time that were tried last, 64 MiB."""
TIME_POINTS = 24
"""Smallest number of time points to predict: smoothing their images is the costly part."""

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]


class AtPoints(Protocol):
    """Localizations to be averaged over time at some time points."""

    def average(self, weights: F32) -> tuple[F32, F32]:
        """Average with the given weights.

        Parameters
        ----------
        weights : array of float32, shape (n, time)

        Returns
        -------
        images : array of float32, shape (n, y, x)
        seen : array of float32, shape (n, y, x) or (1, 1, 1)
            The sums by which the weights of the localizations were divided.
        """


class Averaged(Protocol):
    """Localizations that can be averaged over time, at rest or along a flow."""

    def counts(self) -> F32:
        """Return the number of localizations in every time point and pixel, shape (time, y, x)."""

    def at(self, points: Int) -> AtPoints:
        """Prepare the averages at some time points, shape (n,)."""


@dataclass(frozen=True)
class Resting:
    """Counts averaged at their own pixels, for structures at rest."""

    movie: F32

    def counts(self) -> F32:
        """Return the counts."""
        return self.movie

    def at(self, points: Int) -> Resting:
        """Return itself: the weights alone determine the averages."""
        return self

    def average(self, weights: F32) -> tuple[F32, F32]:
        """Average over time; the weights are used as given."""
        images = np.empty((len(weights), *self.movie.shape[1:]), np.float32)
        _kernels.smooth_time(weights, self.movie, images)
        return images, np.ones((1, 1, 1), np.float32)


@dataclass(frozen=True)
class HeldOut:
    """Localizations at some time points, to be predicted by a Gaussian of all others in time and space.

    They are averaged at their own pixels, or along a flow that moves each to its position at another time.

    Subtracting a localization's own kernel weight from a kernel estimate of binned counts gives exactly the estimate
    without it, so leaving out each in turn costs no more than one estimate (Habbema, Hermans & van den
    Broek 1974; Duin 1976, doi:10.1109/TC.1976.1674577; for point processes Loader 1999, doi:10.1007/b98858).

    This likelihood is greatest near the density of the localizations, whose filaments are as thin as the
    precision allows. To target a coarser resolution, the likelihood is evaluated at the localization plus a
    Gaussian offset of variance resolution^2 - precision^2.

    A fraction of 0.3 is assumed to lie anywhere. That is more than there are false positives: with a smaller
    fraction, the few localizations at the edge of all others favour too wide a Gaussian where localizations are rare.

    Attributes
    ----------
    averaged : AtPoints
        All localizations, prepared for averaging.
    mean : float
        Mean number of localizations per pixel and time point.
    time_s, y_nm, x_nm : array
        The coordinates of the movie.
    points : array of int, shape (n,)
        The time points whose localizations are held out.
    firsts : array of int, shape (n + 1,)
        Index of the first pixel of each of these time points in the next three arrays.
    homes, targets : array of int, shape (pixel, 2)
        Row and column of the pixels with localizations, and of those where the likelihood is evaluated.
    numbers : array of float32, shape (pixel,)
        The number of localizations in a pixel.
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

        The widest in time comes first: narrower ones reuse the part of the flow that was followed for it.
        """
        across = [self._across(nm) for nm in space_sigmas_nm]
        found = np.empty((len(time_sigmas_s), len(across)))
        for i in np.argsort(time_sigmas_s)[::-1]:
            average = self._average(time_sigmas_s[i])
            found[i] = [self._log_likelihood(average, weights) for weights in across]
        return found

    def likeliest(
        self, time_sigmas_s: Sequence[float], space_sigmas_nm: Sequence[float]
    ) -> tuple[int, int, float]:
        """Return which of some widths in time and in space are likeliest, and their log-likelihood.

        Widths in space take the longer the wider they are. So all widths in time are tried with the first of those in
        space, and from the best on it goes to better neighbours while there are any: to the likeliest of all where
        there is a single top, as there nearly always is.

        Parameters
        ----------
        time_sigmas_s, space_sigmas_nm : sequence of float
            Rising, so that neighbours are near to each other.
        """

        def at(i: int, j: int) -> float:
            return self._at(time_sigmas_s[i], space_sigmas_nm[j])

        for i in reversed(range(len(time_sigmas_s))):
            at(i, 0)
        best = max(range(len(time_sigmas_s)), key=lambda i: at(i, 0)), 0
        while True:
            near = itertools.product(*(range(max(k - 1, 0), k + 2) for k in best))
            inside = [(i, j) for i, j in near if i < len(time_sigmas_s) and j < len(space_sigmas_nm)]
            better = max(inside, key=lambda place: at(*place))
            if not at(*better) > at(*best):
                return *best, at(*best)
            best = better

    def _at(self, time_sigma_s: float, space_sigma_nm: float) -> float:
        """The log-likelihood of two widths; those that were tried before are known."""
        widths = time_sigma_s, space_sigma_nm
        if widths not in self._known:
            average, across = self._kept(time_sigma_s), self._across(space_sigma_nm)
            self._known[widths] = self._log_likelihood(average, across)
        return self._known[widths]

    def _kept(self, sigma_s: float) -> tuple[F32, F32]:
        """The average of some width in time, of which the latest are kept."""
        images_bytes = 4 * self.points.size * self.y_nm.size * self.x_nm.size
        if sigma_s not in self._averages:
            while self._averages and (len(self._averages) + 1) * images_bytes > KEPT_BYTES:
                del self._averages[next(iter(self._averages))]
            self._averages[sigma_s] = self._average(sigma_s)
        return self._averages[sigma_s]

    @functools.cached_property
    def _known(self) -> dict[tuple[float, float], float]:
        return {}

    @functools.cached_property
    def _averages(self) -> dict[float, tuple[F32, F32]]:
        return {}

    def _average(self, sigma_s: float) -> tuple[F32, F32]:
        """Images of some width in time, and the weight that each localization has in them itself."""
        along = _weights.gaussian(self.time_s[self.points], self.time_s, sigma_s)
        images, seen = self.averaged.average(along)
        return images, self._own(along, seen)

    def _log_likelihood(self, average: tuple[F32, F32], across: tuple[F32, F32]) -> float:
        pixels = self.firsts, self.homes, self.targets, self.numbers
        return float(
            _kernels.held_out_log_likelihood(*average, *across, *pixels, self.mean, BACKGROUND_SHARE)
        )

    def _own(self, weights: F32, seen: F32) -> F32:
        """The weight of each localization in the image of its own time point, at its pixel."""
        rank = np.repeat(np.arange(self.points.size), np.diff(self.firsts))
        divisors = np.broadcast_to(seen, (self.points.size, self.y_nm.size, self.x_nm.size))
        own: F32 = weights[rank, self.points[rank]] / divisors[rank, self.homes[:, 0], self.homes[:, 1]]
        return own

    def _across(self, sigma_nm: float) -> tuple[F32, F32]:
        """Weights along y and along x."""
        y, x = (_along(axis.tobytes(), axis.dtype.str, float(sigma_nm)) for axis in (self.y_nm, self.x_nm))
        return y, x


@functools.lru_cache(maxsize=8)
def _along(axis: bytes, dtype: str, sigma_nm: float) -> F32:
    """Weights along an axis: the same for many movies, and for the flows of each."""
    places_nm = np.frombuffer(axis, dtype)
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
