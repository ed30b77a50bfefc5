"""Normalised root-mean-square error."""

from __future__ import annotations

import numpy as np

from smlmsim.metrics import _kernels
from smlmsim.metrics.metric import Metric, Movie


def nrmse(truth: Movie, estimate: Movie) -> float:
    """Return the norm of the error of the movie divided by the norm of the truth.

    It equals ``skimage.metrics.normalized_root_mse``. With the least-squares factor of ``normalise`` it is also
    Fienup's invariant error, sqrt(1 - c^2), where c is the cosine between truth and estimate, or 0 if that is
    negative: 0 for a perfect estimate, 1 for an empty one.

    References
    ----------
    Fienup 1997, doi:10.1364/AO.36.008352.
    """
    flat = truth.ravel()
    norm_squared = _kernels.products(flat, flat, 0.0, 0.0)[0]
    return float(np.sqrt(_kernels.squared_error(flat, estimate.ravel()) / norm_squared))


NRMSE = Metric(
    name="nrmse",
    long_name="normalised root-mean-square error",
    function=nrmse,
    units="1",
    range=(0.0, 1.0),
    better="lower",
    settings={"normalised_by": "euclidean norm of the truth", "averaged_over": "movie"},
    doi="10.1364/AO.36.008352",
)
