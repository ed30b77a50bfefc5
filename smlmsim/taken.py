"""How much the two ways of taking a part of a fixed cell differ: successive frames, and a random part of all."""

from __future__ import annotations

import numpy as np
import xarray as xr

from smlmsim.interval import mean_interval

COST = "this is what blinking costs, with drift and fading of the label"


def has_both(scores: xr.DataArray) -> bool:
    """Whether scores have an axis ``take`` with ``first`` and ``random``."""
    return "take" in scores.dims and {"first", "random"} <= set(scores["take"].values.tolist())


def advantage_of_random(scores: xr.DataArray) -> xr.DataArray:
    """Measure by how much random parts score better than successive frames with as many localizations.

    Parameters
    ----------
    scores : xr.DataArray
        Scores (*axes, seed, reconstructor), one of the axes being ``take``; the attribute ``better`` is "higher" or
        "lower".

    Returns
    -------
    xr.DataArray
        (reconstructor, value): ``mean`` over the seeds, each the mean of its cells, and the ends ``low`` and ``high``
        of its 95 % interval by Student's t, NaN for fewer than two seeds. Positive where ``random`` is better.
    """
    sign = -1 if scores.attrs.get("better") == "lower" else 1
    gaps = sign * (scores.sel(take="random", drop=True) - scores.sel(take="first", drop=True))
    cells = [dim for dim in gaps.dims if dim not in ("seed", "reconstructor")]
    movies = gaps.mean(cells).transpose("reconstructor", "seed")
    low, high = mean_interval(movies.values)
    return xr.DataArray(
        np.stack([movies.mean("seed").values, low, high], axis=-1),
        {"reconstructor": movies.reconstructor.values, "value": ["mean", "low", "high"]},
        ("reconstructor", "value"),
        attrs=dict(scores.attrs),
    )


def in_words(advantage: xr.DataArray) -> str:
    """Describe the result of :func:`advantage_of_random` in a sentence; "" if nothing could be scored."""
    attrs = advantage.attrs
    unit = "" if (units := attrs.get("units", "1")) == "1" else f" {units}"
    rows = {
        str(name): tuple(map(float, row))
        for name, row in zip(advantage.reconstructor.values, advantage.values, strict=True)
    }
    better = [_amount(name, row, unit) for name, row in rows.items() if row[0] >= 0]
    worse = [_amount(name, row, unit) for name, row in rows.items() if row[0] < 0]
    parts = [f"better by {', '.join(better)}"] * bool(better) + [f"worse by {', '.join(worse)}"] * bool(worse)
    if not parts:
        return ""
    over_seeds = np.isfinite(advantage.sel(value=["low", "high"])).any()
    brackets = "; in brackets are 95 % intervals over the seeds" if over_seeds else ""
    return (
        f"as many localizations of the whole recording (random) score {', and '.join(parts)} than those of successive "
        f"frames (first), by {attrs.get('long_name', advantage.name)}: {COST}{brackets}"
    )


def _amount(name: str, row: tuple[float, ...], unit: str) -> str:
    """A difference, ``row`` being its mean and the ends of its interval; positive whatever its sign."""
    mean, low, high = row
    if mean < 0:
        mean, low, high = -mean, -high, -low
    interval = f" [{low:.3g}, {high:.3g}]" if np.isfinite(low) else ""
    return f"{mean:.3g}{unit}{interval} ({name})"
