"""The definition of a study of robustness: laboratories, a perturbation, and networks trained without one of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, Self

import pydantic
from pydantic import NonNegativeInt, PositiveInt

from smlmsim.corpus import Corpus, Range
from smlmsim.corpus.corpus import LARGEST_SEED
from smlmsim.corpus.mixture import Mixture
from smlmsim.metrics import MetricNames
from smlmsim.pipeline import SemiSimulated, Simulated, SimulatedDynamic
from smlmsim.rng import stream
from smlmsim.spec import Spec

ALL = "M0"
CONTROL, PERTURBED = "control", "perturbed"
CONDITIONS = (CONTROL, PERTURBED)
DENSITIES = ("density_per_um", "per_um2")

Name = Annotated[str, pydantic.StringConstraints(pattern=r"^[A-Za-z0-9_-]+$")]
Settings = dict[str, Any]


class Test(NamedTuple):
    """A test movie, which all models and the classic reconstructor reconstruct."""

    laboratory: str
    condition: str
    seed: int


class Robustness(Spec):
    """Networks trained in all laboratories except one, tested in every laboratory, before and after a perturbation.

    M0 is trained on movies of all laboratories, Mi on those of all except the i-th; network, configuration, budget and
    seed are the same. Training movies are semi-simulated: two scenes of half the density each, which deform as a whole.
    Test movies come from another generator, in which filaments move independently.

    Parameters
    ----------
    study : SimulatedDynamic
        The study of a test movie, before the settings of a laboratory.
    laboratories : dict
        Name -> dotted setting of the study -> value; at least two laboratories. A table for a part of the study, such
        as ``photophysics``, must have a ``kind`` and replaces the whole part. A laboratory cannot set the motion, in
        which training and test movies differ, or a setting in ``ranges``.
    perturbation : dict
        Dotted setting -> value in perturbed movies, in every laboratory.
    ranges : tuple of Range
        Settings that vary between the training movies.
    network : str
        Name of a network, one of :func:`smlmsim.train.trainable`.
    size : str
        Its configuration: ``shipped``, ``published`` or a TOML file.
    configuration : dict
        Dotted setting of the configuration -> value, such as ``budget.steps``.
    classic : str
        A reconstructor without training, for comparison.
    movies : int
        Number of test movies of every laboratory and condition; their seeds are 0, 1, ...
    seed : int
        Determines the training movies and, through the budget, the weights.
    metrics : tuple of str
        Names in ``METRICS``; the first is used for the result in words.
    """

    family: ClassVar[str] = "robustness"

    study: SimulatedDynamic = SimulatedDynamic()
    laboratories: dict[Name, Settings] = pydantic.Field(min_length=2)
    perturbation: Settings = pydantic.Field(min_length=1)
    ranges: tuple[Range, ...] = ()
    network: str = "annapalm2d"
    size: str = "shipped"
    configuration: Settings = pydantic.Field(default_factory=dict)
    classic: str = "gaussian_time"
    movies: PositiveInt = 16
    seed: NonNegativeInt = 0
    metrics: MetricNames = ("ms_ssim", "skeleton_precision")

    @pydantic.model_validator(mode="after")
    def _consistent(self) -> Self:
        varied = {found.setting for found in self.ranges}
        for name, settings in self.laboratories.items():
            self._require_own(name, settings, varied)
        self._require_own("the perturbation", self.perturbation, set())
        for name in self.laboratories:
            try:
                self.corpus(name)
                self.test_study(name, PERTURBED)
            except KeyError as error:
                raise ValueError(f"{name}: {error.args[0]}") from None
        return self

    @property
    def models(self) -> dict[str, tuple[str, ...]]:
        """The laboratories in which each model is trained."""
        names = tuple(self.laboratories)
        without = {f"M{i}": names[: i - 1] + names[i:] for i in range(1, len(names) + 1)}
        return {ALL: names, **without}

    @property
    def tests(self) -> Iterator[Test]:
        """Yield all test movies."""
        for seed in range(self.movies):
            for laboratory in self.laboratories:
                for condition in CONDITIONS:
                    yield Test(laboratory, condition, seed)

    def test_study(self, laboratory: str, condition: str = CONTROL) -> SimulatedDynamic:
        """Return the study of the test movies of a laboratory."""
        changed = self.perturbation if condition == PERTURBED else {}
        return self.study.replace(self._laboratory(laboratory)).replace(changed)

    def corpus(self, laboratory: str, purpose: Literal["training", "validation"] = "training") -> Corpus:
        """Return the training or validation corpus of a laboratory; no two corpora share a seed."""
        seed = int(stream(self.seed, purpose, laboratory).integers(LARGEST_SEED))
        return Corpus(study=two_scenes(self.test_study(laboratory)), ranges=self.ranges, seed=seed)

    def mixture(self, model: str, purpose: Literal["training", "validation"] = "training") -> Mixture:
        """Return the corpora on which a model is trained or validated."""
        return Mixture(corpora=tuple(self.corpus(name, purpose) for name in self.models[model]))

    def _laboratory(self, name: str) -> Settings:
        if name not in self.laboratories:
            raise ValueError(f"no laboratory {name!r}; there are: {', '.join(self.laboratories)}")
        return self.laboratories[name]

    @staticmethod
    def _require_own(name: str, settings: Mapping[str, Any], varied: set[str]) -> None:
        for setting, value in settings.items():
            if setting.partition(".")[0] in ("motion", "kind"):
                raise ValueError(f"{name} sets {setting}, in which training and test movies differ")
            if setting in varied:
                raise ValueError(f"{name} sets {setting}, which the ranges vary; leave out one of both")
            if isinstance(value, dict) and "kind" not in value:
                raise ValueError(
                    f"{name} sets {setting} to a table without a kind; "
                    f'for a single setting write "{setting}.NAME", in quotes'
                )


def two_scenes(study: SimulatedDynamic) -> SemiSimulated:
    """Return the semi-simulated study with the density of another one, in two scenes that deform as a whole."""
    structure = study.structure
    density = next(name for name in DENSITIES if name in type(structure).model_fields)
    halved = structure.replace({density: getattr(structure, density) / 2})
    return SemiSimulated(structure=halved, **{name: getattr(study, name) for name in Simulated.model_fields})
