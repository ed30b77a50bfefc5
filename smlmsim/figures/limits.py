"""Maps in two rows, localizations given and from camera frames, and the map of what limits where."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from smlmsim.figures.axis import axis_of
from smlmsim.figures.label import score_label
from smlmsim.figures.panel import LIGHT, draw_cells, short
from smlmsim.figures.style import CATEGORIES, styled
from smlmsim.regions import RATE, VELOCITY

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CELL_IN = 0.36
TEXT_PT = 7.5
TITLES = {"given": "localizations given", "frames": "from camera frames"}
COLOURS = {
    "few localizations": CATEGORIES[4],
    "many localizations": CATEGORIES[0],
    "motion": CATEGORIES[1],
    "the localizer": CATEGORIES[3],
    "nothing": CATEGORIES[9],
}
MISSING = "0.9"
MOLECULES = "rate of molecules (Hz)"


def two_rows(rows: xr.Dataset) -> Figure:
    """Draw the mean scores of every reconstructor: above with localizations given, below from camera frames.

    All panels share one colour scale. Below the rates stands the localizer of the lower row.

    Parameters
    ----------
    rows : Dataset
        From :func:`smlmsim.limits.two_rows`.

    Raises
    ------
    ValueError
        If no cell has a score.
    """
    from matplotlib.figure import Figure

    means = {name: rows[name].mean("seed", skipna=False, keep_attrs=True) for name in TITLES}
    values = np.stack([means[name].transpose("reconstructor", VELOCITY, RATE).values for name in TITLES])
    if not np.isfinite(values).any():
        raise ValueError("no cell has a score, so there is no map to draw")
    names = rows.reconstructor.values.tolist()
    vertical, horizontal = (axis_of(means["given"], dim) for dim in (VELOCITY, RATE))
    below = [f"{rate}  {name}" for rate, name in zip(horizontal.ticks, rows.localizer.values, strict=True)]
    lower = rows.given.attrs.get("better") == "lower"
    scale: dict[str, Any] = {
        "vmin": np.nanmin(values), "vmax": np.nanmax(values), "cmap": "viridis_r" if lower else "viridis",
    }  # fmt: skip
    with styled():
        width_in = len(names) * (CELL_IN * horizontal.values.size + 0.15) + 1.9
        height_in = 2 * (CELL_IN * vertical.values.size + 0.15) + 1.6
        figure = Figure(figsize=(max(width_in, 3.4), height_in), layout="constrained")
        panels = figure.subplots(len(TITLES), len(names), squeeze=False)
        for line, title in enumerate(TITLES.values()):
            for place, panel in enumerate(panels[line]):
                draw_cells(panel, values[line, place], 72 * CELL_IN, scale, text_pt=TEXT_PT)
                if line == 0:
                    panel.set_title(str(names[place]))
            panels[line, 0].set_yticks(vertical.centres, vertical.ticks, rotation=0)
            panels[line, 0].set_ylabel(f"{title}\n{vertical.label}")
        for panel in panels[1]:
            panel.set_xticks(horizontal.centres, below, rotation=90)
        figure.supxlabel(f"{MOLECULES}, and the best localizer")
        bar = figure.colorbar(panels[0, 0].collections[0], ax=panels, aspect=30, pad=0.02)
        bar.outline.set_visible(False)
        better = rows.given.attrs.get("better", "higher")
        bar.set_label(f"{score_label(rows.given)}, mean of {rows.sizes['seed']} movies\n{better} is better")
        if lower:
            bar.ax.invert_yaxis()
    return figure


def limit_map(found: xr.Dataset) -> Figure:
    """Draw what limits the score from camera frames in every cell, and how much is lost to it.

    Parameters
    ----------
    found : Dataset
        From :func:`smlmsim.limits.limits`.
    """
    import seaborn
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch, Rectangle

    names = found.limit.transpose(VELOCITY, RATE).values
    lost = found.lost.max("loss").transpose(VELOCITY, RATE).values
    vertical, horizontal = (axis_of(found.lost, dim) for dim in (VELOCITY, RATE))
    shown = [name for name in COLOURS if (names == name).any()]
    with styled():
        size = (
            CELL_IN * 1.2 * names.shape[1] + 1.0,
            CELL_IN * 1.2 * names.shape[0] + 1.1 + 0.17 * len(shown),
        )
        figure = Figure(figsize=(max(size[0], 2.9), size[1]), layout="constrained")
        panel = figure.subplots()
        for (row, column), name in np.ndenumerate(names):
            colour = COLOURS.get(name, MISSING)
            panel.add_patch(
                Rectangle((column, row), 1, 1, facecolor=colour, edgecolor="white", linewidth=0.5)
            )
            light = seaborn.utils.relative_luminance(colour) > LIGHT
            if np.isfinite(lost[row, column]):
                panel.text(
                    column + 0.5, row + 0.5, short(lost[row, column]), ha="center", va="center", fontsize=TEXT_PT,
                    color="black" if light else "white",
                )  # fmt: skip
        panel.set(xlim=(0, names.shape[1]), ylim=(0, names.shape[0]), aspect="equal")
        panel.set_xticks(horizontal.centres, horizontal.ticks)
        panel.set_yticks(vertical.centres, vertical.ticks)
        panel.set(xlabel=MOLECULES, ylabel=vertical.label)
        panel.set_title("what limits the score from camera frames,\nand how much is lost to it")
        keys = [Patch(facecolor=COLOURS[name], label=name) for name in shown]
        if keys:
            figure.legend(handles=keys, loc="outside upper center", ncols=1, frameon=False)
    return figure
