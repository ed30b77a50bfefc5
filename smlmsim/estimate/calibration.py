"""Calibration: whether the predicted uncertainty of a reconstructor matches its error."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from smlmsim import schema

NEAR = 0.05
"""Brightness, as a fraction of the maximum, from which a pixel is judged; the rest is background."""


class Calibration(NamedTuple):
    """The relation between squared error and predicted variance.

    ``rank_correlation`` is Spearman's correlation of the squared error and the variance over pixels. ``variance`` and
    ``error`` are the means of both in ten equal groups of pixels, from the lowest variance to the highest, in units
    of the squared peak of the truth.
    """

    rank_correlation: float
    variance: npt.NDArray[np.float64]
    error: npt.NDArray[np.float64]


def calibration(estimate: xr.Dataset, truth: xr.Dataset) -> Calibration:
    """Compare the uncertainty that a reconstructor predicts with its actual error.

    Empty background pixels, which are easy to predict, would make any uncertainty look good, so only pixels count where
    the estimate or the truth has at least 5 % of its peak. The estimate is first scaled to the truth.

    Parameters
    ----------
    estimate : xr.Dataset
        ``density`` and its variance ``uncertainty`` (time, y, x).
    truth : xr.Dataset
        ``density`` (time, y, x).

    Raises
    ------
    SchemaError
        If a variable is missing.
    ValueError
        If the estimate or its uncertainty is constant.
    """
    from scipy.stats import spearmanr  # here, since it takes longer to load than all else

    schema.check(estimate, "density", "uncertainty")
    schema.check(truth, "density")
    found, variance = estimate.density.values.astype(float), estimate.uncertainty.values.astype(float)
    true = truth.density.values / truth.density.values.max()
    if found.min() == found.max() or variance.min() == variance.max():
        raise ValueError("an estimate or uncertainty that is constant cannot be calibrated")
    factor = (true * found).sum() / (found**2).sum()
    found, variance = factor * found, factor**2 * variance
    seen = (true > NEAR) | (found > NEAR * found.max())
    error, variance = (found - true)[seen] ** 2, variance[seen]
    tenths = np.array_split(np.argsort(variance, kind="stable"), 10)
    means = (np.array([values[tenth].mean() for tenth in tenths]) for values in (variance, error))
    return Calibration(float(spearmanr(error, variance).statistic), *means)
