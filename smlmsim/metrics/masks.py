"""Masks: the pixels of a movie that hold structure."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from skimage import filters

from smlmsim.metrics.metric import Movie

Mask = npt.NDArray[np.bool_]

BLOCK_PX = 51
"""Edge length in px of the neighbourhood of the adaptive threshold, odd."""
OFFSET = 0.02
"""How far above the local mean a pixel must be, in units of the data range: noise stays below."""


def otsu_mask(movie: Movie) -> Mask:
    """Mark the pixels above Otsu's threshold, one for the whole movie; none if the movie is constant.

    References
    ----------
    Otsu 1979, doi:10.1109/TSMC.1979.4310076.
    """
    mask: Mask = movie > filters.threshold_otsu(movie)
    return mask


def adaptive_mask(movie: Movie) -> Mask:
    """Mark the pixels of a normalised movie that exceed the Gaussian mean around them by 0.02.

    The Gaussian has a standard deviation of 50 / 6 px. The offset keeps faint noise of a dark background from
    counting as structure.
    """
    return np.stack(
        [
            frame > filters.threshold_local(frame, BLOCK_PX, method="gaussian", offset=-OFFSET)
            for frame in movie
        ]
    )
