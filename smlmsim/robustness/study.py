"""The definition of a study of robustness: laboratories, a perturbation, and networks trained without one of them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, Self

import pydantic
from pydantic import NonNegativeInt, PositiveFloat, PositiveInt

from smlmsim.corpus import Corpus, Range
from smlmsim.corpus.corpus import LARGEST_SEED
from smlmsim.corpus.mixture import Mixture
from smlmsim.metrics import MetricNames
from smlmsim.motion import Deformation
from smlmsim.pipeline import Hybrid, SemiSimulated, Simulated, SimulatedDynamic
from smlmsim.rng import stream
from smlmsim.spec import Spec

ONE, ALL = "M0", "all"
CONTROL, PERTURBED = "control", "perturbed"
CONDITIONS = (CONTROL, PERTURBED)
DENSITIES = ("density_per_um", "per_um2")
TABLES, TEST_TABLES, PERTURBED_TABLES = "tables", "test_tables", "perturbed_tables"
MEASURED = (TABLES, TEST_TABLES, PERTURBED_TABLES)

Name = Annotated[str, pydantic.StringConstraints(pattern=r"^[A-Za-z0-9_-]+$")]
Settings = dict[str, Any]
Purpose = Literal["training", "validation"]
TestStudy = SimulatedDynamic | Hybrid


class Test(NamedTuple):
    """A test movie: of a laboratory under a condition, or some minutes after the perturbation began."""

    laboratory: str
    condition: str
    seed: int


class Training(NamedTuple):
    """On what a model is trained: laboratories, how many fields of each (None: no two movies alike), and which."""

    laboratories: tuple[str, ...]
    fields: int | None = None
    draw: int = 0


class OneLaboratory(Spec):
    """The training of M0: few fields of one laboratory (Bai 2023, tel-04772446, Table 2).

    Parameters
    ----------
    laboratory : str, optional
        Its name; by default the first.
    fields : int
        Number of different fields, each of which is seen in many movies.
    """

    laboratory: Name | None = None
    fields: PositiveInt = 7


class Quantity(Spec):
    """Models that are trained on few and on many fields of one laboratory.

    Parameters
    ----------
    laboratory : str, optional
        Its name; by default the first.
    fields : tuple of int
        Numbers of different fields, in increasing order.
    draws : int
        Number of trainings for each, on other fields and from other initial weights.
    """

    laboratory: Name | None = None
    fields: tuple[PositiveInt, ...] = pydantic.Field(default=(1, 60), min_length=2)
    draws: PositiveInt = 3

    @pydantic.model_validator(mode="after")
    def _ordered(self) -> Self:
        if list(self.fields) != sorted(set(self.fields)):
            raise ValueError(f"fields increase, found {', '.join(map(str, self.fields))}")
        return self


class Course(Spec):
    """The perturbation over time, as after nocodazole: the settings approach those of perturbed cells exponentially.

    Parameters
    ----------
    laboratory : str, optional
        Whose cells; by default those of the last, so that M0 never saw them.
    minutes : tuple of float
        Times after the beginning of the perturbation, in minutes; 0 is before it and the first.
    half_minutes : float
        Time in minutes after which half of the change has happened.
    cells : int
        Number of movies at each time; each shows another cell.
    """

    laboratory: Name | None = None
    minutes: tuple[pydantic.NonNegativeFloat, ...] = pydantic.Field(default=(0, 5, 10, 20, 40), min_length=2)
    half_minutes: PositiveFloat = 8
    cells: PositiveInt = 8

    @pydantic.model_validator(mode="after")
    def _from_zero(self) -> Self:
        if self.minutes[0] != 0 or list(self.minutes) != sorted(set(self.minutes)):
            raise ValueError(f"minutes increase from 0, found {', '.join(f'{m:g}' for m in self.minutes)}")
        return self

    def share(self, minute: float) -> float:
        """Return the share of the change that has happened, from 0 to 1."""
        return 1 - 2 ** (-minute / self.half_minutes)

    @property
    def conditions(self) -> dict[str, float]:
        """The name of the condition at each time, and the time in minutes."""
        return {f"after-{minute:g}-min": minute for minute in self.minutes}


class Robustness(Spec):
    """Networks trained in all laboratories except one, tested in every laboratory, before and after a perturbation.

    M0 is trained on few fields of one laboratory, Mi on movies of all except the i-th, and "all" on those of all;
    network, configuration, budget and seed are the same. Training movies are semi-simulated: two scenes of half the
    density each, which deform as a whole. Test movies come from another generator, in which filaments move
    independently. The movies of a laboratory with ``tables`` are ``hybrid``: patches of measured tables, which deform
    as a whole in training and in tests.

    Parameters
    ----------
    study : SimulatedDynamic
        The study of a test movie, before the settings of a laboratory.
    laboratories : dict
        Name -> dotted setting of the study -> value; at least two laboratories. A table for a part of the study, such
        as ``photophysics``, must have a ``kind`` and replaces the whole part. A laboratory cannot set the motion, in
        which training and test movies differ, or a setting in ``ranges``. A laboratory is measured if it has
        ``tables``, as in :class:`~smlmsim.pipeline.Hybrid`; ``test_tables`` are those of test movies, by default the
        same, and ``perturbed_tables`` those of perturbed cells, without which it has no perturbed movies.
    perturbation : dict
        Dotted setting -> value in perturbed movies, in every simulated laboratory.
    one_laboratory : OneLaboratory
        The training of M0.
    quantity : Quantity, optional
        Models trained on few and on many fields; by default none.
    course : Course, optional
        The perturbation over time; by default none.
    profiles : int
        Number of intensity profiles across filaments in each laboratory; 0 for none.
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
    one_laboratory: OneLaboratory = OneLaboratory()
    quantity: Quantity | None = None
    course: Course | None = None
    profiles: NonNegativeInt = 35
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
        for name in (self.trained_alone, self.quantified, self.followed):
            self._laboratory(name)
        if self.course and self.is_measured(self.followed):
            raise ValueError(
                f"the course is simulated, but {self.followed} is measured; set course.laboratory to another"
            )
        for name in self.laboratories:
            try:
                self.corpus(name)
                for condition in self.conditions(name):
                    self.test_study(name, condition)
            except KeyError as error:
                raise ValueError(f"{name}: {error.args[0]}") from None
        return self

    @property
    def trained_alone(self) -> str:
        """The laboratory on which M0 is trained."""
        return self.one_laboratory.laboratory or next(iter(self.laboratories))

    @property
    def quantified(self) -> str:
        """The laboratory on whose fields the models of the quantity are trained."""
        return (self.quantity and self.quantity.laboratory) or next(iter(self.laboratories))

    @property
    def followed(self) -> str:
        """The laboratory whose cells are followed over time."""
        return (self.course and self.course.laboratory) or list(self.laboratories)[-1]

    @property
    def models(self) -> dict[str, Training]:
        """On what each model is trained: M0, M1, ..., and "all"."""
        names = tuple(self.laboratories)
        without = {f"M{i}": Training(names[: i - 1] + names[i:]) for i in range(1, len(names) + 1)}
        alone = Training((self.trained_alone,), self.one_laboratory.fields)
        return {ONE: alone, **without, ALL: Training(names)}

    @property
    def quantities(self) -> dict[str, Training]:
        """On what each model of the quantity is trained."""
        if self.quantity is None:
            return {}
        return {
            f"fields-{fields}-draw-{draw}": Training((self.quantified,), fields, draw)
            for fields in self.quantity.fields
            for draw in range(self.quantity.draws)
        }

    def unseen_by(self, laboratory: str) -> str:
        """Return the model that is trained on all laboratories except one."""
        return f"M{1 + list(self.laboratories).index(laboratory)}"

    def is_measured(self, laboratory: str) -> bool:
        """Whether the movies of a laboratory are patches of measured tables."""
        return TABLES in self._laboratory(laboratory)

    @property
    def tested_where_trained(self) -> tuple[str, ...]:
        """The measured laboratories whose test movies are patches of tables that are also trained on."""
        return tuple(
            name
            for name in self.laboratories
            if _tables_of(self.test_study(name)) & _tables_of(self.corpus(name).study)
        )

    def conditions(self, laboratory: str) -> tuple[str, ...]:
        """Return the conditions of which a laboratory has movies."""
        perturbed = not self.is_measured(laboratory) or PERTURBED_TABLES in self._laboratory(laboratory)
        return CONDITIONS if perturbed else (CONTROL,)

    @property
    def tests(self) -> Iterator[Test]:
        """Yield all test movies; the cells of the course are all different."""
        for seed in range(self.movies):
            for laboratory in self.laboratories:
                for condition in self.conditions(laboratory):
                    yield Test(laboratory, condition, seed)
        if self.course:
            cells = itertools.count(self.movies)
            for condition in self.course.conditions:
                for _ in range(self.course.cells):
                    yield Test(self.followed, condition, next(cells))

    def test_study(self, laboratory: str, condition: str = CONTROL) -> TestStudy:
        """Return the study of the test movies of a laboratory."""
        settings = self._laboratory(laboratory)
        if self.is_measured(laboratory):
            tables = settings.get(
                PERTURBED_TABLES if condition == PERTURBED else TEST_TABLES, settings[TABLES]
            )
            return self._hybrid(settings, tables)
        return self.study.replace(settings).replace(self._perturbed(settings, condition))

    def corpus(self, laboratory: str, purpose: Purpose = "training") -> Corpus:
        """Return the training or validation corpus of a laboratory; no two corpora share a seed."""
        seed = int(stream(self.seed, purpose, laboratory).integers(LARGEST_SEED))
        settings = self._laboratory(laboratory)
        study: Hybrid | SemiSimulated
        if self.is_measured(laboratory):
            study = self._hybrid(settings, settings[TABLES])
        else:
            study = two_scenes(self.study.replace(settings))
        return Corpus(study=study, ranges=self.ranges, seed=seed)

    def mixture(self, training: Training, purpose: Purpose = "training") -> Mixture:
        """Return the corpora on which a model is trained or validated; it is validated on fields of their own."""
        corpora = tuple(self.corpus(name, purpose) for name in training.laboratories)
        if training.fields is None or purpose == "validation":
            return Mixture(corpora=corpora)
        fields = tuple(self._fields(name, training) for name in training.laboratories)
        return Mixture(corpora=corpora, fields=fields)

    def _fields(self, laboratory: str, training: Training) -> tuple[int, ...]:
        """The seeds of some fields of a laboratory; other draws have others."""
        rng = stream(self.seed, "fields", laboratory, str(training.draw))
        return tuple(int(seed) for seed in rng.integers(LARGEST_SEED, size=training.fields))

    def _hybrid(self, settings: Settings, tables: Any) -> Hybrid:
        """The study of patches of measured tables, observed as in a laboratory, at the velocity of test movies."""
        observed = {name: getattr(self.study, name) for name in Simulated.model_fields}
        motion = {"velocity_nm_per_s": getattr(self.study.motion, "velocity_nm_per_s", 0.0)}
        study = Hybrid(tables=tables, motion=Deformation.model_validate(motion), **observed)
        return study.replace({name: value for name, value in settings.items() if name not in MEASURED})

    def _perturbed(self, settings: Settings, condition: str) -> Settings:
        """The settings that a condition changes."""
        if condition == CONTROL:
            return {}
        if condition == PERTURBED or self.course is None:
            return self.perturbation
        share = self.course.share(self.course.conditions[condition])
        control = self.study.replace(settings)
        return {name: between(control.get(name), value, share) for name, value in self.perturbation.items()}

    def _laboratory(self, name: str) -> Settings:
        if name not in self.laboratories:
            raise ValueError(f"no laboratory {name!r}; there are: {', '.join(self.laboratories)}")
        return self.laboratories[name]

    @staticmethod
    def _require_own(name: str, settings: Mapping[str, Any], varied: set[str]) -> None:
        for setting, value in settings.items():
            if setting in MEASURED:
                continue
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


def between(control: Any, perturbed: Any, share: float) -> Any:
    """Return a value between two numbers, for a share of 0 to 1; of others the first one only for a share of 0."""
    numbers = (int, float)
    if isinstance(control, numbers) and isinstance(perturbed, numbers) and not isinstance(control, bool):
        value = control + share * (perturbed - control)
        return round(value) if isinstance(control, int) else value
    return perturbed if share else control


def _tables_of(study: Simulated) -> set[Path]:
    """The measured tables of a study."""
    return {table.table for table in study.tables} if isinstance(study, Hybrid) else set()
