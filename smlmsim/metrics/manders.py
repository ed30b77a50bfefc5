"""Manders' colocalization coefficients."""

from __future__ import annotations

from skimage import measure

from smlmsim.metrics.masks import otsu_mask
from smlmsim.metrics.metric import Metric, Movie


def manders_truth(truth: Movie, estimate: Movie) -> float:
    """Return the share of the intensity of the truth's structure that lies where the estimate has structure.

    Structure consists of the pixels above Otsu's threshold of the respective movie.

    References
    ----------
    Manders, Verbeek & Aten 1993, doi:10.1111/j.1365-2818.1993.tb03313.x.
    """
    own, other = otsu_mask(truth), otsu_mask(estimate)
    return float(measure.manders_coloc_coeff(truth.clip(min=0), other, own)) if own.any() else 0.0


def manders_estimate(truth: Movie, estimate: Movie) -> float:
    """Return the share of the intensity of the estimate's structure that lies where the truth has structure."""
    return manders_truth(estimate, truth)


MANDERS_TRUTH = Metric(
    name="manders_truth",
    long_name="Manders' share of the truth",
    function=manders_truth,
    units="1",
    range=(0.0, 1.0),
    better="higher",
    settings={"threshold": "Otsu, one per movie", "averaged_over": "movie"},
    doi="10.1111/j.1365-2818.1993.tb03313.x",
)

MANDERS_ESTIMATE = Metric(
    name="manders_estimate",
    long_name="Manders' share of the estimate",
    function=manders_estimate,
    units="1",
    range=(0.0, 1.0),
    better="higher",
    settings={"threshold": "Otsu, one per movie", "averaged_over": "movie"},
    doi="10.1111/j.1365-2818.1993.tb03313.x",
)
