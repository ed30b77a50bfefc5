"""How precisely a spot by itself can be localized."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[Any]


def precision_px(light: Floats, background: Floats, width: Floats) -> Floats:
    """Return the standard error of the position of a spot by itself along an axis, in pixels.

    That of the fit of the greatest likelihood (Rieger & Stallinga 2014, doi:10.1002/cphc.201300711).

    Parameters
    ----------
    light : array of float, shape (spot,)
        Counts of the spot, above 0.
    background : array of float, shape (spot,)
        Variance of a pixel in counts that is not from the spot: the background, and the readout.
    width : array of float, shape (spot,)
        Standard deviation of the spot in pixels.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = width**2 + 1 / 12
        tau = 2 * math.pi * variance * np.maximum(background, 0) / light
        return np.asarray(np.sqrt(variance / light * (1 + 4 * tau + np.sqrt(2 * tau / (1 + 4 * tau)))))
