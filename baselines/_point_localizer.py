"""Localizers whose network says where molecules are by many points whose weights add up to the expected number."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr
from pydantic import Field, PositiveFloat

from baselines._learned_localizer import LearnedLocalizer, Spots
from baselines.localizers._gathering import gathered, lit
from smlmsim.shot_noise import Counts

BLUR = 0.25
"""Standard deviation of the Gaussian in which the weights around a point tell how likely it is, in radii."""

Values = npt.NDArray[Any]


class Points(NamedTuple):
    """Expected molecules of some frames that follow each other.

    Parameters
    ----------
    frames : int
        How many frames these are.
    frame : array of int, shape (point,)
        Counted from the first of them; sorted.
    y_px, x_px : array, shape (point,)
        Positions; the middle of the first pixel is 0.
    weight : array, shape (point,)
        Expected molecules at each.
    """

    frames: int
    frame: Values
    y_px: Values
    x_px: Values
    weight: Values


class PointLocalizer(LearnedLocalizer):
    """A network whose points are gathered to molecules, with photons from the frames.

    Around a molecule, the weights of the points add up to the probability that it is there. Their middle is its
    position, and their spread its reported precision. Photons are fitted to the frame, for all molecules together.

    Parameters
    ----------
    probability : float
        Smallest probability of a molecule that is reported; lower finds more molecules, and more false positives.
    radius_px : float
        How far around a molecule points belong to it, in pixels of the camera.
    """

    least_spread_px: ClassVar[float]
    """Standard deviation of a position within the place that stands for it, in pixels."""

    probability: Annotated[float, Field(gt=0, lt=1)] = 0.5
    radius_px: PositiveFloat = 0.6

    @property
    def around_px(self) -> int:
        """How far apart points are that belong to neighbouring molecules."""
        return math.ceil(4 * self.radius_px)

    @abstractmethod
    def points(self, network: Any, counts: Counts, sigma_px: float) -> Iterator[Points]:
        """Yield what the network expects in some frames after the other."""

    def spots(self, network: Any, counts: Counts, sigma_px: float) -> Spots:
        """Return the molecules in a part of the frames: offsets in their pixels, and their spread."""
        parts, first = [], 0
        for points in self.points(network, counts, sigma_px):
            frame, (y, x, _, variance) = gathered(
                *points[1:], radius=self.radius_px, blur=BLUR * self.radius_px, least=self.probability
            )
            row, column = (np.floor(place + 0.5).astype(np.intp) for place in (y, x))
            spread = np.sqrt(variance + self.least_spread_px**2)
            parts.append(Spots(first + frame, row, column, np.stack([y - row, x - column, spread])))
            first += points.frames
        return Spots.joined(parts)

    def table(self, frames: xr.Dataset, counts: Counts, spots: Spots, sigma_px: float) -> xr.Dataset:
        """Return the localizations of all frames, with the light that they have there."""
        y, x, spread = spots.values
        return lit(frames, counts, spots.frame, spots.row + y, spots.column + x, spread, sigma_px=sigma_px)
