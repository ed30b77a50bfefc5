"""Robustness: box plots of networks on data of unseen laboratories and perturbed cells, a line per movie."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from smlmsim.figures.label import score_label
from smlmsim.figures.style import CATEGORIES, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = npt.NDArray[np.float64]

APART = 0.75
"""Distance between the two boxes of a pair; pairs are 2 apart."""

NETWORKS = {"it saw all laboratories": CATEGORIES[4], "it never saw this one": CATEGORIES[1]}
CELLS = {"control": CATEGORIES[2], "perturbed": CATEGORIES[3]}


def laboratories(scores: xr.Dataset, table: pd.DataFrame) -> Figure:
    """Compare, per metric and laboratory, networks trained on all laboratories and on all but this one.

    Parameters
    ----------
    scores : xr.Dataset
        Scores returned by :func:`smlmsim.robustness.run_robustness`.
    table : pd.DataFrame
        Table returned by :func:`smlmsim.robustness.differences`; its corrected p-values are drawn above the pairs.
    """
    rows = table[table.question == "unseen"]
    seen = scores.attrs["all_laboratories"]
    control = scores.sel(condition="control")

    def draw(panel: Axes, metric: str, laboratory: str) -> None:
        movies = control[metric].sel(laboratory=laboratory)
        row = _of(rows, metric, laboratory).iloc[0]
        pair = [movies.sel(model=name).values for name in (seen, row["model"])]
        _draw_pairs(panel, [pair], [row["p_holm"]], NETWORKS)
        panel.set_xticks([0, APART], [seen, row["model"]])

    return _panels(scores, draw, NETWORKS, panel_width=1.25)


def perturbation(scores: xr.Dataset, table: pd.DataFrame) -> Figure:
    """Compare, per metric and laboratory, control and perturbed movies, for both networks and a classic method.

    Parameters
    ----------
    scores, table :
        As in :func:`laboratories`.
    """
    rows = table[table.question == "perturbed"]

    def draw(panel: Axes, metric: str, laboratory: str) -> None:
        movies = scores[metric].sel(laboratory=laboratory)
        found = _of(rows, metric, laboratory)
        pairs = [
            [movies.sel(model=model, condition=condition).values for condition in CELLS]
            for model in found["model"]
        ]
        _draw_pairs(panel, pairs, found["p_holm"].tolist(), CELLS)
        names = [str(name).replace("_", "\n") for name in found["model"]]
        panel.set_xticks(2 * np.arange(len(pairs)) + APART / 2, names)

    return _panels(scores, draw, CELLS, panel_width=1.9)


def _panels(
    scores: xr.Dataset,
    draw: Callable[[Axes, str, str], None],
    colours: Mapping[str, str],
    *,
    panel_width: float,
) -> Figure:
    """Draw panels, a row for each metric and a column for each laboratory, with a given function; add a legend."""
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    metrics, names = [str(name) for name in scores], [str(name) for name in scores.laboratory.values]
    with styled():
        figure = Figure(
            figsize=(panel_width * len(names) + 0.7, 1.9 * len(metrics) + 0.5), layout="constrained"
        )
        panels = figure.subplots(len(metrics), len(names), sharey="row", squeeze=False)
        for row, metric in zip(panels, metrics, strict=True):
            for panel, name in zip(row, names, strict=True):
                draw(panel, metric, name)
                panel.margins(y=0.16)
            row[0].set_ylabel(f"{score_label(scores[metric])}\n{scores[metric].attrs['better']} is better")
        for panel, name in zip(panels[0], names, strict=True):
            panel.set_title(name.replace("_", " "))
        patches = [Patch(color=colour, label=label) for label, colour in colours.items()]
        figure.legend(handles=patches, loc="outside lower center", ncols=2, frameon=False)
    return figure


def _draw_pairs(
    panel: Axes, pairs: Sequence[Sequence[Floats]], p: Sequence[float], colours: Mapping[str, str]
) -> None:
    """Draw two box plots (quartiles) for each pair, a line for every movie, and the p-value above."""
    for place, (pair, value) in enumerate(zip(pairs, p, strict=True)):
        at = 2 * place + np.array([0, APART])
        panel.plot(at, np.array(pair), color="0.25", linewidth=0.4, marker="o", markersize=1.6, zorder=3)
        boxes = panel.boxplot(
            list(pair), positions=at, widths=0.5, showfliers=False, patch_artist=True, manage_ticks=False,
            medianprops={"color": "black"}, whiskerprops={"linewidth": 0.6}, capprops={"linewidth": 0.6}, zorder=2,
        )  # fmt: skip
        for box, colour in zip(boxes["boxes"], colours.values(), strict=True):
            box.set(facecolor=colour, linewidth=0.5)
        panel.annotate(
            _p(value), (at.mean(), 1), xycoords=("data", "axes fraction"), xytext=(0, -2),
            textcoords="offset points", ha="center", va="top", fontsize=6.5,
        )  # fmt: skip
    panel.set_xlim(-0.6, 2 * len(pairs) - 2 + APART + 0.6)


def _of(rows: pd.DataFrame, metric: str, laboratory: str) -> pd.DataFrame:
    return rows[(rows["metric"] == metric) & (rows["laboratory"] == laboratory)]


def _p(value: float) -> str:
    return f"p = {value:.2g}" if value >= 0.001 else "p < 0.001"
