"""The perturbation over time: when do images show it, by the area that the structure covers?"""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from smlmsim.compare import ALPHA, Floats, holm


def followed(course: xr.Dataset) -> pd.DataFrame:
    """Compare the area fraction at each time with that before the perturbation.

    Parameters
    ----------
    course : xr.Dataset
        ``course`` of the results: ``area_fraction`` (image, minute, cell); all cells are different ones.

    Returns
    -------
    pd.DataFrame
        A row for each ``image`` and ``minute``: ``mean`` and ``sd`` over the cells; ``relative``, the mean divided by
        that at 0 minutes; ``p``, the p-value of the two-sided Mann-Whitney test against the cells at 0 minutes, NaN
        there; ``p_holm``, the same after Holm's correction over the times of the image; ``told_apart``, whether it is
        at most 0.05; and ``cells``.

    References
    ----------
    Mann & Whitney 1947, doi:10.1214/aoms/1177730491.
    """
    tables = [
        _image(str(name), course.area_fraction.sel(image=name).transpose("minute", "cell"))
        for name in course.image.values
    ]
    return pd.concat(tables, ignore_index=True)


def mann_whitney_p(one: Floats, other: Floats) -> float:
    """Return the p-value of the two-sided Mann-Whitney test: exact, or by the normal approximation if there are ties.

    Parameters
    ----------
    one, other : array
        Independent samples.
    """
    from scipy.stats import mannwhitneyu  # here, since it takes longer to load than all else

    both = np.concatenate([one, other])
    method = "exact" if np.unique(both).size == both.size else "asymptotic"
    return float(mannwhitneyu(one, other, alternative="two-sided", method=method).pvalue)


def _image(name: str, areas: xr.DataArray) -> pd.DataFrame:
    values = areas.values.astype(np.float64)
    p = np.array([mann_whitney_p(values[0], later) for later in values[1:]])
    corrected = holm(p)
    before = values[0].mean()
    return pd.DataFrame({
        "image": name,
        "minute": areas.minute.values,
        "mean": values.mean(axis=1),
        "sd": values.std(axis=1, ddof=1) if values.shape[1] > 1 else np.nan,
        "relative": values.mean(axis=1) / before if before else np.nan,
        "p": np.concatenate([[np.nan], p]),
        "p_holm": np.concatenate([[np.nan], corrected]),
        "told_apart": np.concatenate([[False], corrected <= ALPHA]),
        "cells": values.shape[1],
    })  # fmt: skip
