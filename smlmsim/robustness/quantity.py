"""Networks trained on few and on many fields: what more fields gain, with the spread between draws."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from smlmsim.interval import mean_interval


def quantities(scores: xr.Dataset, metric: str) -> pd.DataFrame:
    """Compare networks trained on more fields with those trained on the fewest.

    The unit is the draw: one training, on fields of its own and from initial weights of its own. Trainings of one draw
    share their initial weights, and the fields of the smaller number are among those of the larger, so they are pairs.

    Parameters
    ----------
    scores : xr.Dataset
        ``quantity`` of the results: the metric (fields, draw, laboratory, seed).
    metric : str

    Returns
    -------
    pd.DataFrame
        A row for each ``laboratory`` of the test movies and number of ``fields``: ``mean`` and ``sd`` over the draws of
        the mean over the movies (the sd is NaN for a single draw); ``difference`` from the smallest number, with the
        ends ``low`` and ``high`` of its 95 % interval by Student's t over the draws; ``told_apart``, whether it
        excludes 0; and ``draws``.
    """
    means = scores[metric].mean("seed").transpose("laboratory", "fields", "draw")
    rows = []
    for laboratory in means.laboratory.values:
        values = means.sel(laboratory=laboratory).values.astype(np.float64)
        low, high = mean_interval(values - values[:1])
        for place, fields in enumerate(means.fields.values):
            apart = place > 0 and bool(low[place] > 0 or high[place] < 0)
            rows.append({
                "metric": metric,
                "laboratory": str(laboratory),
                "fields": int(fields),
                "mean": values[place].mean(),
                "sd": values[place].std(ddof=1) if values.shape[1] > 1 else np.nan,
                "difference": (values[place] - values[0]).mean(),
                "low": low[place],
                "high": high[place],
                "told_apart": apart,
                "draws": values.shape[1],
            })  # fmt: skip
    return pd.DataFrame(rows)
