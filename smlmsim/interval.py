"""Confidence interval of a mean: how far the mean of a few movies may be from the mean of all possible ones."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

LEVEL = 0.95
"""Confidence of an interval."""
PRACTICAL = 0.01
"""Smallest relevant difference of a score without units: thresholding an output gains as much."""

Floats = npt.NDArray[np.float64]


def mean_interval(rows: Floats) -> tuple[Floats, Floats]:
    """Return the 95 % confidence interval of the mean of every row (row, seed), by Student's t.

    Its half width is the standard error times the 97.5 % quantile of Student's t with n - 1 degrees of freedom for n
    values. For normal values it covers the true mean in 95 % of cases, however small n is; the percentile bootstrap
    covers it in 83 % at n = 5, since a small sample spreads too little.

    Parameters
    ----------
    rows : array (row, seed)
        Paired differences, or scores, of independent seeds; values that are not finite count as missing.

    Returns
    -------
    low, high : array (row,)
        NaN for rows with fewer than two values.

    References
    ----------
    Student 1908, doi:10.1093/biomet/6.1.1.
    """
    from scipy.stats import t  # here, since it takes longer to load than all else

    known = np.isfinite(rows)
    number = known.sum(axis=1)
    freedom = np.maximum(number - 1, 1)
    mean = np.where(known, rows, 0).sum(axis=1) / np.maximum(number, 1)
    variance = (np.where(known, rows - mean[:, None], 0) ** 2).sum(axis=1) / freedom
    half = t.ppf(0.5 + LEVEL / 2, freedom) * np.sqrt(variance / np.maximum(number, 1))
    half = np.where(number > 1, half, np.nan)
    return mean - half, mean + half
