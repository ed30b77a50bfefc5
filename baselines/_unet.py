"""A small U-Net, and what networks that localize are built of.

Shapes in names: N frames, C channels, Y rows, X columns.
"""

from __future__ import annotations

import itertools

import torch
from torch import nn


class UNet(nn.Module):
    """A U-Net of three levels; the coarser ones have ``growth`` times the channels of the first.

    Rows and columns are multiples of ``multiple``.
    """

    multiple = 4

    def __init__(
        self, channels: int, base: int, growth: tuple[int, int], convolutions: int, normalized: bool
    ) -> None:
        super().__init__()
        fine, middle, coarse = base, base * growth[0], base * growth[1]

        def stage(before: int, after: int) -> nn.Sequential:
            sizes = [before] + [after] * convolutions
            pairs = itertools.pairwise(sizes)
            return nn.Sequential(*(part for pair in pairs for part in convolution(*pair, normalized)))

        self.down = nn.ModuleList([stage(channels, fine), stage(fine, middle), stage(middle, coarse)])
        self.rise = nn.ModuleList(
            [nn.ConvTranspose2d(coarse, middle, 2, 2), nn.ConvTranspose2d(middle, fine, 2, 2)]
        )
        self.up = nn.ModuleList([stage(2 * middle, middle), stage(2 * fine, fine)])
        self.pool = nn.MaxPool2d(2)

    @staticmethod
    def reach(convolutions: int) -> int:
        """How many pixels away a pixel of the images can change one of the result, at most.

        A convolution reaches one pixel of its level: there are two stages on the first level, two on the second and one
        on the third, whose pixels are two and four times as large. Besides, pools and their inverses reach over the
        four pixels of the coarsest one.
        """
        return convolutions * (2 * 1 + 2 * 2 + 1 * 4) + 3

    def forward(self, images_NCYX: torch.Tensor) -> torch.Tensor:
        """Return images with as many channels as the first level."""
        fine = self.down[0](images_NCYX)
        middle = self.down[1](self.pool(fine))
        coarse = self.down[2](self.pool(middle))
        middle = self.up[0](torch.cat([self.rise[0](coarse), middle], 1))
        result: torch.Tensor = self.up[1](torch.cat([self.rise[1](middle), fine], 1))
        return result


def begin_at(head: nn.Module, value: float) -> None:
    """Let a head begin about a value, if it is not to be loaded."""
    bias = list(head.parameters())[-1]
    if not bias.is_meta:
        nn.init.constant_(bias, value)


def convolution(before: int, after: int, normalized: bool) -> list[nn.Module]:
    """A convolution over 3 x 3 pixels with its activation."""
    convolution = nn.Conv2d(before, after, 3, padding=1, bias=not normalized)
    norm = [nn.BatchNorm2d(after, momentum=0.01)] if normalized else []
    return [convolution, *norm, nn.ELU(inplace=True)]
