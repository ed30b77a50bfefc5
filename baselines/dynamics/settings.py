"""The settings of the training of learned dynamics."""

from __future__ import annotations

import copy
from importlib import resources
from pathlib import Path
from typing import Self, final

from pydantic import NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, model_validator
from torch import nn

from baselines._losses import Adversarial
from baselines._parameters import count
from baselines.dynamics import movies as widefield_movies
from baselines.dynamics.model import DynamicsNetwork, Memory, MovieDiscriminator
from smlmsim.corpus import Corpus
from smlmsim.pipeline import SemiSimulated
from smlmsim.spec import Spec, read_settings
from smlmsim.widefield import Widefield

COARSEST_SIGMAS = 1.7
"""Largest pixel, in standard deviations of the image of a point: a spline on coarser ones is wider than the image."""


class DynamicsBudget(Spec):
    """The length of a training, and what is compared in a step.

    Parameters
    ----------
    steps, batch : int
        Number of steps, and of movies of either kind in each.
    images, edge : int
        Images of a movie, and their rows and columns.
    remembered, memory : int
        Generated movies of earlier steps that the discriminator also sees in a step, and how many are kept for this.
    scenes : int
        Structures at rest that are moved independently of each other and superposed, as the groups of filaments of
        both scenes of ``semi_simulated`` are.
    stills : int
        Number of structures at rest.
    before : int
        Most steps that a structure has moved for before its movie begins.
    learning_rate, discriminator_rate : float
        Learning rates; both fall to 0 over the last ``cooldown`` steps.
    cooldown : int
    average : float
        How much of the averaged weights, which are kept, stays in a step.
    every : int
        Steps between two checkpoints.
    held_out : int
        Movies for validation.
    seed : int
        Determines initial weights, structures, windows and noise.
    """

    steps: PositiveInt = 3000
    batch: PositiveInt = 8
    images: PositiveInt = 8
    edge: PositiveInt = 24
    remembered: NonNegativeInt = 8
    memory: PositiveInt = 96
    scenes: PositiveInt = 6
    stills: PositiveInt = 64
    before: NonNegativeInt = 16
    learning_rate: PositiveFloat = 5e-4
    discriminator_rate: PositiveFloat = 5e-4
    cooldown: PositiveInt = 600
    average: NonNegativeFloat = 0.995
    every: PositiveInt = 100
    held_out: PositiveInt = 32
    seed: NonNegativeInt = 0


class DynamicsLoss(Spec):
    """What the generator shall minimise beside the doubt of the discriminator.

    Parameters
    ----------
    form : "least_squares" or "log"
        Form of the adversarial losses.
    folds : float
        Weight of the mean square by which the Jacobian determinant of the displacement is below ``least_jacobian``.
    least_jacobian : float
    stretch : float
        Weight of the mean square logarithm of the length of segments relative to their length at rest.
    discriminator_base : int
        Channels of the first layer of the discriminator.
    """

    form: Adversarial = "least_squares"
    folds: NonNegativeFloat = 10.0
    least_jacobian: PositiveFloat = 0.4
    stretch: NonNegativeFloat = 2.0
    discriminator_base: PositiveInt = 32


@final
class DynamicsTraining(Spec):
    """A generator, the movies that it learns from, the structures that it moves, and its budget.

    Parameters
    ----------
    network : DynamicsNetwork
    still : SemiSimulated
        Its structure and its field are those of the structures at rest, which are simulated.
    corpus : Corpus
        The widefield movies. Its microscope is also that of the generated movies.
    loss : DynamicsLoss
    budget : DynamicsBudget
    """

    network: DynamicsNetwork = DynamicsNetwork()
    still: SemiSimulated = SemiSimulated()
    corpus: Corpus
    loss: DynamicsLoss = DynamicsLoss()
    budget: DynamicsBudget = DynamicsBudget()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        study, microscope = self.corpus.study, self.microscope
        interval_s = microscope.frames_between * study.acquisition.exposure_s
        if abs(interval_s / self.network.step_s - 1) > widefield_movies.LONGEST_UNEVEN:
            raise ValueError(
                f"widefield images are {interval_s:g} s apart, but step_s={self.network.step_s:g}; set step_s, or "
                "corpus.study.widefield.frames_between"
            )
        if microscope.pixel_nm > COARSEST_SIGMAS * microscope.pixel_sigma_nm:
            raise ValueError(
                f"pixel_nm={microscope.pixel_nm:g} is too coarse for images of points with a standard deviation of "
                f"{microscope.pixel_sigma_nm:.3g} nm; set corpus.study.widefield.pixel_nm to less"
            )
        extent = self.budget.edge * microscope.pixel_nm
        if extent > min(self.still.field.height_nm, self.still.field.width_nm):
            raise ValueError(
                f"edge={self.budget.edge} pixels are {extent:g} nm, more than the field; set a smaller edge"
            )
        return self

    @classmethod
    def configured(cls, size: str = "shipped") -> Self:
        """Return a configuration of the package by its name, or from a TOML file."""
        path = Path(size)
        if not size.endswith(".toml"):
            path = Path(str(resources.files("baselines.dynamics") / f"{size}.toml"))
            if not path.is_file():
                raise ValueError(f"no configuration {size!r}; give shipped, tiny or a TOML file")
        return read_settings(path, cls.model_validate)

    @property
    def microscope(self) -> Widefield:
        """The widefield microscope."""
        if self.corpus.study.widefield is None:
            raise ValueError(
                "the corpus has no widefield microscope; give its study a [corpus.study.widefield]"
            )
        return self.corpus.study.widefield

    def parameters(self) -> dict[str, int]:
        """Count the parameters of the networks."""
        counts = {name: count(network) for name, network in self.networks().items()}
        return {name: counts[name] for name in ("generator", "discriminator")}

    def networks(self) -> dict[str, nn.Module]:
        """Build the generator, the discriminator, the average of the generator and the memory, untrained."""
        generator = self.network.build()
        budget = self.budget
        return {
            "generator": generator,
            "discriminator": MovieDiscriminator(budget.images, self.loss.discriminator_base),
            "average": copy.deepcopy(generator),
            "memory": Memory(budget.memory, budget.images, budget.edge),
        }

    @property
    def source(self) -> str:
        """What is written with the weights about the movies of the corpus."""
        motion = self.corpus.study.motion
        return f"simulated widefield movies of {motion.kind} motion (corpus seed {self.corpus.seed})"
