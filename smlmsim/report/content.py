"""The content of the page as plain lists and dictionaries: axes, scores, colours, movies."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from smlmsim.compare import win_map
from smlmsim.figures.axis import Axis, axis_of
from smlmsim.figures.style import CATEGORIES
from smlmsim.floor import floor_of
from smlmsim.grid.slices import require_shown
from smlmsim.regions import LIVE_CELLS, VELOCITY, axes_of, inside, is_text, rising
from smlmsim.report.sprites import Quality, chosen_frames, reduced, sheet_columns


class Layout(NamedTuple):
    """The axes of the maps: rows upwards, columns to the right; with one axis there is a single row without a dim."""

    rows: Axis | None
    columns: Axis

    @property
    def dims(self) -> list[str]:
        """The settings along rows and columns."""
        return [axis.setting for axis in (self.rows, self.columns) if axis]

    def described(self) -> dict[str, Any]:
        """Labels and ticks of both axes."""
        rows, columns = self.rows, self.columns
        nothing = {"label": "", "units": "", "ticks": [""]}
        return {"rows": _described(rows) if rows else nothing, "columns": _described(columns)}


def layout_of(scores: xr.Dataset, metric: str) -> Layout:
    """Choose the axes of scores that become rows and columns; the velocity points upwards.

    Raises
    ------
    ValueError
        If there is no axis, or more than two.
    """
    axes = axes_of(scores[metric])
    require_shown({axis: scores[axis].values.tolist()[0] for axis in axes})
    risen = rising(scores[metric])
    if len(axes) == 1:
        return Layout(None, axis_of(risen, axes[0]))
    rows, columns = reversed(axes) if axes[1] == VELOCITY else axes
    return Layout(axis_of(risen, rows), axis_of(risen, columns))


def content(scores: xr.Dataset, layout: Layout, shown: Sequence[int]) -> dict[str, Any]:
    """Return the content without movies, whose seeds are ``shown``; maps are in the order of the metrics in scores."""
    metrics = [str(name) for name in scores if "better" in scores[name].attrs]
    live = live_cells(scores, metrics[0], layout)
    candidates = np.argwhere(live if live.any() else np.ones_like(live))
    return {
        "reconstructors": scores.reconstructor.values.tolist(),
        "seeds": scores.sizes["seed"],
        "layout": layout.described(),
        "shown": list(shown),
        "metrics": [maps(scores, metric, layout, shown) for metric in metrics],
        "colours": colours(),
        "live": live.tolist(),
        "first": candidates[len(candidates) // 2].tolist(),
    }


def truth_units(*, measured: bool) -> dict[str, Any]:
    """Return how the brightness of the truth is labelled: contour length, or localizations of a measured table.

    ``factor`` converts from nm^-1, or nm^-2, to ``units``.
    """
    if measured:
        return {"factor": 1e6, "units": "/\N{MICRO SIGN}m\N{SUPERSCRIPT TWO}", "note": "all localizations"}
    return {
        "factor": 1e3,
        "units": "\N{MICRO SIGN}m/\N{MICRO SIGN}m\N{SUPERSCRIPT TWO}",
        "note": "true density",
    }


def live_cells(scores: xr.Dataset, metric: str, layout: Layout) -> npt.NDArray[np.bool_]:
    """Mark the cells (row, column) in the range of live-cell experiments; none if one of its axes is missing."""
    found = scores[metric]
    cells = inside(found, LIVE_CELLS) if set(LIVE_CELLS) <= set(layout.dims) else ~inside(found, {})
    return _rows(cells.assign_coords({dim: found[dim] for dim in layout.dims}), layout)


def maps(scores: xr.Dataset, metric: str, layout: Layout, shown: Sequence[int]) -> dict[str, Any]:
    """Return the maps of a metric: means, standard deviations, the best of every cell, ties; (..., row, column).

    ``movies`` are the scores of the movies that can be played (seed, reconstructor, row, column).
    """
    wins, attrs = win_map(scores, metric), scores[metric].attrs
    names = scores.reconstructor.values.tolist()
    best = np.vectorize(lambda name: names.index(name) if name else -1, otypes=[int])(
        _rows(wins.best, layout)
    )
    return {
        "name": metric,
        "label": attrs.get("long_name", metric),
        "units": attrs.get("units", "1"),
        "better": attrs.get("better", "higher"),
        "mean": _listed(_rows(wins["mean"], layout)),
        "sd": _listed(_rows(wins["sd"], layout)),
        "movies": _listed(_rows(scores[metric].sel(seed=list(shown)), layout)),
        "best": best.tolist(),
        "floor": floor_of(scores, metric),
        "told_apart": _rows(wins["told_apart"], layout).tolist(),
        "tied": _rows(wins["tied"], layout).tolist(),
        "equal": _rows(wins["practically_equal"], layout).tolist(),
        "tie": _rows(wins["tie"], layout).tolist(),
    }


def colours() -> dict[str, list[str]]:
    """Return the colour scales of the figures as 256 colours each, and the colours of categories."""
    import matplotlib
    from matplotlib.colors import to_hex

    scales = {name: matplotlib.colormaps[name](np.arange(256)) for name in ("viridis", "inferno")}
    return {name: [to_hex(colour) for colour in scale] for name, scale in scales.items()} | {
        "categories": list(CATEGORIES)
    }


def movie(clip: xr.Dataset, quality: Quality, sheets: Sequence[bytes]) -> str:
    """Return a clip as JSON: the sheets of its layers as they were encoded, with its times."""
    frames = reduced(clip.brightness.values[0], quality)
    times_s = clip.time.values[chosen_frames(clip.sizes["time"], quality.frames)]
    pixel_nm = float(clip.x[1] - clip.x[0]) if clip.sizes["x"] > 1 else 0.0
    return json.dumps(
        {
            "seed": int(clip.attrs["seed"]),
            "points": clip.sizes["time"],
            "times": [round(float(time), 4) for time in times_s],
            "shape": list(frames.shape[1:]),
            "columns": sheet_columns(len(frames)),
            "width_nm": pixel_nm * clip.sizes["x"],
            "height_nm": pixel_nm * clip.sizes["y"],
            "layers": clip.layer.values.tolist(),
            "white": [float(f"{white:.3g}") for white in clip.white.values],
            "reasons": clip.reason.values.tolist(),
            "sheets": [base64.b64encode(sheet).decode() for sheet in sheets],
        }
    )


def movie_places(
    clips: Mapping[tuple[int, ...], tuple[Path, ...]], scores: xr.Dataset, metric: str, layout: Layout
) -> dict[str, tuple[Path, ...]]:
    """Return the clips of cells by ``row-column-seed`` in the maps, in which numeric axes increase."""
    grid_axes = axes_of(scores[metric])
    ranks = {
        dim: np.arange(scores.sizes[dim])
        if is_text(scores[dim])
        else np.argsort(np.argsort(scores[dim].values))
        for dim in grid_axes
    }

    def place(cell: tuple[int, ...]) -> str:
        *indices, seed = cell
        rank = {dim: int(ranks[dim][index]) for dim, index in zip(grid_axes, indices, strict=True)}
        row, column = (rank.get(axis.setting, 0) if axis else 0 for axis in layout)
        return f"{row}-{column}-{scores.seed.values[seed]}"

    return {place(cell): path for cell, path in clips.items()}


def _described(axis: Axis) -> dict[str, Any]:
    return {"label": axis.name, "units": axis.units, "ticks": axis.ticks}


def _rows(values: xr.DataArray, layout: Layout) -> npt.NDArray[Any]:
    """Return values as (reconstructor, row, column), or (row, column) if they have no reconstructors."""
    risen = rising(values)
    if layout.rows is None:
        risen = risen.expand_dims("row")
    last = [layout.dims[0] if layout.rows else "row", layout.columns.setting]
    first = [dim for dim in ("seed", "reconstructor") if dim in risen.dims]
    return risen.transpose(*first, *last).values


def _listed(values: npt.NDArray[np.float64]) -> list[Any]:
    """Return nested lists with six digits, and None for missing values."""
    rounded = np.vectorize(lambda value: float(f"{value:.6g}"), otypes=[float])(values)
    found = rounded.astype(object)
    found[~np.isfinite(rounded)] = None
    return list(found.tolist())


def scripts(movies: Mapping[str, str]) -> Iterator[str]:
    """Yield every movie in its own script element, which a browser does not parse before it is played."""
    for place, text in movies.items():
        yield f'<script type="application/json" id="movie-{place}">{safe_json(text)}</script>'


def safe_json(text: str) -> str:
    """Escape JSON so that it cannot end the script element that contains it."""
    return text.replace("<", "\\u003c")
