"""The score and a preview of a network on crops that are not used in training."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import xarray as xr

from smlmsim import figures, schema
from smlmsim.corpus.dataset import BRIGHTEST, CropDataset
from smlmsim.metrics.ms_ssim import ms_ssim
from smlmsim.metrics.normalisation import normalise
from smlmsim.metrics.scale import CRESTS, three_crests

Estimate = Callable[[torch.Tensor], torch.Tensor]


class Validation:
    """Score a network on the crops of the first epoch, which are the same at every validation.

    Parameters
    ----------
    data : CropDataset
        Crops to validate on; all are used.
    first : str
        The name of the first channel of a crop.
    """

    def __init__(self, data: CropDataset, first: str = "counts") -> None:
        self._first = first
        self._crops = [data[item] for item in range(len(data))]
        self._scale = CRESTS / BRIGHTEST if three_crests(data.study.to_toml()) else None
        self._pixel_nm, self._point_s = data.study.field.pixel_nm, data.study.acquisition.point_s

    def ms_ssim(self, estimate: Estimate) -> float:
        """Return the mean MS-SSIM of what a function (C, T, Y, X) -> (1, T, Y, X) estimates."""
        found = [_score(density, estimate(inputs), self._scale) for inputs, density in self._crops]
        return float(np.mean(found))

    def preview(self, estimate: Estimate, path: Path) -> None:
        """Draw the first channel, the estimate and the truth of the first crop."""
        inputs, density = self._crops[0]
        movies = {self._first: inputs, "estimate": estimate(inputs), "truth": density}
        figures.save(figures.montage({name: self._movie(movie) for name, movie in movies.items()}), path)

    def _movie(self, image: torch.Tensor) -> xr.DataArray:
        """The first channel as a movie; its values are on the scale of the network and have no unit."""
        time, y, x = ((np.arange(size) + 0.5) for size in image.shape[1:])
        movie = schema.dataset(
            density=image[0].numpy(), time=time * self._point_s, y=y * self._pixel_nm, x=x * self._pixel_nm
        )
        return movie.density.rename("value").assign_attrs(units="", long_name="scaled for the network")


def _score(density: torch.Tensor, estimate: torch.Tensor, scale: float | None) -> float:
    """The MS-SSIM of a crop, on the scale of the benchmark; 1 for a crop without structure."""
    return ms_ssim(*normalise(density[0].numpy(), estimate[0].numpy(), scale)) if density.any() else 1.0
