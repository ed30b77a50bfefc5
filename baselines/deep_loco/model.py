"""DeepLoco as a network: from a window of a camera frame to a set of points with probabilities.

Boyd, Jonas, Babcock & Recht 2018, doi:10.1101/267096. Shapes: N frames, C channels, Y rows, X columns, W windows, P
points.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import NamedTuple

import torch
from pydantic import PositiveInt, model_validator
from torch import nn
from torch.nn.functional import pad

from baselines._frame_channels import CHANNELS
from baselines._unet import begin_at
from smlmsim.spec import Spec

RARE = -3.0
"""Logit of the probability of a point before training."""
RAMP_PX = 1.0
"""Half the width of the border between two windows, over which one hands over to the next."""


class Layer(NamedTuple):
    """A convolution: its channels, the edge of its kernel, and its stride, which divides its input."""

    channels: PositiveInt
    kernel: PositiveInt
    stride: PositiveInt = 1


class DeepLocoNetwork(Spec):
    """Settings of the network.

    Parameters
    ----------
    edge : int
        Rows and columns of a window.
    step : int
        Distance of windows in a larger frame, at most half an edge; each speaks for its middle.
    layers : tuple of (channels, kernel, stride)
        The convolutions.
    width : int
        Values in each fully connected layer.
    residuals : int
        Fully connected layers with a shortcut, after the first one.
    points : int
        Points in a window.
    normalized : bool
        Whether batches are normalized after every convolution.
    """

    edge: PositiveInt = 8
    step: PositiveInt = 4
    layers: tuple[Layer, ...] = (Layer(32, 3), Layer(32, 3), Layer(32, 2, 2))
    width: PositiveInt = 192
    residuals: PositiveInt = 2
    points: PositiveInt = 16
    normalized: bool = True

    @model_validator(mode="after")
    def _divides(self) -> DeepLocoNetwork:
        if self.edge % self.reduction or self.reduction > self.edge:
            raise ValueError(
                f"strides divide the edge, found edge={self.edge} with strides of {self.reduction}"
            )
        return self

    @property
    def reduction(self) -> int:
        """Pixels of the window along an edge of a pixel after all convolutions."""
        return math.prod(layer.stride for layer in self.layers)

    def build(self) -> DeepLoco:
        """Build the network."""
        return DeepLoco(self)

    def starts(self, size: int) -> list[int]:
        """The first row or column of every window, along an axis of a frame of that size."""
        last = max(0, size - self.edge)
        return [*range(0, last, self.step), last]

    def corners(self, rows: int, columns: int) -> list[tuple[int, int]]:
        """Row and column of the first pixel of every window in a frame."""
        return [(row, column) for row in self.starts(rows) for column in self.starts(columns)]


class Found(NamedTuple):
    """Points of all windows of all frames.

    Parameters
    ----------
    logit : Tensor, shape (frame, window, point)
        Log-odds of a molecule.
    place_px : Tensor, shape (frame, window, point, 2)
        Positions y and x in the frame; the middle of the first pixel is 0.
    """

    logit: torch.Tensor
    place_px: torch.Tensor


class DeepLoco(nn.Module):
    """Find points with probabilities in every window of some frames."""

    def __init__(self, settings: DeepLocoNetwork) -> None:
        super().__init__()
        self.settings, self.edge, self.points = settings, settings.edge, settings.points
        self.multiple, self.reach = settings.step, 2 * settings.edge
        sizes = [CHANNELS, *(layer.channels for layer in settings.layers)]
        self.convolutions = nn.Sequential(
            *(
                part
                for (before, after), layer in zip(pairwise(sizes), settings.layers, strict=True)
                for part in _convolution(before, after, layer, settings.normalized)
            )
        )
        features = sizes[-1] * (settings.edge // settings.reduction) ** 2
        self.first = nn.Linear(features, settings.width)
        self.residuals = nn.ModuleList(
            nn.Linear(settings.width, settings.width) for _ in range(settings.residuals)
        )
        self.logit = nn.Linear(settings.width, settings.points)
        self.place = nn.Linear(settings.width, 2 * settings.points)
        begin_at(self.logit, RARE)
        _spread(self.place)

    def forward(self, frames_NCYX: torch.Tensor, corners: list[tuple[int, int]] | None = None) -> Found:
        """Find the points in every window of frames; small frames are enlarged by repeating the last pixels.

        Parameters
        ----------
        frames_NCYX : Tensor
        corners : list of (int, int), optional
            Row and column of the first pixel of every window; by default those that cover the frame.
        """
        rows, columns = frames_NCYX.shape[2:]
        missing = [0, max(0, self.edge - columns), 0, max(0, self.edge - rows)]
        whole = pad(frames_NCYX, missing, mode="replicate") if any(missing) else frames_NCYX
        corners = corners or self.settings.corners(rows, columns)
        windows = torch.stack(
            [whole[:, :, row : row + self.edge, column : column + self.edge] for row, column in corners], 1
        )
        features = self.convolutions(windows.flatten(0, 1).contiguous(memory_format=torch.channels_last))
        hidden = torch.relu(self.first(features.flatten(1)))
        for layer in self.residuals:
            hidden = hidden + torch.relu(layer(hidden))
        shape = len(frames_NCYX), len(corners), self.points
        place = self.edge * torch.sigmoid(self.place(hidden)).view(*shape, 2) - 0.5
        return Found(self.logit(hidden).view(shape), place + torch.tensor(corners)[:, None])

    def shares(self, found: Found, rows: int, columns: int) -> torch.Tensor:
        """How much every window has to say about the place of each of its points, shape (frame, window, point).

        Windows overlap. Of any place, their shares add up to 1; between the middles of two windows one hands over to
        the next.
        """
        borders = [_borders(self.settings.starts(size), self.edge) for size in (rows, columns)]
        low, high = (
            torch.cartesian_prod(*(torch.tensor(ends[k]) for ends in borders))[:, None] for k in (0, 1)
        )
        rise = ((found.place_px - low) / (2 * RAMP_PX) + 0.5).clamp(0, 1)
        fall = ((high - found.place_px) / (2 * RAMP_PX) + 0.5).clamp(0, 1)
        return (rise + fall - 1).prod(-1)


def _borders(starts: list[int], edge: int) -> tuple[list[float], list[float]]:
    """Where each window takes over from the last, and hands over to the next, along an axis."""
    between = [(before + after + edge - 1) / 2 for before, after in pairwise(starts)]
    return [-math.inf, *between], [*between, math.inf]


def _spread(layer: nn.Linear) -> None:
    """Let the points begin on a lattice, if the layer is not to be loaded."""
    if layer.bias.is_meta:
        return
    side = math.ceil(math.sqrt(layer.out_features // 2))
    steps = (torch.arange(side) + 0.5) / side
    lattice = torch.cartesian_prod(steps, steps)[: layer.out_features // 2]
    with torch.no_grad():
        layer.bias.copy_(torch.logit(lattice).flatten())


def _convolution(before: int, after: int, layer: Layer, normalized: bool) -> list[nn.Module]:
    same = layer.kernel // 2 if layer.stride == 1 else 0
    convolution = nn.Conv2d(before, after, layer.kernel, layer.stride, same, bias=not normalized)
    norm = [nn.BatchNorm2d(after, momentum=0.01)] if normalized else []
    return [convolution, *norm, nn.ReLU(inplace=True)]
