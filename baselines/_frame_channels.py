"""What networks see of camera frames."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from smlmsim.shot_noise import Counts

USUAL_SIGMA_PX, SIGMA_STEP_PX = 1.3, 0.2
LIGHT, ROOT, NOISE = 50.0, 5.0, 2.0
"""What counts, their square roots and the noise of the readout are divided by, so that they are about one."""
ANSCOMBE = 3 / 8
"""What makes the noise of square roots of counts most equal (Anscombe 1948, doi:10.1093/biomet/35.3-4.246)."""
CHANNELS = 4

Floats = npt.NDArray[np.float32]


def channels(counts: Counts, sigma_px: float) -> Floats:
    """Return counts, their square roots, the noise of the readout, and the width of spots, (frame, channel, y, x).

    Counts add where spots overlap, and square roots have about equal noise everywhere.
    """
    seen = np.empty((len(counts.values), CHANNELS, *counts.variance.shape), np.float32)
    seen[:, 0] = counts.values / LIGHT
    seen[:, 1] = np.sqrt(np.maximum(counts.values + counts.variance, 0) + ANSCOMBE) / ROOT
    seen[:, 2] = np.sqrt(counts.variance) / NOISE
    seen[:, 3] = (sigma_px - USUAL_SIGMA_PX) / SIGMA_STEP_PX
    return seen
