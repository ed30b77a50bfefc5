"""Resolution-scaled scores: comparison of an estimate and the truth at widefield resolution."""

from __future__ import annotations

from scipy.ndimage import gaussian_filter

from smlmsim.metrics.metric import Metric, Movie
from smlmsim.metrics.normalisation import normalise
from smlmsim.metrics.nrmse import nrmse
from smlmsim.metrics.pearson import pearson

PSF_SIGMA_NM = 95.0
"""Sigma in nm of the point spread function of a usual objective with red light."""


def resolution_scaled_pearson(truth: Movie, estimate: Movie, pixel_nm: float) -> float:
    """Return the correlation of estimate and truth after blurring both to widefield resolution.

    The blur is a Gaussian of 95 nm, about 0.21 wavelengths over the numerical aperture for light of 650 nm.
    Truth and estimate replace the widefield image and the super-resolved image of Culley et al.

    References
    ----------
    Culley et al. 2018, doi:10.1038/nmeth.4605.
    """
    return pearson(*_widefield(truth, estimate, pixel_nm))


def resolution_scaled_error(truth: Movie, estimate: Movie, pixel_nm: float) -> float:
    """Return the norm of the error after that blur, divided by the norm of the blurred truth.

    The blurred estimate is scaled to be closest to the blurred truth.
    """
    blurred = _widefield(truth, estimate, pixel_nm)
    return min(nrmse(*normalise(*blurred, scale=1.0)), 1.0)


def _widefield(truth: Movie, estimate: Movie, pixel_nm: float) -> tuple[Movie, Movie]:
    """Blur truth and estimate, with reflection at the borders."""
    sigma = (0, PSF_SIGMA_NM / pixel_nm, PSF_SIGMA_NM / pixel_nm)
    return gaussian_filter(truth, sigma), gaussian_filter(estimate, sigma)


_SETTINGS = {"psf_sigma_nm": PSF_SIGMA_NM, "averaged_over": "movie"}

RESOLUTION_SCALED_PEARSON = Metric(
    name="resolution_scaled_pearson",
    long_name="resolution-scaled Pearson correlation",
    function=resolution_scaled_pearson,
    units="1",
    range=(-1.0, 1.0),
    better="higher",
    settings=_SETTINGS,
    doi="10.1038/nmeth.4605",
    takes_pixel=True,
)

RESOLUTION_SCALED_ERROR = Metric(
    name="resolution_scaled_error",
    long_name="resolution-scaled error",
    function=resolution_scaled_error,
    units="1",
    range=(0.0, 1.0),
    better="lower",
    settings=_SETTINGS,
    doi="10.1038/nmeth.4605",
    takes_pixel=True,
)
