"""Fidelity and hallucination: structure that is recovered, and structure that is invented."""

from __future__ import annotations

import numpy as np

from smlmsim.metrics.masks import Mask
from smlmsim.metrics.metric import Metric, Movie

THRESHOLD = 100 / 255
"""Intensity from which a pixel is structure: 100 of 255 grey levels."""


def fidelity(truth: Movie, estimate: Movie) -> float:
    """Return the share of the bright pixels of the truth that are bright in the estimate.

    In both movies, a pixel is bright if it reaches 100 / 255 of the maximum of the truth over the movie.

    References
    ----------
    Saguy et al. 2023, doi:10.1038/s41592-023-01966-0.
    """
    level = _level(truth)
    return _share(estimate >= level, truth >= level)


def hallucination(truth: Movie, estimate: Movie) -> float:
    """Return the share of the dark pixels of the truth that are bright in the estimate."""
    level = _level(truth)
    return _share(estimate >= level, truth < level)


def _level(truth: Movie) -> np.float32:
    return np.float32(THRESHOLD * truth.max())


def _share(bright: Mask, among: Mask) -> float:
    pixels = np.count_nonzero(among)
    return np.count_nonzero(bright & among) / pixels if pixels else 0.0


FIDELITY = Metric(
    name="fidelity",
    long_name="fidelity",
    function=fidelity,
    units="1",
    range=(0.0, 1.0),
    better="higher",
    settings={"threshold": f"{round(THRESHOLD, 6)} of the maximum of the truth", "averaged_over": "movie"},
    doi="10.1038/s41592-023-01966-0",
)

HALLUCINATION = Metric(
    name="hallucination",
    long_name="hallucination",
    function=hallucination,
    units="1",
    range=(0.0, 1.0),
    better="lower",
    settings={"threshold": f"{round(THRESHOLD, 6)} of the maximum of the truth", "averaged_over": "movie"},
    doi="10.1038/s41592-023-01966-0",
)
