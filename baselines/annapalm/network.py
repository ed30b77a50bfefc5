"""ANNA-PALM as a network from movies to movies, in either dimension."""

from __future__ import annotations

from typing import Literal, Self

import torch
from pydantic import Field, PositiveInt, model_validator
from torch import nn

from baselines._inputs import NetworkSettings
from baselines.annapalm.model import DISCRIMINATOR_LEAST, Discriminator, Generator


class AnnaPalmNetwork(NetworkSettings):
    """Which network: the published one by default.

    Parameters
    ----------
    ndim : 2 or 3
        Whether it sees time points one by one, or movies.
    base, levels : int
        Channels of the first level of the U-Net, and its levels.
    time_levels : int, optional
        In 3D: so many of the coarsest levels halve time too, all by default. The others look at the time points before
        and after as well.
    dropout, dropout_levels : float, int
        The fraction of values dropped in that many of the coarsest levels of the decoder.
    discriminator_base : int
        Channels of the first layer of the discriminator.
    inputs : Inputs
        What it sees: one image per time point and channel.
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
        """Make the network that reconstructs."""
        return AnnaPalm(self)

    def build_discriminator(self) -> MovieDiscriminator:
        """Make the one that judges it."""
        return MovieDiscriminator(self.ndim, self.discriminator_base, self.channels_in)


class AnnaPalm(nn.Module):
    """Density movies in [0, 1], (B, 1, T, Y, X), from the channels (B, C, T, Y, X) that the settings say it sees.

    ``multiple`` tells which numbers of time points, rows and columns it takes: multiples of these.
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

    ``least`` tells how many time points, rows and columns there have to be.
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
    """Return images as the time points of that many movies: the inverse of :func:`frames`."""
    return images_BCYX.unflatten(0, (number, -1)).transpose(1, 2)
