"""DBlink on the images of Deep-STORM: from camera frames to a density without localizations."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import ClassVar, final

import numpy as np
import numpy.typing as npt
import torch
import xarray as xr
from pydantic import NonNegativeInt, PositiveFloat

from baselines._learned_localizer import Tile, tiles
from baselines.dblink.reconstruct import DBlinkStyle
from baselines.deep_storm.localize import LEAST_EXPECTED, DeepStormStyle, maps
from baselines.deep_storm.model import FINER
from baselines.frames._movie import Movie
from baselines.localizers._table import pixel_of
from smlmsim.shot_noise import counts_of
from smlmsim.spec import Spec

Floats = npt.NDArray[np.float32]


@final
class DeepStormDBlink(Spec):
    """Show the DBlink-style network how many molecules the Deep-STORM-style one expects in every pixel and time point.

    Saguy et al. 2023 (doi:10.1038/s41592-023-01966-0) feed DBlink with images of Deep-STORM. Here these are the
    expected molecules on a grid eight times finer than the camera's, where that is more than next to nothing. They are
    added up over the frames of each time point, and divided between the pixels of the observation by area. The
    localizations of the observation are not used.

    Where it fails: the weights of ``dblink`` were trained on counts of localizations, but a molecule that Deep-STORM is
    unsure about is spread over its possible places. Until DBlink is trained on such images, ``dblink`` on localizations
    by ``deep_storm`` is better; the card of ``deep_storm`` says by how much.

    Parameters
    ----------
    sigma_nm : float
        Standard deviation of the point spread function, which Deep-STORM is told.
    weights : Path, optional
        A safetensors file of ``dblink``; by default the bundled one.
    deep_storm_weights : Path, optional
        A safetensors file of ``deep_storm``; by default the bundled one.
    uncertainty, seed : int
        Number of dropout passes of DBlink, 0 for one without dropout, and what determines the dropped units.
    """

    needs: ClassVar[tuple[str, ...]] = ("frames",)

    sigma_nm: PositiveFloat = 130.0
    weights: Path | None = None
    deep_storm_weights: Path | None = None
    uncertainty: NonNegativeInt = 0
    seed: NonNegativeInt = 0

    def reconstruct(self, observation: xr.Dataset) -> xr.Dataset:
        """Return ``density`` (time, y, x) as ``dblink`` does.

        Raises
        ------
        WeightsError
            If weights are absent or do not fit.
        ValueError
            If the frames were recorded at other times than the time points.
        """
        dblink = DBlinkStyle(weights=self.weights, uncertainty=self.uncertainty, seed=self.seed)
        expected = self.expected(observation)
        return dblink.reconstruct(observation.assign(counts=observation.counts.copy(data=expected)))

    @torch.inference_mode()
    def expected(self, observation: xr.Dataset) -> Floats:
        """Return the expected molecules in every pixel and time point, (time, y, x)."""
        deep_storm = DeepStormStyle(sigma_nm=self.sigma_nm, weights=self.deep_storm_weights)
        begins, counts, pixel = Movie.of(observation).points(), counts_of(observation), pixel_of(observation)
        deep_storm.warn(counts, pixel.nm)
        network, sigma_px = deep_storm.network(), self.sigma_nm / pixel.nm
        total = np.zeros(observation.counts.shape, np.float32)
        for tile in tiles(counts.variance.shape, network.reach, network.multiple):
            across = [
                _shares(observation[axis].values, corner_nm + first * pixel.nm, pixel.nm / FINER, number)
                for axis, corner_nm, (first, number) in zip(
                    "yx", (pixel.y_nm - pixel.nm / 2, pixel.x_nm - pixel.nm / 2), _sides(tile), strict=True
                )
            ]
            inner = tuple(slice(FINER * side.start, FINER * side.stop) for side in tile.inner)
            first = 0
            for found in maps(network, tile.cut(counts), sigma_px):
                found[found < LEAST_EXPECTED] = 0
                for point, (begin, end) in enumerate(itertools.pairwise(begins - first)):
                    frames = found[max(begin, 0) : max(end, 0), inner[0], inner[1]]
                    if len(frames):
                        total[point] += across[0] @ frames.sum(axis=0) @ across[1].T
                first += len(found)
        return total


def _sides(tile: Tile) -> list[tuple[int, int]]:
    """The first row and column that count in a tile, and how many places of the finer grid there are."""
    return [
        (whole.start + inner.start, FINER * (inner.stop - inner.start))
        for whole, inner in zip((tile.rows, tile.columns), tile.inner, strict=True)
    ]


def _shares(middles_nm: npt.NDArray[np.float64], first_nm: float, place_nm: float, number: int) -> Floats:
    """What part of every place lies in each pixel along an axis, (pixel, place).

    Parameters
    ----------
    middles_nm : array, shape (pixel,)
        Middles of the pixels, equally far apart; a single pixel is as wide as a place.
    first_nm, place_nm : float
        Where the first place begins, and the width of a place.
    number : int
        Number of places.
    """
    half = (middles_nm[1] - middles_nm[0]) / 2 if middles_nm.size > 1 else place_nm / 2
    begins = first_nm + np.arange(number) * place_nm
    low = np.maximum(middles_nm[:, None] - half, begins)
    high = np.minimum(middles_nm[:, None] + half, begins + place_nm)
    return np.asarray((high - low).clip(0) / place_nm, np.float32)
