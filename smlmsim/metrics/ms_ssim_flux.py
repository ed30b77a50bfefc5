"""Multi-scale structural similarity at equal flux: the primary metric without what least squares does to noise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from smlmsim.metrics import _kernels
from smlmsim.metrics.metric import Movie
from smlmsim.metrics.ms_ssim import MS_SSIM, ms_ssim

LEAST_FLUX = 1e-6
"""Of the sum of an estimate's absolute values, the least that its sum may be; below, it has no flux to compare."""


def ms_ssim_flux(truth: Movie, estimate: Movie) -> float:
    """Return the MS-SSIM after the estimate was brought to the total flux of the truth, one factor for the movie.

    The least-squares factor of ``normalise`` is the lower the noisier an estimate is, since every error weighs
    with its square; the contrast of a noisy estimate then falls short of that of the truth. Equal flux keeps the
    brightness of structures and lets noise cost as noise. An estimate whose sum is not positive counts as empty, and
    so does one that ``normalise`` has found to be constant or against the truth.

    Raises
    ------
    ValueError
        If the images are smaller than one window.

    References
    ----------
    Wang, Simoncelli & Bovik 2003, doi:10.1109/ACSSC.2003.1292216.
    """
    flat = estimate.ravel()
    flux, size = _kernels.total(flat), float(np.abs(flat).sum(dtype=np.float64))
    factor = _kernels.total(truth.ravel()) / flux if flux > LEAST_FLUX * size else 0.0
    return ms_ssim(truth, _kernels.scaled(flat, factor).reshape(estimate.shape))


MS_SSIM_FLUX = replace(
    MS_SSIM,
    name="ms_ssim_flux",
    long_name="MS-SSIM at equal flux",
    function=ms_ssim_flux,
    settings={**MS_SSIM.settings, "rescaled": "estimate, to the total flux of the truth"},
)
