"""The second eye of ANNA-PALM: a widefield image, which shows all of the structure, but blurred.

Shapes in names: B batch, C channel, T time point, Y and X pixels, N images.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import torch
from pydantic import Field, NonNegativeFloat
from torch.nn import functional as F

from baselines._adversarial import AdversarialTask
from baselines._losses import ms_ssim_loss
from baselines.annapalm.model import WidefieldPredictor
from baselines.annapalm.network import frames
from smlmsim.spec import Spec

Floats = npt.NDArray[np.float32]

SMALLER = 4
"""The predicted widefield image has so many times fewer pixels along y and x."""


class WidefieldTraining(Spec):
    """How often widefield images are missing, and what agreeing with them is worth.

    Parameters
    ----------
    absent : float
        How often the localizations or the widefield images, either with the same chance, are missing.
    consistency : float
        The weight of what the predicted widefield image differs by.
    """

    absent: float = Field(0.5, ge=0, le=1)
    consistency: NonNegativeFloat = 1.0


class WidefieldTask:
    """The adversarial task with widefield images, and a network that predicts them from reconstructions.

    The widefield images are the last channel of the input, as a microscope took them. The predictor learns from the
    true density; the generator then also learns to agree with them.
    """

    def __init__(self, adversarial: AdversarialTask, images: WidefieldTraining) -> None:
        self._adversarial, self._images = adversarial, images
        self.networks = adversarial.networks
        self.networks["widefield"] = WidefieldPredictor()

    def losses(
        self, inputs_BCTYX: torch.Tensor, density_BCTYX: torch.Tensor
    ) -> Iterator[tuple[str, torch.Tensor]]:
        """Yield the losses of the predictor, of the discriminator and of the generator."""
        widefield_BCTYX = inputs_BCTYX[:, -1:]
        yield "widefield", self._disagreement(density_BCTYX, widefield_BCTYX)

        def disagreement(estimate_BCTYX: torch.Tensor) -> torch.Tensor:
            return self._images.consistency * self._disagreement(estimate_BCTYX, widefield_BCTYX)

        seen_BCTYX = without_one(inputs_BCTYX, self._images.absent)
        yield from self._adversarial.losses(seen_BCTYX, density_BCTYX, further=disagreement)

    def _disagreement(self, image_BCTYX: torch.Tensor, widefield_BCTYX: torch.Tensor) -> torch.Tensor:
        """Return 1 - MS-SSIM of the predicted and the given widefield images."""
        given_BCYX = F.avg_pool2d(frames(widefield_BCTYX), SMALLER)
        return ms_ssim_loss(given_BCYX, self.networks["widefield"](frames(image_BCTYX)))


def without_one(inputs_BCTYX: torch.Tensor, chance: float) -> torch.Tensor:
    """Blank, in that share of the movies, the last channel or all the others."""
    movies, channels = inputs_BCTYX.shape[:2]
    blank, last = torch.rand(movies) < chance, torch.rand(movies) < 0.5
    lost_BC = torch.stack([blank & ~last] * (channels - 1) + [blank & last], dim=1)
    return inputs_BCTYX * (1 - lost_BC.float())[:, :, None, None, None].to(inputs_BCTYX.device)


def error_map(density: Floats, widefield: Floats, predictor: WidefieldPredictor) -> Floats:
    """Return by how much the widefield image that a reconstruction predicts differs from the one that was taken.

    Parameters
    ----------
    density : ndarray, (time, y, x)
        Of ``reconstruct``.
    widefield : ndarray, (time, y, x)
        Of :func:`baselines._widefield.on_pixels`.
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
