"""Brightness: which value of a movie is shown as white."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

BRIGHTEST = 0.99
"""Fraction of the pixels that are not brighter than white: single bright pixels do not darken the rest."""


def white_level(values: npt.NDArray[np.float64]) -> float:
    """The value to show as white: 99 % of the values do not exceed it, nor half of those that are not 0."""
    lit = values[values > 0]
    return max(float(np.quantile(values, BRIGHTEST)), float(np.median(lit))) if lit.size else 1.0
