"""ANNA-PALM as a network from movies to movies, in either dimension."""

from __future__ import annotations

from typing import Literal, Self

import torch
from pydantic import Field, PositiveInt, model_validator
from torch import nn

from baselines._inputs import NetworkSettings
from baselines.annapalm.model import DISCRIMINATOR_LEAST, Discriminator, Generator


class AnnaPalmNetwork(NetworkSettings):
    """Settings of the network; by default those of the published one.

    Parameters
    ----------
    ndim : 2 or 3
        2 if the network sees single time points, 3 if it sees movies.
    base, levels : int
        Number of channels of the first level of the U-Net, and number of its levels.
    time_levels : int, optional
        In 3D: number of the coarsest levels that halve time too, by default all. The other levels have kernels over
        three time points.
    dropout, dropout_levels : float, int
        Fraction of values dropped, and number of the coarsest levels of the decoder where they are.
    discriminator_base : int
        Number of channels of the first layer of the discriminator.
    inputs : Inputs
        What the network sees: one image per time point and channel.
    """

    ndim: Literal[2, 3]
    base: PositiveInt = 64
    levels: int = Field(7, ge=2, le=10)
    time_levels: int | None = Field(None, ge=0)
    dropout: float = Field(0.5, ge=0, lt=1)
    dropout_levels: int = Field(3, ge=0)
    discriminator_base: PositiveInt = 64

    @model_validator(mode="after")
    def _fitting(self) -> Self:
        if self.time_levels is not None and (self.ndim == 2 or self.time_levels > self.levels):
            raise ValueError(
                f"time_levels is for ndim = 3 and at most levels = {self.levels}, found {self.time_levels}"
            )
        return self

    def build(self) -> AnnaPalm:
        """Build the generator, which reconstructs."""
        return AnnaPalm(self)

    def build_discriminator(self) -> MovieDiscriminator:
        """Build the discriminator."""
        return MovieDiscriminator(self.ndim, self.discriminator_base, self.channels_in)


class AnnaPalm(nn.Module):
    """Reconstruct density movies in [0, 1], (B, 1, T, Y, X), from input channels (B, C, T, Y, X).

    The numbers of time points, rows and columns must be multiples of those in ``multiple``.
    """

    def __init__(self, settings: AnnaPalmNetwork) -> None:
        super().__init__()
        self.generator = Generator(
            settings.ndim,
            base=settings.base,
            levels=settings.levels,
            time_levels=settings.time_levels,
            channels=settings.channels_in,
            dropout=settings.dropout,
            dropout_levels=settings.dropout_levels,
        )
        time_levels = settings.levels if settings.time_levels is None else settings.time_levels
        step = 2**settings.levels
        self.multiple = (2**time_levels if settings.ndim == 3 else 1, step, step)
        self._ndim = settings.ndim

    def forward(self, inputs_BCTYX: torch.Tensor) -> torch.Tensor:
        """Reconstruct movies."""
        if self._ndim == 3:
            return (self.generator(inputs_BCTYX) + 1) / 2
        image_BCYX = self.generator(frames(inputs_BCTYX))
        return (movies(image_BCYX, inputs_BCTYX.shape[0]) + 1) / 2


class MovieDiscriminator(nn.Module):
    """Logits of patches of movies, or of their time points, given the input (B, C, T, Y, X).

    ``least`` holds the smallest numbers of time points, rows and columns.
    """

    def __init__(self, ndim: Literal[2, 3], base: int, channels: int = 1) -> None:
        super().__init__()
        self.discriminator, self._ndim = Discriminator(ndim, base=base, channels=channels), ndim
        self.least = (DISCRIMINATOR_LEAST if ndim == 3 else 1, DISCRIMINATOR_LEAST, DISCRIMINATOR_LEAST)

    def forward(self, inputs_BCTYX: torch.Tensor, image_BCTYX: torch.Tensor) -> torch.Tensor:
        """Judge movies in [-1, 1]."""
        pair = inputs_BCTYX, image_BCTYX
        logits: torch.Tensor = self.discriminator(*(pair if self._ndim == 3 else map(frames, pair)))
        return logits


def frames(movie_BCTYX: torch.Tensor) -> torch.Tensor:
    """Return the time points of movies as images, (B T, C, Y, X)."""
    return movie_BCTYX.transpose(1, 2).flatten(0, 1)


def movies(images_BCYX: torch.Tensor, number: int) -> torch.Tensor:
    """Return images as the time points of ``number`` movies: the inverse of :func:`frames`."""
    return images_BCYX.unflatten(0, (number, -1)).transpose(1, 2)
