"""Montages: frames of movies at selected times."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from smlmsim import channels
from smlmsim.figures.image import (
    LONGEST_LINE,
    draw_colour_bar,
    draw_frame,
    draw_line,
    draw_scale_bar,
    frame_times,
    frames,
    largest_shown,
    show_field,
)  # fmt: skip
from smlmsim.figures.style import styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from smlmsim.estimate import Line

PANEL_IN = 1.6
"""Edge length of a panel in inches."""
TRUTH, ESTIMATE, BOTH = (0.0, 1.0, 0.0), (1.0, 0.0, 1.0), (1.0, 1.0, 1.0)
"""Colours (red, green, blue): complementary, so that what agrees is white and colour-blind readers see the rest."""


def montage(
    images: Mapping[str, xr.DataArray], times_s: Sequence[float] | None = None, *, line: Line | None = None
) -> Figure:
    """Draw movies of one field, a row for each and a column for each time; each row has its own colour bar.

    Parameters
    ----------
    images : mapping
        Name -> movie (time, y, x), or (channel, time, y, x) with a row for each channel, coordinates in s and nm.
    times_s : sequence of float, optional
        Times of which the nearest frames are drawn; by default five, from the first to the last of the first movie.
    line : Line, optional
        Line of a kymograph, drawn on the first column.

    Raises
    ------
    ValueError
        If there is no movie.
    """
    if not images:
        raise ValueError("a montage needs at least one movie, found none")
    images = channels.panels(images)
    first = next(iter(images.values()))
    times_s = frame_times(first, times_s)
    with styled():
        figure, panels = _canvas(first, len(images), times_s, beside_in=0.7)
        for row, (name, image) in zip(panels, images.items(), strict=True):
            row[0].set_ylabel(textwrap.fill(name, LONGEST_LINE))
            for panel, frame in zip(row, frames(image, times_s), strict=True):
                draw_frame(panel, frame, image)
                show_field(panel, image, first)
            chosen = image.sel(time=times_s, method="nearest").values.astype(np.float64)
            draw_colour_bar(figure, row, image, largest_shown(image, chosen))
            if line is not None:
                draw_line(row[0], line, image)
        draw_scale_bar(panels[0][0], first, line)
    return figure


def overlay(estimate: xr.DataArray, truth: xr.DataArray, times_s: Sequence[float] | None = None) -> Figure:
    """Draw an estimate in magenta over the truth in green, white where they agree; each on its own scale.

    Parameters
    ----------
    estimate, truth : xr.DataArray
        Movies (time, y, x) of one field and pixel, coordinates in s and nm.
    times_s : sequence of float, optional
        Times of which the nearest frames are drawn; by default five, from the first to the last.

    Raises
    ------
    ValueError
        If the two do not have the same pixels.
    """
    shapes = [(image.sizes["y"], image.sizes["x"]) for image in (truth, estimate)]
    if shapes[0] != shapes[1]:
        raise ValueError(f"the truth has {shapes[0]} pixels along y and x, the estimate {shapes[1]}")
    times_s = frame_times(truth, times_s)
    with styled():
        figure, panels = _canvas(truth, 1, times_s, below_in=0.3)
        pairs = zip(panels[0], frames(truth, times_s), frames(estimate, times_s), strict=True)
        for panel, true, estimated in pairs:
            draw_frame(panel, np.stack([estimated, true, estimated], axis=-1), truth)
        draw_scale_bar(panels[0][0], truth)
        _name_colours(figure)
    return figure


def _canvas(
    image: xr.DataArray, rows: int, times_s: Sequence[float], *, below_in: float = 0.0, beside_in: float = 0.0
) -> tuple[Figure, list[list[Axes]]]:
    """Make a figure with empty panels, a column for each time, and margins below and beside them."""
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    height_in = PANEL_IN * image.sizes["y"] / image.sizes["x"]
    figure = Figure(
        figsize=(PANEL_IN * len(times_s) + 0.3 + beside_in, height_in * rows + 0.25 + below_in),
        layout=ConstrainedLayoutEngine(w_pad=0.02, h_pad=0.02, wspace=0, hspace=0),
    )
    panels = figure.subplots(rows, len(times_s), squeeze=False)
    for panel, time_s in zip(panels[0], times_s, strict=True):
        panel.set_title(f"{time_s:.4g} s")
    return figure, [list(row) for row in panels]


def _name_colours(figure: Figure) -> None:
    """Draw the legend of the colours below the panels."""
    from matplotlib.patches import Patch

    keys = [
        Patch(facecolor=colour, edgecolor="black", linewidth=0.4, label=name)
        for colour, name in ((TRUTH, "truth"), (ESTIMATE, "estimate"), (BOTH, "both"))
    ]
    figure.legend(handles=keys, loc="outside lower center", ncols=3, frameon=False)
