"""What a grid is: a study, the settings that vary, the seeds, who reconstructs and what is measured."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, ClassVar, NamedTuple, Self

import pydantic
from pydantic import NonNegativeInt

from smlmsim import reconstruct
from smlmsim.metrics import STANDARD, MetricNames
from smlmsim.pipeline import SimulatedDynamic
from smlmsim.spec import Spec

LONGEST = 200
"""Of a value that is text, in characters."""
MOST_AXES, MOST_VALUES, MOST_CELLS = 8, 1000, 10**7
"""Axes of a grid, values of an axis and cells: more would be a slip of the pen."""
ADDABLE = ("seeds", "reconstructors", "metrics")
"""What more of can be scored in a grid that was scored before."""
SHOWN_SEEDS = 2
"""The number of seeds whose movies are shown by default."""
SUFFIX_UNITS = {"_nm_per_s": "nm/s", "_hz": "Hz", "_per_um": "um-1", "_nm": "nm", "_s": "s"}


Text = Annotated[str, pydantic.Field(min_length=1, max_length=LONGEST)]


class Axis(Spec):
    """A setting of the study, by its dotted path, and the values it takes.

    Parameters
    ----------
    setting : str
        Such as ``motion.velocity_nm_per_s`` or ``motion.kind``.
    values : tuple of float or tuple of str
        Numbers, or texts where the setting is one. Texts keep their order; nothing lies between two of them.
    """

    setting: str
    values: tuple[float, ...] | tuple[Text, ...] = pydantic.Field(min_length=1, max_length=MOST_VALUES)

    @pydantic.field_validator("values", mode="before")
    @classmethod
    def _alike(cls, values: Any) -> Any:
        if isinstance(values, list | tuple) and len({isinstance(value, str) for value in values}) > 1:
            raise ValueError("the values of an axis are all numbers, or all texts")
        return values

    @property
    def is_text(self) -> bool:
        """Whether the values are texts."""
        return isinstance(self.values[0], str)

    @property
    def attrs(self) -> dict[str, str]:
        """The name and units to label the axis with, read off the setting's own name."""
        leaf = self.setting.removesuffix(".kind").rpartition(".")[2]
        suffix = next((end for end in SUFFIX_UNITS if leaf.endswith(end)), "")
        return {
            "long_name": leaf.removesuffix(suffix).replace("_", " "),
            "units": SUFFIX_UNITS.get(suffix, "1"),
        }


class Cell(NamedTuple):
    """One movie of a grid: its place in the axes and seeds, what it sets, and its seed."""

    place: tuple[int, ...]
    settings: dict[str, float | str]
    seed: int


class Movies(Spec):
    """Which movies are kept, with all reconstructions and in 8 bits, while a grid is scored; a report plays them.

    Parameters
    ----------
    seeds : tuple of int, optional
        The seeds whose movies are kept; by default the first two of the grid.
    most_bytes : int
        How much the movies of all seeds may take before they are compressed, which makes them about three times
        smaller. Seeds whose movies no longer fit are left out, the last ones first.
    """

    seeds: tuple[NonNegativeInt, ...] | None = None
    most_bytes: NonNegativeInt = 10**10


class Grid(Spec):
    """Every combination of the axes' values and the seeds; one seed means the same structure everywhere.

    Parameters
    ----------
    study : SimulatedDynamic
        What all cells share.
    axes : tuple of Axis
        The settings that vary.
    seeds : tuple of int
        Independent movies of each cell.
    reconstructors : tuple of str
        By default all that are installed.
    metrics : tuple of str
        By default those of ``smlmsim.metrics.STANDARD``.
    movies : Movies
        Which movies are kept for a report. Scores do not depend on it.
    """

    family: ClassVar[str] = "sweep"
    aside: ClassVar[frozenset[str]] = frozenset({"movies"})

    study: SimulatedDynamic = SimulatedDynamic()
    axes: tuple[Axis, ...] = pydantic.Field(min_length=1, max_length=MOST_AXES)
    seeds: tuple[NonNegativeInt, ...] = pydantic.Field(default=(0, 1, 2, 3, 4), min_length=1)
    reconstructors: tuple[str, ...] = pydantic.Field(
        default_factory=lambda: tuple(reconstruct.available()), min_length=1
    )
    metrics: MetricNames = STANDARD
    movies: Movies = Movies()

    @pydantic.model_validator(mode="after")
    def _consistent(self) -> Self:
        _require_distinct("axis", [axis.setting for axis in self.axes])
        _require_distinct("seed", self.seeds)
        _require_distinct("reconstructor", self.reconstructors)
        _require_distinct("metric", self.metrics)
        if math.prod(self.shape) > MOST_CELLS:
            raise ValueError(f"found {math.prod(self.shape):.3g} movies; a grid has up to {MOST_CELLS:.0e}")
        for axis in self.axes:
            _require_distinct(f"value of {axis.setting}", axis.values)
        of_kinds = [axis for axis in self.axes if axis.setting.endswith(".kind")]
        choices: list[tuple[float | str, ...]] = [axis.values for axis in of_kinds]
        for values in itertools.product(*choices):
            kinds: dict[str, float | str] = dict(
                zip((axis.setting for axis in of_kinds), values, strict=True)
            )
            for axis in self.axes:
                self._require_settable(axis, kinds)
        return self

    def cells(self) -> Iterator[Cell]:
        """All cells, seeds last."""
        names = [axis.setting for axis in self.axes]
        levels = [*(axis.values for axis in self.axes), self.seeds]
        for place in itertools.product(*(range(len(values)) for values in levels)):
            *values, seed = (level[i] for level, i in zip(levels, place, strict=True))
            yield Cell(place, dict(zip(names, values, strict=True)), int(seed))

    def study_of(self, cell: Cell) -> SimulatedDynamic:
        """The study with the cell's settings."""
        return self.study.replace(cell.settings)

    def joined(self, other: Grid) -> Grid:
        """Return another grid with its seeds, reconstructors and metrics behind those of this one.

        Raises
        ------
        pydantic.ValidationError
            If that are too many movies.
        """
        return other.replace(
            {name: tuple(dict.fromkeys((*getattr(self, name), *getattr(other, name)))) for name in ADDABLE}
        )

    @property
    def dims(self) -> tuple[str, ...]:
        """The axes' settings, then ``seed``."""
        return (*(axis.setting for axis in self.axes), "seed")

    @property
    def shape(self) -> tuple[int, ...]:
        """How many values each of the dims takes."""
        return (*(len(axis.values) for axis in self.axes), len(self.seeds))

    def _require_settable(self, axis: Axis, kinds: dict[str, float | str]) -> None:
        """Refuse an axis whose values a study whose parts are of some kinds does not take."""
        for value in axis.values:
            try:
                found = self.study.replace({axis.setting: value} | kinds).get(axis.setting)
            except KeyError as error:
                raise ValueError(error.args[0]) from None
            if axis.is_text and not isinstance(found, str):
                raise ValueError(f"{axis.setting} is no text; write its values without quotes")


def _require_distinct(what: str, values: Sequence[object]) -> None:
    seen = set()
    for value in values:
        if value in seen:
            raise ValueError(f"{what} {value!r} appears twice")
        seen.add(value)
