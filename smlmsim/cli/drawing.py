"""The pictures and words that a finished grid gets."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import typer
import xarray as xr

import smlmsim
from smlmsim.agreement_ranks import agreement_ranks, has_agreement
from smlmsim.agreement_ranks import in_words as in_words_of_ranks
from smlmsim.regions import axes_of
from smlmsim.windows import WINDOW, at_best_windows, best_windows, has_windows, in_words

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_log = logging.getLogger(__name__)


def draw_grid(scores: xr.Dataset, metric: str, out: Path) -> list[str]:
    """Draw the heatmap of a grid; if it has time windows, also say and draw the best. Return the names of the files.

    A heatmap of windows and two more axes shows every reconstructor with its best window. More axes are not drawn, and
    a note says so.
    """
    axes, names = axes_of(scores[metric]), []
    others = [axis for axis in axes if axis != WINDOW]
    if len(others) > 2:
        _log.warning(
            "a heatmap has one axis or two, found %s: select values of the others in scores.nc to draw one, or cut the "
            "grid: smlmsim report DIR --out REPORT --at SETTING=VALUE", ", ".join(axes),
        )  # fmt: skip
    else:
        shown = at_best_windows(scores, metric) if len(axes) > 2 else scores
        names += _save(smlmsim.figures.heatmap(shown, metric), "heatmap", out)
    if has_agreement(scores):
        names += _draw_agreement(scores, metric, out)
    if not has_windows(scores):
        return names
    best = best_windows(scores, metric)
    if len(others) <= 2:
        typer.echo("\n  ".join(["best time window:", *in_words(best)]))
    if len(others) in (1, 2):
        names += _save(smlmsim.figures.window_map(best), "windows", out)
    with smlmsim.io.replacing(out / "windows.csv") as draft:
        best.to_dataframe().reset_index().to_csv(draft, index=False)
    return [*names, "windows.csv"]


def _draw_agreement(scores: xr.Dataset, metric: str, out: Path) -> list[str]:
    """Say, draw and store how far the agreement of two colours predicts the score; return the names of the files."""
    ranks = agreement_ranks(scores, metric)
    typer.echo("\n  ".join(in_words_of_ranks(ranks, str(scores[metric].attrs.get("long_name", metric)))))
    with smlmsim.io.replacing(out / "agreement.csv") as draft:
        ranks.to_csv(draft, index=False)
    return [*_save(smlmsim.figures.predicted(scores, metric, ranks), "agreement", out), "agreement.csv"]


def _save(figure: Figure, name: str, out: Path) -> list[str]:
    """Save a figure as PNG and PDF."""
    files = [f"{name}.png", f"{name}.pdf"]
    for file in files:
        smlmsim.figures.save(figure, out / file)
    return files
