"""Radial fluctuations: where the gradients of the frames converge, and how that changes over time."""

from __future__ import annotations

import itertools
from typing import Annotated, ClassVar, Literal, NamedTuple, Self

import numpy as np
import numpy.typing as npt
import xarray as xr
from pydantic import Field, PositiveFloat

from baselines.classic import _weights
from baselines.frames import _radial
from baselines.frames._movie import F32, Movie, resampled
from smlmsim import schema
from smlmsim.spec import Spec

F64 = npt.NDArray[np.float64]
BLOCK_VALUES = 2**21
"""Values of magnified frames that are made at a time."""


class Sums(NamedTuple):
    """Over the frames of a time point, shape (y, x): the sum, and those of squares and products with the frame before.

    ``frames`` and ``pairs`` are the numbers of their terms.
    """

    total: F64
    squares: F64
    products: F64
    frames: int = 0
    pairs: int = 0

    @classmethod
    def none(cls, shape: tuple[int, ...]) -> Self:
        """The sums of no frames."""
        return cls(np.zeros(shape), np.zeros(shape), np.zeros(shape))

    def with_maps(self, maps: F32, before: npt.NDArray[np.float32] | None) -> Self:
        """Add maps (frame, y, x), given that of the frame before, if there was one."""
        row = maps if before is None else np.concatenate([before[None], maps])
        return type(self)(
            self.total + maps.sum(axis=0, dtype=np.float64),
            self.squares + np.einsum("fyx,fyx->yx", maps, maps, dtype=np.float64),
            self.products + np.einsum("fyx,fyx->yx", row[1:], row[:-1], dtype=np.float64),
            self.frames + len(maps),
            self.pairs + len(row) - 1,
        )


class Esrrf(Spec):
    """Radial gradient convergence of every frame, gathered over a window of time around each time point.

    The gradients around the centre of a spot point at it. How much they do, from 0 to 1, is computed on a finer grid
    (Laine et al. 2023; super-resolution radial fluctuations: Gustafsson et al. 2016), raised to the power
    ``sensitivity`` and multiplied by the counts there. The map of every frame goes into the mean, the variance or the
    covariance of successive frames over the window, which the observation's pixels interpolate.

    It was written from the publications. Frames and gradients are interpolated by cubic splines, and gradients are
    taken at half pixels. The quality maps that choose the settings there are not part of it.

    Where it fails: in a movie of few molecules per window there is nothing between the molecules to show, and the mean
    also shows gradients of noise. Overlapping molecules in one frame are drawn together. What moves within a window is
    blurred. The density is not linear in the number of molecules.

    Parameters
    ----------
    magnification : int
        Places per camera pixel along each axis, 1 to 10.
    radius_px : float
        Radius of the ring of gradients around a place in camera pixels, as a full width at half maximum: smaller ones
        resolve more, larger ones suppress more noise.
    sensitivity : float
        Power of the convergence; higher ones sharpen, and lose dim structures.
    temporal : str
        What is taken over the window: "mean", "variance", or "autocorrelation", the covariance of successive frames,
        which needs molecules that stay on for longer than a frame.
    window_s : float
        Full width of the window; at the ends of the movie the part that was recorded is taken.

    References
    ----------
    Laine et al. 2023, doi:10.1038/s41592-023-02057-w; Gustafsson et al. 2016, doi:10.1038/ncomms12471.
    """

    needs: ClassVar[tuple[str, ...]] = ("frames",)

    magnification: Annotated[int, Field(ge=1, le=10)] = 4
    radius_px: Annotated[float, Field(ge=0.5, le=10)] = 1.5
    sensitivity: Annotated[float, Field(gt=0, le=10)] = 1.0
    temporal: Literal["mean", "variance", "autocorrelation"] = "mean"
    window_s: PositiveFloat = 7.5

    def reconstruct(self, observation: xr.Dataset) -> xr.Dataset:
        """Return ``density`` (time, y, x) in relative units."""
        movie = Movie.of(observation)
        shape = movie.counts.shape[1:]
        places = tuple(
            observation[axis].values[0] + _radial.finer(size, self.magnification) * movie.pixel_nm
            for axis, size in zip(("camera_y", "camera_x"), shape, strict=True)
        )
        sums = self._sums(movie)
        window = _weights.box(movie.times_s, movie.times_s, self.window_s).astype(np.float64)
        density = np.empty(observation.counts.shape, np.float32)
        for image, weights in zip(density, window, strict=True):
            gathered = self._gathered(sums, weights)
            image[:] = resampled(np.maximum(gathered, 0), (places[0], places[1]), observation)
        return schema.estimate(
            {"temporal": self.temporal},
            meaning=f"{self.temporal} of the radial gradient convergence",
            density=density,
            time=observation.time,
            y=observation.y,
            x=observation.x,
        )

    def fluctuations(self, counts: F32) -> F32:
        """Return the map of every frame (frame, magnification y, magnification x): convergence times counts."""
        found = _radial.convergence(counts, self.magnification, self.radius_px)
        if self.sensitivity != 1:
            found **= np.float32(self.sensitivity)
        return found * np.maximum(_radial.magnified(counts, self.magnification), 0)

    def _sums(self, movie: Movie) -> list[Sums]:
        """What is needed of the frames of every time point."""
        begins = movie.points()
        most = max(1, BLOCK_VALUES // (self.magnification**2 * movie.counts[0].size))
        sums, before = [], None
        for begin, end in itertools.pairwise(begins):
            found = Sums.none(tuple(self.magnification * size for size in movie.counts.shape[1:]))
            for first in range(begin, end, most):
                maps = self.fluctuations(movie.counts[first : min(first + most, end)])
                found, before = found.with_maps(maps, before), maps[-1]
            sums.append(found)
        return sums

    def _gathered(self, sums: list[Sums], weights: F64) -> F64:
        """The mean, variance or covariance over a window, given the weight of every time point."""
        held = [
            (weight, point) for weight, point in zip(weights, sums, strict=True) if weight and point.frames
        ]
        frames = sum(weight * point.frames for weight, point in held)
        mean = sum(weight * point.total for weight, point in held) / (frames or 1.0)
        if self.temporal == "mean":
            return np.asarray(mean)
        if self.temporal == "variance":
            return np.asarray(
                sum(weight * point.squares for weight, point in held) / (frames or 1.0) - mean**2
            )
        pairs = sum(weight * point.pairs for weight, point in held)
        products = sum(weight * point.products for weight, point in held) / (pairs or 1.0)
        return np.asarray(products - mean**2 if pairs else np.zeros_like(mean))
