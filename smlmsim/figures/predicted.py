"""Agreement of two colours against the score, for every reconstructor."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr

from smlmsim.agreement_ranks import MEASURES, shown
from smlmsim.figures.image import LONGEST_LINE
from smlmsim.figures.label import score_label
from smlmsim.figures.style import CATEGORIES, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def predicted(scores: xr.Dataset, metric: str, ranks: pd.DataFrame) -> Figure:
    """Draw the score of every movie against the agreement of its two colours, a row for each reconstructor.

    The movies of all other reconstructors are grey. Each panel states the rank correlation over the cells, and its
    95 % interval over the seeds.

    Parameters
    ----------
    scores : xr.Dataset
        The metric and the measures of agreement (*axes, seed, reconstructor).
    metric : str
        Name of the metric.
    ranks : pd.DataFrame
        The result of :func:`smlmsim.agreement_ranks.agreement_ranks`.
    """
    from matplotlib.figure import Figure

    names = [str(name) for name in scores.reconstructor.values]
    with styled():
        figure = Figure(figsize=(7.4, 1.55 * len(names) + 0.7), layout="constrained")
        panels = figure.subplots(len(names), len(MEASURES), squeeze=False, sharex="col", sharey=True)
        for row, name in zip(panels, names, strict=True):
            for panel, measure in zip(row, MEASURES, strict=True):
                _draw(panel, scores[measure], scores[metric], name)
                found = ranks[(ranks["measure"] == measure) & (ranks["reconstructor"] == name)].iloc[0]
                panel.set_title(f"rank correlation {shown(found)}", fontsize=7.5)
            row[0].set_ylabel(name)
        for panel, meaning in zip(panels[-1], MEASURES.values(), strict=True):
            panel.set_xlabel(textwrap.fill(meaning, LONGEST_LINE))
        figure.supylabel(score_label(scores[metric]))
    return figure


def _draw(panel: Axes, agreed: xr.DataArray, scores: xr.DataArray, name: str) -> None:
    """Draw the movies of one reconstructor over those of all others."""
    others = agreed.reconstructor.values != name
    for chosen, colour in ((others, "0.85"), (~others, CATEGORIES[0])):
        x, y = (found.isel(reconstructor=np.flatnonzero(chosen)).values.ravel() for found in (agreed, scores))
        panel.plot(x, y, "o", markersize=2.2, markeredgewidth=0, color=colour)
