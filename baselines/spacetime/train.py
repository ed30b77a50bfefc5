"""The training of the network in space and time: likeness to the truth, and the likelihood of its own errors."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, final

import torch
from pydantic import Field, NonNegativeFloat
from torch import nn

from baselines._grid import SAME
from baselines._losses import ms_ssim_loss, weighted_l1_loss
from baselines._trainable import Trainable
from baselines.spacetime.model import SpacetimeNetwork
from smlmsim.pipeline import Simulated
from smlmsim.spec import Spec


class SpacetimeLoss(Spec):
    """``alpha (1 - MS-SSIM) + (1 - alpha) l1 G * L1 + scale NLL``.

    NLL is the negative log-likelihood of the errors under Laplace distributions of the expected mean absolute errors.
    It changes the expected errors, and not the density: the errors are taken as given.

    Parameters
    ----------
    alpha, l1, scale : float
        Weights of the terms above. L1 is small beside MS-SSIM, since most pixels are dark.

    References
    ----------
    Zhao et al. 2017, doi:10.1109/TCI.2016.2644865, for the first two terms.
    """

    alpha: float = Field(0.84, ge=0, le=1)
    l1: NonNegativeFloat = 10.0
    scale: NonNegativeFloat = 0.02

    def of(self, truth_BCTYX: torch.Tensor, found_BCTYX: torch.Tensor) -> torch.Tensor:
        """Return the loss of a density and its expected error, two channels, given the true density."""
        density_BCTYX, scale_BCTYX = found_BCTYX[:, :1], found_BCTYX[:, 1:]
        similarity = ms_ssim_loss(truth_BCTYX, density_BCTYX)
        error = weighted_l1_loss(truth_BCTYX, density_BCTYX)
        likelihood = laplace_loss((truth_BCTYX - density_BCTYX).detach(), scale_BCTYX)
        return self.alpha * similarity + (1 - self.alpha) * self.l1 * error + self.scale * likelihood


def laplace_loss(error: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """Return the mean negative log-likelihood of errors under Laplace distributions of given mean absolute errors."""
    return (error.abs() / scale + scale.log()).mean()


class SpacetimeTask:
    """One network and its loss."""

    def __init__(self, settings: SpacetimeNetwork, loss: SpacetimeLoss) -> None:
        self._loss = loss
        self.networks = nn.ModuleDict({"network": settings.build()})

    def losses(
        self, inputs_BCTYX: torch.Tensor, density_BCTYX: torch.Tensor
    ) -> Iterator[tuple[str, torch.Tensor]]:
        """Yield the loss."""
        yield "network", self._loss.of(density_BCTYX, self.networks["network"](inputs_BCTYX))


class _SpacetimeTraining(Trainable):
    """Training on crops whose time points and pixels are those of the network's grid."""

    package: ClassVar[str] = "baselines.spacetime"

    network: SpacetimeNetwork = SpacetimeNetwork()
    loss: SpacetimeLoss = SpacetimeLoss()

    def task(self) -> SpacetimeTask:
        """Make the network and its loss."""
        return SpacetimeTask(self.network, self.loss)

    def require_fit(self, study: Simulated, *, init: Path | None = None, freeze: str = "") -> None:
        """Raise the errors that training would raise, also if crops are not on the grid of the network."""
        super().require_fit(study, init=init, freeze=freeze)
        crops, grid = self.budget.crops.lasting(study), self.network.grid
        there = {"bin_s": crops.acquisition.point_s, "pixel_nm": crops.field.pixel_nm}
        for name, found in there.items():
            if not math.isclose(found, wanted := getattr(grid, name), rel_tol=SAME):
                raise ValueError(
                    f"the network works on {name}={wanted:g}, but crops have {found:g}; train on the corpus "
                    f"mixed-train, or set grid.{name} of the network or budget.crops.point_s"
                )


@final
class SpacetimeTraining(_SpacetimeTraining):
    """Training of the network that counts localizations in time bins."""

    name: ClassVar[str] = "spacetime"


@final
class SpacetimeFineTraining(_SpacetimeTraining):
    """Training of its variant, which sees parts of bins, and longer bins at full resolution."""

    name: ClassVar[str] = "spacetime_fine"
