"""What a corpus is: a study, the settings that vary from movie to movie, and how many movies."""

from __future__ import annotations

import math
from typing import Annotated, ClassVar, Literal, NamedTuple, Self

import numpy as np
import pydantic
from pydantic import NonNegativeInt, PositiveInt

from smlmsim.pipeline import Hybrid, SemiSimulated, Simulated, SimulatedDynamic
from smlmsim.rng import stream
from smlmsim.spec import Spec

LARGEST_SEED = 2**53
"""First seed that is refused: JSON and float64 hold smaller integers exactly."""
MOST_MOVIES = 10**7
"""Movies of a corpus; more would be a slip of the pen."""


class CorpusError(ValueError):
    """A corpus cannot be used, made or continued."""


class Range(Spec):
    """A setting of the study, by its dotted path, that is drawn anew for every movie.

    Parameters
    ----------
    setting : str
        The dotted path. A setting that is a whole number stays one.
    low, high : float
        It lies between them.
    scale : "linear" or "log"
        Whether it or its logarithm is uniform.
    """

    setting: str
    low: float
    high: float
    scale: Literal["linear", "log"] = "linear"

    @pydantic.model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.low < self.high:
            raise ValueError(
                f"the range of {self.setting} goes from {self.low:g} to {self.high:g}; low is below high"
            )
        if self.scale == "log" and self.low <= 0:
            raise ValueError(
                f"a logarithmic range of {self.setting} starts above 0, found {self.low:g}; choose scale = 'linear'"
            )
        return self

    def draw(self, rng: np.random.Generator) -> float:
        """Draw a value."""
        if self.scale == "linear":
            return float(rng.uniform(self.low, self.high))
        drawn = math.exp(rng.uniform(math.log(self.low), math.log(self.high)))
        return min(max(drawn, self.low), self.high)


class Recipe(NamedTuple):
    """What one movie of a corpus is made from."""

    settings: dict[str, float]
    seed: int


class Corpus(Spec):
    """Many movies of one study; each is made from the seed of the corpus and its own number, whatever the others.

    Parameters
    ----------
    study : SemiSimulated, Hybrid or SimulatedDynamic
        What all movies share.
    movies : int
        How many.
    seed : int
        A longer corpus of the same seed starts with the same movies.
    ranges : tuple of Range
        What varies. All movies have the field and the acquisition of the study.
    """

    family: ClassVar[str] = "corpus"

    study: Annotated[SimulatedDynamic | SemiSimulated | Hybrid, pydantic.Field(discriminator="kind")] = (
        SemiSimulated()
    )
    movies: PositiveInt = pydantic.Field(default=274, le=MOST_MOVIES)
    seed: NonNegativeInt = 0
    ranges: tuple[Range, ...] = ()

    @pydantic.model_validator(mode="after")
    def _consistent(self) -> Self:
        settings = [found.setting for found in self.ranges]
        for found in self.ranges:
            if settings.count(found.setting) > 1:
                raise ValueError(f"the range of {found.setting!r} appears twice")
            self._require_possible(found)
        return self

    def _require_possible(self, found: Range) -> None:
        if found.setting.partition(".")[0] in ("field", "acquisition"):
            raise ValueError(
                f"all movies of a corpus share field and acquisition, so {found.setting} cannot vary"
            )
        try:
            if isinstance(self.study.get(found.setting), bool):
                raise ValueError(f"{found.setting} is true or false and has no range")
            for value in (found.low, found.high):
                self.study.replace({found.setting: value})
        except KeyError as error:
            raise ValueError(error.args[0]) from None

    def recipe(self, movie: int) -> Recipe:
        """The settings and the seed of a movie, counted from 0; it may lie beyond the last."""
        settings = {found.setting: self._draw(found, movie) for found in self.ranges}
        return Recipe(settings, int(stream(self.seed, "movie", str(movie)).integers(LARGEST_SEED)))

    def study_of(self, recipe: Recipe) -> Simulated:
        """The study with the settings of a movie."""
        return self.study.replace(recipe.settings)

    def extremes(self) -> tuple[Recipe, Recipe]:
        """The recipes in which all ranges are at their lower and at their upper end."""
        lowest = {found.setting: found.low for found in self.ranges}
        highest = {found.setting: found.high for found in self.ranges}
        return Recipe(lowest, self.seed), Recipe(highest, self.seed)

    def _draw(self, found: Range, movie: int) -> float:
        drawn = found.draw(stream(self.seed, "movie", str(movie), found.setting))
        return round(drawn) if isinstance(self.study.get(found.setting), int) else drawn
