"""The networks of ANNA-PALM in two and three dimensions: U-Net generator, patch discriminator, widefield predictor.

Shapes in names: B batch, C channel, T time point, Y and X pixels. In two dimensions there is no T.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Literal, NamedTuple

import torch
from torch import nn
from torch.nn import functional as F

NDim = Literal[2, 3]

LEAK = 0.2
"""Slope of the leaky rectifier for negative values, as in pix2pix (doi:10.1109/CVPR.2017.632)."""
DISCRIMINATOR_LEVELS = 4
"""Number of convolutions of the discriminator, as in the PatchGAN of pix2pix."""
DISCRIMINATOR_LEAST = 24
"""Number of pixels along each axis from which the discriminator makes one patch."""

CONVOLUTION = {2: nn.Conv2d, 3: nn.Conv3d}
TRANSPOSED = {2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}


class Shape(NamedTuple):
    """Kernel, stride and padding of a convolution along each axis."""

    kernel_size: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]


class Generator(nn.Module):
    """U-Net whose every level halves all axes, with channels ``base``, 2 ``base``, ... up to 8 ``base``.

    Parameters
    ----------
    ndim : 2 or 3
        Dimensions of an image; in 3D they are time, y and x.
    base : int
        Number of channels of the first level.
    levels : int
        Number of times that y and x are halved; their sizes must be multiples of ``2**levels``.
    time_levels : int, optional
        In 3D: number of the coarsest levels that halve time too, by default all. The other levels have kernels over
        three time points, of which the previous and the next one start with weight 0, as in 2D.
    channels : int
        Number of channels of the input.
    dropout, dropout_levels : float, int
        Fraction of values dropped in training, and number of the coarsest levels of the decoder where they are.

    References
    ----------
    Isola et al. 2017, doi:10.1109/CVPR.2017.632; Ouyang et al. 2018, doi:10.1038/nbt.4106.
    """

    def __init__(
        self,
        ndim: NDim,
        *,
        base: int = 64,
        levels: int = 7,
        time_levels: int | None = None,
        channels: int = 1,
        dropout: float = 0.5,
        dropout_levels: int = 3,
    ) -> None:
        super().__init__()
        widths = [base * min(2**level, 8) for level in range(levels)]
        keeping = 0 if time_levels is None else levels - time_levels
        shapes = [_shape(ndim, keeps_time=level < keeping) for level in range(levels)]
        self.encoder = nn.ModuleList(
            _down(ndim, narrow, wide, shape, norm=level > 0)
            for level, ((narrow, wide), shape) in enumerate(
                zip(pairwise([channels, *widths]), shapes, strict=True)
            )
        )
        sources = [widths[-1], *(2 * width for width in widths[-2:0:-1])]
        self.decoder = nn.ModuleList(
            _up(ndim, source, width, shape, dropout=dropout if level < dropout_levels else 0)
            for level, (source, width, shape) in enumerate(
                zip(sources, widths[-2::-1], shapes[:0:-1], strict=True)
            )
        )
        self.last = LAST[ndim](2 * base, 1, **shapes[0]._asdict())
        _begin_in_two_dimensions(self)

    def forward(self, inputs_BCTYX: torch.Tensor) -> torch.Tensor:
        """Return an image in [-1, 1] of the same size, with one channel."""
        skips, h_BCTYX = [], inputs_BCTYX
        for down in self.encoder:
            h_BCTYX = down(h_BCTYX)
            if (
                not self.training
            ):  # which is faster; but other sums of the same numbers would train other weights
                h_BCTYX = h_BCTYX.contiguous(memory_format=CHANNELS_LAST[h_BCTYX.ndim])
            skips.append(h_BCTYX)
        skips.pop()
        for up in self.decoder:
            h_BCTYX = torch.cat([up(h_BCTYX), skips.pop()], dim=1)
        return torch.tanh(self.last(h_BCTYX))


class Discriminator(nn.Module):
    """PatchGAN: logits (without a sigmoid) of whether each patch of an image is real, given the input.

    An image of 128 px gives 14 patches along each axis.

    References
    ----------
    Isola et al. 2017, doi:10.1109/CVPR.2017.632.
    """

    def __init__(self, ndim: NDim, *, base: int = 64, channels: int = 1) -> None:
        super().__init__()
        widths = [channels + 1, *(base * 2**level for level in range(DISCRIMINATOR_LEVELS))]
        strides = [2] * (DISCRIMINATOR_LEVELS - 1) + [1]
        blocks = [
            _down(ndim, narrow, wide, _shape(ndim, stride), norm=level > 0)
            for level, ((narrow, wide), stride) in enumerate(zip(pairwise(widths), strides, strict=True))
        ]
        self.layers = nn.Sequential(*blocks, CONVOLUTION[ndim](widths[-1], 1, 4, stride=1, padding=1))

    def forward(self, inputs_BCTYX: torch.Tensor, image_BCTYX: torch.Tensor) -> torch.Tensor:
        """Return the logits of the patches."""
        logits: torch.Tensor = self.layers(torch.cat([inputs_BCTYX, image_BCTYX], dim=1))
        return logits


class WidefieldPredictor(nn.Module):
    """Predict the widefield image of a reconstruction, in pixels four times as large, in [0, 1].

    Where it differs from the recorded widefield image, the reconstruction is not reliable.

    References
    ----------
    Ouyang et al. 2018, doi:10.1038/nbt.4106.
    """

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 8, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(8, 16, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 5, padding=2), nn.ReLU(),
            nn.Conv2d(32, 1, 5, padding=2), nn.Sigmoid(),
        )  # fmt: skip

    def forward(self, image_BCYX: torch.Tensor) -> torch.Tensor:
        """Return the predicted widefield image."""
        widefield: torch.Tensor = self.layers(image_BCYX)
        return widefield


class _Last2d(nn.ConvTranspose2d):
    """To one channel; once trained by a product of matrices whose pieces are laid over each other, which is faster."""

    def forward(self, h_BCYX: torch.Tensor, output_size: list[int] | None = None) -> torch.Tensor:
        """Return images twice as high and wide."""
        if self.training or output_size is not None:
            return super().forward(h_BCYX, output_size)
        pieces_BKN = self.weight.flatten(1).T @ h_BCYX.flatten(2)
        return _overlaid(pieces_BKN, h_BCYX.shape[2:]) + self._bias()

    def _bias(self) -> torch.Tensor | float:
        return 0.0 if self.bias is None else self.bias[:, None, None]


class _Last3d(nn.ConvTranspose3d):
    """To one channel, as :class:`_Last2d`, where time is kept; other networks are left to the parent."""

    def forward(self, h_BCTYX: torch.Tensor, output_size: list[int] | None = None) -> torch.Tensor:
        """Return movies twice as high and wide."""
        if self.training or output_size is not None or self.stride[0] != 1:
            return super().forward(h_BCTYX, output_size)
        before, now, after = (
            self.weight[:, 0, k].flatten(1).T @ h_BCTYX.transpose(1, 2).flatten(3) for k in range(3)
        )
        now[:, :-1] += before[:, 1:]
        now[:, 1:] += after[:, :-1]
        images = _overlaid(now.flatten(0, 1), h_BCTYX.shape[3:]).unflatten(0, now.shape[:2])
        return images.transpose(1, 2) if self.bias is None else images.transpose(1, 2) + self.bias


LAST = {2: _Last2d, 3: _Last3d}
CHANNELS_LAST = {4: torch.channels_last, 5: torch.channels_last_3d}


def _overlaid(pieces_BKN: torch.Tensor, size: torch.Size) -> torch.Tensor:
    """Add up pieces of 4 x 4 pixels that lie two pixels apart, one for each pixel N of a smaller image."""
    return F.fold(pieces_BKN, (2 * size[0], 2 * size[1]), kernel_size=4, stride=2, padding=1)


class _BatchNorm2d(nn.BatchNorm2d):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return _affine(self, x) if _is_alone(self, x) else super().forward(x)


class _BatchNorm3d(nn.BatchNorm3d):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return _affine(self, x) if _is_alone(self, x) else super().forward(x)


NORM = {2: _BatchNorm2d, 3: _BatchNorm3d}


def _is_alone(norm: nn.Module, x: torch.Tensor) -> bool:
    """Whether, in training, there is only one value per channel, which has no variance."""
    return norm.training and x.numel() == x.size(1)


def _affine(norm: nn.BatchNorm2d | nn.BatchNorm3d, x: torch.Tensor) -> torch.Tensor:
    """Scale and shift as a normalization does, without normalizing: a single value per channel has no variance."""
    channels = (1, -1, *[1] * (x.ndim - 2))
    return x * norm.weight.view(channels) + norm.bias.view(channels)


def _shape(ndim: NDim, stride: int = 2, *, keeps_time: bool = False) -> Shape:
    shape = Shape((4,) * ndim, (stride,) * ndim, (1,) * ndim)
    return Shape((3, 4, 4), (1, stride, stride), (1, 1, 1)) if keeps_time else shape


def _begin_in_two_dimensions(network: nn.Module) -> None:
    """Set the weights of the previous and the next time point to 0, where a convolution keeps time."""
    for name, weight in network.named_parameters():
        if name.endswith("weight") and weight.ndim == 5 and weight.shape[2] == 3:
            nn.init.zeros_(weight[:, :, 0])
            nn.init.zeros_(weight[:, :, 2])


def _down(ndim: NDim, narrow: int, wide: int, shape: Shape, *, norm: bool) -> nn.Sequential:
    convolution = CONVOLUTION[ndim](narrow, wide, **shape._asdict(), bias=False)
    return nn.Sequential(convolution, *([NORM[ndim](wide)] if norm else []), nn.LeakyReLU(LEAK))


def _up(ndim: NDim, wide: int, narrow: int, shape: Shape, *, dropout: float) -> nn.Sequential:
    convolution = TRANSPOSED[ndim](wide, narrow, **shape._asdict(), bias=False)
    drop = [nn.Dropout(dropout)] if dropout else []
    return nn.Sequential(convolution, NORM[ndim](narrow), *drop, nn.ReLU())
