"""Location of an experiment on a map of scores, and which reconstructors are good enough there."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from smlmsim._settings import suggestion
from smlmsim.estimate.rate import LocalizationRate
from smlmsim.estimate.velocity import FilamentVelocity
from smlmsim.regions import is_text
from smlmsim.spec import brief
from smlmsim.windows import WINDOW, at_best_windows, best_of, has_windows, shown_window, unit_s_of

VELOCITY, RATE = "motion.velocity_nm_per_s", "photophysics.rate_hz"
SIGMAS = 2.0
"""Standard errors on either side of an estimate in which the truth is sought: 95 %."""
VERDICTS = ("good enough", "good enough in a part only", "not good enough")

Range = tuple[float, float]


class Box(NamedTuple):
    """The ranges of an experiment; None if not measured, and infinite at the upper end of a lower bound."""

    rate_hz: Range
    velocity_nm_per_s: Range | None

    @property
    def known(self) -> dict[str, Range]:
        """The measured ranges, by the names of the axes of a map."""
        found = {RATE: self.rate_hz, VELOCITY: self.velocity_nm_per_s}
        return {axis: reach for axis, reach in found.items() if reach is not None}


def experiment_box(rates: Sequence[LocalizationRate], velocity: FilamentVelocity | None = None) -> Box:
    """Make the box of an experiment from its measured rates and velocity.

    Parameters
    ----------
    rates : sequence of LocalizationRate
        Rates in stretches of the movie. The box reaches from the lowest to the highest rate per 2.56 x 2.56 um, the
        field size of a map, and at least two standard errors of the mean to either side of it.
    velocity : FilamentVelocity, optional
        The box reaches two standard errors to either side, or without upper end if the velocity is a lower bound.
    """
    found = np.array([rate.reference_hz for rate in rates])
    error_hz = math.hypot(*(rate.reference_error_hz for rate in rates)) / len(rates)
    low, high = _around(float(found.mean()), error_hz)
    reach_hz = (min(low, float(found.min())), max(high, float(found.max())))
    if velocity is None:
        return Box(reach_hz, None)
    slowest, fastest = _around(velocity.velocity_nm_per_s, velocity.error_nm_per_s)
    return Box(reach_hz, (slowest, math.inf if velocity.at_least else fastest))


def verdict(scores: xr.Dataset, box: Box, *, metric: str = "ms_ssim", threshold: float = 0.7) -> str:
    """Describe in words which reconstructors are good enough for an experiment.

    A reconstructor is good enough if its mean score over the seeds reaches the threshold in the whole box, by linear
    interpolation between the cells in the velocity and in the logarithm of the rate. Outside the map, scores are taken
    from its nearest edge, and the verdict says so.

    Parameters
    ----------
    scores : xr.Dataset
        The metric over ``motion.velocity_nm_per_s``, ``photophysics.rate_hz``, ``seed`` and ``reconstructor``. Its
        attribute ``better`` ("higher" or "lower") names the good side of the threshold.
    box : Box
        The experiment. Without a velocity, the whole range of the map counts.
    metric : str
        Name of the metric.
    threshold : float
        Score that is good enough.

    Raises
    ------
    ValueError
        If there is no such metric or axis.
    """
    _require_metric(scores, metric)
    windows = " with the best time window of each cell" if has_windows(scores) else ""
    if windows:
        scores = at_best_windows(scores, metric)
    if not {VELOCITY, RATE, "reconstructor"} <= set(scores[metric].dims) or scores[metric].dtype.kind != "f":
        raise ValueError(f"{metric} must have all axes of the map, found {scores[metric].dims}")
    known = scores[VELOCITY].values
    velocity = box.velocity_nm_per_s or (float(known.min()), float(known.max()))
    inside = _inside(scores[metric], box.rate_hz, velocity)
    sign = -1 if scores[metric].attrs.get("better") == "lower" else 1
    sorted_out: dict[str, list[str]] = {word: [] for word in VERDICTS}
    for name, values in zip(inside.reconstructor.values, inside.values, strict=True):
        reached = sign * values >= sign * threshold
        word = VERDICTS[0 if reached.all() else 1 if reached.any() else 2]
        sorted_out[word].append(f"{name} ({np.nanmin(values):.2f} to {np.nanmax(values):.2f})")
    where = f"{_shown(box.rate_hz)} Hz per 2.56 x 2.56 um and {_shown(velocity)} nm/s"
    unknown = "" if box.velocity_nm_per_s else " (the whole map, as no velocity was measured)"
    lines = [f"  {word}: {', '.join(names)}" for word, names in sorted_out.items() if names]
    lines.append(
        f"  at this rate, {metric} is good enough up to: {_velocities(scores, box, metric, threshold)}"
    )
    head = f"{metric} at {where}{unknown}{windows}, {threshold:g} being good enough:"
    outside = [
        _outside(scores[RATE].values, box.rate_hz, "rate", "Hz"),
        _outside(known, velocity, "velocity", "nm/s"),
    ]
    return "\n".join([head, *filter(None, outside), *lines])


def good_up_to(
    scores: xr.Dataset, rate_hz: Range, *, metric: str = "ms_ssim", threshold: float = 0.7
) -> dict[str, float]:
    """Find the velocity up to which each reconstructor is good enough at all rates of a range.

    Parameters
    ----------
    scores, metric, threshold :
        As in :func:`verdict`.
    rate_hz : tuple of float
        The range of rates, Hz per 2.56 x 2.56 um.

    Returns
    -------
    dict of str to float
        Velocity in nm/s, by the name of the reconstructor, at which the mean score at the worst rate, interpolated
        linearly between the cells, first falls below the threshold; the highest velocity of the map if it never does,
        and NaN if it is below the threshold from the start.
    """
    known = np.sort(scores[VELOCITY].values)
    sign = -1 if scores[metric].attrs.get("better") == "lower" else 1
    inside = _inside(scores[metric], rate_hz, (float(known[0]), float(known[-1]))) * sign
    worst = inside.unstack("place").min(RATE).transpose("reconstructor", VELOCITY)
    found = {}
    for name, values in zip(worst.reconstructor.values, worst.values, strict=True):
        below = np.flatnonzero(~(values >= sign * threshold))
        if below.size == 0:
            found[str(name)] = float(known[-1])
        elif below[0] == 0:
            found[str(name)] = math.nan
        else:
            i = int(below[0])
            share = (values[i - 1] - sign * threshold) / (values[i - 1] - values[i])
            found[str(name)] = float(known[i - 1] + share * (known[i] - known[i - 1]))
    return found


def window_advice(scores: xr.Dataset, box: Box, *, metric: str = "ms_ssim") -> str:
    """Describe in words which time window is best for each reconstructor at the rate of an experiment.

    The window is best by the mean of the scores at the lowest and the highest rate and in all cells in between, as
    :func:`verdict` finds them. It is given for every velocity of the map and, if one was measured, for that.

    Parameters
    ----------
    scores : xr.Dataset
        As for :func:`verdict`, with the further axis ``acquisition.frames_per_point``.
    box : Box
        The experiment.
    metric : str
        Name of the metric.

    Raises
    ------
    ValueError
        If there is no such metric or axis.
    """
    _require_metric(scores, metric)
    if not has_windows(scores):
        raise ValueError(f"to recommend a time window, the map needs the axis {WINDOW}")
    reaches = {f"{known:g} nm/s": (known, known) for known in np.sort(scores[VELOCITY].values).tolist()}
    if box.velocity_nm_per_s:
        reaches = {f"the measured {_shown(box.velocity_nm_per_s)} nm/s": box.velocity_nm_per_s, **reaches}
    found = {words: _best_window(scores, metric, box.rate_hz, reach) for words, reach in reaches.items()}
    lines = [f"best time window by {metric} at {_shown(box.rate_hz)} Hz per 2.56 x 2.56 um, and the range within "
             "0.01 of it:"]  # fmt: skip
    if outside := _outside(scores[RATE].values, box.rate_hz, "rate", "Hz"):
        lines.append(outside)
    for name in scores.reconstructor.values.tolist():
        said = [f"{_window_words(best.sel(reconstructor=name))} at {words}" for words, best in found.items()]
        lines.append(f"  {name}: {', '.join(said)}")
    return "\n".join(lines)


def scores_inside(scores: xr.DataArray, rate_hz: Range, velocity: Range) -> xr.DataArray:
    """Return scores at the ends of two ranges and in all cells in between; outside the map, those of its edge.

    Parameters
    ----------
    scores : xr.DataArray
        Over ``motion.velocity_nm_per_s``, ``photophysics.rate_hz`` and ``reconstructor``, and perhaps others.
    rate_hz, velocity : (float, float)
        Ranges of the rate per 2.56 x 2.56 um, Hz, and of the velocity, nm/s; the latter may end at infinity.

    Returns
    -------
    xr.DataArray
        (..., reconstructor, place), interpolated linearly in the velocity and in the logarithm of the rate.
    """
    found = scores.sortby([RATE, VELOCITY])
    places = {
        VELOCITY: _places(found[VELOCITY].values, velocity),
        RATE: np.log(_places(found[RATE].values, rate_hz)),
    }
    found = found.assign_coords({RATE: np.log(found[RATE].values)})
    return found.interp(places).stack(place=[VELOCITY, RATE]).transpose(..., "reconstructor", "place")


def is_on_map(scores: xr.Dataset, box: Box) -> bool:
    """Whether a part of the box of an experiment lies on a map."""
    return not any(_is_beyond(scores[axis].values, reach) for axis, reach in box.known.items())


def require_map(scores: xr.Dataset) -> None:
    """Check the axes of a map.

    Raises
    ------
    ValueError
        If an axis is missing or superfluous, a velocity is not a number, or a rate is not positive.
    """
    for axis in (VELOCITY, RATE, "reconstructor"):
        if axis not in scores.dims:
            raise ValueError(
                f"a map needs the axis {axis}, found {', '.join(map(str, scores.dims)) or 'none'}"
            )
    known = (VELOCITY, RATE, WINDOW, "seed", "reconstructor")
    if more := [str(dim) for dim in scores.dims if dim not in known]:
        first = scores[more[0]].values.tolist()[0] if more[0] in scores.coords else 0
        raise ValueError(
            f"a map has the axes {VELOCITY}, {RATE} and {WINDOW} alone, found {', '.join(more)} besides; choose a "
            f"value of it, as in scores.sel({{{more[0]!r}: {first!r}}}).to_netcdf('map.nc')"
        )
    if is_text(scores[VELOCITY]):
        raise ValueError(
            f"the velocities of a map must be numbers, found {brief(scores[VELOCITY].values.tolist())}"
        )
    if scores[RATE].dtype.kind not in "fiu" or not (scores[RATE] > 0).all():
        raise ValueError(f"the rates of a map must be positive, found {brief(scores[RATE].values.tolist())}")


def _require_metric(scores: xr.Dataset, metric: str) -> None:
    require_map(scores)
    if metric not in scores:
        raise ValueError(f"no metric {metric!r} in the map; {suggestion(metric, map(str, scores))}")


def _best_window(scores: xr.Dataset, metric: str, rate_hz: Range, velocity: Range) -> xr.Dataset:
    """The best windows of all reconstructors by the mean score in ranges of rate and velocity."""
    means = _inside(scores[metric], rate_hz, velocity).mean("place", skipna=False)
    return best_of(means.assign_attrs(scores[metric].attrs), unit_s_of(scores))


def _window_words(best: xr.Dataset) -> str:
    """The best window of one reconstructor, the range around it, and the score."""
    if not np.isfinite(float(best.window)):
        return "no score"
    low, high = float(best.shortest), float(best.longest)
    reach = f", {low:.3g} to {high:.3g}" if low < high else ""
    return f"{shown_window(best, float(best.window))} ({float(best['mean']):.2f}{reach})"


def _velocities(scores: xr.Dataset, box: Box, metric: str, threshold: float) -> str:
    """The velocity up to which each reconstructor is good enough, in words, the best first."""
    most = float(scores[VELOCITY].max())
    found = good_up_to(scores, box.rate_hz, metric=metric, threshold=threshold)
    order = sorted(found, key=lambda name: (math.isnan(found[name]), -found[name], name))

    def shown(velocity: float) -> str:
        if math.isnan(velocity):
            return "not at any velocity"
        return f"{velocity:.0f} nm/s" + (" (the end of the map)" if velocity == most else "")

    return "; ".join(f"{name} {shown(found[name])}" for name in order)


def _around(value: float, error: float) -> Range:
    return max(value - SIGMAS * error, 0.0), value + SIGMAS * error


def _shown(reach: Range) -> str:
    low, high = (f"{float(f'{value:.3g}'):g}" for value in reach)
    return f"{low} or more" if math.isinf(reach[1]) else f"{low} to {high}"


def _inside(scores: xr.DataArray, rate_hz: Range, velocity: Range) -> xr.DataArray:
    """The mean scores (..., reconstructor, place) at the ends of both ranges and in all cells in between."""
    return scores_inside(scores.mean("seed") if "seed" in scores.dims else scores, rate_hz, velocity)


def _outside(known: npt.NDArray[np.float64], reach: Range, what: str, units: str) -> str:
    """Return a line of warning if a part of a range is not on the map, else ""."""
    low, high = float(known.min()), float(known.max())
    if low <= reach[0] and reach[1] <= high:
        return ""
    if _is_beyond(known, reach):
        return f"  the {what} is beyond the map, {_shown((low, high))} {units}: its nearest edge is used"
    if math.isinf(reach[1]):
        return (
            f"  the {what} is a lower bound: all of the map from there on is used, up to {high:.3g} {units}"
        )
    return f"  the {what} reaches beyond the map, {_shown((low, high))} {units}: there, its edge is used"


def _is_beyond(known: npt.NDArray[np.float64], reach: Range) -> bool:
    return bool(reach[1] < known.min() or reach[0] > known.max())


def _places(known: npt.NDArray[np.float64], reach: Range) -> npt.NDArray[np.float64]:
    """The ends of a range, moved to the edge of the map if outside, and the values of the map in between."""
    low, high = np.clip(reach, known[0], known[-1])
    return np.unique([low, high, *known[(known > low) & (known < high)]])
