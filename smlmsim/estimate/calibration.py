"""Whether a reconstructor knows where it is wrong."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy.stats import spearmanr

from smlmsim import schema

NEAR = 0.05
"""Brightness, as a fraction of the maximum, from which a pixel is judged; the rest is background."""


class Calibration(NamedTuple):
    """How the error goes with the predicted variance.

    ``rank_correlation`` is Spearman's, between the squared error and the variance of the pixels; ``variance`` and
    ``error`` are the means of both in tenths of these pixels, from the least variance to the greatest, in units of
    the squared peak of the truth.
    """

    rank_correlation: float
    variance: npt.NDArray[np.float64]
    error: npt.NDArray[np.float64]


def calibration(estimate: xr.Dataset, truth: xr.Dataset) -> Calibration:
    """Compare the uncertainty that a reconstructor predicts with the error it makes.

    Empty pixels where it is sure that there is nothing would make any uncertainty look good, so only those count where
    the estimate or the truth has at least 5 % of its peak. The estimate is brought to the scale of the truth first.

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
    schema.check(estimate, "density", "uncertainty")
    schema.check(truth, "density")
    found, variance = estimate.density.values.astype(float), estimate.uncertainty.values.astype(float)
    true = truth.density.values / truth.density.values.max()
    if found.min() == found.max() or variance.min() == variance.max():
        raise ValueError("an estimate and an uncertainty that are the same everywhere cannot be calibrated")
    factor = (true * found).sum() / (found**2).sum()
    found, variance = factor * found, factor**2 * variance
    seen = (true > NEAR) | (found > NEAR * found.max())
    error, variance = (found - true)[seen] ** 2, variance[seen]
    tenths = np.array_split(np.argsort(variance, kind="stable"), 10)
    means = (np.array([values[tenth].mean() for tenth in tenths]) for values in (variance, error))
    return Calibration(float(spearmanr(error, variance).statistic), *means)
