"""A video vision transformer: attention between tubelets (pieces of the movie), which are then decoded to images.

Shapes in names: B batch, C channel, T time point, Y and X pixels, N token, D dimension.
"""

from __future__ import annotations

from typing import Self, cast

import torch
from pydantic import Field, PositiveInt, model_validator
from torch import nn
from torch.nn import functional as F

from baselines._inputs import NetworkSettings

LONGEST = 10_000.0
"""Longest wavelength of the positional encoding in positions, as in the Transformer (arXiv:1706.03762)."""
DARK = -1.5
"""Initial bias of the output: most pixels are dark, and from 0 training overshoots to where tanh is flat."""


class ViViTNetwork(NetworkSettings):
    """Settings of the network.

    Parameters
    ----------
    tubelet : (int, int, int)
        Time points, rows and columns of the piece of the movie that becomes a token.
    width, heads, blocks : int
        Number of values in a token (a multiple of 6), of attention heads (a divisor of it), and of encoder blocks.
    planes, channels : int
        Number of images decoded from tokens, and of channels of the convolution that joins them with the input.
    dropout : float
        Fraction of values dropped in each block, and before the last convolution.
    discriminator_base : int
        Number of channels of the first layer of the discriminator.
    inputs : Inputs
        What the network sees: one image per time point and channel.
    """

    tubelet: tuple[PositiveInt, PositiveInt, PositiveInt] = (4, 8, 8)
    width: PositiveInt = 768
    heads: PositiveInt = 12
    blocks: PositiveInt = 6
    planes: PositiveInt = 8
    channels: PositiveInt = 16
    dropout: float = Field(0.1, ge=0, lt=1)
    discriminator_base: PositiveInt = 64

    @model_validator(mode="after")
    def _divisible(self) -> Self:
        if self.width % 6 or self.width % self.heads:
            raise ValueError(f"width is a multiple of 6 and of heads = {self.heads}, found {self.width}")
        return self

    def build(self) -> ViViT:
        """Make the network."""
        return ViViT(self)


class ViViT(nn.Module):
    """Reconstruct density movies in [0, 1], (B, 1, T, Y, X), from input channels (B, C, T, Y, X).

    References
    ----------
    Arnab et al. 2021, doi:10.1109/ICCV48922.2021.00676, model 1 (joint attention over space and time).
    """

    def __init__(self, settings: ViViTNetwork) -> None:
        super().__init__()
        width, tubelet = settings.width, settings.tubelet
        joined = settings.planes + settings.channels_in
        self.multiple = tubelet
        self.encoder = nn.ModuleDict({
            "tubelets": nn.Conv3d(settings.channels_in, width, tubelet, stride=tubelet),
            "blocks": nn.Sequential(
                *(Block(width, settings.heads, settings.dropout) for _ in range(settings.blocks)),
                nn.LayerNorm(width),
            ),
        })  # fmt: skip
        last = PlanarConvolution(settings.channels, 1, (1, 3, 3), padding=(0, 1, 1))
        nn.init.constant_(cast(torch.Tensor, last.bias), DARK)
        self.decoder = nn.ModuleDict({
            "planes": Pieces(width, settings.planes, tubelet, stride=tubelet),
            "join": PlanarConvolution(joined, settings.channels, (1, 3, 3), padding=(0, 1, 1)),
            "drop": nn.Dropout(settings.dropout),
            "last": last,
        })  # fmt: skip

    def forward(self, inputs_BCTYX: torch.Tensor) -> torch.Tensor:
        """Reconstruct movies."""
        h_BDTYX = self.encoder["tubelets"](inputs_BCTYX)
        h_BND = h_BDTYX.flatten(2).transpose(1, 2) + positions(*h_BDTYX.shape[1:]).to(h_BDTYX)
        h_BDTYX = self.encoder["blocks"](h_BND).transpose(1, 2).unflatten(2, h_BDTYX.shape[2:])
        planes_BCTYX = self.decoder["planes"](h_BDTYX)
        h_BCTYX = F.gelu(self.decoder["join"](torch.cat([planes_BCTYX, inputs_BCTYX], dim=1)))
        return (torch.tanh(self.decoder["last"](self.decoder["drop"](h_BCTYX))) + 1) / 2


class PlanarConvolution(nn.Conv3d):
    """A convolution of each time point by itself; outside training it is computed in two dimensions, which is faster.

    In training the parent class computes it: sums in another order would give other weights in the last bits.
    """

    def forward(self, x_BCTYX: torch.Tensor) -> torch.Tensor:
        """Convolve movies."""
        if self.training:
            return super().forward(x_BCTYX)
        x_BTCYX = x_BCTYX.transpose(1, 2)
        x_BCYX = x_BTCYX.flatten(0, 1).contiguous(memory_format=torch.channels_last)
        h_BCYX = F.conv2d(x_BCYX, self.weight.squeeze(2), self.bias, padding=self.padding[1:])
        return h_BCYX.unflatten(0, x_BTCYX.shape[:2]).transpose(1, 2)


class Pieces(nn.ConvTranspose3d):
    """Decode tokens to adjacent pieces of movies; outside training by one matrix product, which is faster."""

    def forward(self, h_BDTYX: torch.Tensor, output_size: list[int] | None = None) -> torch.Tensor:
        """Return movies (B, C, T, Y, X) from tokens at their places."""
        if self.training or output_size is not None:
            return super().forward(h_BDTYX, output_size)
        sizes = torch.Size((self.out_channels, *self.kernel_size))
        pieces = (h_BDTYX.movedim(1, 4) @ self.weight.flatten(1)).unflatten(4, sizes)
        movies_BCTYX = pieces.permute(0, 4, 1, 5, 2, 6, 3, 7).flatten(6, 7).flatten(4, 5).flatten(2, 3)
        return movies_BCTYX if self.bias is None else movies_BCTYX + self.bias[:, None, None, None]


class Block(nn.Module):
    """Attention between all tokens, then a perceptron for each; both see normalized tokens, and add to the tokens.

    References
    ----------
    Dosovitskiy et al. 2021, arXiv:2010.11929.
    """

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(width)
        self.query_key_value = nn.Linear(width, 3 * width)
        self.project = nn.Linear(width, width)
        self.drop = nn.Dropout(dropout)
        self.perceptron = nn.Sequential(
            nn.LayerNorm(width),
            nn.Linear(width, 4 * width),
            nn.GELU(),
            nn.Linear(4 * width, width),
            nn.Dropout(dropout),
        )

    def forward(self, h_BND: torch.Tensor) -> torch.Tensor:
        """Return the tokens after the block."""
        h_BND = h_BND + self.drop(self._attend(self.norm(h_BND)))
        return h_BND + self.perceptron(h_BND)

    def _attend(self, h_BND: torch.Tensor) -> torch.Tensor:
        parts = self.query_key_value(h_BND).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        attended = F.scaled_dot_product_attention(*parts).transpose(1, 2).flatten(2)
        projected: torch.Tensor = self.project(attended)
        return projected


def positions(width: int, time: int, rows: int, columns: int) -> torch.Tensor:
    """Return sines and cosines (N, D) that encode the position of tokens: a third of the width for each axis.

    References
    ----------
    Vaswani et al. 2017, arXiv:1706.03762.
    """
    waves = LONGEST ** -torch.linspace(0, 1, width // 6)
    places = torch.cartesian_prod(
        *(torch.arange(size, dtype=torch.float32) for size in (time, rows, columns))
    )
    phases = places[:, :, None] * waves
    return torch.cat([phases.sin(), phases.cos()], dim=2).flatten(1)
