"""Heatmaps of the scores of every reconstructor over velocity and localization rate."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from smlmsim._settings import suggestion
from smlmsim.figures.axis import Axis, axis_of, shown
from smlmsim.figures.beyond import STRIP_IN, Beyond, draw_beyond
from smlmsim.figures.label import score_label
from smlmsim.figures.panel import Box, draw_box, draw_cells, hatch_cells, short
from smlmsim.figures.style import styled
from smlmsim.floor import Floor, floor_of
from smlmsim.regions import LIVE_CELLS, VELOCITY, Range, rising

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PANELS_ABREAST, MANY_ABREAST = 4, 5
"""Panels in a row, and of a figure that would have more than three rows; with more their text becomes too small."""
KEY_IN = 2.6
"""Width in inches reserved for one entry of the legend."""
LEAST_CELLS = 0.7
"""Least width of a rectangle in cells: that of a point would not be seen."""


def heatmap(
    scores: xr.Dataset,
    metric: str = "ms_ssim",
    *,
    marked: Mapping[str, Range] = LIVE_CELLS,
    marks: str = "measured in live cells",
    beyond: bool = False,
) -> Figure:
    """Draw the scores of every reconstructor, averaged over the seeds, on one colour scale.

    With two axes there is one panel for each reconstructor, velocity upwards. With one axis there is a single
    panel with a row for each reconstructor. All cells have the same size, however their values are spaced; the
    marked ranges are placed by interpolation. A cell is hatched if a movie has no score, and grey if none has.
    The legend gives the floor, the score of an empty estimate, if the scores contain it.

    Parameters
    ----------
    scores : xr.Dataset
        The metric with the dims (*axes, seed, reconstructor). Its attributes ``long_name``, ``units`` and
        ``better`` ("higher" or "lower"), and those of the axes' coordinates, label the figure.
    metric : str
        Variable to draw.
    marked : mapping
        Range of each axis that a rectangle marks; by default the localization rates and velocities
        measured in live cells, 110-380 Hz and 60-90 nm/s (Bai 2023, tel-04772446, chapter II.3).
    marks : str
        Name of the rectangle in the legend.
    beyond : bool
        Whether arrows point to marked ranges outside the values of the axes; otherwise these are left out.

    Raises
    ------
    ValueError
        If there is no such metric, if it has no axis or more than two, or if no cell has a score.
    """
    movies = _arranged(scores, metric)
    means, incomplete = movies.mean("seed").values, movies.isnull().any("seed").values
    if np.isnan(means).all():
        raise ValueError(f"no cell has a score of {metric!r}, so there is nothing to draw")
    _, panel_dim, *dims = map(str, movies.dims)
    rows, columns = (axis_of(movies, dim) for dim in dims)
    box = _box(rows, columns, marked)
    off = [Beyond.of(axis, marked.get(axis.setting)) for axis in (rows, columns)]
    beyond = beyond and any(one.side for one in off)
    with styled():
        figure, panels, cell_pt = _canvas(*means.shape, beside_in=STRIP_IN if beyond else 0.0)
        for panel, name, mean, lacking in zip(
            panels, movies[panel_dim].values, means, incomplete, strict=True
        ):
            panel.set_title(str(name))
            draw_cells(panel, mean, cell_pt, _scale(means, movies.attrs))
            hatch_cells(panel, lacking)
            if beyond:
                draw_beyond(panel, off[0], off[1], cell_pt)
            elif box:
                draw_box(panel, box, cell_pt)
        _label_axes(figure, panels, rows, columns, cell_pt)
        _draw_scale(figure, panels, movies)
        ranges = f"{marks}: {_ranges(rows, columns, marked)}" if box or beyond else ""
        floor = floor_of(scores, metric)
        colour = _colour(panels[0], floor) if floor else None
        _explain(figure, ranges, floor, colour, hatched=bool(incomplete.any()), beyond=beyond)
    return figure


def rows_of(panels: int) -> tuple[int, int]:
    """Return in how many rows a number of panels stand, and how many are in a row.

    Examples
    --------
    >>> rows_of(9), rows_of(13)
    ((3, 3), (3, 5))
    """
    abreast = PANELS_ABREAST if panels <= 3 * PANELS_ABREAST else MANY_ABREAST
    lines = math.ceil(panels / abreast)
    return lines, math.ceil(panels / lines)


def _arranged(scores: xr.Dataset, metric: str) -> xr.DataArray:
    """The scores as (seed, panel, row, column), axes of numbers in rising order, NaN for what is not finite."""
    if metric not in scores:
        raise ValueError(f"no metric {metric!r} in the scores; {suggestion(metric, map(str, scores))}")
    found = scores[metric]
    for dim in ("seed", "reconstructor"):
        found = found if dim in found.dims else found.expand_dims(dim)
    axes = [str(dim) for dim in found.dims if dim not in ("seed", "reconstructor")]
    if len(axes) not in (1, 2):
        raise ValueError(
            f"a heatmap has one axis or two, found {', '.join(axes) or 'none'}; select a value of the others, as in "
            "scores.sel({'acquisition.exposure_s': 0.03})"
        )
    found = rising(found.where(np.isfinite(found)))
    if len(axes) == 1:
        upwards = found.isel(reconstructor=slice(None, None, -1))
        return upwards.expand_dims(panel=[""]).transpose("seed", "panel", "reconstructor", axes[0])
    rows, columns = reversed(axes) if axes[1] == VELOCITY else axes
    return found.transpose("seed", "reconstructor", rows, columns)


def _box(rows: Axis, columns: Axis, marked: Mapping[str, Range]) -> Box | None:
    """The rectangle of the marked ranges, or None if one is outside; it spans an axis without a marked range."""
    if marked.keys().isdisjoint({rows.setting, columns.setting}):
        return None
    (bottom, top), (left, right) = (
        _visible(*axis.place(*marked[axis.setting]), float(axis.values.size))
        if axis.setting in marked
        else (0.0, float(axis.values.size))
        for axis in (rows, columns)
    )
    return Box(bottom, top, left, right) if top > bottom and right > left else None


def _visible(low: float, high: float, cells: float) -> Range:
    """A range in cells, wide enough to be seen if it is a point or nearly so; outside the axis it stays as it is."""
    lacking = LEAST_CELLS - (high - low)
    if lacking <= 0 or high <= 0 or low >= cells:
        return low, high
    middle = min(max((low + high) / 2, LEAST_CELLS / 2), cells - LEAST_CELLS / 2)
    return middle - LEAST_CELLS / 2, middle + LEAST_CELLS / 2


def _ranges(rows: Axis, columns: Axis, marked: Mapping[str, Range]) -> str:
    """The marked ranges in words."""
    return ", ".join(
        shown(marked[axis.setting], axis.units) for axis in (columns, rows) if axis.setting in marked
    )


def _canvas(
    panels: int, rows: int, columns: int, *, beside_in: float = 0.0
) -> tuple[Figure, list[Axes], float]:
    """Make a figure with empty panels and margins; also return the size of a cell in points."""
    from matplotlib.figure import Figure

    lines, abreast = rows_of(panels)
    cell_in = float(np.clip(2.4 / max(rows, columns), 0.24, 0.6))
    width_in = abreast * (columns * cell_in + 0.2 + beside_in) + 1.7
    height_in = lines * (rows * cell_in + 0.3 + beside_in) + 1.1
    figure = Figure(figsize=(width_in, height_in), layout="constrained")
    grid = figure.subplots(lines, abreast, squeeze=False).ravel()
    for unused in grid[panels:]:
        unused.remove()
    return figure, list(grid[:panels]), cell_in * 72


def _scale(means: npt.NDArray[np.float64], attrs: Mapping[Any, Any]) -> dict[str, Any]:
    """The colour scale, on which better scores are brighter."""
    colours = "viridis_r" if attrs.get("better") == "lower" else "viridis"
    return {"vmin": np.nanmin(means), "vmax": np.nanmax(means), "cmap": colours}


def _label_axes(figure: Figure, panels: list[Axes], rows: Axis, columns: Axis, cell_pt: float) -> None:
    """Label the outer sides of the outer panels."""
    _, abreast = rows_of(len(panels))
    upright = max(map(len, columns.ticks)) * 4.8 > cell_pt
    for place, panel in enumerate(panels):
        if place % abreast == 0:
            panel.set_yticks(rows.centres, rows.ticks, rotation=0)
        if place + abreast >= len(panels):
            panel.set_xticks(columns.centres, columns.ticks, rotation=90 if upright else 0)
    figure.supylabel(rows.label)
    figure.supxlabel(columns.label)


def _draw_scale(figure: Figure, panels: list[Axes], movies: xr.DataArray) -> None:
    """Draw one colour bar for all panels, with the best score at its upper end."""
    attrs, seeds = movies.attrs, movies.sizes["seed"]
    bar = figure.colorbar(panels[0].collections[0], ax=panels, aspect=30, pad=0.02)
    bar.outline.set_visible(False)
    label = score_label(movies)
    better = f"\n{attrs['better']} is better" if "better" in attrs else ""
    bar.set_label(f"{label}, mean of {seeds} movies{better}" if seeds > 1 else label + better)
    if attrs.get("better") == "lower":
        bar.ax.invert_yaxis()


def _colour(panel: Axes, floor: Floor) -> Any:
    """The colour of the middle of the floor on the colour scale of a panel."""
    return panel.collections[0].to_rgba(np.array((floor.low + floor.high) / 2))


def _explain(
    figure: Figure, ranges: str, floor: Floor | None, colour: Any, *, hatched: bool, beyond: bool
) -> None:
    """Draw the legend of the rectangle or arrow, the hatching and the floor above the panels."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    box = Patch(fill=False, edgecolor="black", linewidth=1.3, label=ranges)
    arrow = Line2D([], [], color="black", linewidth=1.5, marker=">", markersize=4, label=ranges)
    hatch = Patch(facecolor="0.9", hatch="/////", edgecolor="0.5", linewidth=0, label="a movie has no score")
    keys: list[Any] = [arrow if beyond else box] * bool(ranges) + [hatch] * hatched
    if floor:
        text = "an empty estimate: " + "\N{EN DASH}".join(dict.fromkeys(map(short, floor)))
        keys.append(Patch(facecolor=colour, edgecolor="0.5", linewidth=0.5, label=text))
    if keys:
        figure.legend(
            handles=keys,
            loc="outside upper center",
            ncols=max(1, int(figure.get_figwidth() / KEY_IN)),
            frameon=False,
        )
