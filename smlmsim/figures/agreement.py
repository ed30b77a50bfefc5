"""Two reconstructions side by side, where they disagree, and their resolution over time and over the field."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import xarray as xr

from smlmsim.brightness import white_level
from smlmsim.figures.image import LONGEST_LINE, draw_colour_bar, draw_frame, draw_scale_bar
from smlmsim.figures.style import CATEGORIES, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import YAxis
    from matplotlib.figure import Figure

PANEL_IN = 2.3
"""Width of an image in inches."""
OVER_IN = 1.9
"""Height of the row of resolutions in inches."""
MOST_NUMBERS = 25
"""Parts of the field, at most, whose resolution is also written as a number."""
LOWEST_IN = 0.6
"""Least height of a row of images in inches."""


def agreement(images: dict[str, xr.DataArray], found: xr.Dataset) -> Figure:
    """Draw two reconstructions and where they disagree, averaged over time, and their resolution.

    The resolution is that of each time point, and of each part of the field over all time points.

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
        figure = Figure(figsize=(3 * (PANEL_IN + 0.9), height_in + OVER_IN + 0.6), layout="constrained")
        panels = figure.subplot_mosaic(
            [["a", "b", "c"], ["time", "time", "field"]], height_ratios=(height_in, OVER_IN)
        )
        for key, (name, movie) in zip("abc", shown.items(), strict=True):
            _draw_mean(figure, panels[key], name, movie)
        draw_scale_bar(panels["a"], first)
        _draw_over_time(panels["time"], found)
        _draw_over_field(figure, panels["field"], found)
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
    values = np.append(found.frc_over_time_nm.values, whole)
    highest = float(np.nanmax(values))
    panel.set_ylim(1.5 * float(found.attrs["pixel_nm"]), 1.3 * worst if highest >= worst else 3 * highest)
    panel.set_yscale("log")
    _write_plainly(panel.yaxis)
    panel.set_xlabel("time (s)")
    panel.set_ylabel("FRC resolution (nm)")
    panel.legend(frameon=False, fontsize=7)


def _draw_over_field(figure: Figure, panel: Axes, found: xr.Dataset) -> None:
    """Draw the resolution of each part of the field; parts where one of the two is empty stay grey."""
    from matplotlib.colors import LogNorm

    values, worst = found.frc_over_space_nm.values, float(found.attrs["worst_nm"])
    known = np.isfinite(values) & (values < worst)
    low, high = (float(end(values[known])) if known.any() else worst for end in (np.min, np.max))
    scale = LogNorm(low / 1.2, max(high, 2 * low) * 1.2)
    height, width = (found[dim].values[-1] - found[dim].values[0] for dim in ("y", "x"))
    shown = np.where(known, values, np.nan)
    image = panel.imshow(shown, cmap="viridis_r", norm=scale, extent=(0, width, height, 0))
    title = "over the field" if known.all() else "over the field; grey: none"
    panel.set(xticks=[], yticks=[], title=title, facecolor="0.88")
    if values.size <= MOST_NUMBERS:
        _write_numbers(panel, values, worst, (float(height), float(width)))
    bar = figure.colorbar(image, ax=panel, fraction=0.05, pad=0.01, aspect=18)
    bar.set_label("FRC resolution (nm)", fontsize=7)
    _write_plainly(bar.ax.yaxis)


def _write_plainly(axis: YAxis) -> None:
    """Write the numbers of a logarithmic axis without powers of ten."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_locator(NullLocator())


def _write_numbers(
    panel: Axes, values: npt.NDArray[np.float64], worst: float, size_nm: tuple[float, float]
) -> None:
    """Write the resolution of each part into it: none if its halves never correlate, nothing if one is empty."""
    rows, columns = values.shape
    for (row, column), nm in np.ndenumerate(values):
        at = (column + 0.5) / columns * size_nm[1], (row + 0.5) / rows * size_nm[0]
        said = "" if np.isnan(nm) else f"{nm:.0f}" if nm < worst else "none"
        panel.text(*at, said, ha="center", va="center", fontsize=7, color="black",
                   bbox={"facecolor": "white", "alpha": 0.6, "linewidth": 0, "pad": 1})  # fmt: skip
