"""The definition of a corpus: a study, the settings that vary from movie to movie, and the number of movies."""

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
"""Upper limit of seeds (excluded): JSON and float64 hold smaller integers exactly."""
MOST_MOVIES = 10**7
"""Greatest number of movies of a corpus; more would be a typing error."""


class CorpusError(ValueError):
    """A corpus cannot be read, made or continued."""


class Range(Spec):
    """A setting of the study, by its dotted path, with a random value for every movie.

    Parameters
    ----------
    setting : str
        Dotted path of the setting. Values of an integer setting are rounded.
    low, high : float
        Limits of the values.
    scale : "linear" or "log"
        Whether the value or its logarithm is uniformly distributed.
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
    """The seed and the settings of one movie of a corpus."""

    settings: dict[str, float]
    seed: int


class Corpus(Spec):
    """Many movies of one study; each depends only on the seed of the corpus and its own index.

    Parameters
    ----------
    study : SemiSimulated, Hybrid or SimulatedDynamic
        The study that all movies share.
    movies : int
        Number of movies.
    seed : int
        Seed of the corpus; a longer corpus of the same seed starts with the same movies.
    ranges : tuple of Range
        Settings that vary. Field and acquisition are the same in all movies.
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
                raise ValueError(f"{found.setting} is true or false, so it cannot have a range")
            for value in (found.low, found.high):
                self.study.replace({found.setting: value})
        except KeyError as error:
            raise ValueError(error.args[0]) from None

    def recipe(self, movie: int) -> Recipe:
        """Return the settings and the seed of a movie, counted from 0; it may lie beyond the last."""
        settings = {found.setting: self._draw(found, movie) for found in self.ranges}
        return Recipe(settings, int(stream(self.seed, "movie", str(movie)).integers(LARGEST_SEED)))

    def study_of(self, recipe: Recipe) -> Simulated:
        """Return the study with the settings of a movie."""
        return self.study.replace(recipe.settings)

    def extremes(self) -> tuple[Recipe, Recipe]:
        """The recipes in which all ranges are at their lower and at their upper end."""
        lowest = {found.setting: found.low for found in self.ranges}
        highest = {found.setting: found.high for found in self.ranges}
        return Recipe(lowest, self.seed), Recipe(highest, self.seed)

    def _draw(self, found: Range, movie: int) -> float:
        drawn = found.draw(stream(self.seed, "movie", str(movie), found.setting))
        return round(drawn) if isinstance(self.study.get(found.setting), int) else drawn
