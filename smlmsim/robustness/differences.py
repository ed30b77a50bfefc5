"""The comparisons of a study of robustness, with their p-values; movies of one seed are pairs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from smlmsim.compare import ALPHA, Floats, holm, seeds_needed, signed_rank_p
from smlmsim.interval import mean_interval
from smlmsim.robustness.study import ALL, CONTROL, ONE, PERTURBED

SAW_ALL, NEVER_SAW, CLASSIC = "saw all laboratories", "never saw this one", "classic"
SAW_ONE, OWN = "saw few fields of another one", "saw few fields of this one"
UNSEEN, SEVERAL = "unseen", "several laboratories"
CHANGED, BEYOND_CLASSIC = "perturbed", "perturbed, beyond the classic"


class Pairs(NamedTuple):
    """Scores of the same movies, one for each seed, before and after the change that a question is about."""

    question: str
    laboratory: str
    model: str
    role: str
    before: Floats
    after: Floats


def differences(scores: xr.Dataset, metric: str | None = None) -> pd.DataFrame:
    """Compare scores for the questions of a study of robustness.

    Parameters
    ----------
    scores : xr.Dataset
        Scores from :func:`~smlmsim.robustness.run.run_robustness`.
    metric : str, optional
        Metric to compare by; by default all.

    Returns
    -------
    pd.DataFrame
        One row for each ``metric``, ``question``, ``laboratory`` and ``model``, whose ``role`` there is "saw all
        laboratories", "never saw this one", "classic", or for M0 "saw few fields of this one" or "of another one". The
        questions are "unseen": from the model trained in all laboratories to that trained without the laboratory, on
        its control movies; "several laboratories": from M0 to that same model; "perturbed": from control to perturbed
        movies, for all three models and the classic reconstructor; and "perturbed, beyond the classic": the change in
        the difference between a model and the classic reconstructor. A laboratory without perturbed movies has no rows
        of the last two.
        ``before`` and ``after`` are means over the movies; ``difference`` is ``after`` minus ``before``; ``low`` and
        ``high`` are its 95 % interval by Student's t; ``p`` is the p-value of the two-sided Wilcoxon signed-rank
        test; ``p_holm`` the same after Holm's correction over all rows of the question and metric; ``told_apart``
        whether the difference is significant (``p_holm`` at most 0.05); ``movies`` their number; ``movies_needed``
        the smallest number with which a row of the question can be significant.

    References
    ----------
    Wilcoxon 1945, doi:10.2307/3001968; Holm 1979, https://www.jstor.org/stable/4615733.
    """
    metrics = [str(name) for name in scores] if metric is None else [metric]
    tables = [_table(name, list(_pairs(scores, name))) for name in metrics]
    return pd.concat(tables, ignore_index=True)


def _pairs(scores: xr.Dataset, metric: str) -> Iterator[Pairs]:
    """Yield all comparisons of a metric."""
    classic = scores.attrs["classic"]
    without = {str(scores.trained_without.sel(model=m).item()): str(m) for m in scores.model.values}
    for laboratory in map(str, scores.laboratory.values):
        movies = scores[metric].sel(laboratory=laboratory).transpose("condition", "model", "seed")
        control, perturbed = (movies.sel(condition=name) for name in (CONTROL, PERTURBED))
        alone = OWN if laboratory == scores.attrs["trained_alone"] else SAW_ONE
        roles = {ONE: alone, without[laboratory]: NEVER_SAW, ALL: SAW_ALL, classic: CLASSIC}
        before, after = (
            {model: found.sel(model=model).values for model in roles} for found in (control, perturbed)
        )
        unseen = without[laboratory]
        yield Pairs(UNSEEN, laboratory, unseen, NEVER_SAW, before[ALL], before[unseen])
        yield Pairs(SEVERAL, laboratory, unseen, NEVER_SAW, before[ONE], before[unseen])
        if not np.isfinite(after[ALL]).any():
            continue
        for model, role in roles.items():
            yield Pairs(CHANGED, laboratory, model, role, before[model], after[model])
        for model in (ONE, unseen, ALL):
            above = (found[model] - found[classic] for found in (before, after))
            yield Pairs(BEYOND_CLASSIC, laboratory, model, roles[model], *above)


def _table(metric: str, pairs: list[Pairs]) -> pd.DataFrame:
    """Return the rows of a metric."""
    found = np.array([pair.after - pair.before for pair in pairs])
    low, high = mean_interval(found)
    table = pd.DataFrame({
        "metric": metric,
        "question": [pair.question for pair in pairs],
        "laboratory": [pair.laboratory for pair in pairs],
        "model": [pair.model for pair in pairs],
        "role": [pair.role for pair in pairs],
        "before": [pair.before.mean() for pair in pairs],
        "after": [pair.after.mean() for pair in pairs],
        "difference": found.mean(axis=1),
        "low": low,
        "high": high,
        "p": signed_rank_p(found),
    })  # fmt: skip
    by_question = table.groupby("question", sort=False)["p"]
    table["p_holm"] = by_question.transform(lambda p: holm(p.to_numpy(float)))
    table["told_apart"] = table["p_holm"] <= ALPHA
    table["movies"] = found.shape[1]
    table["movies_needed"] = by_question.transform("size").map(seeds_needed)
    return table
