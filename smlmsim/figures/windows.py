"""Maps of the best time window: which duration of a time point suits which velocity and rate."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import xarray as xr

from smlmsim.figures.axis import axis_of
from smlmsim.figures.heatmap import rows_of
from smlmsim.figures.label import score_label
from smlmsim.figures.panel import draw_cells, short
from smlmsim.figures.style import styled
from smlmsim.regions import VELOCITY, axes_of, rising

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CELL_IN = 0.56
"""Edge length of a cell in inches: room for a range of windows."""
TEXT_PT, TITLE_PT = 7.0, 9.0
AT_MOST, AT_LEAST = "\N{LESS-THAN OR EQUAL TO}", "\N{GREATER-THAN OR EQUAL TO}"


def window_map(best: xr.Dataset) -> Figure:
    """Draw the best time window of every reconstructor, and in colour the score with it.

    With two other axes there is one panel for each reconstructor, velocity upwards; with one there is a single panel
    with a row for each reconstructor. Under the best window stands the range of windows that are practically equal to
    it. The sign for "at least" or "at most" marks the longest and the shortest window that was tried. Cells without
    scores are grey.

    Parameters
    ----------
    best : xr.Dataset
        Result of :func:`smlmsim.windows.best_windows`.

    Raises
    ------
    ValueError
        If there are not one or two axes besides the window, or no cell has a score.
    """
    from matplotlib.figure import Figure

    if len(axes_of(best["mean"])) not in (1, 2):
        raise ValueError(
            f"a map of windows has one axis or two besides the window, found "
            f"{', '.join(axes_of(best['mean'])) or 'none'}"
        )
    if not best["mean"].notnull().any():
        raise ValueError("no cell has a score, so there is no best time window to draw")
    panel_dim, *dims = _arrangement(best["mean"])
    names = best[panel_dim].values if panel_dim in best.dims else [""]
    mean, window, shortest, longest = (
        _arranged(best[name], panel_dim, dims) for name in ("mean", "window", "shortest", "longest")
    )
    rows, columns = (axis_of(_upwards(best["mean"], panel_dim), dim) for dim in dims)
    lines, abreast = rows_of(len(names))
    with styled():
        figure = Figure(
            figsize=(
                abreast * (CELL_IN * columns.values.size + 0.2) + 1.9,
                lines * (CELL_IN * rows.values.size + 0.3) + 1.2,
            ),
            layout="constrained",
        )
        panels = figure.subplots(lines, abreast, squeeze=False).ravel()
        for unused in panels[len(names) :]:
            unused.remove()
        lower = best["mean"].attrs.get("better") == "lower"
        scale = {
            "vmin": np.nanmin(mean), "vmax": np.nanmax(mean), "cmap": "viridis_r" if lower else "viridis",
        }  # fmt: skip
        for place, (panel, name) in enumerate(zip(panels, names, strict=False)):
            texts = _texts(best, window[place], shortest[place], longest[place])
            draw_cells(panel, mean[place], 72 * CELL_IN, scale, texts=texts, text_pt=TEXT_PT)
            panel.set_title(str(name))
            if place % abreast == 0:
                panel.set_yticks(rows.centres, rows.ticks, rotation=0)
            if place + abreast >= len(names):
                panel.set_xticks(columns.centres, columns.ticks, rotation=0)
        figure.supylabel(rows.label)
        figure.supxlabel(columns.label)
        units = best.attrs["units"]
        said = f"the best time window ({units})"
        if best.attrs["first"] < best.attrs["last"]:
            said += f"\n{AT_MOST}, {AT_LEAST}: the shortest, the longest tried"
            said += "\nbelow: the range of practically equal ones"
        figure.suptitle(said, fontsize=TITLE_PT)
        _draw_scale(figure, list(panels[: len(names)]), best["mean"], lower=lower)
    return figure


def _arrangement(mean: xr.DataArray) -> tuple[str, str, str]:
    """The dims of panels, rows and columns."""
    axes = axes_of(mean)
    if len(axes) == 1:
        return "", "reconstructor", axes[0]
    rows, columns = reversed(axes) if axes[1] == VELOCITY else axes
    return "reconstructor", rows, columns


def _upwards(found: xr.DataArray, panel_dim: str) -> xr.DataArray:
    """Numbers in rising order; reconstructors as rows from top to bottom."""
    found = rising(found)
    return found if panel_dim else found.isel(reconstructor=slice(None, None, -1))


def _arranged(found: xr.DataArray, panel_dim: str, dims: list[str]) -> npt.NDArray[np.float64]:
    """Values as (panel, row, column)."""
    found = _upwards(found, panel_dim)
    values = found.transpose(*filter(None, [panel_dim]), *dims).values.astype(np.float64)
    return values if panel_dim else values[None]


def _texts(
    best: xr.Dataset,
    window: npt.NDArray[np.float64],
    shortest: npt.NDArray[np.float64],
    longest: npt.NDArray[np.float64],
) -> npt.NDArray[np.str_]:
    """The best window of every cell (row, column), with the range around it in a second line if there is one."""
    first, last = best.attrs["first"], best.attrs["last"]
    signs = {first: AT_MOST, last: AT_LEAST} if first < last else {}
    texts = np.full(window.shape, "", dtype=object)
    for at, value in np.ndenumerate(window):
        if np.isfinite(value):
            low, high = shortest[at], longest[at]
            texts[at] = signs.get(value, "") + _tidy(value)
            texts[at] += f"\n{_tidy(float(low))}\N{EN DASH}{_tidy(float(high))}" if low < high else ""
    return texts.astype(np.str_)


def _tidy(value: float) -> str:
    return f"{value:.3g}".removeprefix("0") or "0"


def _draw_scale(figure: Figure, panels: list[Axes], mean: xr.DataArray, *, lower: bool) -> None:
    """Draw one colour bar for all panels, with the best score at its upper end."""
    bar = figure.colorbar(panels[0].collections[0], ax=panels, aspect=30, pad=0.02)
    bar.outline.set_visible(False)
    bar.set_label(f"{score_label(mean)} with the best window")
    bar.ax.yaxis.set_major_formatter(lambda value, _: short(value))
    if lower:
        bar.ax.invert_yaxis()
