"""A U-Net in space and time over short time bins, which also tells how far off it expects to be.

Within a few bins a moving filament is a plane in (time, y, x), at rest an upright one. Convolutions over all three axes
find such planes, at scales of 40 to 320 nm and of 0.3 to 2.4 s, so that localizations of different times are used
together without any motion being estimated first. Averages over longer times are further inputs; the network decides
pixel by pixel how much of each goes into the density as it is, which is what a structure at rest needs.

Shapes in names: B batch, C channel, T time bin, Y and X pixels.
"""

from __future__ import annotations

import itertools
import math

import torch
from pydantic import Field, PositiveInt, model_validator
from torch import nn
from torch.nn import functional as F

from baselines._grid import Grid
from baselines._inputs import Inputs, NetworkSettings
from baselines.spacetime.blocks import MOMENTUM, PATCH, Block, convolution, folded, through, unfolded
from baselines.spacetime.slow import Slow

BLUR_PX = 1.2
"""Standard deviation in px of the Gaussian with which averages over time go into the density."""
BLUR_REACH_PX = 3
"""Reach of this Gaussian in px."""
LEAST_SCALE = 1e-3
"""Smallest error that the network can expect, on a scale where the crest of one straight filament is 0.25."""
FIRST_SCALE = 0.02
"""Error that an untrained network expects everywhere, on the same scale: about the mean error after training."""


class SpacetimeNetwork(NetworkSettings):
    """Settings of the network.

    Parameters
    ----------
    channels : tuple of int
        Number of channels of each level, the finest first. The finest has half the pixels along either axis; each
        further level halves them again, and time, too.
    blocks : tuple of int
        Number of residual blocks of each level of the encoder; the decoder has one each.
    grid : Grid
        The time bins and pixels on which the network works.
    inputs : Inputs
        What the network sees. Fine bins are parts of a time bin, and widths of wide sums are in time bins.
    slow_channels : tuple of int
        Number of channels of each level of a second U-Net, the finest first, which sees ``slow_bins`` time bins as one
        and halves pixels, but not time; by default there is none. What it finds joins the first features.
    slow_bins : int
        Number of time bins that the second U-Net sees as one.
    """

    channels: tuple[PositiveInt, ...] = Field((24, 64, 96, 128), min_length=2)
    blocks: tuple[PositiveInt, ...] = (1, 1, 1, 2)
    grid: Grid = Grid()
    inputs: Inputs = Inputs(wide_sums=(5, 15, 40, "all"))
    slow_channels: tuple[PositiveInt, ...] = ()
    slow_bins: PositiveInt = 4

    @model_validator(mode="after")
    def _fitting(self) -> SpacetimeNetwork:
        if len(self.blocks) != len(self.channels):
            raise ValueError(
                f"blocks and channels have a number for each level, found {len(self.blocks)} and {len(self.channels)}"
            )
        if len(self.slow_channels) > len(self.channels):
            raise ValueError(
                f"slow_channels has at most as many levels as channels, {len(self.channels)}, "
                f"found {len(self.slow_channels)}"
            )
        return self

    def build(self) -> Spacetime:
        """Build the network."""
        return Spacetime(self)


class Spacetime(nn.Module):
    """Reconstruct movies (B, 2, T, Y, X) from input channels (B, C, T, Y, X).

    The first channel is the density, the second the mean absolute error of it that the network expects.
    """

    def __init__(self, settings: SpacetimeNetwork) -> None:
        super().__init__()
        channels = settings.channels
        bins = math.lcm(2 ** (len(channels) - 1), settings.slow_bins if settings.slow_channels else 1)
        self.multiple = (bins, 2 ** len(channels), 2 ** len(channels))
        self._shown = [
            index for index, name in enumerate(settings.inputs.names) if name.startswith("sum over")
        ]
        into = settings.channels_in * PATCH**2
        self.entry = convolution(into, channels[0])
        slow = settings.slow_channels
        self.slow = Slow(into, slow, channels[0], settings.slow_bins) if slow else None
        self.encoder = nn.ModuleList(
            nn.Sequential(*(Block(width, flat=level == 0) for _ in range(number)))
            for level, (width, number) in enumerate(zip(channels, settings.blocks, strict=True))
        )
        self.coarser = nn.ModuleList(_coarser(*pair) for pair in itertools.pairwise(channels))
        self.finer = nn.ModuleList(
            nn.Conv3d(wide, PATCH**2 * fine, 1) for fine, wide in itertools.pairwise(channels)
        )
        self.decoder = nn.ModuleList(Block(width) for width in channels[:-1])
        out = (2 + len(self._shown)) * PATCH**2
        exit_ = nn.Conv3d(channels[0], out, (1, 3, 3), padding=(0, 1, 1))
        nn.init.normal_(exit_.weight, std=0.1 / math.sqrt(9 * channels[0]))
        with torch.no_grad():
            bias = torch.zeros(out)
            bias[PATCH**2 : 2 * PATCH**2] = math.log(math.expm1(FIRST_SCALE - LEAST_SCALE))
            exit_.bias.copy_(bias)  # type: ignore[union-attr]
        self.exit = nn.Sequential(nn.BatchNorm3d(channels[0], momentum=MOMENTUM), nn.ReLU(), exit_)

    def forward(self, inputs_BCTYX: torch.Tensor) -> torch.Tensor:
        """Reconstruct movies."""
        seen = folded(inputs_BCTYX).contiguous(memory_format=torch.channels_last_3d)
        h = self.entry(seen)
        if self.slow is not None:
            h = h + self.slow(seen)
        h = through(h, self.encoder, self.coarser, self.finer, self.decoder, halving=2)
        out_BCTYX = unfolded(self.exit(h))
        density_BCTYX, scale_BCTYX, gates_BCTYX = out_BCTYX.split([1, 1, len(self._shown)], dim=1)
        if self._shown:
            averages_BCTYX = blurred(inputs_BCTYX[:, self._shown])
            density_BCTYX = density_BCTYX + (gates_BCTYX * averages_BCTYX).sum(dim=1, keepdim=True)
        return torch.cat([density_BCTYX, F.softplus(scale_BCTYX) + LEAST_SCALE], dim=1)


def blurred(averages_BCTYX: torch.Tensor) -> torch.Tensor:
    """Blur images along y and x with a Gaussian, reflected at the border."""
    at = torch.arange(-BLUR_REACH_PX, BLUR_REACH_PX + 1, device=averages_BCTYX.device)
    weight = torch.exp(-(at**2) / (2 * BLUR_PX**2)).to(averages_BCTYX.dtype)
    weight = weight / weight.sum()
    images = averages_BCTYX.flatten(0, 2)[:, None]
    images = F.pad(images, (BLUR_REACH_PX,) * 4, mode="reflect")
    images = F.conv2d(F.conv2d(images, weight[None, None, :, None]), weight[None, None, None, :])
    return images[:, 0].unflatten(0, averages_BCTYX.shape[:3])


def _coarser(fine: int, wide: int) -> nn.Conv3d:
    """Halve the time bins, and the pixels along either axis."""
    return nn.Conv3d(fine, wide, (3, PATCH, PATCH), stride=(2, PATCH, PATCH), padding=(1, 0, 0))
