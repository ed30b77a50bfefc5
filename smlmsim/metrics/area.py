"""The area fraction: the share of a field that the structure covers."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from smlmsim.metrics.masks import otsu_mask
from smlmsim.metrics.metric import Movie


def area_fraction(movie: Movie) -> npt.NDArray[np.float64]:
    """Return the share of the pixels of each time point above Otsu's threshold of the movie, (time,), from 0 to 1.

    It needs no truth. The area of a filament is its length times the width in which it is shown, so that areas of
    images of different resolution are compared with themselves only. 0 if the movie is constant.

    References
    ----------
    Otsu 1979, doi:10.1109/TSMC.1979.4310076.
    """
    fractions: npt.NDArray[np.float64] = otsu_mask(movie).mean(axis=(1, 2))
    return fractions
