"""The definition of a corpus: a study, the settings that vary from movie to movie, and the number of movies."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, Self

import numpy as np
import pydantic
from pydantic import NonNegativeInt, PositiveInt

from smlmsim.corpus.choice import Choice
from smlmsim.pipeline import Hybrid, SemiSimulated, SimulatedDynamic
from smlmsim.rng import stream
from smlmsim.spec import Spec

AnyStudy = SimulatedDynamic | SemiSimulated | Hybrid

LARGEST_SEED = 2**53
"""Upper limit of seeds (excluded): JSON and float64 hold smaller integers exactly."""
MOST_MOVIES = 10**7
"""Greatest number of movies of a corpus; more would be a typing error."""
MOST_VARIANTS = 256
"""Greatest number of combinations of chosen values, each of which is checked before the first movie."""


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
    share_at_zero : float
        Share of the movies in which the value is exactly 0 instead, from 0 to below 1.
    """

    setting: str
    low: float
    high: float
    scale: Literal["linear", "log"] = "linear"
    share_at_zero: float = pydantic.Field(default=0.0, ge=0, lt=1)

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

    @property
    def ends(self) -> tuple[float, float]:
        """The least and the greatest value."""
        return (min(self.low, 0.0), max(self.high, 0.0)) if self.share_at_zero else (self.low, self.high)

    def draw(self, rng: np.random.Generator) -> float:
        """Draw a value."""
        drawn = self._drawn(rng)
        return 0.0 if self.share_at_zero and rng.random() < self.share_at_zero else drawn

    def _drawn(self, rng: np.random.Generator) -> float:
        if self.scale == "linear":
            return float(rng.uniform(self.low, self.high))
        drawn = math.exp(rng.uniform(math.log(self.low), math.log(self.high)))
        return min(max(drawn, self.low), self.high)


class Recipe(NamedTuple):
    """The seed and the settings of one movie of a corpus: what was chosen, then what was drawn from ranges."""

    settings: dict[str, Any]
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
        Numbers that vary. A range applies to the movies whose study has its setting, which may depend on the choices.
        Field and acquisition are the same in all movies.
    choices : tuple of Choice
        Numbers, texts or tables that are chosen among a few values, before the ranges are applied.
    """

    family: ClassVar[str] = "corpus"

    study: Annotated[AnyStudy, pydantic.Field(discriminator="kind")] = SemiSimulated()
    movies: PositiveInt = pydantic.Field(default=274, le=MOST_MOVIES)
    seed: NonNegativeInt = 0
    ranges: tuple[Range, ...] = ()
    choices: tuple[Choice, ...] = ()

    @pydantic.model_validator(mode="after")
    def _consistent(self) -> Self:
        self._require_one_source()
        for setting in [found.setting for found in self.ranges] + [found.setting for found in self.choices]:
            if setting.partition(".")[0] in ("field", "acquisition"):
                raise ValueError(
                    f"all movies of a corpus share field and acquisition, so {setting} cannot vary"
                )
        try:
            variants = list(self.variants())
            for found in self.ranges:
                _require_possible(found, [study for study in variants if _has(study, found)] or [self.study])
        except KeyError as error:
            raise ValueError(error.args[0]) from None
        return self

    def _require_one_source(self) -> None:
        """Refuse settings that would get two values, and more combinations than can be checked."""
        settings = [found.setting for found in self.ranges]
        for found in self.ranges:
            if settings.count(found.setting) > 1:
                raise ValueError(f"the range of {found.setting!r} appears twice")
        for number, choice in enumerate(self.choices):
            others = [other.setting for other in self.choices[:number] + self.choices[number + 1 :]]
            if twice := next(filter(choice.sets, settings), None):
                raise ValueError(
                    f"the choice of {choice.setting!r} sets {twice}, which has a range; leave out one"
                )
            if any(f"{other}.".startswith(f"{choice.setting}.") for other in others):
                raise ValueError(
                    f"there are two choices of {choice.setting!r} or of what is in it; leave out one"
                )
        combinations = math.prod(len(choice.values) for choice in self.choices)
        if combinations > MOST_VARIANTS:
            raise ValueError(
                f"the choices have {combinations} combinations, at most {MOST_VARIANTS} are possible"
            )

    def variants(self) -> Iterator[AnyStudy]:
        """Yield the studies of all combinations of choices, before ranges are applied; without choices, the study."""
        settings = [choice.setting for choice in self.choices]
        for values in itertools.product(*(choice.values for choice in self.choices)):
            yield self._chosen(dict(zip(settings, values, strict=True)))

    def recipe(self, movie: int) -> Recipe:
        """Return the settings and the seed of a movie, counted from 0; it may lie beyond the last."""
        chosen = {found.setting: found.draw(self._stream(found, movie)) for found in self.choices}
        study = self._chosen(chosen)
        drawn = {
            found.setting: self._draw(found, movie, study) for found in self.ranges if _has(study, found)
        }
        return Recipe(chosen | drawn, int(stream(self.seed, "movie", str(movie)).integers(LARGEST_SEED)))

    def study_of(self, recipe: Recipe) -> AnyStudy:
        """Return the study with the settings of a movie."""
        chosen = {found.setting: recipe.settings[found.setting] for found in self.choices}
        drawn = {name: value for name, value in recipe.settings.items() if name not in chosen}
        return self._chosen(chosen).replace(drawn)

    def extremes(self) -> Iterator[Recipe]:
        """Yield the recipes with all ranges at their low and high ends, and at 0 if possible, for every choice."""
        first = {found.setting: found.values[0] for found in self.choices}
        others = [first | {found.setting: value} for found in self.choices for value in found.values[1:]]
        for chosen in (first, *others):
            study = self._chosen(chosen)
            for end in _ENDS if any(found.share_at_zero for found in self.ranges) else _ENDS[:2]:
                ends = {found.setting: end(found) for found in self.ranges if _has(study, found)}
                yield Recipe(chosen | ends, self.seed)

    def varies_everywhere(self, found: Range) -> bool:
        """Whether all movies have the setting of a range."""
        return all(_has(study, found) for study in self.variants())

    def _chosen(self, settings: dict[str, Any]) -> AnyStudy:
        return self.study.replace(settings) if settings else self.study

    def _draw(self, found: Range, movie: int, study: AnyStudy) -> float:
        drawn = found.draw(self._stream(found, movie))
        return round(drawn) if isinstance(study.get(found.setting), int) else drawn

    def _stream(self, found: Range | Choice, movie: int) -> np.random.Generator:
        return stream(self.seed, "movie", str(movie), found.setting)


_ENDS: tuple[Callable[[Range], float], ...] = (
    lambda found: found.low,
    lambda found: found.high,
    lambda found: 0.0 if found.share_at_zero else found.low,
)


def _has(study: AnyStudy, found: Range) -> bool:
    """Whether a study has the setting of a range."""
    try:
        study.get(found.setting)
    except KeyError:
        return False
    return True


def _require_possible(found: Range, studies: list[AnyStudy]) -> None:
    """Refuse a range whose ends do not fit in one of some studies."""
    for study in studies:
        if isinstance(value := study.get(found.setting), bool):
            raise ValueError(f"{found.setting} is true or false, so it cannot have a range")
        if not isinstance(value, int | float | None):
            raise ValueError(
                f"{found.setting} is no number, so it cannot have a range, but a choice of values"
            )
        for value in {found.low, found.high, *found.ends}:
            study.replace({found.setting: value})
