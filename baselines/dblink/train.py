"""The training of the DBlink-style network: squared error, and penalties of flicker and noise."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, final

import torch
from pydantic import NonNegativeFloat
from torch import nn
from torch.nn import functional as F

from baselines._losses import temporal_loss, total_variation_loss
from baselines._trainable import Trainable
from baselines.dblink.model import DBlinkNetwork
from smlmsim.spec import Spec


class DBlinkLoss(Spec):
    """The squared error, plus weighted penalties that keep movies smooth.

    Parameters
    ----------
    temporal, total_variation : float
        Weights of the mean absolute difference of consecutive time points, and of neighbouring pixels.
    """

    temporal: NonNegativeFloat = 0.01
    total_variation: NonNegativeFloat = 1e-3


class DBlinkTask:
    """One network and its loss."""

    def __init__(self, settings: DBlinkNetwork, loss: DBlinkLoss) -> None:
        self._loss = loss
        self.networks = nn.ModuleDict({"network": settings.build()})

    def losses(
        self, inputs_BCTYX: torch.Tensor, density_BCTYX: torch.Tensor
    ) -> Iterator[tuple[str, torch.Tensor]]:
        """Yield the loss."""
        estimate_BCTYX = self.networks["network"](inputs_BCTYX)
        flicker = self._loss.temporal * temporal_loss(estimate_BCTYX)
        roughness = self._loss.total_variation * total_variation_loss(estimate_BCTYX)
        yield "network", F.mse_loss(estimate_BCTYX, density_BCTYX) + flicker + roughness


@final
class DBlinkTraining(Trainable):
    """Training of movies."""

    name: ClassVar[str] = "dblink"
    package: ClassVar[str] = "baselines.dblink"

    network: DBlinkNetwork = DBlinkNetwork()
    loss: DBlinkLoss = DBlinkLoss()

    def task(self) -> DBlinkTask:
        """Make the network and its loss."""
        return DBlinkTask(self.network, self.loss)
