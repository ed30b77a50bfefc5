"""Phasor localization: the position of every spot from the phase of its first Fourier coefficients."""

from __future__ import annotations

import numpy as np
import xarray as xr

from baselines.localizers import _phasor_kernels as _kernels
from baselines.localizers._detection import Detecting
from baselines.localizers._table import pixel_of, table
from smlmsim.shot_noise import counts_of

WINDOW = 2.5
"""Half the window, in standard deviations of the spot: 7 x 7 pixels at the usual 1.3 pixels."""


class Phasor(Detecting):
    """Localize every spot by the phase of its first Fourier coefficients, without iterations.

    It is faster than a fit, and less precise (Martens et al. 2018, doi:10.1063/1.5005899). Every spot is localized by
    itself: those that overlap are found as one, in between. The reported precision is that of the phase, to first
    order; photons and background are those of a spot of the width ``sigma_nm`` at that position.
    """

    def localize(self, frames: xr.Dataset) -> xr.Dataset:
        """Return the localizations of all frames, with the width of the spots."""
        counts, pixel = counts_of(frames), pixel_of(frames)
        sigma_px = self.sigma_nm / pixel.nm
        spots = self.detect(counts, sigma_px)
        radius = max(2, round(WINDOW * sigma_px))
        found, variances = _kernels.phasors(counts.values, counts.variance, spots, sigma_px, radius)
        y, x, light, background, width = found.T
        return table(
            frames, counts, spots[:, 0], y, x,
            uncertainty_px=np.sqrt(variances.mean(axis=1)), light=light, background=background, sigma_px=width,
        )  # fmt: skip
