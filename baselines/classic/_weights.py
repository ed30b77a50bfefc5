"""Weights along one axis, with which observations at some places are averaged at other places."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

TRUNCATE = 4.0
"""Standard deviations at which a Gaussian is cut off: 6e-5 of its sum lies beyond."""

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]


def spacing(places: F64) -> float:
    """Return the distance between neighbours, or 0 if there is only one place."""
    return float(np.median(np.diff(places))) if places.size > 1 else 0.0


def gaussian(at: F64, observed: F64, sigma: float) -> F32:
    """Return Gaussian weights of the distance, cut off at four standard deviations.

    Parameters
    ----------
    at, observed : array, shapes (n,) and (m,)
        Places along the axis, in its unit.
    sigma : float
        The standard deviation, in the same unit: with 0 only the same place has a weight, with infinity all places
        have the same weight.

    Returns
    -------
    array of float32, shape (n, m)
        The rows sum to one.
    """
    distance = np.abs(at[:, None] - observed)
    if sigma == 0:
        return _normalised(np.where(distance == 0, 1.0, 0.0))
    with np.errstate(over="ignore"):
        weights = np.exp(-0.5 * (distance / sigma) ** 2)
    weights[distance > TRUNCATE * sigma + spacing(observed) / 2] = 0
    return _normalised(weights)


def box(at: F64, observed: F64, width: float) -> F32:
    """Return the weights of a box: the fraction of each observed interval that lies in a window around a place.

    Each observed place stands for an interval as long as the distance to its neighbours; a window may end within it.

    Parameters
    ----------
    at, observed : array, shapes (n,) and (m,)
        Places along the axis, in its unit.
    width : float
        The whole width of the window, positive, in the same unit.

    Returns
    -------
    array of float32, shape (n, m)
        The rows sum to one.
    """
    step = spacing(observed)
    overlap = (width + step) / 2 - np.abs(at[:, None] - observed)
    return _normalised(np.clip(overlap, 0, step or width))


def _normalised(weights: F64) -> F32:
    normalised: F32 = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    return normalised
