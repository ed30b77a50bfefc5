"""Ranks over metrics, and cost against quality."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from smlmsim.figures.style import CATEGORIES, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def rank_table(ranks: pd.DataFrame) -> Figure:
    """Draw the mean rank of every reconstructor by every metric; the best are brightest.

    Parameters
    ----------
    ranks : pd.DataFrame
        Table returned by :func:`smlmsim.compare.mean_ranks`.
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
            colour = "white" if rank >= 0.45 * (names + 1) else "black"
            text = f"{rank:.1f}" if np.isfinite(rank) else "-"
            panel.text(column + 0.5, row + 0.5, text, ha="center", va="center", color=colour)
        panel.set_xticks(np.arange(names) + 0.5, ranks.columns, rotation=35, ha="right")
        panel.set_yticks(np.arange(metrics) + 0.5, ranks.index)
        panel.tick_params(length=0)
        panel.invert_yaxis()
        panel.set_title("mean rank over all movies; 1 is the best of a movie")
    return figure


def cost(costs: pd.DataFrame) -> Figure:
    """Draw quality against the time per movie; the area of a point grows with the number of parameters.

    Parameters
    ----------
    costs : pd.DataFrame
        Table returned by :func:`smlmsim.report.cost.costs`.
    """
    from matplotlib.collections import PathCollection
    from matplotlib.figure import Figure

    with styled():
        figure = Figure(figsize=(5.6, 3.2), layout="constrained")
        panel = figure.subplots()
        area = 25 + 12 * np.log10(1 + costs["parameters"].to_numpy(float)) ** 1.5
        for place, (name, row) in enumerate(costs.iterrows()):
            colour = CATEGORIES[place % len(CATEGORIES)]
            panel.scatter(
                row["seconds"], row["score"], s=area[place], color=colour, linewidth=0,
                label=f"{name}, {row['parameters']:,.0f}" if row["parameters"] else str(name),
            )  # fmt: skip
        panel.set_xscale("log")
        panel.xaxis.set_major_formatter("{x:g}")
        panel.xaxis.set_minor_formatter("")
        panel.margins(x=0.12, y=0.12)
        legend = figure.legend(
            loc="outside right upper", frameon=False, title="trained parameters: area", alignment="left"
        )
        for handle in legend.legend_handles:
            if isinstance(handle, PathCollection):
                handle.set_sizes([30])
        panel.set(
            xlabel="time for a movie on one thread (s)", ylabel=f"{costs.attrs['label']}, mean of all movies"
        )
        if costs.attrs["better"] == "lower":
            panel.invert_yaxis()
    return figure
