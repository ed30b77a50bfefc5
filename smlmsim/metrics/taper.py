"""The window that keeps the borders of an image out of its spectrum."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

TAPERED = 0.25
"""Part of each axis over which an image fades to zero, so that its border makes no frequencies."""


def taper(height: int, width: int) -> npt.NDArray[np.float64]:
    """Return a Tukey window along both axes, shape (height, width): 1 in the middle, down to 0 at the border."""
    # Imported here, since it loads all of scipy.signal.
    from scipy.signal.windows import tukey

    window: npt.NDArray[np.float64] = tukey(height, TAPERED)[:, None] * tukey(width, TAPERED)
    return window
