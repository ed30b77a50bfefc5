"""Deep-STORM as a network: from a camera frame to the expected number of molecules on an eight times finer grid.

Nehme et al. 2018, doi:10.1364/OPTICA.5.000458. Shapes: N frames, C channels, Y rows, X columns.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Annotated, Any, Literal

import torch
from pydantic import Field, PositiveInt, TypeAdapter
from torch import nn

from baselines._frame_channels import CHANNELS
from baselines._unet import UNet, begin_at, convolution
from smlmsim.spec import Spec

FINER = 8
"""Places per pixel of the camera along each axis."""
RARE = math.log(0.02 / FINER**2)
"""Logarithm of the expected molecules in a place before training: 0.02 in a pixel."""
MOST_LOG = 3.0
"""Largest logarithm of the expected molecules in a place, which no training needs."""


class FineGrid(Spec):
    """Settings of the published network, which works on frames enlarged to the finer grid.

    Parameters
    ----------
    encoder : tuple of int
        Channels of the convolutions that are followed by pools; three of them lead back to the camera's pixels.
    middle : int
        Channels of the convolution on these.
    decoder : tuple of int
        Channels of the convolutions on ever finer pixels.
    """

    grid: Literal["fine"] = "fine"
    encoder: tuple[PositiveInt, PositiveInt, PositiveInt] = (32, 64, 128)
    middle: PositiveInt = 512
    decoder: tuple[PositiveInt, PositiveInt, PositiveInt] = (128, 64, 32)

    def build(self) -> DeepStorm:
        """Build the network."""
        return DeepStorm(_EncoderDecoder(self), reach=_EncoderDecoder.reach, multiple=1)


class CameraGrid(Spec):
    """Settings of a network that works on the pixels of the camera, and has as many outputs in each as finer places.

    Parameters
    ----------
    base : int
        Channels of the first level of the U-Net.
    growth : (int, int)
        How many times as many channels the second and the third level have.
    convolutions : int
        Convolutions in every stage.
    head : int
        Channels of the layer before the outputs.
    """

    grid: Literal["camera"] = "camera"
    base: PositiveInt = 32
    growth: tuple[PositiveInt, PositiveInt] = (2, 2)
    convolutions: int = Field(1, ge=1, le=8)
    head: PositiveInt = 64

    def build(self) -> DeepStorm:
        """Build the network."""
        layers = nn.Sequential(
            UNet(CHANNELS, self.base, self.growth, self.convolutions, True),
            *convolution(self.base, self.head, True),
            nn.Conv2d(self.head, FINER**2, 1),
            nn.PixelShuffle(FINER),
        )
        begin_at(layers, RARE)
        return DeepStorm(layers, reach=UNet.reach(self.convolutions) + 1, multiple=UNet.multiple)


DeepStormNetwork = Annotated[FineGrid | CameraGrid, Field(discriminator="grid")]
"""Settings of either network, told apart by ``grid``."""


def configured(settings: Any) -> FineGrid | CameraGrid:
    """Return the settings of a network from a table of them."""
    network: FineGrid | CameraGrid = TypeAdapter(DeepStormNetwork).validate_python(settings)
    return network


class DeepStorm(nn.Module):
    """Say how many molecules are expected in every place of the finer grid.

    Rows and columns of frames are multiples of ``multiple``. Light more than ``reach`` pixels away changes nothing in
    a place.
    """

    def __init__(self, layers: nn.Module, *, reach: int, multiple: int) -> None:
        super().__init__()
        self.layers, self.reach, self.multiple = layers, reach, multiple

    def forward(self, frames_NCYX: torch.Tensor) -> torch.Tensor:
        """Return the logarithm of the expected number of molecules (frame, 8 y, 8 x)."""
        fine_NCYX = self.layers(frames_NCYX.contiguous(memory_format=torch.channels_last))
        log_rate: torch.Tensor = fine_NCYX[:, 0].clamp(max=MOST_LOG)
        return log_rate


class _EncoderDecoder(nn.Sequential):
    """The layers as published: convolutions, each with a pool of 2 x 2, then convolutions on repeated pixels."""

    reach = 4
    """A convolution reaches over one of its pixels: two times 1/8 + 1/4 + 1/2, and one, and less than one for pools."""

    def __init__(self, settings: FineGrid) -> None:
        sizes = [CHANNELS, *settings.encoder, settings.middle, *settings.decoder]
        layers: list[nn.Module] = [nn.Upsample(scale_factor=FINER)]
        for number, (before, after) in enumerate(pairwise(sizes)):
            if number > len(settings.encoder):
                layers.append(nn.Upsample(scale_factor=2))
            layers += _published(before, after)
            if number < len(settings.encoder):
                layers.append(nn.MaxPool2d(2))
        super().__init__(*layers, nn.Conv2d(settings.decoder[-1], 1, 1, bias=False))


def _published(before: int, after: int) -> list[nn.Module]:
    return [
        nn.Conv2d(before, after, 3, padding=1, bias=False),
        nn.BatchNorm2d(after),
        nn.ReLU(inplace=True),
    ]
