"""A U-Net over longer time bins that keeps all of them: what hardly moves is seen for long, at full resolution.

Where few molecules are localized, only those of many seconds together show where a filament is. The main network looks
so far only with coarse pixels, since its levels halve pixels and time together. Here, neighbouring bins are added
first, and levels halve pixels alone.

Shapes in names: B batch, C channel, T time bin, Y and X pixels.
"""

from __future__ import annotations

import itertools

import torch
from torch import nn
from torch.nn import functional as F

from baselines.spacetime.blocks import PATCH, Block, convolution, through


class Slow(nn.Module):
    """Turn channels (B, C, T, Y, X) into features of the same size, which an untrained network leaves at 0.

    Parameters
    ----------
    into, out : int
        Number of channels and of features.
    channels : tuple of int
        Number of channels of each level, the finest first.
    bins : int
        Number of neighbouring time bins that are joined; the number of time bins must be a multiple of it.
    """

    def __init__(self, into: int, channels: tuple[int, ...], out: int, bins: int) -> None:
        super().__init__()
        self._bins = bins
        self.entry = convolution(into, channels[0])
        self.encoder = nn.ModuleList(Block(width) for width in channels)
        flat = (1, PATCH, PATCH)
        self.coarser = nn.ModuleList(
            nn.Conv3d(*pair, flat, stride=flat) for pair in itertools.pairwise(channels)
        )
        self.finer = nn.ModuleList(
            nn.Conv3d(wide, PATCH**2 * fine, 1) for fine, wide in itertools.pairwise(channels)
        )
        self.decoder = nn.ModuleList(Block(width) for width in channels[:-1])
        self.exit = nn.Conv3d(channels[0], out, 1)
        nn.init.zeros_(self.exit.weight)
        nn.init.zeros_(self.exit.bias)  # type: ignore[arg-type]

    def forward(self, x_BCTYX: torch.Tensor) -> torch.Tensor:
        """Find features; those of joined bins are the same."""
        joined = F.avg_pool3d(x_BCTYX, (self._bins, 1, 1), divisor_override=1)
        h = self.entry(joined.contiguous(memory_format=torch.channels_last_3d))
        h = through(h, self.encoder, self.coarser, self.finer, self.decoder, halving=1)
        found: torch.Tensor = self.exit(h).repeat_interleave(self._bins, dim=2)
        return found
