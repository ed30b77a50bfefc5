"""The network in space and time as a reconstructor."""

from __future__ import annotations

from typing import Any, ClassVar, final

import numpy as np
import torch
import xarray as xr
from pydantic import PositiveInt
from tqdm import tqdm

from baselines._grid import Grid
from baselines._learned import Floats, Learned, logger, tiled
from baselines._precision import Precision, computing, resolved
from baselines._weights import read_settings
from baselines.spacetime._at_rest import AtRest, at_rest
from baselines.spacetime.model import Spacetime, SpacetimeNetwork
from smlmsim.domain import Domain

VARIANCE = 2.0
"""Variance of a Laplace distribution whose mean absolute error is 1."""


class _Spacetime(Learned):
    """A network that counts localizations on a grid of its own, and gives the variance of its density in the same pass.

    So it takes time points of any number of camera frames, and pixels of any size.
    """

    package: ClassVar[str] = "baselines.spacetime"
    widening: ClassVar[float] = 1.0
    """Factor of the standard deviations that the network states of moving structures."""

    tile: tuple[PositiveInt, PositiveInt, PositiveInt] = (160, 256, 256)
    sum_at_rest: bool = True

    @staticmethod
    def build(settings: dict[str, Any]) -> Spacetime:
        """Build the network from the settings in a file of weights."""
        return SpacetimeNetwork(**settings).build()

    @property
    def domain(self) -> Domain | None:
        """The conditions of training, without time points and pixels: those of an observation may be any."""
        found = super().domain
        return found.replace({"point_s": None, "pixel_nm": None}) if found else None

    @property
    def grid(self) -> Grid:
        """The time bins and pixels on which the network works."""
        return SpacetimeNetwork(**read_settings(self._path, self.name)).grid

    def _images(self, observation: xr.Dataset) -> tuple[dict[str, Floats], dict[str, str]]:
        network, grid, parts = self.network(), self.grid, self.inputs.fine_bins
        seen = grid.seen(observation, parts)
        if (frames := grid.frames_per_bin(observation)) < parts:
            logger.warning(
                "%s tells %d parts of its bins apart, but the camera takes %.3g frames in one; some parts stay empty",
                self.name, parts, frames,
            )  # fmt: skip
        found = tiled(_Passes(network, self.precision), seen, self.inputs, self.tile, network.multiple)
        images = {name: grid.shown(image, observation) for name, image in found.items()}
        images["uncertainty"] = np.float32(VARIANCE) * images.pop("scale") ** 2
        still = at_rest(observation) if self.sum_at_rest else None
        if still:
            images = _joined(still, **images)
        else:
            images["uncertainty"] *= np.float32(self.widening**2)
        about = {
            "at_rest": str(bool(still)).lower(),
            "precision": resolved(self.precision, next(network.parameters()).device.type),
        }
        return images, {**about, **self._outside(seen)}


@final
class SpacetimeUNet(_Spacetime):
    """A U-Net in space and time over time bins of 0.3 s.

    Parameters
    ----------
    sum_at_rest : bool
        Whether the density of a structure that is found to be at rest is joined with the sum of all its localizations,
        as ``gaussian_time`` gives it: their mean, weighted by the inverse of their variances.
    """

    name: ClassVar[str] = "spacetime"


@final
class SpacetimeFineUNet(_Spacetime):
    """``spacetime`` that tells parts of its time bins apart, and also sees longer bins at full resolution.

    Parameters
    ----------
    sum_at_rest : bool
        As for ``spacetime``.
    """

    name: ClassVar[str] = "spacetime_fine"
    widening: ClassVar[float] = 1.4
    """Chosen on movies of other seeds than those of the benchmark, such that nine in ten errors near filaments
    lie within 1.64 standard deviations at 110 to 380 Hz."""

    tile: tuple[PositiveInt, PositiveInt, PositiveInt] = (320, 160, 160)
    precision: Precision = "auto"


class _Passes:
    """Density and expected error of a tile, from one pass."""

    names = ("density", "scale")
    number = 1

    def __init__(self, network: Spacetime, precision: Precision) -> None:
        self.progress: tqdm[Any] | None = None
        self._network, self._precision = network, precision

    @torch.inference_mode()
    def __call__(self, channels_CTYX: Floats) -> tuple[Floats, ...]:
        device = next(self._network.parameters()).device
        tile = torch.from_numpy(channels_CTYX)[None].to(device)
        with computing(self._precision, device.type):
            found = self._network(tile)[0].float().cpu().numpy()
        if self.progress is not None:
            self.progress.update()
        return np.maximum(found[0], np.float32(0)), found[1]


def _joined(still: AtRest, density: Floats, uncertainty: Floats) -> dict[str, Floats]:
    """The mean of two densities of a structure at rest, weighted in each pixel by the inverse of their variances.

    Both come from the same localizations, so their errors are taken as fully correlated.
    """
    factor = np.float32(np.vdot(still.density, density) / np.vdot(still.density, still.density))
    variance = factor**2 * still.variance
    weight = uncertainty / (uncertainty + variance)
    error = weight * np.sqrt(variance) + (1 - weight) * np.sqrt(uncertainty)
    return {
        "density": weight * factor * still.density + (1 - weight) * density,
        "uncertainty": error**2,
    }
