"""The Gaussian window of the structural similarities."""

from __future__ import annotations

import numpy as np

from smlmsim.metrics._kernels import Window


def gaussian_window(taps: int, sigma_px: float) -> Window:
    """Return a sampled Gaussian as a tuple that sums to one.

    Parameters
    ----------
    taps : int
        Number of taps, odd.
    sigma_px : float
        Standard deviation, in pixels.
    """
    offsets = np.arange(taps) - taps // 2
    weights = np.exp(-0.5 * (offsets / sigma_px) ** 2)
    return tuple(np.float32(weight) for weight in weights / weights.sum())
