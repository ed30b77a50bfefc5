"""The generator of flows, a recurrent U-Net, and the discriminator of widefield movies.

Shapes in names: B batch, C channel, T image, Y and X nodes of the grid or pixels.
"""

from __future__ import annotations

from typing import NamedTuple, final

import numpy as np
import torch
import torch.nn.functional as F
from pydantic import NonNegativeInt, PositiveFloat, PositiveInt
from torch import nn

from smlmsim.spec import Spec

REST = 4
"""Nodes of the grid per node of the recurrent state along an axis."""
DISPLACEMENT_NM = 300.0
"""Unit in which the network sees the displacement."""
VELOCITY_NM_PER_S = 100.0
"""Unit in which the networks see the velocity."""
PERSISTENT = 2.0
"""Where the gates that keep the state begin: the untrained one changes within a few steps."""
SLOPE = 0.1
"""Slope of the activations for negative values."""


class DynamicsNetwork(Spec):
    """The settings of the generator.

    Parameters
    ----------
    channels : (int, int, int)
        Channels at the nodes, at every second and at every fourth of them.
    hidden : int
        Channels of the recurrent state, at every fourth node.
    noise, common_noise : int
        Channels of noise that is independent between the nodes of the state, and that is the same at all of them.
    cell_nm : float
        Distance of the nodes.
    step_s : float
        Time between two displacements.
    relaxation_s : float
        Time within which a displacement that differs from the mean displacement would fall to 1/e by itself, so
        that a long movie is no more deformed than a short one.
    pace_s : float
        Time within which a constant part of the mean flow is forgotten, so that nothing drifts in one direction for
        ever.
    """

    channels: tuple[PositiveInt, PositiveInt, PositiveInt] = (8, 16, 24)
    hidden: PositiveInt = 24
    noise: PositiveInt = 4
    common_noise: NonNegativeInt = 2
    cell_nm: PositiveFloat = 320.0
    step_s: PositiveFloat = 1.5
    relaxation_s: PositiveFloat = 30.0
    pace_s: PositiveFloat = 15.0

    def build(self) -> FlowGenerator:
        """Make the generator."""
        return FlowGenerator(self)


class Scenery(NamedTuple):
    """What the generator knows of images at rest: features at the nodes, and at every second and fourth of them."""

    fine: torch.Tensor
    middle: torch.Tensor
    coarse: torch.Tensor


class State(NamedTuple):
    """The recurrent state, the displacement so far in nm, and the recent mean flow."""

    hidden: torch.Tensor
    shift: torch.Tensor
    pace: torch.Tensor

    def detached(self) -> State:
        """The same without gradients."""
        return State(*(part.detach() for part in self))


@final
class FlowGenerator(nn.Module):
    """A recurrent U-Net: the image at rest, the state, the displacement so far and noise give the next flow.

    The flow is that of the material: it is added to the displacement of where the structure is at rest, and no image is
    warped. Values at the nodes are those of cubic B-splines, see :class:`smlmsim.motion.periodic_grid.PeriodicGrid`.
    The plane repeats, so that all convolutions are circular.
    """

    def __init__(self, settings: DynamicsNetwork) -> None:
        super().__init__()
        self.settings = settings
        fine, middle, coarse = settings.channels
        hidden = settings.hidden
        self.fine = _convolution(2, fine)
        self.middle = _convolution(fine, middle, stride=2)
        self.coarse = _convolution(middle, coarse, stride=2)
        seen = coarse + 2 + settings.noise + settings.common_noise + hidden
        self.gates = _convolution(seen, 2 * hidden)
        self.candidate = _convolution(seen, hidden)
        self.up_middle = _convolution(hidden + middle, middle)
        self.up_fine = _convolution(middle + fine, fine)
        self.flow = nn.Conv2d(fine, 2, 3, 1, 1, padding_mode="circular", bias=False)
        assert self.gates.bias is not None
        with torch.no_grad():
            self.gates.bias[:hidden] = PERSISTENT

    def look(self, image_BYX: torch.Tensor, velocity_B: torch.Tensor) -> Scenery:
        """Look at images at rest, relative to their means, that shall move at velocities in nm/s."""
        velocity = (velocity_B / VELOCITY_NM_PER_S)[:, None, None].expand_as(image_BYX)
        fine = F.leaky_relu(self.fine(torch.stack([image_BYX - 1, velocity], 1)), SLOPE)
        middle = F.leaky_relu(self.middle(fine), SLOPE)
        return Scenery(fine, middle, F.leaky_relu(self.coarse(middle), SLOPE))

    def at_rest(self, scenery: Scenery) -> State:
        """The state before anything moved."""
        coarse, fine = scenery.coarse, scenery.fine
        hidden = coarse.new_zeros(len(coarse), self.settings.hidden, *coarse.shape[2:])
        return State(hidden, fine.new_zeros(len(fine), 2, *fine.shape[2:]), fine.new_zeros(len(fine), 2))

    def noise(self, batch: int, rows: int, columns: int, *, steps: int) -> torch.Tensor:
        """Draw the noise of some steps for a grid, (step, B, C, Y, X), from torch's random numbers."""
        shape = steps, batch, self.settings.noise, rows // REST, columns // REST
        common = torch.randn(*shape[:2], self.settings.common_noise, 1, 1)
        return torch.cat([torch.randn(shape), common.expand(-1, -1, -1, *shape[3:])], 2)

    def forward(
        self, scenery: Scenery, state: State, velocity_B: torch.Tensor, noise_BCYX: torch.Tensor
    ) -> State:
        """Go on by one step; velocities are in nm/s."""
        settings = self.settings
        loose = state.shift - state.shift.mean((2, 3), keepdim=True)
        shift = F.avg_pool2d(loose, REST) / DISPLACEMENT_NM
        seen = torch.cat([scenery.coarse, shift, noise_BCYX], 1)
        hidden = state.hidden
        keep, forget = self.gates(torch.cat([seen, hidden], 1)).sigmoid().chunk(2, 1)
        fresh = self.candidate(torch.cat([seen, forget * hidden], 1)).tanh()
        hidden = keep * hidden + (1 - keep) * fresh
        middle = F.leaky_relu(self.up_middle(torch.cat([_twice(hidden), scenery.middle], 1)), SLOPE)
        fine = F.leaky_relu(self.up_fine(torch.cat([_twice(middle), scenery.fine], 1)), SLOPE)
        way_nm = velocity_B[:, None, None, None] * settings.step_s
        relaxed = state.shift - settings.step_s / settings.relaxation_s * loose
        flow, pace = self.flow(fine), state.pace
        mean = flow.mean((2, 3))
        recent = pace + settings.step_s / settings.pace_s * (mean - pace)
        return State(hidden, relaxed + way_nm * (flow - pace[..., None, None]), recent)


@final
class MovieDiscriminator(nn.Module):
    """Tells widefield movies from generated ones, patch by patch.

    Parameters
    ----------
    images : int
        Number of images of a movie.
    base : int
        Channels of the first layer.
    """

    def __init__(self, images: int, base: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(2 * images, base, 4, 2, 1)
        self.second = nn.Conv2d(base, 2 * base, 4, 2, 1)
        self.third = nn.Conv2d(2 * base, 2 * base, 3, 1, 1)
        self.logits = nn.Conv2d(2 * base, 1, 1)

    def forward(self, movie_BTYX: torch.Tensor, velocity_B: torch.Tensor) -> torch.Tensor:
        """Return logits (B, 1, Y, X) for movies of mean 0 and standard deviation 1, and velocities in nm/s."""
        velocity = (velocity_B / VELOCITY_NM_PER_S)[:, None, None, None].expand(-1, 1, *movie_BTYX.shape[2:])
        found = torch.cat([movie_BTYX, movie_BTYX.diff(dim=1), velocity], 1)
        for layer in (self.first, self.second, self.third):
            found = F.leaky_relu(layer(found), 0.2)
        logits: torch.Tensor = self.logits(found)
        return logits


@final
class Memory(nn.Module):
    """Generated movies of earlier steps, so that the discriminator does not forget them; kept in checkpoints.

    Parameters
    ----------
    slots : int
        Number of movies.
    images, edge : int
        Images of a movie, and their rows and columns.
    """

    movies: torch.Tensor
    velocities: torch.Tensor
    filled: torch.Tensor

    def __init__(self, slots: int, images: int, edge: int) -> None:
        super().__init__()
        self.register_buffer("movies", torch.zeros(slots, images, edge, edge))
        self.register_buffer("velocities", torch.zeros(slots))
        self.register_buffer("filled", torch.zeros((), dtype=torch.int64))

    def put(self, movie_BTYX: torch.Tensor, velocity_B: torch.Tensor, rng: np.random.Generator) -> None:
        """Keep movies, in the place of random ones once all slots are filled."""
        slots, filled = len(self.velocities), int(self.filled)
        for movie, velocity in zip(movie_BTYX.detach(), velocity_B, strict=True):
            slot = filled if filled < slots else int(rng.integers(slots))
            self.movies[slot], self.velocities[slot] = movie, velocity
            filled = min(filled + 1, slots)
        self.filled.fill_(filled)

    def some(self, number: int, rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """Return random movies that are kept, and their velocities."""
        chosen = torch.from_numpy(rng.integers(int(self.filled), size=number))
        return self.movies[chosen], self.velocities[chosen]


def _convolution(inputs: int, outputs: int, *, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, stride, 1, padding_mode="circular")


def _twice(x_BCYX: torch.Tensor) -> torch.Tensor:
    """Double the nodes along both axes, by linear interpolation in a plane that repeats."""
    padded = F.pad(x_BCYX, (1, 1, 1, 1), mode="circular")
    doubled = F.interpolate(padded, scale_factor=2, mode="bilinear", align_corners=False)
    return doubled[..., 2:-2, 2:-2]
