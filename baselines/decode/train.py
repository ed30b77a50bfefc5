"""The training of DECODE: ``python -m baselines.decode.train RUN`` trains ``shipped.toml`` in the folder RUN."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path
from typing import ClassVar, final

import numpy as np
import torch
from torch import nn

from baselines._frame_channels import channels
from baselines._localizer_training import FrameTraining
from baselines._scenes import Scene
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

    def loss(self, network: nn.Module, scenes: list[Scene]) -> torch.Tensor:
        """The negative log-likelihood of the molecules, and the error of the logarithm of the background."""
        seen = np.stack([channels(scene.counts, scene.sigma_px) for scene in scenes])
        found = network(torch.from_numpy(seen))
        frames = seen.shape[1]
        frame = np.concatenate([scene.frame + k * frames for k, scene in enumerate(scenes)])
        place = np.concatenate([np.stack([scene.y_px, scene.x_px], 1) for scene in scenes])
        light = np.concatenate([scene.light for scene in scenes])
        likely = negative_log_likelihood(
            found,
            torch.from_numpy(frame),
            torch.from_numpy(place),
            torch.from_numpy(np.log(np.maximum(light, LEAST_LIGHT))),
        )
        background = torch.from_numpy(np.stack([scene.background for scene in scenes]))
        error = found.log_background.unflatten(0, (len(scenes), frames)) - torch.log1p(background)[:, None]
        return likely + BACKGROUND_WEIGHT * error.square().mean()


def main() -> None:
    """Train in the folder that the command line names, or resume there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--size", default="shipped", help="a configuration of the package, or a TOML file")
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO)
    DecodeTraining.configured(given.size).train(given.folder)


if __name__ == "__main__":
    main()
