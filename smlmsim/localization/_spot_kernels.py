"""Numba kernel of the spot: photons of each localization in one pass.

The numpy twin is in the test of the spot. It takes six passes over arrays that do not fit in the cache.
"""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from smlmsim.compiled import njit

Floats = npt.NDArray[np.float32]


@njit(error_model="numpy", fastmath={"contract"})
def photons(uncertainty: Floats, shot: np.float32, background: np.float32) -> Floats:
    """Solve ``uncertainty**2 = shot / N + background / N**2`` for N > 0, by the form that cancels no digits."""
    found = np.empty_like(uncertainty)
    for m in range(uncertainty.size):
        variance = uncertainty[m] * uncertainty[m]
        root = np.sqrt(shot * shot + np.float32(4) * background * variance)
        found[m] = np.float32(0.5) * (shot + root) / variance
    return found
