"""The win map: which reconstructor is best in which cell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import xarray as xr

from smlmsim.figures.axis import axis_of
from smlmsim.figures.panel import EQUAL, LIGHT, TIED, hatch_cells
from smlmsim.figures.style import CATEGORIES, styled
from smlmsim.regions import VELOCITY, rising

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CELL_IN = 0.5
"""Edge length of a cell in inches."""
MEANINGS = {TIED: "not significantly different from another", EQUAL: "practically equal to another"}


def win_map(wins: xr.Dataset) -> Figure:
    """Draw the best reconstructor of every cell, and how much better it is.

    A cell shared by practically equal reconstructors is dotted and has the colours of all, the best on the left. It is
    hatched with lines if another reconstructor does not differ significantly from the best.

    Parameters
    ----------
    wins : xr.Dataset
        Result of :func:`smlmsim.compare.win_map` for a grid of two axes; the velocity runs upwards.

    Raises
    ------
    ValueError
        If the grid does not have two axes.
    """
    from matplotlib.colors import BoundaryNorm, ListedColormap
    from matplotlib.figure import Figure

    if wins.best.ndim != 2:
        raise ValueError(f"a win map has two axes, found {wins.best.ndim}")
    dims = sorted(map(str, wins.best.dims), key=lambda dim: dim != VELOCITY)
    best, *ties = (rising(found).transpose(*dims) for found in (wins.best, *_ties(wins)))
    names = [str(name) for name in wins.reconstructor.values]
    places = np.array([[names.index(name) if name else -1 for name in row] for row in best.values.tolist()])
    rows, columns = (axis_of(best, dim) for dim in dims)
    with styled():
        keys = len(set(places.ravel().tolist())) + 2
        size = (max(CELL_IN * columns.values.size + 0.8, 2.6), CELL_IN * rows.values.size + 0.9 + 0.17 * keys)
        figure = Figure(figsize=size, layout="constrained")
        panel = figure.subplots()
        panel.pcolormesh(
            np.ma.masked_less(places, 0), cmap=ListedColormap(CATEGORIES), edgecolor="white", linewidth=0.5,
            norm=BoundaryNorm(np.arange(len(CATEGORIES) + 1) - 0.5, len(CATEGORIES)),
        )  # fmt: skip
        panel.set_facecolor("0.9")
        shares = _shares(wins, dims, places)
        _draw_shares(panel, shares)
        for hatch, cells in zip(MEANINGS, ties, strict=True):
            hatch_cells(panel, cells.values, hatch)
        _write_advantages(panel, places, rising(wins.advantage).transpose(*dims).values)
        panel.set_xticks(columns.centres, columns.ticks)
        panel.set_yticks(rows.centres, rows.ticks)
        panel.set(xlabel=columns.label, ylabel=rows.label)
        panel.set_title(f"the best, and by how much it leads\nin {wins.attrs.get('long_name', 'the score')}")
        shown = sorted(
            {*places[places >= 0].tolist(), *(place for share in shares.values() for place in share)}
        )
        _name_colours(figure, names, shown, [bool(cells.any()) for cells in ties])
    return figure


def _shares(
    wins: xr.Dataset, dims: list[str], places: npt.NDArray[np.int64]
) -> dict[tuple[int, int], list[int]]:
    """The cells (row, column) shared by several reconstructors, with the indices of these, the best first."""
    equal = rising(wins.practically_equal & wins["mean"].notnull()).transpose(*dims, "reconstructor").values
    found = {}
    for (row, column), best in np.ndenumerate(places):
        others = [int(place) for place in np.flatnonzero(equal[row, column]) if place != best]
        if best >= 0 and others:
            found[row, column] = [int(best), *others]
    return found


def _draw_shares(panel: Axes, shares: dict[tuple[int, int], list[int]]) -> None:
    """Divide cells from left to right among the reconstructors that share them."""
    from matplotlib.patches import Rectangle

    for (row, column), share in shares.items():
        for rank, place in enumerate(share):
            colour, width = CATEGORIES[place % len(CATEGORIES)], 1 / len(share)
            panel.add_patch(Rectangle((column + rank * width, row), width, 1, facecolor=colour, linewidth=0))
        panel.add_patch(Rectangle((column, row), 1, 1, fill=False, edgecolor="white", linewidth=1))


def _write_advantages(
    panel: Axes, places: npt.NDArray[np.int64], advantages: npt.NDArray[np.float64]
) -> None:
    """Write into every cell the advantage of the best over the next."""
    import seaborn
    from matplotlib.patheffects import withStroke

    for (row, column), advantage in np.ndenumerate(advantages):
        if np.isfinite(advantage):
            colour = CATEGORIES[places[row, column] % len(CATEGORIES)]
            light = seaborn.utils.relative_luminance(colour) > LIGHT
            text = f"+{advantage:.{2 if advantage >= 0.1 else 3}f}".replace("+0.", "+.")
            text = text if advantage else "same"
            panel.text(
                column + 0.5, row + 0.5, text, ha="center", va="center", color="black" if light else "white",
                path_effects=[withStroke(linewidth=1.5, foreground=colour)],
            )  # fmt: skip


def _ties(wins: xr.Dataset) -> list[xr.DataArray]:
    """Cells where another one does not differ significantly from the best, and cells where one is practically equal."""
    other = wins.reconstructor != wins.best
    unsure = ~wins.told_apart & ~wins.practically_equal & wins["mean"].notnull()
    return [(other & tied).any("reconstructor") for tied in (unsure, wins.practically_equal)]


def _name_colours(figure: Figure, names: list[str], shown: list[int], ties: list[bool]) -> None:
    from matplotlib.patches import Patch

    keys = [Patch(facecolor=CATEGORIES[place % len(CATEGORIES)], label=names[place]) for place in shown]
    keys += [
        Patch(facecolor="white", hatch=hatch, edgecolor="0.5", linewidth=0, label=meaning)
        for (hatch, meaning), drawn in zip(MEANINGS.items(), ties, strict=True)
        if drawn
    ]
    figure.legend(handles=keys, loc="outside upper center", ncols=1, frameon=False)
