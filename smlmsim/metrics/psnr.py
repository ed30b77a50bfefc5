"""Peak signal-to-noise ratio."""

from __future__ import annotations

import numpy as np

from smlmsim.metrics import _kernels
from smlmsim.metrics.metric import Metric, Movie

RESOLUTION = float(np.finfo(np.float32).epsneg)
"""Relative step of float32: a smaller error cannot be told from none."""
CEILING_DB = -20 * np.log10(RESOLUTION)
"""Ratio in dB of two images that agree to that step; equal ones get it too."""
FLOOR_DB = -60.0
"""Least ratio in dB: worse ones all count alike."""


def psnr(truth: Movie, estimate: Movie) -> float:
    """Return ten times the decimal logarithm of one over the mean squared error of the movie, in dB.

    A root-mean-square error below 2^-24, the precision of float32 at 1, is indistinguishable from 0: it scores
    144.5 dB, as does a perfect estimate, so that scores, their means and differences are finite. Scores are below
    0 dB if errors exceed the scale of the truth, as in bundles of many filaments, and at least -60 dB.

    References
    ----------
    Huynh-Thu & Ghanbari 2008, doi:10.1049/el:20080522.
    """
    mean_squared_error = _kernels.squared_error(truth.ravel(), estimate.ravel()) / truth.size
    return float(-10 * np.log10(np.clip(mean_squared_error, RESOLUTION**2, 10 ** (-FLOOR_DB / 10))))


PSNR = Metric(
    name="psnr",
    long_name="peak signal-to-noise ratio",
    function=psnr,
    units="dB",
    range=(FLOOR_DB, float(CEILING_DB)),
    better="higher",
    settings={
        "data_range": 1.0,
        "floor_db": FLOOR_DB,
        "ceiling_db": round(float(CEILING_DB), 2),
        "averaged_over": "movie",
    },
    doi="10.1049/el:20080522",
)
