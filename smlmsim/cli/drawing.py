"""The pictures and words that a finished grid gets."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import typer
import xarray as xr

import smlmsim
from smlmsim import limits, windows
from smlmsim.agreement_ranks import agreement_ranks, has_agreement
from smlmsim.agreement_ranks import in_words as in_words_of_ranks
from smlmsim.limits import has_limits, two_rows
from smlmsim.regions import axes_of
from smlmsim.windows import WINDOW, at_best_windows, best_windows, has_windows

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_log = logging.getLogger(__name__)


def draw_grid(scores: xr.Dataset, metric: str, out: Path) -> list[str]:
    """Draw the heatmap of a grid, and say and draw what its axes tell besides. Return the names of the files.

    With time windows, these are the best ones, and a heatmap of windows and two more axes shows every reconstructor
    with its best window. With localizers of which one is "given", it is what limits. More axes are not drawn, and a
    note says so.
    """
    axes, names = axes_of(scores[metric]), []
    if has_limits(scores) and len(axes) == 3:
        return _draw_limits(two_rows(scores, metric), out)
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
    return names + (_draw_windows(scores, metric, out) if has_windows(scores) else [])


def _draw_windows(scores: xr.Dataset, metric: str, out: Path) -> list[str]:
    """Say and draw the best time windows."""
    best, names = best_windows(scores, metric), []
    axes = axes_of(best["mean"])
    if len(axes) <= 2:
        typer.echo("\n  ".join(["best time window:", *windows.in_words(best)]))
    if len(axes) in (1, 2):
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


def _draw_limits(rows: xr.Dataset, out: Path) -> list[str]:
    """Say and draw where the localizer limits, and where the motion."""
    found = limits.limits(rows)
    typer.echo("\n  ".join(["with the best localizer and reconstructor:", *limits.in_words(rows)]))
    names = _save(smlmsim.figures.two_rows(rows), "heatmap", out)
    names += _save(smlmsim.figures.limit_map(found), "limits", out)
    with smlmsim.io.replacing(out / "limits.csv") as draft:
        found.to_dataframe().reset_index().to_csv(draft, index=False)
    return [*names, "limits.csv"]


def _save(figure: Figure, name: str, out: Path) -> list[str]:
    """Save a figure as PNG and PDF."""
    files = [f"{name}.png", f"{name}.pdf"]
    for file in files:
        smlmsim.figures.save(figure, out / file)
    return files
