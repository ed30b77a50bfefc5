"""The parts of which the networks in space and time are made.

Shapes in names: B batch, C channel, T time bin, Y and X pixels.
"""

from __future__ import annotations

import math

import torch
from torch import nn

MOMENTUM = 0.01
"""Weight of a batch in the running mean and variance of a normalization: batches are small and differ much."""
PATCH = 2
"""Edge length in px of the squares of pixels that become channels, and ratio of the pixels of neighbouring levels."""


class Block(nn.Module):
    """Two normalized convolutions whose result is added to their input (He et al. 2016, arXiv:1603.05027).

    With ``flat`` kernels they see one time bin at a time.
    """

    def __init__(self, channels: int, *, flat: bool = False) -> None:
        super().__init__()
        first, second = (convolution(channels, channels, flat=flat) for _ in range(2))
        nn.init.normal_(second.weight, std=0.2 / math.sqrt(second.weight[0].numel()))
        self.layers = nn.Sequential(
            nn.BatchNorm3d(channels, momentum=MOMENTUM), nn.ReLU(), first,
            nn.BatchNorm3d(channels, momentum=MOMENTUM), nn.ReLU(), second,
        )  # fmt: skip

    def forward(self, x_BCTYX: torch.Tensor) -> torch.Tensor:
        """Add what the layers find."""
        found: torch.Tensor = x_BCTYX + self.layers(x_BCTYX)
        return found


def convolution(narrow: int, wide: int, *, flat: bool = False) -> nn.Conv3d:
    """Make a convolution of 3 x 3 pixels, and of 3 time bins or, if ``flat``, of one."""
    return nn.Conv3d(narrow, wide, (1 if flat else 3, 3, 3), padding=(0 if flat else 1, 1, 1))


def through(
    h_BCTYX: torch.Tensor,
    encoder: nn.ModuleList,
    coarser: nn.ModuleList,
    finer: nn.ModuleList,
    decoder: nn.ModuleList,
    *,
    halving: int,
) -> torch.Tensor:
    """Go down and up the levels of a U-Net, each of which has ``halving`` times fewer time bins than the one before."""
    skips = []
    for encode, down in zip(encoder, coarser, strict=False):
        skips.append(encode(h_BCTYX))
        h_BCTYX = down(skips[-1])
    h_BCTYX = encoder[-1](h_BCTYX)
    for decode, up, skip in zip(reversed(decoder), reversed(finer), reversed(skips), strict=True):
        h_BCTYX = decode(skip + unfolded(up(h_BCTYX)).repeat_interleave(halving, dim=2))
    return h_BCTYX


def folded(x_BCTYX: torch.Tensor) -> torch.Tensor:
    """Make channels of squares of pixels."""
    batch, channels, times, height, width = x_BCTYX.shape
    patches = x_BCTYX.reshape(batch, channels, times, height // PATCH, PATCH, width // PATCH, PATCH)
    return patches.permute(0, 1, 4, 6, 2, 3, 5).flatten(1, 3)


def unfolded(x_BCTYX: torch.Tensor) -> torch.Tensor:
    """Make squares of pixels of channels: the inverse of :func:`folded`."""
    patches = x_BCTYX.unflatten(1, (-1, PATCH, PATCH)).permute(0, 1, 4, 5, 2, 6, 3)
    return patches.flatten(5, 6).flatten(3, 4)
