"""Training against the truth and against a discriminator: the losses of ANNA-PALM.

Shapes in names: B batch, C channel, T time point, Y and X pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from pydantic import Field, NonNegativeFloat
from torch import nn

from baselines._losses import Adversarial, adversarial_loss, ms_ssim_loss, weighted_l1_loss
from smlmsim.spec import Spec

Further = Callable[[torch.Tensor], torch.Tensor]


class AdversarialLoss(Spec):
    """``beta (alpha (1 - MS-SSIM) + (1 - alpha) G * L1) + gamma (L_D + L_G)``.

    Parameters
    ----------
    alpha, beta, gamma : float
        Weights of the terms above; with gamma = 0 there is no discriminator.
    form : "log" or "least_squares"
        The form of the adversarial losses L_D and L_G.

    References
    ----------
    Bai 2023, tel-04772446, chapter II.3.
    """

    alpha: float = Field(0.84, ge=0, le=1)
    beta: NonNegativeFloat = 50.0
    gamma: NonNegativeFloat = 1.0
    form: Adversarial = "log"

    def distance(self, truth: torch.Tensor, estimate: torch.Tensor) -> torch.Tensor:
        """Return the part that compares with the truth; images are in [0, 1]."""
        similarity, error = ms_ssim_loss(truth, estimate), weighted_l1_loss(truth, estimate)
        return self.beta * (self.alpha * similarity + (1 - self.alpha) * error)


class AdversarialTask:
    """A generator of density movies, and a discriminator that distinguishes them from true ones.

    Parameters
    ----------
    generator : nn.Module
        Maps input channels (B, C, T, Y, X) to densities (B, 1, T, Y, X) in [0, 1].
    discriminator : nn.Module
        Maps the same channels, with images (B, 1, T, Y, X) in [-1, 1], to logits.
    loss : AdversarialLoss
        If its gamma is 0, the discriminator is left out.
    """

    def __init__(self, generator: nn.Module, discriminator: nn.Module, loss: AdversarialLoss) -> None:
        self._loss = loss
        self.networks = nn.ModuleDict({"generator": generator})
        if loss.gamma:
            self.networks["discriminator"] = discriminator

    def losses(
        self, inputs_BCTYX: torch.Tensor, density_BCTYX: torch.Tensor, *, further: Further | None = None
    ) -> Iterator[tuple[str, torch.Tensor]]:
        """Yield the loss of the discriminator, then that of the generator against the updated discriminator.

        What ``further`` returns for the estimate is added to the loss of the generator.
        """
        estimate_BCTYX = self.networks["generator"](inputs_BCTYX)
        loss = self._loss.distance(density_BCTYX, estimate_BCTYX)
        if further:
            loss = loss + further(estimate_BCTYX)
        if gamma := self._loss.gamma:
            real = self._doubt(inputs_BCTYX, density_BCTYX, real=True)
            fake = self._doubt(inputs_BCTYX, estimate_BCTYX.detach(), real=False)
            yield "discriminator", gamma * (real + fake) / 2
            loss = loss + gamma * self._doubt(inputs_BCTYX, estimate_BCTYX, real=True)
        yield "generator", loss

    def _doubt(self, inputs_BCTYX: torch.Tensor, image_BCTYX: torch.Tensor, *, real: bool) -> torch.Tensor:
        """Return the loss of the discriminator for images in [0, 1] that it should call real, or generated."""
        logits = self.networks["discriminator"](inputs_BCTYX, 2 * image_BCTYX - 1)
        return adversarial_loss(logits, real=real, form=self._loss.form)
