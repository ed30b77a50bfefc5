"""Structural similarity: a secondary metric, which a dark background makes too high."""

from __future__ import annotations

from smlmsim.metrics import _kernels
from smlmsim.metrics.metric import Metric, Movie
from smlmsim.metrics.window import gaussian_window

WINDOW_PX = 11
"""Edge length of the Gaussian window in px, as published."""
SIGMA_PX = 1.5
"""Sigma of the window in px, as published (doi:10.1109/TIP.2003.819861)."""


def ssim(truth: Movie, estimate: Movie) -> float:
    """Return the structural similarity of every time point, averaged over time.

    It equals ``skimage.metrics.structural_similarity`` with ``gaussian_weights=True, sigma=1.5,
    use_sample_covariance=False, data_range=1``: windows of 11 px, averaged where they lie inside the image,
    so that no values beyond the border are assumed. Dark windows of truth and estimate count as perfect, so an
    empty estimate scores well too.

    Raises
    ------
    ValueError
        If the images are smaller than one window.

    References
    ----------
    Wang, Bovik, Sheikh & Simoncelli 2004, doi:10.1109/TIP.2003.819861.
    """
    if min(truth.shape[-2:]) < WINDOW_PX:
        raise ValueError(
            f"ssim needs images of at least {WINDOW_PX} x {WINDOW_PX} px, found {truth.shape[-2:]}"
        )
    return float(_kernels.ssim(truth, estimate, gaussian_window(WINDOW_PX, SIGMA_PX)))


SSIM = Metric(
    name="ssim",
    long_name="SSIM",
    function=ssim,
    units="1",
    range=(-1.0, 1.0),
    better="higher",
    settings={
        "window_px": WINDOW_PX,
        "sigma_px": SIGMA_PX,
        "k1": _kernels.K1,
        "k2": _kernels.K2,
        "data_range": 1.0,
        "averaged_over": "time",
    },
    doi="10.1109/TIP.2003.819861",
)
