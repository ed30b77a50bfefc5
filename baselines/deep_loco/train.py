"""The training of DeepLoco: ``python -m baselines.deep_loco.train RUN`` trains ``shipped.toml`` in the folder RUN."""

from __future__ import annotations

from typing import ClassVar, final

import torch
from torch import nn

from baselines._localizer_training import Batch, FrameTraining, train_in_folder
from baselines.deep_loco.loss import discrepancy
from baselines.deep_loco.model import DeepLocoNetwork


@final
class DeepLocoTraining(FrameTraining):
    """Training of the localizer ``deep_loco``."""

    name: ClassVar[str] = "deep_loco"
    package: ClassVar[str] = "baselines.deep_loco"

    network: DeepLocoNetwork

    def loss(self, network: nn.Module, batch: Batch) -> torch.Tensor:
        """The distance of points and molecules in all windows of the frames, which lie side by side."""
        rows, columns = batch.seen.shape[-2:]
        edge = self.network.edge
        corners = self.network.replace({"step": edge}).corners(rows, columns)
        found = network(batch.seen.flatten(0, 1), corners)
        return discrepancy(found, corners, edge, batch.frame, batch.place_px)


if __name__ == "__main__":
    train_in_folder(DeepLocoTraining)
