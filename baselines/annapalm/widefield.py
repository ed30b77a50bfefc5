"""The optional second input of ANNA-PALM: a widefield image, which shows the whole structure, but blurred.

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
"""Factor by which the predicted widefield image has fewer pixels along y and x."""


class WidefieldTraining(Spec):
    """Settings of training with widefield images.

    Parameters
    ----------
    absent : float
        Fraction of movies in which one input is blanked: the localizations or the widefield images, half the time each.
    consistency : float
        Weight of the difference between predicted and given widefield images in the loss.
    """

    absent: float = Field(0.5, ge=0, le=1)
    consistency: NonNegativeFloat = 1.0


class WidefieldTask:
    """The adversarial task with widefield images, and a network that predicts them from reconstructions.

    The widefield images are the last channel of the input. The predictor learns to predict them from the
    true density; the generator also learns to give densities from which they are predicted well.
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
    """Blank the last channel, or all others, in a fraction ``chance`` of the movies."""
    movies, channels = inputs_BCTYX.shape[:2]
    blank, last = torch.rand(movies) < chance, torch.rand(movies) < 0.5
    lost_BC = torch.stack([blank & ~last] * (channels - 1) + [blank & last], dim=1)
    return inputs_BCTYX * (1 - lost_BC.float())[:, :, None, None, None].to(inputs_BCTYX.device)


def error_map(density: Floats, widefield: Floats, predictor: WidefieldPredictor) -> Floats:
    """Return the difference between the widefield image predicted from a reconstruction and the recorded one.

    Parameters
    ----------
    density : ndarray, (time, y, x)
        The density from ``reconstruct``.
    widefield : ndarray, (time, y, x)
        The images from :func:`baselines._widefield.on_pixels`.
    predictor : WidefieldPredictor
        The predictor that was trained with the generator.

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
