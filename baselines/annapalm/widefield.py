"""The second eye of ANNA-PALM 2D: a widefield image, which shows all of the structure, but blurred.

Shapes in names: B batch, C channel, T time point, Y and X pixels, N images.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import torch
import xarray as xr
from pydantic import Field, NonNegativeFloat
from scipy.ndimage import map_coordinates
from torch.nn import functional as F

from baselines._adversarial import AdversarialTask
from baselines._losses import ms_ssim_loss, windowed
from baselines.annapalm.model import WidefieldPredictor
from baselines.annapalm.network import frames
from smlmsim.spec import Spec

Floats = npt.NDArray[np.float32]

SMALLER = 4
"""The predicted widefield image has so many times fewer pixels along y and x."""


class WidefieldTraining(Spec):
    """How widefield images are made of the truth, and what agreeing with them is worth.

    Parameters
    ----------
    sigma_px : (float, float)
        Range of the width of their point spread function.
    photons : (float, float)
        Range of the photons in a pixel of the brightest spot.
    absent : float
        How often one of the two inputs, either with the same chance, is missing.
    consistency : float
        The weight of what the predicted widefield image differs by.
    """

    sigma_px: tuple[float, float] = (4.5, 7.0)
    photons: tuple[float, float] = (50.0, 1000.0)
    absent: float = Field(0.5, ge=0, le=1)
    consistency: NonNegativeFloat = 1.0


class WidefieldTask:
    """The adversarial task with widefield images, and a network that predicts them from reconstructions.

    The predictor learns from the true density; the generator then also learns to agree with the widefield image.
    """

    def __init__(self, adversarial: AdversarialTask, images: WidefieldTraining) -> None:
        self._adversarial, self._images = adversarial, images
        self.networks = adversarial.networks
        self.networks["widefield"] = WidefieldPredictor()

    def losses(
        self, counts_BCTYX: torch.Tensor, density_BCTYX: torch.Tensor
    ) -> Iterator[tuple[str, torch.Tensor]]:
        """Yield the losses of the predictor, of the discriminator and of the generator."""
        widefield_BCTYX = take(density_BCTYX, self._images)
        yield "widefield", self._disagreement(density_BCTYX, widefield_BCTYX)

        def disagreement(estimate_BCTYX: torch.Tensor) -> torch.Tensor:
            return self._images.consistency * self._disagreement(estimate_BCTYX, widefield_BCTYX)

        seen_BCTYX = without_one(torch.cat([counts_BCTYX, widefield_BCTYX], dim=1), self._images.absent)
        yield from self._adversarial.losses(seen_BCTYX, density_BCTYX, further=disagreement)

    def _disagreement(self, image_BCTYX: torch.Tensor, widefield_BCTYX: torch.Tensor) -> torch.Tensor:
        """Return 1 - MS-SSIM of the predicted and the given widefield images."""
        given_BCYX = F.avg_pool2d(frames(widefield_BCTYX), SMALLER)
        return ms_ssim_loss(given_BCYX, self.networks["widefield"](frames(image_BCTYX)))


def take(density_BCTYX: torch.Tensor, images: WidefieldTraining) -> torch.Tensor:
    """Return noisy widefield images of densities, in [0, 1] in every movie."""
    blurred_BCTYX = windowed(density_BCTYX, _drawn(images.sigma_px), 8 * math.ceil(images.sigma_px[1]) + 1)
    peak_B1111 = blurred_BCTYX.amax(dim=(1, 2, 3, 4), keepdim=True).clamp_min(torch.finfo(torch.float32).tiny)
    photons = _drawn(images.photons)
    return between_0_and_1(torch.poisson(blurred_BCTYX / peak_B1111 * photons))


def between_0_and_1(movie_BCTYX: torch.Tensor) -> torch.Tensor:
    """Scale each movie so that its least value is 0 and its greatest 1; a constant one is 0."""
    axes = (1, 2, 3, 4)
    low, high = movie_BCTYX.amin(dim=axes, keepdim=True), movie_BCTYX.amax(dim=axes, keepdim=True)
    return (movie_BCTYX - low) / (high - low).clamp_min(torch.finfo(torch.float32).tiny)


def without_one(both_BCTYX: torch.Tensor, chance: float) -> torch.Tensor:
    """Blank, in that share of the movies, one of the two channels."""
    movies = len(both_BCTYX)
    blank, second = torch.rand(movies) < chance, torch.rand(movies) < 0.5
    keep_BC = 1 - torch.stack([blank & ~second, blank & second], dim=1).float()
    return both_BCTYX * keep_BC[:, :, None, None, None].to(both_BCTYX.device)


def on_pixels(observation: xr.Dataset) -> Floats:
    """Return the widefield images of an observation at its time points and pixels, between 0 and 1.

    In time the nearest image is taken, in space it is interpolated.

    Parameters
    ----------
    observation : xr.Dataset
        ``widefield`` (widefield_time, widefield_y, widefield_x) beside the counts.
    """
    images = observation.widefield.values.astype(np.float32)
    low, high = float(images.min()), float(images.max())
    images = (images - low) / max(high - low, np.finfo(np.float32).tiny)
    y, x = (
        _positions(observation[axis].values, observation[f"widefield_{axis}"].values) for axis in ("y", "x")
    )
    grid = np.stack(np.meshgrid(y, x, indexing="ij"))
    shown = np.stack([map_coordinates(image, grid, order=1, mode="nearest") for image in images])
    taken_s, wanted_s = observation.widefield_time.values, observation.time.values
    nearest = np.abs(wanted_s[:, None] - taken_s).argmin(axis=1)
    found: Floats = shown[nearest]
    return found


def error_map(density: Floats, widefield: Floats, predictor: WidefieldPredictor) -> Floats:
    """Return by how much the widefield image that a reconstruction predicts differs from the one that was taken.

    Parameters
    ----------
    density : ndarray, (time, y, x)
        Of ``reconstruct``.
    widefield : ndarray, (time, y, x)
        Of :func:`on_pixels`.
    predictor : WidefieldPredictor
        As trained with the generator.

    Returns
    -------
    ndarray, (time, y // 4, x // 4)
        Absolute differences, 0 to 1.
    """
    with torch.inference_mode():
        given_BCYX = F.avg_pool2d(torch.from_numpy(widefield)[:, None], SMALLER)
        found_BCYX = predictor(torch.from_numpy(density)[:, None])
    difference: Floats = (given_BCYX - found_BCYX).abs()[:, 0].numpy()
    return difference


def _drawn(limits: tuple[float, float]) -> float:
    low, high = limits
    return low + (high - low) * float(torch.rand(()))


def _positions(wanted: npt.NDArray[np.float64], known: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return where coordinates lie between the evenly spaced ones that are known, counted in these."""
    step = (known[-1] - known[0]) / (known.size - 1) if known.size > 1 else 1.0
    return np.asarray((wanted - known[0]) / step)
