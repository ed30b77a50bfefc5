"""Multi-scale structural similarity: the primary metric."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from smlmsim.metrics import _kernels
from smlmsim.metrics.metric import Metric, Movie, Shape
from smlmsim.metrics.window import gaussian_window

WINDOW_PX = 7
"""Edge length of the Gaussian window in px: it fits in the smallest scale of 128 px."""
SIGMA_PX = 1.5
"""Sigma of the window in px, as published."""
SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Exponents of the scales, finest first, as published (doi:10.1109/ACSSC.2003.1292216)."""


def ms_ssim(truth: Movie, estimate: Movie) -> float:
    """Return the multi-scale structural similarity of every time point, averaged over time.

    Each of five scales is half as fine as the one before (means of 2 x 2 pixels). The contrast-structure terms of
    the finer scales and the full similarity of the coarsest one, each averaged over all windows inside the image
    and clipped at zero, are raised to their weights and multiplied. The window has 7 px because the usual 11 would
    need images of more than 160 px; five scales of 7 px fit into 97 px. Smaller images have fewer scales, whose
    weights are scaled up to the sum of all five.

    Raises
    ------
    ValueError
        If the images are smaller than one window.

    References
    ----------
    Wang, Simoncelli & Bovik 2003, doi:10.1109/ACSSC.2003.1292216.
    """
    window = gaussian_window(WINDOW_PX, SIGMA_PX)
    return float(_kernels.ms_ssim(truth, estimate, window, scale_weights(truth.shape)))


def scale_weights(shape: Shape) -> npt.NDArray[np.float64]:
    """Return the weights of the scales that fit into images of a shape (..., y, x), the finest first.

    Raises
    ------
    ValueError
        If no scale fits.
    """
    side = min(shape[-2:])
    scales = sum(side > (WINDOW_PX - 1) * 2**scale for scale in range(len(SCALE_WEIGHTS)))
    if scales == 0:
        raise ValueError(f"ms_ssim needs images of at least {WINDOW_PX} x {WINDOW_PX} px, found {shape[-2:]}")
    weights = np.array(SCALE_WEIGHTS, dtype=np.float64)
    return weights[:scales] / float(weights[:scales].sum() / weights.sum())


def _settings_at(shape: Shape) -> dict[str, Any]:
    weights = scale_weights(shape)
    return {"scales": len(weights), "scale_weights": [round(float(weight), 6) for weight in weights]}


MS_SSIM = Metric(
    name="ms_ssim",
    long_name="MS-SSIM",
    function=ms_ssim,
    units="1",
    range=(0.0, 1.0),
    better="higher",
    settings={
        "window_px": WINDOW_PX,
        "sigma_px": SIGMA_PX,
        "k1": _kernels.K1,
        "k2": _kernels.K2,
        "data_range": 1.0,
        "averaged_over": "time",
    },
    doi="10.1109/ACSSC.2003.1292216",
    settings_at=_settings_at,
)
