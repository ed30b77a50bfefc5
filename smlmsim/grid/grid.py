"""The definition of a grid: a study, the settings that vary, seeds, reconstructors and metrics."""

from __future__ import annotations

import itertools
import math
import numbers
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar, NamedTuple, Self

import pydantic
from pydantic import NonNegativeInt

from smlmsim import reconstruct
from smlmsim.metrics import STANDARD, MetricNames
from smlmsim.pipeline import FixedPair, SimulatedDynamic, TwoColours
from smlmsim.spec import Spec, brief, kind_or

LONGEST = 200
"""Greatest number of characters of a text value."""
MOST_AXES, MOST_VALUES, MOST_CELLS = 8, 1000, 10**7
"""Greatest numbers of axes, of values of an axis and of cells: more would be a typing error."""
ADDABLE = ("seeds", "reconstructors", "metrics")
"""The settings of a grid that can be extended after it was scored."""
SHOWN_SEEDS = 2
"""The number of seeds whose movies are shown by default."""
SUFFIX_UNITS = {"_nm_per_s": "nm/s", "_hz": "Hz", "_per_um": "um-1", "_nm": "nm", "_s": "s"}


GridStudy = Annotated[
    SimulatedDynamic | TwoColours | FixedPair,
    pydantic.Field(discriminator="kind"),
    kind_or("simulated_dynamic"),
]
"""The studies of which there is a truth to score against, and whose movies are compared in grids."""


class Axis(Spec):
    """A setting of the study, by its dotted path, and the values it takes.

    Parameters
    ----------
    setting : str
        Dotted path, such as ``motion.velocity_nm_per_s`` or ``motion.kind``.
    values : tuple of float or tuple of str
        Numbers, or texts for a setting that takes texts, such as the name of a camera. Texts keep their order, and are
        not interpolated.
    """

    setting: str
    values: tuple[str, ...] | tuple[float, ...] = pydantic.Field(min_length=1, max_length=MOST_VALUES)

    @pydantic.field_validator("values", mode="before")
    @classmethod
    def _alike(cls, values: Any) -> Any:
        if not isinstance(values, list | tuple):
            raise ValueError("the values of an axis are a list, as in values = [30, 60]")
        for value in values:
            if isinstance(value, str) and not 0 < len(value) <= LONGEST:
                raise ValueError(f"a text of an axis has 1 to {LONGEST} characters, found {brief(value)}")
            if not isinstance(value, str) and not (isinstance(value, numbers.Real) and math.isfinite(value)):
                raise ValueError(f"a value of an axis is a finite number or a text, found {brief(value)}")
        if len({isinstance(value, str) for value in values}) > 1:
            raise ValueError("the values of an axis are all numbers, or all texts")
        return values

    @property
    def is_text(self) -> bool:
        """Whether the values are texts."""
        return isinstance(self.values[0], str)

    @property
    def attrs(self) -> dict[str, str]:
        """Name and units for the label of the axis, derived from the name of the setting."""
        leaf = self.setting.removesuffix(".kind").rpartition(".")[2]
        suffix = next((end for end in SUFFIX_UNITS if leaf.endswith(end)), "")
        return {
            "long_name": leaf.removesuffix(suffix).replace("_", " "),
            "units": SUFFIX_UNITS.get(suffix, "1"),
        }


class Cell(NamedTuple):
    """One movie of a grid: its indices along axes and seeds, its settings, and its seed."""

    place: tuple[int, ...]
    settings: dict[str, float | str]
    seed: int


class Movies(Spec):
    """The movies that are kept for a report while a grid is scored, with all reconstructions, in 8 bits.

    Parameters
    ----------
    seeds : tuple of int, optional
        The seeds whose movies are kept; by default the first two of the grid.
    most_bytes : int
        Greatest size of the movies of all seeds before compression, which makes them about three times smaller. If
        they do not fit, the last seeds are left out.
    """

    seeds: tuple[NonNegativeInt, ...] | None = None
    most_bytes: NonNegativeInt = 10**10


class Grid(Spec):
    """All combinations of values of the axes and seeds; movies of one seed have the same structure in all cells.

    Parameters
    ----------
    study : SimulatedDynamic, TwoColours or FixedPair
        The study that all cells share. The movies of one seed of a ``fixed_pair`` have the same truth in all cells. Of
        ``two_colours`` the scores are means over both channels.
    axes : tuple of Axis
        The settings that vary.
    seeds : tuple of int
        Seeds of the independent movies of each cell.
    reconstructors : tuple of str
        Names of reconstructors; by default all that are installed. Those that need camera frames are left out of a
        study that gives none. ``without``, in place of it, names those that are left out of all that are installed.
    metrics : tuple of str
        Names of metrics; by default those of ``smlmsim.metrics.STANDARD``.
    movies : Movies
        The movies that are kept for a report. Scores do not depend on it.
    """

    family: ClassVar[str] = "sweep"
    aside: ClassVar[frozenset[str]] = frozenset({"movies"})

    study: GridStudy = SimulatedDynamic()
    axes: tuple[Axis, ...] = pydantic.Field(min_length=1, max_length=MOST_AXES)
    seeds: tuple[NonNegativeInt, ...] = pydantic.Field(default=(0, 1, 2, 3, 4), min_length=1)
    reconstructors: tuple[str, ...] = pydantic.Field(
        default_factory=lambda: tuple(reconstruct.available()), min_length=1
    )
    metrics: MetricNames = STANDARD
    movies: Movies = Movies()

    @pydantic.model_validator(mode="before")
    @classmethod
    def _left_out(cls, found: Any) -> Any:
        if not isinstance(found, Mapping) or "without" not in found:
            return found
        if "reconstructors" in found:
            raise ValueError("give reconstructors or without, found both")
        names, there = set(found["without"]), reconstruct.available()
        if unknown := names - set(there):
            raise ValueError(f"without names {min(unknown)!r}; there are: {', '.join(there)}")
        kept = tuple(name for name in there if name not in names)
        return {key: value for key, value in found.items() if key != "without"} | {"reconstructors": kept}

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
        """Yield all cells; the seed varies fastest."""
        names = [axis.setting for axis in self.axes]
        levels = [*(axis.values for axis in self.axes), self.seeds]
        for place in itertools.product(*(range(len(values)) for values in levels)):
            *values, seed = (level[i] for level, i in zip(levels, place, strict=True))
            yield Cell(place, dict(zip(names, values, strict=True)), int(seed))

    def study_of(self, cell: Cell) -> SimulatedDynamic | TwoColours | FixedPair:
        """Return the study with the settings of a cell."""
        return self.study.replace(cell.settings)

    def joined(self, other: Grid) -> Grid:
        """Return this grid with the seeds, reconstructors and metrics of another one appended.

        Raises
        ------
        pydantic.ValidationError
            If there are too many movies.
        """
        return other.replace(
            {name: tuple(dict.fromkeys((*getattr(self, name), *getattr(other, name)))) for name in ADDABLE}
        )

    @property
    def dims(self) -> tuple[str, ...]:
        """The settings of the axes, then ``seed``."""
        return (*(axis.setting for axis in self.axes), "seed")

    @property
    def shape(self) -> tuple[int, ...]:
        """The number of values along each of the dims."""
        return (*(len(axis.values) for axis in self.axes), len(self.seeds))

    def _require_settable(self, axis: Axis, kinds: dict[str, float | str]) -> None:
        """Raise an error if a study with parts of the given kinds cannot take the values of an axis."""
        for value in axis.values:
            try:
                found = self.study.replace({axis.setting: value} | kinds).get(axis.setting)
            except KeyError as error:
                raise ValueError(error.args[0]) from None
            if axis.is_text and isinstance(found, numbers.Real):
                raise ValueError(f"{axis.setting} is not text; write its values without quotes")


def _require_distinct(what: str, values: Sequence[object]) -> None:
    seen = set()
    for value in values:
        if value in seen:
            raise ValueError(f"{what} {value!r} appears twice")
        seen.add(value)
