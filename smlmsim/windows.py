"""Time windows: which duration of a time point is best for each reconstructor, at each velocity and rate.

It is read off a grid with the axis ``acquisition.frames_per_point``. With a short window, few localizations make up a
time point; with a long one, structure moves within it.
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from smlmsim._settings import suggestion
from smlmsim.interval import PRACTICAL
from smlmsim.regions import RATE, VELOCITY, axes_of
from smlmsim.spec import parse_toml

WINDOW = "acquisition.frames_per_point"
EXPOSURE = "acquisition.exposure_s"


def has_windows(scores: xr.Dataset | xr.DataArray) -> bool:
    """Whether an axis of scores is the time window."""
    return WINDOW in scores.dims


def best_windows(scores: xr.Dataset, metric: str = "ms_ssim") -> xr.Dataset:
    """Find the time window with the best mean score over the seeds, for every reconstructor in every other cell.

    Parameters
    ----------
    scores : xr.Dataset
        The metric with the dims (*axes, seed, reconstructor); one axis is ``acquisition.frames_per_point``.
    metric : str
        Name of the metric.

    Returns
    -------
    xr.Dataset
        Over the other axes and ``reconstructor``: ``window``, the best one, and ``shortest`` and ``longest``, the ends
        of the range around it in which all windows are practically equal to it: less than 0.01 worse for a metric
        without units. Their attribute ``units`` is "s", or "frames" if the scores do not state the exposure.
        ``mean`` is the score of the best window. All four are NaN without a window that has scores of all seeds. The
        attributes ``first`` and ``last`` are the shortest and the longest window of the axis.

    Raises
    ------
    ValueError
        If there is no such metric, or its axes do not include the time window.
    """
    return best_of(_means(scores, metric), unit_s_of(scores))


def best_of(means: xr.DataArray, unit_s: float | None) -> xr.Dataset:
    """Find the best windows of mean scores (..., window, ..., reconstructor); see :func:`best_windows`.

    Parameters
    ----------
    means : xr.DataArray
        With the attributes ``better``, ``units`` and ``long_name`` of the metric.
    unit_s : float, optional
        Duration of a camera frame, s; without it, windows are in frames.
    """
    means = means.sortby(WINDOW).transpose(..., WINDOW)
    dims = [str(dim) for dim in means.dims[:-1]]
    windows = np.round(means[WINDOW].values * (unit_s or 1.0), 9)
    signed = _sign(means) * np.where(np.isfinite(means.values), means.values, np.nan)
    scored = np.isfinite(signed).any(axis=-1)
    place = np.where(np.isfinite(signed), signed, -np.inf).argmax(axis=-1)[..., None]
    best = np.take_along_axis(signed, place, axis=-1)
    equal = best - signed < PRACTICAL if means.attrs.get("units", "1") == "1" else best == signed
    order = np.arange(windows.size)
    # The nearest windows before and after the best that are not practically equal to it bound the range.
    first = np.where(~equal & (order < place), order, -1).max(axis=-1) + 1
    last = np.where(~equal & (order > place), order, windows.size).min(axis=-1) - 1
    about = {"units": "s" if unit_s else "frames"}
    places = {"window": place[..., 0], "shortest": first, "longest": last}
    return xr.Dataset(
        {
            **{name: (dims, np.where(scored, windows[at], np.nan), about) for name, at in places.items()},
            "mean": (dims, np.where(scored, _sign(means) * best[..., 0], np.nan), dict(means.attrs)),
        },
        {dim: means[dim] for dim in dims},
        {"first": float(windows[0]), "last": float(windows[-1]), **about},
    )


def at_best_windows(scores: xr.Dataset, metric: str = "ms_ssim") -> xr.Dataset:
    """Return the scores of every reconstructor at its own best time window in every cell, as of a grid without windows.

    The windows are chosen by the mean over the same seeds, so these scores are too good by a small part of their
    spread over the seeds.

    Raises
    ------
    ValueError
        As :func:`best_windows`.
    """
    place = _sign(scores[metric]) * _means(scores, metric)
    place = place.fillna(-np.inf).argmax(WINDOW)
    chosen = scores[metric].isel({WINDOW: place}).drop_vars(WINDOW)
    attrs = dict(scores[metric].attrs)
    attrs["long_name"] = f"{attrs.get('long_name', metric)} at the best time window"
    axes = [axis for axis in axes_of(scores[metric]) if axis != WINDOW]
    dims = [*axes, *(dim for dim in ("seed", "reconstructor") if dim in chosen.dims)]
    return chosen.transpose(*dims).assign_attrs(attrs).to_dataset(name=metric)


def shown_window(best: xr.Dataset, value: float) -> str:
    """A time window with its unit, and whether a shorter or longer one than all that were tried may be better."""
    if not np.isfinite(value):
        return "no score"
    beyond = {best.attrs["first"]: " or shorter", best.attrs["last"]: " or longer"}
    tried = best.attrs["first"] < best.attrs["last"]
    return f"{value:.3g} {best.attrs['units']}" + (beyond.get(value, "") if tried else "")


def in_words(best: xr.Dataset) -> list[str]:
    """Describe the best windows in one line for each reconstructor.

    Parameters
    ----------
    best : xr.Dataset
        Result of :func:`best_windows`, with up to two axes.

    Returns
    -------
    list of str
        As ``gaussian_time: 0 nm/s: 3 s or longer; 75 nm/s: 0.9 s (60 Hz), 0.3 s or shorter (245 Hz)``.
    """
    *rows, columns = ["", *axes_of(best["mean"])][-2:] if axes_of(best["mean"]) else ("", "")
    lines = []
    for name in best.reconstructor.values.tolist():
        one = best.sel(reconstructor=name)
        parts = []
        for row in one[rows[0]].values.tolist() if rows and rows[0] else [None]:
            cells = one if row is None else one.sel({rows[0]: row})
            said = _along(cells, columns)
            parts.append(said if row is None else f"{_place(best[rows[0]], row)}: {said}")
        lines.append(f"{name}: {'; '.join(parts)}")
    return lines


def _along(cells: xr.Dataset, axis: str) -> str:
    """The best windows along an axis; values with the same one are said together."""
    if not axis:
        return shown_window(cells, float(cells.window))
    groups: dict[str, list[str]] = {}
    for value, window in zip(cells[axis].values.tolist(), cells.window.values.tolist(), strict=True):
        groups.setdefault(shown_window(cells, window), []).append(_place(cells[axis], value))
    if len(groups) == 1:
        return next(iter(groups))
    return ", ".join(f"{said} ({', '.join(values)})" for said, values in groups.items())


def _place(axis: xr.DataArray, value: object) -> str:
    """A value of an axis with its unit, or with the name of the axis if it has none."""
    units = {VELOCITY: "nm/s", RATE: "Hz"}.get(str(axis.name), axis.attrs.get("units", "1"))
    plain = f"{value:g}" if isinstance(value, int | float) else str(value)
    return f"{plain} {units}" if units != "1" else f"{axis.attrs.get('long_name', axis.name)} {plain}"


def unit_s_of(scores: xr.Dataset) -> float | None:
    """The duration of a camera frame in the movies of a grid, s; None if the scores do not state it, or it varies."""
    if EXPOSURE in scores.dims or "grid" not in scores.attrs:
        return None
    study = parse_toml(str(scores.attrs["grid"]), "the grid of the scores").get("study", {})
    found = study.get("acquisition", {}).get("exposure_s")
    return float(found) if isinstance(found, int | float) and found > 0 else None


def _means(scores: xr.Dataset, metric: str) -> xr.DataArray:
    """The mean scores over the seeds; NaN where a movie has none, since means of other movies are not comparable."""
    if metric not in scores:
        raise ValueError(f"no metric {metric!r} in the scores; {suggestion(metric, map(str, scores))}")
    found = scores[metric]
    if not has_windows(found):
        raise ValueError(
            f"to compare time windows, {metric} needs the axis {WINDOW}; it has "
            f"{', '.join(axes_of(found)) or 'none'}: smlmsim grid --preset window --out DIR makes one that has it"
        )
    found = found.where(np.isfinite(found))
    mean = found.mean("seed", skipna=False) if "seed" in found.dims else found
    return mean.assign_attrs(scores[metric].attrs)


def _sign(scores: xr.DataArray) -> int:
    return -1 if scores.attrs.get("better") == "lower" else 1
