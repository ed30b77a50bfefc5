"""Ranks over metrics, and cost against quality."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from smlmsim.figures.style import CATEGORIES, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def rank_table(ranks: pd.DataFrame) -> Figure:
    """Draw the mean rank of every reconstructor by every metric, the best brightest.

    Parameters
    ----------
    ranks : pd.DataFrame
        As :func:`smlmsim.compare.mean_ranks` gives it.
    """
    from matplotlib.figure import Figure

    metrics, names = len(ranks), ranks.columns.size
    with styled():
        figure = Figure(figsize=(0.62 * names + 1.4, 0.3 * metrics + 1.2), layout="constrained")
        panel = figure.subplots()
        values = ranks.to_numpy(float)
        panel.pcolormesh(
            values, cmap="viridis_r", vmin=1, vmax=max(names, 2), edgecolor="white", linewidth=0.5
        )
        for (row, column), rank in np.ndenumerate(values):
            colour = "black" if rank < 0.45 * (names + 1) else "white"
            text = f"{rank:.1f}" if np.isfinite(rank) else "-"
            panel.text(column + 0.5, row + 0.5, text, ha="center", va="center", color=colour)
        panel.set_xticks(np.arange(names) + 0.5, ranks.columns, rotation=35, ha="right")
        panel.set_yticks(np.arange(metrics) + 0.5, ranks.index)
        panel.tick_params(length=0)
        panel.invert_yaxis()
        panel.set_title("mean rank of a movie, 1 is best")
    return figure


def cost(costs: pd.DataFrame) -> Figure:
    """Draw quality against the time for a movie; the area of a point grows with the number of parameters.

    Parameters
    ----------
    costs : pd.DataFrame
        As :func:`smlmsim.report.cost.costs` gives it.
    """
    from matplotlib.figure import Figure

    with styled():
        figure = Figure(figsize=(4.6, 3.2), layout="constrained")
        panel = figure.subplots()
        area = 25 + 12 * np.log10(1 + costs["parameters"].to_numpy(float)) ** 1.5
        colours = [CATEGORIES[place % len(CATEGORIES)] for place in range(len(costs))]
        panel.scatter(costs["seconds"], costs["score"], s=area, c=colours, linewidth=0)
        middle = np.sqrt(costs["seconds"].min() * costs["seconds"].max())
        for name, row in costs.iterrows():
            leftward = row["seconds"] > middle
            panel.annotate(
                str(name), (row["seconds"], row["score"]), (-5 if leftward else 5, 4), fontsize=7.5,
                textcoords="offset points", ha="right" if leftward else "left",
            )  # fmt: skip
        panel.set_xscale("log")
        panel.margins(x=0.25, y=0.12)
        panel.set(
            xlabel="time for a movie on one thread (s)", ylabel=f"{costs.attrs['label']}, mean of all movies"
        )
        if costs.attrs["better"] == "lower":
            panel.invert_yaxis()
    return figure
