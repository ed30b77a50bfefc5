"""The training of Deep-STORM: ``python -m baselines.deep_storm.train RUN`` trains ``shipped.toml`` in RUN."""

from __future__ import annotations

from typing import ClassVar, final

import torch
from torch import nn

from baselines._localizer_training import Batch, FrameTraining, train_in_folder
from baselines.deep_storm.loss import negative_log_likelihood
from baselines.deep_storm.model import DeepStormNetwork


@final
class DeepStormTraining(FrameTraining):
    """Training of the localizer ``deep_storm``."""

    name: ClassVar[str] = "deep_storm"
    package: ClassVar[str] = "baselines.deep_storm"

    network: DeepStormNetwork

    def loss(self, network: nn.Module, batch: Batch) -> torch.Tensor:
        """The negative log-likelihood of the molecules."""
        log_rate = network(batch.seen.flatten(0, 1))
        return negative_log_likelihood(log_rate, batch.frame, batch.place_px)


if __name__ == "__main__":
    train_in_folder(DeepStormTraining)
