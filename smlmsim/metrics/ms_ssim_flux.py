"""Multi-scale structural similarity at equal flux: MS-SSIM without the bias of least squares for noisy estimates."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from smlmsim.metrics import _kernels
from smlmsim.metrics.metric import Movie
from smlmsim.metrics.ms_ssim import MS_SSIM, ms_ssim

LEAST_FLUX = 1e-6
"""Smallest sum of an estimate, relative to the sum of its absolute values, that counts as flux."""


def ms_ssim_flux(truth: Movie, estimate: Movie) -> float:
    """Return the MS-SSIM after scaling the estimate to the total flux of the truth, by one factor for the movie.

    The least-squares factor of ``normalise`` decreases with the noise of an estimate, since errors are squared; the
    contrast of a noisy estimate is then lower than that of the truth. Equal flux keeps the brightness of structures,
    so that noise is penalised only as noise. An estimate counts as empty if its sum is not positive, or if
    ``normalise`` found it to be constant or anticorrelated with the truth.

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
