"""Score reconstructors of a grid again, since their code or weights have changed."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import NamedTuple

from smlmsim.grid.adding import stored_grid
from smlmsim.grid.clips import leave_out
from smlmsim.grid.grid import ADDABLE, Grid
from smlmsim.grid.store import GridStore, Task

log = logging.getLogger(__name__)


class Trial(NamedTuple):
    """A reconstructor that is tried on a movie before its scores are removed, and whether it has scores of that."""

    name: str
    task: Task
    scored: bool


def grid_to_score_again(path: Path) -> Grid:
    """Return the stored grid of which reconstructors are to be scored again.

    Raises
    ------
    StoreError
        If there is no store.
    """
    return stored_grid(path, purpose="score again", option="--again")


def require_stored(stored: Grid, grid: Grid, names: Collection[str]) -> None:
    """Require that a grid holds some reconstructors, and all that another grid names.

    Raises
    ------
    ValueError
        Naming what it lacks and what it holds.
    """
    wanted = {"reconstructors": (*names, *grid.reconstructors), "seeds": grid.seeds, "metrics": grid.metrics}
    for setting in ADDABLE:
        held = getattr(stored, setting)
        if missing := [value for value in wanted[setting] if value not in held]:
            raise ValueError(
                f"the grid has no {setting.removesuffix('s')} {missing[0]!r} to score again; "
                f"it has {', '.join(map(str, held))}; --add in place of --again adds what it lacks"
            )


def trials(store: GridStore, names: Iterable[str]) -> list[Trial]:
    """Return a movie for each of some reconstructors to be tried on, one of those that it has scores of if any."""
    found = {name: store.scored_cell(name) for name in names}
    first = next(store.grid.cells())
    return [
        Trial(name, Task(cell or first, {name: ()}, ()), cell is not None) for name, cell in found.items()
    ]


def forget(store: GridStore, clips: Path, names: Collection[str]) -> None:
    """Remove the scores of some reconstructors from a store, and their reconstructions from all clips of a folder.

    Raises
    ------
    StoreError
        If the store is damaged; nothing is removed then.
    OSError
        If the store or a clip cannot be written.
    """
    with store.forget(names):
        for clip in sorted(clips.glob("*.nc")):
            leave_out(clip, names)
    log.info(
        "the scores of %s are removed and made again; if this run is interrupted, continue with --add in place "
        "of --again",
        ", ".join(names),
    )
