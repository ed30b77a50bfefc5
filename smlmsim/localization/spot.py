"""The spot of a molecule on the camera, and the precision with which it is localized."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from pydantic import NonNegativeFloat, PositiveFloat

from smlmsim.localization import _spot_kernels
from smlmsim.spec import Spec


class Spot(Spec):
    r"""A Gaussian spot on a constant background, fitted by least squares.

    With N photons, the standard deviation s of the point spread function, pixels of the edge a and b^2 background
    photons per pixel, the variance of the position along either axis is (Mortensen et al. 2010,
    doi:10.1038/nmeth.1447)

    .. math:: \frac{s_a^2}{N} \left(\frac{16}{9} + \frac{8 \pi s_a^2 b^2}{N a^2}\right)

    with :math:`s_a^2 = s^2 + a^2 / 12`, for a camera without multiplication noise. It is a quadratic equation in 1 / N.

    Parameters
    ----------
    width_nm : float
        Standard deviation of the point spread function, above 0.
    background_photons : float
        Expected background per pixel and frame, at least 0.
    pixel_nm : float
        Edge of a pixel of the camera in the plane of the sample, above 0.
    """

    width_nm: PositiveFloat = 130.0
    background_photons: NonNegativeFloat = 10.0
    pixel_nm: PositiveFloat = 100.0

    def uncertainty_nm(self, photons: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """The standard error along an axis, in nm, of spots with given numbers of photons, of any shape."""
        shot, background = self._terms()
        n = np.asarray(photons, np.float64)
        return np.sqrt(shot / n + background / n**2)

    def photons(self, uncertainty_nm: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """The photons of spots with given standard errors along an axis, (localization,); infinite for 0."""
        shot, background = self._terms()
        return _spot_kernels.photons(uncertainty_nm, np.float32(shot), np.float32(background))

    def _terms(self) -> tuple[float, float]:
        """The coefficients of 1 / N and 1 / N^2 in the variance, in nm^2."""
        variance = self.width_nm**2 + self.pixel_nm**2 / 12
        return 16 / 9 * variance, 8 * math.pi * variance**2 * self.background_photons / self.pixel_nm**2
