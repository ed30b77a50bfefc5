"""Spots that stand out of the noise, and the settings of their detection."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from pydantic import PositiveFloat

from baselines.localizers import _detection_kernels as _kernels
from smlmsim.shot_noise import Counts
from smlmsim.spec import Spec

WIDER = 2.0
"""Width of the Gaussian that is subtracted, in widths of the spot."""
TAPS = 3.0
"""Half the length of a filter, in standard deviations."""


class Detecting(Spec):
    """Settings of the detection of spots, which localizers share.

    Parameters
    ----------
    sigma_nm : float
        Standard deviation of the point spread function, about 0.21 wavelengths divided by the numerical aperture.
    threshold : float
        Smallest height of a spot in the band-passed frame, in standard deviations of its noise. Lower ones find
        dimmer molecules, and more false positives.
    """

    sigma_nm: PositiveFloat = 130.0
    threshold: PositiveFloat = 5.0

    def detect(self, counts: Counts, sigma_px: float) -> npt.NDArray[np.int32]:
        """Return the frame, row and column of every spot, (spot, 3), sorted."""
        narrow, wide = (_taps(sigma) for sigma in (sigma_px, WIDER * sigma_px))
        return _kernels.detect(
            counts.values, counts.variance, narrow, wide, _energy(narrow, wide), self.threshold
        )


def _taps(sigma_px: float) -> npt.NDArray[np.float32]:
    """The middle and one side of a Gaussian whose sum is 1, integrated over every pixel."""
    edges = (np.arange(math.ceil(TAPS * sigma_px) + 2) - 0.5) / (math.sqrt(2) * sigma_px)
    side = np.diff([math.erf(edge) for edge in edges])
    return np.asarray(side / (side[0] + 2 * side[1:].sum()), np.float32)


def _energy(narrow: npt.NDArray[np.float32], wide: npt.NDArray[np.float32]) -> float:
    """The sum of the squares of the difference of two separable filters."""

    def product(one: npt.NDArray[np.float32], other: npt.NDArray[np.float32]) -> float:
        shared = min(one.size, other.size)
        products = one[:shared].astype(np.float64) * other[:shared]
        return float(products[0] + 2 * products[1:].sum()) ** 2

    return product(narrow, narrow) - 2 * product(narrow, wide) + product(wide, wide)
