"""Where an experiment lies on a map of scores, and what that means for it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import xarray as xr

from smlmsim.estimate.rate import LocalizationRate
from smlmsim.estimate.widefield_velocity import FilamentVelocity

VELOCITY, RATE = "motion.velocity_nm_per_s", "photophysics.rate_hz"
SIGMAS = 2.0

Range = tuple[float, float]


class Box(NamedTuple):
    """The ranges of an experiment: two standard errors to either side; None where it was not measured."""

    rate_hz: Range
    velocity_nm_per_s: Range | None

    @property
    def ranges(self) -> dict[str, Range | None]:
        """The same by the names of the axes of a map."""
        return {RATE: self.rate_hz, VELOCITY: self.velocity_nm_per_s}


def experiment_box(rate: LocalizationRate, velocity: FilamentVelocity | None = None) -> Box:
    """The box of an experiment, the rate per 2.56 x 2.56 um, as on a map of fields of that size."""
    measured_velocity = None
    if velocity:
        measured_velocity = _around(velocity.velocity_nm_per_s, velocity.error_nm_per_s)
    return Box(_around(rate.reference_hz, rate.reference_error_hz), measured_velocity)


def verdict(scores: xr.Dataset, box: Box, *, metric: str = "ms_ssim", threshold: float = 0.7) -> str:
    """Say in words which reconstructors are good enough for an experiment.

    A reconstructor is good enough if its mean score over the seeds reaches the threshold in the whole box, by linear
    interpolation between the cells in the velocity and in the logarithm of the rate.

    Parameters
    ----------
    scores : xr.Dataset
        The metric over ``motion.velocity_nm_per_s``, ``photophysics.rate_hz``, ``seed`` and ``reconstructor``.
    box : Box
        The experiment. Without a velocity, the whole range of the map counts.
    metric : str
    threshold : float
        With the attribute ``better`` of the metric, "higher" (the default) or "lower", on its good side.

    Raises
    ------
    ValueError
        If there is no such metric or axis, or if the box lies outside of the map.
    """
    require_map(scores)
    if metric not in scores:
        raise ValueError(f"no metric {metric!r} in the map; there are: {', '.join(map(str, scores))}")
    found = scores[metric].mean("seed") if "seed" in scores[metric].dims else scores[metric]
    found = found.sortby([RATE, VELOCITY]).assign_coords({RATE: np.log(np.sort(found[RATE].values))})
    low, high = (float(scores[VELOCITY].min()), float(scores[VELOCITY].max()))
    velocity = box.velocity_nm_per_s or (low, high)
    corners = {
        VELOCITY: _places(found[VELOCITY].values, velocity, "velocity", "nm/s"),
        RATE: _places(found[RATE].values, (np.log(box.rate_hz[0]), np.log(box.rate_hz[1])), "rate", "log Hz"),
    }
    inside = found.interp(corners)
    lower = found.attrs.get("better", "higher") == "lower"
    worst, best = (inside.max(list(corners)), inside.min(list(corners)))[:: 1 if lower else -1]
    good, partly, poor = [], [], []
    for name, least, most in zip(found.reconstructor.values, worst.values, best.values, strict=True):
        reached, somewhere = (
            (least <= threshold, most <= threshold) if lower else (least >= threshold, most >= threshold)
        )
        text = f"{name} ({min(least, most):.2f} to {max(least, most):.2f})"
        (good if reached else partly if somewhere else poor).append(text)
    where = f"{box.rate_hz[0]:.3g}-{box.rate_hz[1]:.3g} Hz per 2.56 x 2.56 um, {velocity[0]:.3g}-{velocity[1]:.3g} nm/s"
    if box.velocity_nm_per_s is None:
        where += " (no velocity was measured: all of the map)"
    lines = [f"{metric} at {where}, {threshold:g} being good enough:"]
    for label, names in (
        ("good enough", good),
        ("good enough in a part only", partly),
        ("not good enough", poor),
    ):
        if names:
            lines.append(f"  {label}: {', '.join(names)}")
    return "\n".join(lines)


def require_map(scores: xr.Dataset) -> None:
    """Require the axes of a map.

    Raises
    ------
    ValueError
        If one is missing.
    """
    for axis in (VELOCITY, RATE, "reconstructor"):
        if axis not in scores.dims:
            raise ValueError(f"a map has the axis {axis}, found {', '.join(map(str, scores.dims))}")


def _around(value: float, error: float) -> Range:
    return max(value - SIGMAS * error, 0.0), value + SIGMAS * error


def _places(known: np.ndarray, reach: Range, what: str, units: str) -> np.ndarray:
    """The ends of a range and the cells in between, on the map."""
    if reach[1] < known[0] or reach[0] > known[-1]:
        shown, ends = (
            (np.exp(reach), np.exp(known[[0, -1]])) if units == "log Hz" else (reach, known[[0, -1]])
        )
        raise ValueError(
            f"the {what} of {shown[0]:.3g} to {shown[1]:.3g} lies outside of the map, which has {ends[0]:.3g} to "
            f"{ends[1]:.3g} {units.removeprefix('log ')}"
        )
    ends = np.clip(reach, known[0], known[-1])
    return np.unique([*ends, *known[(known > ends[0]) & (known < ends[1])]])
