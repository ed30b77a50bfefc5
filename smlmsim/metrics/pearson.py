"""Pearson's correlation of the pixels."""

from __future__ import annotations

import numpy as np

from smlmsim.metrics import _kernels
from smlmsim.metrics.metric import Metric, Movie


def pearson(truth: Movie, estimate: Movie) -> float:
    """Return the correlation coefficient over all pixels and time points; 0 if one of the movies is constant.

    References
    ----------
    Pearson 1895, doi:10.1098/rspl.1895.0041.
    """
    a, b = truth.ravel(), estimate.ravel()
    aa, ab, bb = _kernels.products(a, b, _kernels.total(a) / a.size, _kernels.total(b) / b.size)
    return float(np.clip(ab / np.sqrt(aa * bb), -1, 1)) if aa * bb > 0 else 0.0


PEARSON = Metric(
    name="pearson",
    long_name="Pearson correlation",
    function=pearson,
    units="1",
    range=(-1.0, 1.0),
    better="higher",
    settings={"averaged_over": "movie"},
    doi="10.1098/rspl.1895.0041",
)
