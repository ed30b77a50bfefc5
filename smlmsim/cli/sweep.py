"""The grid of a command, from a sweep, options and an existing store."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from smlmsim.grid import Grid, stored_grid
from smlmsim.grid.again import grid_to_score_again

MOST_SEEDS = 10_000
"""Greatest number of seeds in one command: a typing error such as 1-1000000 is refused."""
SEEDS = re.compile(r"(\d{1,9})(?:-(\d{1,9}))?")

Reconstructors = Annotated[
    list[str] | None,
    typer.Option("--reconstructor", help="Reconstructor to use; may be repeated. [default: all installed]"),
]
Metrics = Annotated[
    list[str] | None,
    typer.Option("--metric", help="Metric to use; may be repeated. [default: those of the sweep]"),
]
Seeds = Annotated[
    str | None, typer.Option("--seeds", help="Seeds, as in 0-9 or 0,3,7-9. [default: those of the sweep]")
]
Add = Annotated[
    bool,
    typer.Option(
        "--add",
        help="Add reconstructors, seeds or metrics to the grid in DIR: existing scores stay, and only missing "
        "ones are computed. Without a sweep, the stored one is used.",
    ),
]
Again = Annotated[
    bool,
    typer.Option(
        "--again",
        help="Score those of --reconstructor in the grid in DIR again, with all seeds and metrics, since their code or "
        "weights have changed.",
    ),
]
MoviesOf = Annotated[
    str | None,
    typer.Option(
        "--movies-of",
        help="Seeds whose movies are kept in `clips`, and played by the report, as in 0,1,2. The "
        "24 movies of two seeds of `compare.py --preset quick`, nine reconstructors each, take 36 MB on the disk and "
        "12 MB in the report, which shows more of them coarser so that it stays below 24 MB. "
        "[default: the first two]",
    ),
]
At = Annotated[
    list[str] | None,
    typer.Option(
        "--at",
        help="Value of an axis at which to cut a grid of more than two, as in "
        "acquisition.frames_per_point=50; may be repeated.",
        metavar="SETTING=VALUE",
    ),
]
Pairs = Annotated[
    str | None,
    typer.Option(
        "--pairs",
        help="Axis of the localization, such as localization.localizer, whose values are paired with the "
        "reconstructors: the pairs are compared.",
        metavar="SETTING",
    ),
]


def sweep_of(
    sweep: Path | None,
    preset: Path,
    store: Path,
    *,
    reconstructors: list[str] | None = None,
    seeds: str | None = None,
    metrics: list[str] | None = None,
    add: bool = False,
    again: bool = False,
) -> Grid:
    """Return the grid of a sweep or a preset, changed by options; without a sweep the stored one if it is changed.

    Raises
    ------
    ValueError
        If the sweep or an option is invalid, there is no store to add to or to score again, or it is not said what to
        score again, or only parts of it are.
    """
    if again:
        _require_names_alone(reconstructors, seeds, metrics)
    stored = grid_to_score_again(store) if again else stored_grid(store) if add else None
    grid = stored if stored and sweep is None else Grid.from_toml(sweep or preset)
    given = {
        "reconstructors": tuple(reconstructors or ()),
        "seeds": seeds_of(seeds, "--seeds") or (),
        "metrics": tuple(metrics or ()),
    }
    return grid.replace({name: values for name, values in given.items() if values})


def _require_names_alone(
    reconstructors: list[str] | None, seeds: str | None, metrics: list[str] | None
) -> None:
    """Require that whole reconstructors are to be scored again."""
    if not reconstructors:
        raise ValueError("--again needs the names of what has changed, as in --reconstructor mine --again")
    if option := "--seeds" if seeds is not None else "--metric" if metrics else "":
        raise ValueError(f"--again scores all seeds by all metrics of the grid; leave out {option}")


def seeds_of(text: str | None, option: str) -> tuple[int, ...] | None:
    """Return the seeds that an option lists, or None if it is not given.

    Raises
    ------
    ValueError
        If the text is not a list of whole numbers and ranges.
    """
    if text is None:
        return None
    found: list[int] = []
    for part in text.split(","):
        matched = SEEDS.fullmatch(part.strip())
        first, last = (int(matched[1]), int(matched[2] or matched[1])) if matched else (1, 0)
        if last < first or last - first >= MOST_SEEDS:
            raise ValueError(
                f"{option} takes whole numbers and ranges, as in 0-9 or 0,3,7-9; found {text[:60]!r}"
            )
        found.extend(range(first, last + 1))
    return tuple(dict.fromkeys(found))


def slice_of(texts: list[str] | None) -> dict[str, float | str]:
    """Return the values of axes that an option lists.

    Raises
    ------
    ValueError
        If a text is not a setting and its value, or an axis is given twice.
    """
    found: dict[str, float | str] = {}
    for text in texts or ():
        setting, sign, value = (part.strip() for part in text.partition("="))
        if not (setting and sign and value):
            raise ValueError(
                f"--at takes a setting and its value, as in motion.kind=rigid; found {text[:60]!r}"
            )
        if setting in found:
            raise ValueError(f"--at has two values of {setting}; one can be shown at a time")
        found[setting] = _number_or_text(value)
    return found


def _number_or_text(value: str) -> float | str:
    try:
        return float(value)
    except ValueError:
        return value
