"""The scale on which an estimate is compared with the truth."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from smlmsim.metrics import _kernels
from smlmsim.metrics.metric import Movie
from smlmsim.metrics.scale import brightest


def normalise(
    truth: npt.NDArray[Any], estimate: npt.NDArray[Any], scale: float | None = None
) -> tuple[Movie, Movie]:
    """Bring a truth to a scale of its own, and an estimate to the scale where it is closest to that truth.

    The truth is divided by one number. Its maximum would not do: the crossings of filaments that happen to coincide
    decide it, the more of them the longer and faster a movie. The estimate is multiplied by the one non-negative
    factor that makes the squared error of the whole movie least. Nothing is clipped, so a normalised truth exceeds 1
    where many filaments cross. Having one factor for all time points lets flicker cost, and having no offset lets
    background cost. A constant estimate says nothing and gets the factor zero.

    Parameters
    ----------
    truth, estimate : array (time, y, x)
        Finite, of one shape; any real dtype. The truth is nowhere negative.
    scale : float, optional
        What the truth is divided by, positive, in its own units: three crests of a single straight filament, as
        :func:`~smlmsim.metrics.scale.three_crests` knows them of a simulated truth. By default the 99.9th percentile
        of those pixels of the truth that are not zero.

    Returns
    -------
    truth, estimate : array (time, y, x), float32
        New arrays.

    Raises
    ------
    ValueError
        If the shapes differ or hold no pixel, or if the truth is zero everywhere or negative somewhere.

    References
    ----------
    Weigert et al. 2018, doi:10.1038/s41592-018-0216-7, who fit an offset besides the factor.
    """
    if truth.shape != estimate.shape or truth.size == 0:
        raise ValueError(
            f"expected a truth and an estimate of one shape, found {truth.shape} and {estimate.shape}"
        )
    lowest, peak = float(truth.min()), float(truth.max())
    if lowest < 0:
        raise ValueError(f"the truth is a density and cannot be negative, found {lowest:g}")
    if peak == 0:
        raise ValueError("the truth is zero everywhere: there is nothing to compare an estimate with")
    a, b = np.ravel(truth), np.ravel(estimate)
    unit, factor = scale or brightest(a), _least_squares_factor(a, b)
    scaled_truth, scaled_estimate = _kernels.scaled(a, 1 / unit), _kernels.scaled(b, factor / unit)
    return scaled_truth.reshape(truth.shape), scaled_estimate.reshape(truth.shape)


def _least_squares_factor(truth: npt.NDArray[Any], estimate: npt.NDArray[Any]) -> float:
    """Return the f >= 0 with the least |truth - f estimate|^2: <truth, estimate> / |estimate|^2, or 0."""
    if estimate.min() == estimate.max():
        return 0.0
    _, product, norm_squared = _kernels.products(truth, estimate, 0.0, 0.0)
    return max(product / norm_squared, 0.0) if norm_squared > 0 else 0.0
