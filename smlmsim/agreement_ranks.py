"""How far the agreement of two colours, which needs no truth, predicts the score against the truth."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from smlmsim.interval import mean_interval
from smlmsim.regions import axes_of

MEASURES = {
    "agreement_pearson": "Pearson correlation of both colours",
    "agreement_manders": "Manders' share, mean of both colours",
    "agreement_skeleton": "F1 of the centre lines of both colours",
}
"""The measures of agreement that a grid of two colours stores, and what they mean."""
SHORT = {
    "agreement_pearson": "Pearson",
    "agreement_manders": "Manders",
    "agreement_skeleton": "centre lines",
}
BETWEEN = "between reconstructors"
"""Stands in place of a reconstructor where the reconstructors of one movie are ranked."""
FEWEST = 3
"""Fewest pairs of numbers of which a rank correlation is taken."""
BLIND = (
    "Colours that agree need not be right: both pass through one reconstructor, and what it always invents or misses "
    "is in both."
)

Floats = npt.NDArray[np.float64]


def has_agreement(scores: xr.Dataset) -> bool:
    """Whether scores hold the measures of agreement."""
    return all(name in scores for name in MEASURES)


def agreement_ranks(scores: xr.Dataset, metric: str) -> pd.DataFrame:
    """Correlate the ranks of agreement with those of a score.

    For each reconstructor the cells of the grid are ranked, for each seed by itself; the rows :data:`BETWEEN` rank the
    reconstructors of each movie instead, and are averaged over the cells of a seed. A seed is one structure, shown in
    all cells, so that the seeds are the independent unit.

    Parameters
    ----------
    scores : xr.Dataset
        The metric and the measures of agreement (*axes, seed, reconstructor).
    metric : str
        Name of the metric. If lower is better, its sign is changed.

    Returns
    -------
    pd.DataFrame
        A row for each measure and reconstructor: ``rho``, Spearman's rank correlation, averaged over the seeds, and
        the ends ``low`` and ``high`` of its 95 % interval by Student's t, cut at -1 and 1 and NaN for fewer than two
        seeds; ``seeds`` and ``cells``, of how many it was taken. NaN where fewer than three cells, or reconstructors,
        can be ranked.

    References
    ----------
    Spearman 1904, doi:10.2307/1412159.
    """
    sign = -1 if scores[metric].attrs.get("better") == "lower" else 1
    true = sign * _movies(scores[metric])
    rows = []
    for measure in MEASURES:
        agreed = _movies(scores[measure])
        for place, name in enumerate(scores.reconstructor.values):
            found = np.array([_rho(a[:, place], t[:, place]) for a, t in zip(agreed, true, strict=True)])
            rows.append(_row(measure, str(name), found, true.shape[1]))
        between = [
            [_rho(*pair) for pair in zip(a, t, strict=True)] for a, t in zip(agreed, true, strict=True)
        ]
        rows.append(_row(measure, BETWEEN, _mean(np.array(between)), true.shape[1]))
    return pd.DataFrame(rows)


def in_words(ranks: pd.DataFrame, label: str) -> list[str]:
    """Describe the result of :func:`agreement_ranks` in lines, the first a heading; ``label`` names the metric."""
    names = dict.fromkeys(ranks["reconstructor"])
    lines = [f"agreement of both colours against {label}, Spearman's rank correlation over the cells:"]
    for name in names:
        rows = ranks[ranks["reconstructor"] == name].to_dict("records")
        said = ", ".join(f"{SHORT[row['measure']]} {shown(row)}" for row in rows)
        lines.append(f"{name}: {said}")
    return [*lines, BLIND]


def shown(row: dict[str, object] | pd.Series) -> str:
    """Write a rank correlation with its interval, as in 0.93 [0.88, 0.97]."""
    rho, low, high = (float(str(row[name])) for name in ("rho", "low", "high"))
    if not np.isfinite(rho):
        return "not known"
    return f"{rho:.2f}" + (f" [{low:.2f}, {high:.2f}]" if np.isfinite(low) else "")


def _movies(scores: xr.DataArray) -> Floats:
    """The values as (seed, cell, reconstructor)."""
    ordered = scores.transpose("seed", *axes_of(scores), "reconstructor").values.astype(np.float64)
    return ordered.reshape(ordered.shape[0], -1, ordered.shape[-1])


def _rho(one: Floats, other: Floats) -> float:
    """Spearman's rank correlation of the pairs that are known; NaN for too few, or if one of them is constant."""
    from scipy.stats import rankdata  # here, since it takes longer to load than all else

    known = np.isfinite(one) & np.isfinite(other)
    a, b = (rankdata(values[known]) for values in (one, other))
    if a.size < FEWEST or np.ptp(a) == 0 or np.ptp(b) == 0:
        return np.nan
    return float(np.corrcoef(a, b)[0, 1])


def _mean(rows: Floats) -> Floats:
    """The mean of the known values of each row; NaN where there are none."""
    known = np.isfinite(rows)
    sums, numbers = np.where(known, rows, 0).sum(axis=1), known.sum(axis=1)
    return np.where(numbers > 0, sums / np.maximum(numbers, 1), np.nan)


def _row(measure: str, name: str, by_seed: Floats, cells: int) -> dict[str, object]:
    low, high = mean_interval(by_seed[None])
    return {
        "measure": measure,
        "reconstructor": name,
        "rho": float(_mean(by_seed[None])[0]),
        "low": float(np.clip(low[0], -1, 1)),
        "high": float(np.clip(high[0], -1, 1)),
        "seeds": int(np.isfinite(by_seed).sum()),
        "cells": cells,
    }
