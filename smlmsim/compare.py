"""Comparison of two reconstructors: which one is better, where, by how much, and how certain that is.

The independent unit is the seed. Movies of one seed show the same structure in every cell of a grid, so cells are not
independent of each other: in a region, each seed contributes one number, the mean over the cells. All reconstructors
are given the same movies, so all comparisons are paired.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from smlmsim._settings import suggestion
from smlmsim.interval import PRACTICAL, mean_interval
from smlmsim.regions import Region, axes_of, inside, regions_of

ALPHA = 0.05
"""Probability of calling equal methods different."""

Floats = npt.NDArray[np.float64]


def compare(
    scores: xr.Dataset, metric: str = "ms_ssim", regions: Mapping[str, Region] | None = None
) -> pd.DataFrame:
    """Compare every pair of reconstructors in regions of a grid.

    Parameters
    ----------
    scores : xr.Dataset
        The metric with the dims (*axes, seed, reconstructor); its attribute ``better`` is "higher" or "lower".
    metric : str
        Name of the metric to compare by.
    regions : mapping, optional
        Name -> region; by default those of :func:`~smlmsim.regions.regions_of`.

    Returns
    -------
    pd.DataFrame
        One row for each region and pair, the better reconstructor as ``first``, with the columns ``region``, ``first``
        and ``second``; ``advantage``, how much better ``first`` is on average over the seeds, at least 0, in units of
        the metric; ``low`` and ``high``, its 95 % interval by Student's t; ``p``, from the two-sided Wilcoxon
        signed-rank test over the seeds; ``p_holm``, the same after Holm's correction over all rows; ``told_apart``,
        whether the two differ significantly (``p_holm`` at most 0.05); ``practically_equal``, whether the advantage is
        0 or, for a metric without units, below 0.01, which a threshold on the output also gains; ``seeds``, the number
        of seeds compared; ``wins``, the number of seeds for which ``first`` was better.
        A pair without a movie in common is left out. The attributes of the frame hold ``seeds_needed``: with fewer
        seeds, no difference can be significant.

    Raises
    ------
    ValueError
        If there is no such metric, or if it has no reconstructor or seed.

    References
    ----------
    Wilcoxon 1945, doi:10.2307/3001968; Holm 1979, https://www.jstor.org/stable/4615733; Student 1908,
    doi:10.1093/biomet/6.1.1.
    """
    oriented = _oriented(scores, metric)
    regions = regions_of(oriented) if regions is None else regions
    found = {name: _pairs(oriented.where(inside(oriented, region))) for name, region in regions.items()}
    table = pd.concat(found, names=["region"]).reset_index("region").reset_index(drop=True)
    table["p_holm"] = holm(table["p"].to_numpy(float))
    table["told_apart"] = table["p_holm"] <= ALPHA
    table["practically_equal"] = _equal(table["advantage"].to_numpy(float), scores[metric])
    table.attrs["seeds_needed"] = seeds_needed(len(table))
    return table


def win_map(scores: xr.Dataset, metric: str = "ms_ssim") -> xr.Dataset:
    """Find the best reconstructor in every cell of a grid, and those that tie with it.

    Every pair of reconstructors is compared in every cell by the Wilcoxon signed-rank test over the seeds, with Holm's
    correction over all cells and pairs. A reconstructor ties with the best if the two do not differ significantly, or
    if they are practically equal: for a metric without units, less than 0.01 apart, and for others not at all.

    Parameters
    ----------
    scores, metric :
        As in :func:`compare`.

    Returns
    -------
    xr.Dataset
        Over the axes: ``best``, the name with the best mean ("" where none has a score of every seed);
        ``advantage``, how much better it is than the next, NaN if there is no other; ``tie``, whether any other
        ties with it. With the additional dim ``reconstructor``: the ``mean`` and the ``sd`` over the seeds;
        ``told_apart``, whether it differs significantly from the best; ``practically_equal``, whether it is
        practically equal to the best; ``tied``, whether it ties with the best, which ties with itself. Attributes as
        in :func:`compare`.
    """
    oriented = _oriented(scores, metric)
    axes, names = axes_of(oriented), oriented.reconstructor.values
    cells = oriented.transpose(*axes, "seed", "reconstructor").values.astype(np.float64)
    shape, number = cells.shape[:-2], names.size
    flat = cells.reshape(-1, *cells.shape[-2:])
    mean = flat.mean(axis=1)
    rank = np.argsort(np.where(np.isnan(mean), np.inf, -mean), axis=1, kind="stable")
    apart, comparisons = _apart_in_cells(flat)
    told_apart, best = apart[np.arange(len(flat)), rank[:, 0]], np.take_along_axis(mean, rank[:, :1], axis=1)
    equal = _equal(best - mean, scores[metric])
    tied = (~told_apart | equal) & ~np.isnan(mean)
    found = ~np.isnan(best[:, 0])
    steps = best - np.take_along_axis(mean, rank[:, 1:2], axis=1)
    with np.errstate(invalid="ignore"):
        sd = flat.std(axis=1, ddof=1) if flat.shape[1] > 1 else np.full_like(mean, np.nan)
    sign = _sign(scores[metric])
    made = xr.Dataset(
        {
            "best": (axes, np.where(found, names[rank[:, 0]], "").reshape(shape)),
            "advantage": (axes, (steps[:, 0] if number > 1 else np.full(len(flat), np.nan)).reshape(shape)),
            "tie": (axes, (tied.sum(axis=1) > 1).reshape(shape)),
            "mean": ([*axes, "reconstructor"], (sign * mean).reshape(*shape, number)),
            "sd": ([*axes, "reconstructor"], sd.reshape(*shape, number)),
            "told_apart": ([*axes, "reconstructor"], told_apart.reshape(*shape, number)),
            "practically_equal": ([*axes, "reconstructor"], equal.reshape(*shape, number)),
            "tied": ([*axes, "reconstructor"], tied.reshape(*shape, number)),
        },
        {name: oriented[name] for name in (*axes, "reconstructor")},
        dict(scores[metric].attrs),
    )
    made.attrs["seeds_needed"] = seeds_needed(comparisons)
    return made


def mean_ranks(scores: xr.Dataset) -> pd.DataFrame:
    """Rank the reconstructors by every metric (1 is the best in a movie), averaged over all cells and seeds.

    Returns
    -------
    pd.DataFrame
        A row for each metric, a column for each reconstructor. Where a reconstructor has no score in a movie, the
        others are ranked without it; ties share the mean of their ranks.
    """
    from scipy.stats import rankdata  # here, since it takes longer to load than all else

    metrics = [str(name) for name in scores if "better" in scores[name].attrs]
    names = [str(name) for name in scores.reconstructor.values]
    ranks = []
    for metric in metrics:
        movies = _oriented(scores, metric).transpose(..., "reconstructor").values.reshape(-1, len(names))
        scored = movies[np.isfinite(movies).any(axis=1)]
        ranks.append(_mean_over_cells(rankdata(-scored, axis=1, nan_policy="omit").T))
    return pd.DataFrame(ranks, index=pd.Index(metrics, name="metric"), columns=names)


def holm(p: Floats) -> Floats:
    """Apply Holm's correction for multiple comparisons, which bounds the chance of any false rejection.

    Examples
    --------
    >>> holm(np.array([0.01, 0.04, 0.03])).tolist()
    [0.03, 0.06, 0.06]
    """
    order = np.argsort(p)
    corrected = np.empty_like(p)
    corrected[order] = np.maximum.accumulate(p[order] * np.arange(p.size, 0, -1)).clip(max=1)
    return corrected


def seeds_needed(comparisons: int) -> int:
    """The number of seeds from which on a difference can be significant, given the number of comparisons.

    The smallest p-value of n pairs, 2 / 2**n, is reached when all differences have the same sign; Holm's correction
    multiplies it by the number of comparisons.

    Examples
    --------
    >>> seeds_needed(1), seeds_needed(100)
    (6, 12)
    """
    return 1 + math.ceil(math.log2(max(comparisons, 1) / ALPHA))


def signed_rank_p(differences: Floats) -> Floats:
    """The two-sided p-value of the Wilcoxon signed-rank test for each row of differences (comparison, seed).

    Missing and zero differences carry no information and are left out; if none remains, p is 1.
    """
    from scipy.stats import wilcoxon

    decided = np.isfinite(differences) & (differences != 0)
    p = np.ones(len(differences))
    for rows, kept in _alike(decided):
        p[rows] = wilcoxon(differences[np.ix_(rows, kept)], axis=1).pvalue
    return p


def _alike(known: npt.NDArray[np.bool_]) -> Iterator[tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]]:
    """Group the rows (comparison, seed) that have values for the same seeds, with these seeds; skip empty rows."""
    patterns, pattern_of = np.unique(known, axis=0, return_inverse=True)
    for place, pattern in enumerate(patterns):
        if pattern.any():
            yield np.flatnonzero(pattern_of.ravel() == place), np.flatnonzero(pattern)


def _oriented(scores: xr.Dataset, metric: str) -> xr.DataArray:
    """The scores of a metric, signed so that higher is better; values that are not finite become NaN."""
    if metric not in scores:
        raise ValueError(f"no metric {metric!r} in the scores; {suggestion(metric, map(str, scores))}")
    found = scores[metric]
    if not {"seed", "reconstructor"} <= set(found.dims) or 0 in found.shape:
        raise ValueError(f"scores have the dims (*axes, seed, reconstructor), found {dict(found.sizes)}")
    return _sign(found) * found.where(np.isfinite(found))


def _sign(scores: xr.DataArray) -> int:
    return -1 if scores.attrs.get("better") == "lower" else 1


def _equal(steps: Floats, scores: xr.DataArray) -> npt.NDArray[np.bool_]:
    """Whether differences are practically zero: with units, only if they are exactly 0."""
    return (steps < PRACTICAL) if scores.attrs.get("units", "1") == "1" else (steps == 0)


def _pairs(oriented: xr.DataArray) -> pd.DataFrame:
    """Compare every pair of reconstructors over all cells that have scores."""
    names = np.array([str(name) for name in oriented.reconstructor.values])
    one, other = np.array(list(itertools.combinations(range(names.size), 2)), int).reshape(-1, 2).T
    columns = oriented.transpose("reconstructor", "seed", ...).values.reshape(
        names.size, oriented.sizes["seed"], -1
    )
    differences = _mean_over_cells(columns[one] - columns[other])
    known = np.isfinite(differences).any(axis=1)
    one, other, differences = one[known], other[known], differences[known]
    behind = np.nanmean(differences, axis=1) < 0
    differences[behind] *= -1
    low, high = mean_interval(differences)
    return pd.DataFrame(
        {
            "first": names[np.where(behind, other, one)],
            "second": names[np.where(behind, one, other)],
            "advantage": np.nanmean(differences, axis=1),
            "low": low,
            "high": high,
            "p": signed_rank_p(differences),
            "seeds": np.isfinite(differences).sum(axis=1),
            "wins": (differences > 0).sum(axis=1),
        }
    )


def _mean_over_cells(differences: Floats) -> Floats:
    """Average differences over the cells (..., cell), ignoring NaN; NaN where no cell has a value."""
    known = np.isfinite(differences)
    sums, numbers = np.where(known, differences, 0).sum(axis=-1), known.sum(axis=-1)
    means: Floats = np.where(numbers > 0, sums / np.maximum(numbers, 1), np.nan)
    return means


def _apart_in_cells(cells: Floats) -> tuple[npt.NDArray[np.bool_], int]:
    """In which cells two reconstructors differ significantly (cell, one, other), and the number of comparisons."""
    one, other = np.array(list(itertools.combinations(range(cells.shape[-1]), 2)), int).reshape(-1, 2).T
    differences = (cells[..., one] - cells[..., other]).swapaxes(1, 2)
    known = np.isfinite(differences).any(axis=-1)
    p = np.ones(known.shape)
    p[known] = holm(signed_rank_p(differences[known]))
    apart = np.zeros((len(cells), cells.shape[-1], cells.shape[-1]), bool)
    apart[:, one, other] = apart[:, other, one] = p <= ALPHA
    return apart, int(known.sum())
