"""What limits a reconstruction from camera frames: few localizations, motion, or the localizer.

It is read off a grid over velocity, rate and localizer, of which one is "given": the localizations of these movies do
not come from frames. From the best score of all, that of slow structure at the best rate, three steps lead to the
score of a cell:

1. to its own rate, with localizations given and the structure slow: what is lost has to do with the number of them;
2. to its own velocity: what is lost is due to motion;
3. to localizations from camera frames: what is lost is due to the localizer.

The sum of the three is all that is lost. In every step it is the reconstructor with the best mean that counts.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from smlmsim._settings import suggestion
from smlmsim.interval import PRACTICAL, mean_interval
from smlmsim.localizers import GIVEN
from smlmsim.regions import RATE, VELOCITY, axes_of

LOCALIZER = "localization.localizer"
ROWS = ("given", "frames")
"""Localizations given, and localizations from camera frames."""
LOSSES = ("rate", "motion", "localizer")
"""The three steps, in their order."""
FEW, MANY, MOTION, LOCALIZING, NOTHING = (
    "few localizations",
    "many localizations",
    "motion",
    "the localizer",
    "nothing",
)
"""What can limit a cell; "many" where a lower rate is better, "nothing" where less than 0.01 is lost by any."""

Floats = npt.NDArray[np.float64]


class Beyond(NamedTuple):
    """The rate in Hz beyond which more localizations do not help, and the ends of its 95 % interval.

    It is infinite where more may help than were tried, and NaN where a score is missing; of one seed, the ends are NaN.
    """

    rate_hz: float
    low_hz: float
    high_hz: float


def has_limits(scores: xr.Dataset | xr.DataArray) -> bool:
    """Whether scores are over velocity, rate and localizers, of which one is "given"."""
    names = scores[LOCALIZER].values.tolist() if LOCALIZER in scores.dims else []
    return {VELOCITY, RATE} <= set(scores.dims) and GIVEN in names and len(names) > 1


def two_rows(scores: xr.Dataset, metric: str = "ms_ssim") -> xr.Dataset:
    """Take the scores with localizations given, and those from camera frames by the best localizer of every rate.

    The best localizer has the best mean over velocities and seeds, with the best reconstructor of every cell.

    Parameters
    ----------
    scores : Dataset
        The metric over velocity, rate, localizer, seed and reconstructor; no other axes.
    metric : str

    Returns
    -------
    Dataset
        ``given`` and ``frames`` (velocity, rate, seed, reconstructor), both in rising order, and ``localizer`` (rate,),
        the name of the best one; "" where none has all scores.

    Raises
    ------
    ValueError
        If there is no such metric, or the axes are others.
    """
    if metric not in scores:
        raise ValueError(f"no metric {metric!r} in the scores; {suggestion(metric, map(str, scores))}")
    found = scores[metric]
    if not has_limits(found) or len(axes_of(found)) != 3:
        raise ValueError(
            f"what limits a reconstruction is told from the axes {VELOCITY}, {RATE} and {LOCALIZER}, with a localizer "
            f"{GIVEN!r} and another one; found {', '.join(axes_of(found)) or 'none'}"
        )
    found = found.where(np.isfinite(found)).sortby([VELOCITY, RATE])
    found = found.transpose(LOCALIZER, VELOCITY, RATE, "seed", "reconstructor").drop_attrs(deep=False)
    real = found.drop_sel({LOCALIZER: GIVEN})
    signed = _sign(scores[metric]) * real.mean("seed", skipna=False).max("reconstructor")
    means = signed.mean(VELOCITY, skipna=False).fillna(-np.inf).values
    place = means.argmax(axis=0)
    rows = {
        "given": found.sel({LOCALIZER: GIVEN}, drop=True),
        "frames": real.isel({LOCALIZER: xr.DataArray(place, dims=RATE)})
        .drop_vars(LOCALIZER)
        .transpose(VELOCITY, RATE, "seed", "reconstructor"),
    }
    names = real[LOCALIZER].values[place].astype(object)
    names[~np.isfinite(means.max(axis=0))] = ""
    attrs = dict(scores[metric].attrs)
    made = xr.Dataset({name: row.assign_attrs(attrs) for name, row in rows.items()})
    return made.assign(localizer=(RATE, names)).assign_attrs(metric=metric)


def limits(rows: xr.Dataset) -> xr.Dataset:
    """Find what limits the score from camera frames in every cell.

    Parameters
    ----------
    rows : Dataset
        From :func:`two_rows`.

    Returns
    -------
    Dataset
        Over velocity and rate: ``lost`` (loss, velocity, rate), the mean over the seeds of what is lost to the number
        of localizations, to motion and to the localizer, in units of the metric, with the ends of its 95 % interval,
        ``low`` and ``high``; and ``limit``, the name of the greatest: "few localizations", "many localizations",
        "motion", "the localizer", or "nothing" if none is relevant; "" where a score is missing.
    """
    given, frames = (_best(rows[name]) for name in ROWS)
    slow = given.isel({VELOCITY: 0}, drop=True)
    place = _rate_of_best(slow)
    steps = [
        (slow.isel({RATE: place}, drop=True) - slow).expand_dims({VELOCITY: given[VELOCITY]}),
        slow - given,
        given - frames,
    ]
    dims = (VELOCITY, RATE, "seed")
    lost = np.stack([step.transpose(*dims).values for step in steps])
    low, high = mean_interval(lost.reshape(-1, lost.shape[-1]))
    mean = lost.mean(axis=-1)
    found = xr.Dataset(
        {
            "lost": (("loss", VELOCITY, RATE), mean),
            "low": (("loss", VELOCITY, RATE), low.reshape(mean.shape)),
            "high": (("loss", VELOCITY, RATE), high.reshape(mean.shape)),
            "limit": ((VELOCITY, RATE), _named(mean, place, rows.given.attrs)),
        },
        {"loss": list(LOSSES), VELOCITY: given[VELOCITY], RATE: given[RATE]},
    )
    for name in ("lost", "low", "high"):
        found[name].attrs["units"] = rows.given.attrs.get("units", "1")
    return found


def beyond(row: xr.DataArray) -> Beyond:
    """Find the rate beyond which more localizations do not help, from scores (rate, seed) of which higher is better.

    It is the lowest rate over which no higher one has a relevantly better mean. The ends of its interval are the lowest
    rate over which none is so with the lower, and with the upper end of the 95 % interval of what is gained (Student's
    t, over the seeds). An end is infinite if it is the highest rate that was tried, over which nothing is known.
    """
    values = row.transpose(RATE, "seed").values
    if not np.isfinite(values).all():
        return Beyond(np.nan, np.nan, np.nan)
    rates = row[RATE].values
    relevant = _relevant(row.attrs)
    gains = values[None, :, :] - values[:, None, :]  # from the first rate to the second
    higher = np.triu(np.ones(gains.shape[:2], bool), 1)

    def lowest_hz(gained: Floats) -> float:
        helps = (higher & (gained.reshape(higher.shape) >= relevant)).any(axis=1)
        first = int(np.flatnonzero(~helps)[0])
        return float(rates[first]) if first < rates.size - 1 else np.inf

    rate_hz = lowest_hz(gains.mean(axis=-1))
    if values.shape[1] < 2:
        return Beyond(rate_hz, np.nan, np.nan)
    low, high = mean_interval(gains.reshape(-1, gains.shape[-1]))
    return Beyond(rate_hz, lowest_hz(low), lowest_hz(high))


def beyond_of(rows: xr.Dataset, velocity_nm_per_s: float | None = None) -> dict[str, Beyond]:
    """:func:`beyond` of both rows, with the best reconstructor: at a velocity, or of the mean over all."""
    found = {}
    for name in ROWS:
        row = _best(rows[name])
        row = (
            row.mean(VELOCITY, skipna=False)
            if velocity_nm_per_s is None
            else row.sel({VELOCITY: velocity_nm_per_s})
        )
        found[name] = beyond(row.assign_attrs(rows[name].attrs))
    return found


def in_words(rows: xr.Dataset) -> list[str]:
    """Say which localizer is best at which rate, up to which rate more localizations help, and what limits where.

    Parameters
    ----------
    rows : Dataset
        From :func:`two_rows`.
    """
    found, rates = limits(rows), rows[RATE].values.tolist()
    lines = ["best localizer: " + _grouped(rows.localizer.values.tolist(), rates)]
    for name, said in (("given", "localizations given"), ("frames", "from camera frames")):
        per = [
            f"{velocity:g} nm/s: {_shown(beyond_of(rows, velocity)[name], rates[-1])}"
            for velocity in rows[VELOCITY].values.tolist()
        ]
        overall = _shown(beyond_of(rows)[name], rates[-1])
        lines.append(f"{said}, more help up to {overall} on average over velocities ({'; '.join(per)})")
    for velocity in rows[VELOCITY].values.tolist():
        here = found.limit.sel({VELOCITY: velocity}).values.tolist()
        lines.append(f"what limits at {velocity:g} nm/s: {_grouped(here, rates)}")
    cells = found.limit.values.ravel().tolist()
    counts = {name: cells.count(name) for name in dict.fromkeys(cells)}
    order = sorted(counts, key=counts.__getitem__, reverse=True)
    parts = [f"{name or 'a missing score'} in {counts[name]}" for name in order]
    return [*lines, f"of {len(cells)} cells, the limit is {', '.join(parts)}"]


def _best(row: xr.DataArray) -> xr.DataArray:
    """The scores (velocity, rate, seed) of the reconstructor with the best mean in every cell, higher being better."""
    signed = _sign(row) * row
    mean = signed.mean("seed", skipna=False)
    place = mean.fillna(-np.inf).argmax("reconstructor")
    chosen = signed.isel(reconstructor=place).drop_vars("reconstructor", errors="ignore")
    return chosen.where(mean.notnull().any("reconstructor"))


def _rate_of_best(slow: xr.DataArray) -> int:
    """Place of the rate with the best mean."""
    return int(slow.mean("seed", skipna=False).fillna(-np.inf).argmax(RATE))


def _named(mean: Floats, place: int, attrs: dict[str, object]) -> npt.NDArray[np.object_]:
    """The name of the greatest loss (loss, velocity, rate) of every cell; ``place`` is the rate of the best score."""
    many = np.arange(mean.shape[-1]) > place
    names = np.empty(mean.shape[1:], object)
    for cell in np.ndindex(names.shape):
        losses = mean[:, *cell]
        if not np.isfinite(losses).all():
            names[cell] = ""
        elif losses.max() < _relevant(attrs):
            names[cell] = NOTHING
        else:
            names[cell] = (MANY if many[cell[1]] else FEW, MOTION, LOCALIZING)[int(losses.argmax())]
    return names


def _relevant(attrs: dict[str, object]) -> float:
    """From which difference on a score is relevantly better: 0.01, or any for a metric with units."""
    return PRACTICAL if attrs.get("units", "1") == "1" else np.finfo(np.float64).tiny


def _grouped(names: Iterable[str], rates: Iterable[float]) -> str:
    """Names along the rates, as in ``mle (60-245 Hz), daostorm (600 Hz)``."""
    runs: list[tuple[str, list[float]]] = []
    for name, rate in zip(names, rates, strict=True):
        if runs and runs[-1][0] == name:
            runs[-1][1].append(rate)
        else:
            runs.append((name, [rate]))
    return ", ".join(f"{name or 'no score'} ({_span(held)} Hz)" for name, held in runs)


def _span(values: list[float]) -> str:
    return f"{values[0]:g}" if len(values) == 1 else f"{values[0]:g}-{values[-1]:g}"


def _shown(found: Beyond, highest_hz: float) -> str:
    """A rate with its interval; an infinite one is beyond the highest that was tried."""
    if np.isnan(found.rate_hz):
        return "an unknown rate, since a score is missing"
    rate, *ends = (f"{hz:g}" if np.isfinite(hz) else f">{highest_hz:g}" for hz in found)
    return f"{rate} Hz" + (f" [{', '.join(ends)}]" if not np.isnan(found.low_hz) else "")


def _sign(scores: xr.DataArray) -> int:
    return -1 if scores.attrs.get("better") == "lower" else 1
