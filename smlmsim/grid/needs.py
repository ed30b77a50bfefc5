"""Reconstructors that need more than the movies of a grid give."""

from __future__ import annotations

import logging
from collections.abc import Collection

from smlmsim import reconstruct
from smlmsim.grid.grid import Grid
from smlmsim.pipeline import FixedPair, SimulatedDynamic, TwoColours

KIND = "localization.kind"
log = logging.getLogger(__name__)


def without_unmet_needs(grid: Grid, known: Collection[str] = ()) -> Grid:
    """Load the reconstructors of a grid, and leave out those that need what no movie of it gives; say so.

    Parameters
    ----------
    grid : Grid
    known : collection of str
        Names that stay without being loaded, since they have scores already.

    Raises
    ------
    ReconstructionError
        If a reconstructor is not installed or cannot be loaded.
    ValueError
        If none is left.
    """
    left_out, words = _unmet(grid, [name for name in grid.reconstructors if name not in known])
    if not left_out:
        return grid
    kept = tuple(name for name in grid.reconstructors if name not in left_out)
    if not kept:
        raise ValueError(f"no reconstructor is left without {', '.join(left_out)}; {words}")
    log.info("left out: %s; %s", ", ".join(left_out), words)
    return grid.replace({"reconstructors": kept})


def require_met_needs(grid: Grid, names: Collection[str]) -> None:
    """Load some reconstructors, and require that the movies of a grid give what they need.

    Raises
    ------
    ReconstructionError
        If a reconstructor is not installed or cannot be loaded.
    ValueError
        If one needs what no movie gives; the message says what, and which settings give it.
    """
    unmet, words = _unmet(grid, names)
    if unmet:
        raise ValueError(f"{', '.join(unmet)} cannot be scored; {words}")


def _unmet(grid: Grid, names: Collection[str]) -> tuple[list[str], str]:
    """Return those of some reconstructors that need what no movie of a grid gives, and what that is in words."""
    given = _given(grid)
    needed = {name: {*reconstruct.needs(reconstruct.load(name))} - given for name in names}
    words = "; ".join(
        f"the movies have no {need}"
        + (f": {reconstruct.REMEDIES[need]}" if need in reconstruct.REMEDIES else "")
        for need in sorted(set().union(*needed.values()))
    )
    return [name for name, lacking in needed.items() if lacking], words


def _given(grid: Grid) -> set[str]:
    """The variables that at least some of the movies have besides counts and localizations."""
    kinds = next((axis.values for axis in grid.axes if axis.setting == KIND), ())
    studies = [grid.study.replace({KIND: kind}) for kind in kinds] or [grid.study]
    return set().union(*map(_given_by, studies))


def _given_by(study: SimulatedDynamic | TwoColours | FixedPair) -> set[str]:
    """The variables that a movie has besides counts and localizations; those of measured tables have none."""
    if isinstance(study, FixedPair):
        return set()
    frames = getattr(study.localization, "keep_frames", False)
    widefield = {reconstruct.WIDEFIELD} if study.widefield else set()
    return ({reconstruct.FRAMES} if frames else set()) | widefield
