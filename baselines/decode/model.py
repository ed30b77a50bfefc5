"""DECODE as a network: two U-Nets, one that looks at frames and one that looks at three of them together.

Speiser et al. 2021, doi:10.1038/s41592-021-01236-x. Shapes: B movies, T frames, C channels, Y rows, X columns.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from pydantic import Field, PositiveInt
from torch import nn

from baselines._frame_channels import CHANNELS
from baselines._unet import UNet, begin_at, convolution
from smlmsim.spec import Spec

LIKELY_LOG_LIGHT = 6.5
"""Logarithm of the counts of a usual molecule, about which the network predicts."""
REACH_PX = 1.0
"""How far from the middle of its pixel the network may place a molecule."""
LEAST_SIGMA = 0.005
"""Smallest standard error of a coordinate, in pixels, and of the logarithm of the light."""
MOST_LOG_LIGHT = 14.0
RARE = -4.0
"""Logit of the probability of a molecule in a pixel before training: 40 in 48 x 48 pixels."""


class Found(NamedTuple):
    """What the network says of every pixel.

    Parameters
    ----------
    logit : Tensor, shape (frame, y, x)
        Log-odds of a molecule in the pixel.
    mean : Tensor, shape (frame, 3, y, x)
        Its offset along y and x from the middle of the pixel, in pixels, and the logarithm of its counts.
    sigma : Tensor, shape (frame, 3, y, x)
        Their standard errors.
    log_background : Tensor, shape (frame, y, x)
        Logarithm of the counts of the background plus one.
    """

    logit: torch.Tensor
    mean: torch.Tensor
    sigma: torch.Tensor
    log_background: torch.Tensor


class DecodeNetwork(Spec):
    """Settings of the network.

    Parameters
    ----------
    frame_base, context_base : int
        Channels of the first level of the U-Net that looks at single frames, and of that which looks at three.
    growth : (int, int)
        How many times as many channels the second and the third level have.
    convolutions : int
        Convolutions in every stage.
    head : int
        Channels of the first of the two layers of every head.
    normalized : bool
        Whether batches are normalized after every convolution over 3 x 3 pixels.
    """

    frame_base: PositiveInt = 16
    context_base: PositiveInt = 32
    growth: tuple[PositiveInt, PositiveInt] = (2, 2)
    convolutions: int = Field(1, ge=1, le=8)
    head: PositiveInt = 16
    normalized: bool = True

    def build(self) -> Decode:
        """Build the network."""
        return Decode(self)


class Decode(nn.Module):
    """Find molecules in frames: probability, position and light, with their errors, and background, in every pixel.

    Rows and columns are multiples of ``multiple``. Light more than ``reach`` pixels away changes nothing in a pixel.
    """

    multiple = UNet.multiple

    def __init__(self, settings: DecodeNetwork) -> None:
        super().__init__()
        shape = settings.growth, settings.convolutions, settings.normalized
        self.frame = UNet(CHANNELS, settings.frame_base, *shape)
        self.context = UNet(3 * settings.frame_base, settings.context_base, *shape)
        self.reach = 2 * UNet.reach(settings.convolutions) + 1
        self.heads = nn.ModuleList(
            nn.Sequential(
                *convolution(settings.context_base, settings.head, settings.normalized),
                nn.Conv2d(settings.head, outputs, 1),
            )
            for outputs in (1, 6, 1)
        )
        begin_at(self.heads[0], RARE)

    def forward(self, frames_BTCYX: torch.Tensor) -> Found:
        """Look at every frame of some movies; before the first and after the last, nothing is known."""
        return self.combine(self.look(frames_BTCYX.flatten(0, 1)).unflatten(0, frames_BTCYX.shape[:2]))

    def look(self, frames_NCYX: torch.Tensor) -> torch.Tensor:
        """The features of single frames."""
        features: torch.Tensor = self.frame(frames_NCYX.contiguous(memory_format=torch.channels_last))
        return features

    def combine(self, features_BTCYX: torch.Tensor) -> Found:
        """Find the molecules in every frame, from its features and those of the frames before and after."""
        nothing = torch.zeros_like(features_BTCYX[:, :1])
        before = torch.cat([nothing, features_BTCYX[:, :-1]], 1)
        after = torch.cat([features_BTCYX[:, 1:], nothing], 1)
        return self.find(torch.cat([before, features_BTCYX, after], 2).flatten(0, 1))

    def find(self, features_NCYX: torch.Tensor) -> Found:
        """Find the molecules, from the features of three frames one after the other."""
        together = self.context(features_NCYX.contiguous(memory_format=torch.channels_last))
        logit, values, background = (head(together) for head in self.heads)
        mean = torch.cat(
            [
                REACH_PX * torch.tanh(values[:, :2]),
                (LIKELY_LOG_LIGHT + values[:, 2:3]).clamp(0, MOST_LOG_LIGHT),
            ],
            1,
        )
        sigma = LEAST_SIGMA + nn.functional.softplus(values[:, 3:] - 1)
        return Found(logit[:, 0], mean, sigma, nn.functional.softplus(background[:, 0] + 2))
