"""Paired scores: a line for every seed across the reconstructors, and differences from the best."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr

from smlmsim.figures.label import score_label
from smlmsim.figures.style import CATEGORIES, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def paired(scores: xr.DataArray, table: pd.DataFrame) -> Figure:
    """Draw the scores of a region, a line for each seed, and the differences from the best with their intervals.

    Parameters
    ----------
    scores : xr.DataArray
        Scores (seed, reconstructor), averaged over the cells of the region.
    table : pd.DataFrame
        The rows of :func:`smlmsim.compare.compare` for that region.
    """
    from matplotlib.figure import Figure

    movies = scores.transpose("seed", "reconstructor")
    sign = -1 if scores.attrs.get("better") == "lower" else 1
    order = np.argsort(-sign * movies.mean("seed").values, kind="stable")
    movies = movies.isel(reconstructor=order)
    with styled():
        figure = Figure(figsize=(6.4, 0.28 * movies.sizes["reconstructor"] + 1.1), layout="constrained")
        left, right = figure.subplots(1, 2, sharey=True)
        _draw_seeds(left, movies)
        _draw_differences(right, [str(name) for name in movies.reconstructor.values], table)
        left.set_title("a line for each seed; bar: the mean")
        right.set_title("mean and 95 % interval; filled: significant")
        left.set_xlabel(score_label(scores))
        right.set_xlabel(score_label(scores, "difference from the best, "))
        left.invert_yaxis()
    return figure


def _draw_seeds(panel: Axes, movies: xr.DataArray) -> None:
    heights = np.arange(movies.sizes["reconstructor"])
    for seed in movies.values:
        panel.plot(seed, heights, color="0.75", linewidth=0.6, marker="o", markersize=2.2)
    panel.plot(movies.mean("seed"), heights, "|", color=CATEGORIES[0], markersize=13, markeredgewidth=2)
    panel.set_yticks(heights, [str(name) for name in movies.reconstructor.values])


def _draw_differences(panel: Axes, names: list[str], table: pd.DataFrame) -> None:
    best = names[0]
    for height, name in enumerate(names[1:], start=1):
        pair = {best, name}
        for row in table[table["first"].isin(pair) & table["second"].isin(pair)].to_dict("records"):
            sign = 1 if row["first"] == best else -1
            ends = sorted((sign * row["low"], sign * row["high"]))
            told = bool(row["told_apart"])
            panel.plot(ends, [height, height], color=CATEGORIES[0], linewidth=1.6)
            panel.plot(
                sign * row["advantage"], height, "o", color=CATEGORIES[0], markersize=5,
                markerfacecolor=CATEGORIES[0] if told else "white",
            )  # fmt: skip
            if row["practically_equal"]:
                panel.annotate(
                    "practically equal", (sign * row["advantage"], height), xytext=(0, 4),
                    textcoords="offset points", ha="center", va="bottom", fontsize=6,
                )  # fmt: skip
    panel.axvline(0, color="0.4", linewidth=0.6)
