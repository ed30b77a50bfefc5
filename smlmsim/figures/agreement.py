"""Two reconstructions side by side, a map of where they disagree, and their resolution over time."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from smlmsim.brightness import white_level
from smlmsim.figures.image import LONGEST_LINE, draw_colour_bar, draw_frame, draw_scale_bar
from smlmsim.figures.style import CATEGORIES, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PANEL_IN = 2.3
"""Width of an image in inches."""
LOWEST_IN = 0.6
"""Least height of a row of images in inches."""


def agreement(images: dict[str, xr.DataArray], found: xr.Dataset) -> Figure:
    """Draw two reconstructions and where they disagree, averaged over time, and their resolution at each time point.

    Parameters
    ----------
    images : dict of str to xr.DataArray
        Two movies (time, y, x) by their names, each drawn on its own scale.
    found : xr.Dataset
        From :func:`smlmsim.metrics.agreement`.

    Raises
    ------
    ValueError
        If there are not two movies.
    """
    from matplotlib.figure import Figure

    if len(images) != 2:
        raise ValueError(f"two reconstructions are drawn beside each other, found {len(images)}")
    shown = {**images, "where they disagree": found.disagreement}
    first = next(iter(images.values()))
    height_in = max(PANEL_IN * first.sizes["y"] / first.sizes["x"], LOWEST_IN)
    with styled():
        figure = Figure(figsize=(3 * (PANEL_IN + 0.9), height_in + 2.1), layout="constrained")
        panels = figure.subplot_mosaic([["a", "b", "c"], ["time"] * 3], height_ratios=(height_in, 1.5))
        for key, (name, movie) in zip("abc", shown.items(), strict=True):
            _draw_mean(figure, panels[key], name, movie)
        draw_scale_bar(panels["a"], first)
        _draw_over_time(panels["time"], found)
    return figure


def _draw_mean(figure: Figure, panel: Axes, name: str, movie: xr.DataArray) -> None:
    mean = movie.values.mean(axis=0, dtype=np.float64)
    largest = white_level(mean)
    draw_frame(panel, (mean / largest).clip(0, 1), movie)
    panel.set_title(textwrap.fill(name, LONGEST_LINE))
    draw_colour_bar(figure, [panel], movie, largest)


def _draw_over_time(panel: Axes, found: xr.Dataset) -> None:
    """Draw the resolution of each time point, and that of the whole movie."""
    whole, worst = float(found.frc_nm), float(found.attrs["worst_nm"])
    panel.plot(
        found.time,
        found.frc_over_time_nm,
        color=CATEGORIES[0],
        marker="o",
        markersize=3,
        label="each time point",
    )
    label = f"whole movie: {whole:.0f} nm" if whole < worst else "whole movie: no correlation"
    panel.axhline(whole, color=CATEGORIES[1], linestyle="--", linewidth=1, label=label)
    panel.set_ylim(1.5 * float(found.attrs["pixel_nm"]), 1.3 * worst)
    panel.set_yscale("log")
    panel.set_xlabel("time (s)")
    panel.set_ylabel("FRC resolution (nm)")
    panel.legend(frameon=False, fontsize=7)
