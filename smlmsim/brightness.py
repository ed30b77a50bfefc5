"""Brightness: which value of a movie is shown as white."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

BRIGHTEST = 0.99
"""Fraction of the pixels that are not brighter than white: single bright pixels do not darken the rest."""


def white_level(values: npt.NDArray[np.float64]) -> float:
    """The value shown as white: the 99th percentile of all values, or the median of those above 0 if larger."""
    lit = values[values > 0]
    return max(float(np.quantile(values, BRIGHTEST)), float(np.median(lit))) if lit.size else 1.0
