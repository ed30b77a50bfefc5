"""The training of DECODE: ``python -m baselines.decode.train RUN`` trains ``shipped.toml`` in the folder RUN."""

from __future__ import annotations

from typing import ClassVar, final

import torch
from torch import nn

from baselines._localizer_training import Batch, FrameTraining, train_in_folder
from baselines.decode.loss import negative_log_likelihood
from baselines.decode.model import DecodeNetwork

LEAST_LIGHT = 1.0
BACKGROUND_WEIGHT = 1.0


@final
class DecodeTraining(FrameTraining):
    """Training of the localizer ``decode``."""

    name: ClassVar[str] = "decode"
    package: ClassVar[str] = "baselines.decode"

    network: DecodeNetwork

    def loss(self, network: nn.Module, batch: Batch) -> torch.Tensor:
        """The negative log-likelihood of the molecules, and the error of the logarithm of the background."""
        found = network(batch.seen)
        log_light = batch.light.clamp_min(LEAST_LIGHT).log()
        likely = negative_log_likelihood(found, batch.frame, batch.place_px, log_light)
        background = found.log_background.unflatten(0, batch.seen.shape[:2])
        error = background - torch.log1p(batch.background)[:, None]
        return likely + BACKGROUND_WEIGHT * error.square().mean()


if __name__ == "__main__":
    train_in_folder(DecodeTraining)
