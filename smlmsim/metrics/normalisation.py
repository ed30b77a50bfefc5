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
    """Scale a truth by a single number, and an estimate to be closest to that truth.

    The truth is divided by one number. Its maximum is not suitable: it depends on chance crossings of filaments, of
    which there are more in longer and faster movies. The estimate is multiplied by the non-negative factor that
    minimises the squared error over the whole movie. Nothing is clipped, so a normalised truth exceeds 1 where many
    filaments cross. With one factor for all time points flicker is penalised, and without an offset background is
    penalised. A constant estimate carries no information and gets the factor 0.

    Parameters
    ----------
    truth, estimate : array (time, y, x)
        Finite arrays of the same shape and any real dtype. The truth is at least 0 everywhere.
    scale : float, optional
        Positive number by which the truth is divided, in its units: for a simulated truth three crests of a single
        straight filament (:func:`~smlmsim.metrics.scale.three_crests`). By default the 99.9th percentile of the
        non-zero pixels of the truth.

    Returns
    -------
    truth, estimate : array (time, y, x), float32
        Normalised copies.

    Raises
    ------
    ValueError
        If the shapes differ or hold no pixel, or if the truth is zero everywhere or negative somewhere.

    References
    ----------
    Weigert et al. 2018, doi:10.1038/s41592-018-0216-7, who fit an offset as well as a factor.
    """
    if truth.shape != estimate.shape or truth.size == 0:
        raise ValueError(
            f"expected a truth and an estimate of the same shape, found {truth.shape} and {estimate.shape}"
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
    """Return the f >= 0 that minimises |truth - f estimate|^2: <truth, estimate> / |estimate|^2, or 0."""
    if estimate.min() == estimate.max():
        return 0.0
    _, product, norm_squared = _kernels.products(truth, estimate, 0.0, 0.0)
    return max(product / norm_squared, 0.0) if norm_squared > 0 else 0.0
