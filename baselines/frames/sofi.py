"""Super-resolution optical fluctuation imaging: cumulants of the camera's pixels over time."""

from __future__ import annotations

import logging
import math
from typing import ClassVar, Literal

import numpy as np
import xarray as xr
from pydantic import PositiveFloat

from baselines.frames import _cumulants
from baselines.frames._movie import F32, Movie, resampled
from smlmsim import schema
from smlmsim.spec import Spec

USUAL_NM = 130.0
"""Standard deviation of the point spread function where it is neither given nor measurable."""
PLAUSIBLE_PX = (0.4, 4.0)
"""Measured standard deviations that are believed, in pixels."""
_log = logging.getLogger(f"smlmsim.{__name__}")


class Sofi(Spec):
    """Joint cumulants of nearby pixels in a window of time around each time point (Dertinger et al. 2009).

    Molecules blink independently of each other, so the cumulants of order n of the movie are sums over molecules, each
    with the point spread function to the power n: its width is smaller by the square root of n. Constant background has
    no cumulants. Only different pixels are combined, whose noise is independent, so noise contributes nothing on
    average; these cumulants belong to places at and between the pixels, the virtual pixels (Dertinger et al. 2010).
    What the distances between the pixels take away is corrected with the width of the point spread function. Negative
    cumulants are set to 0, and the image is interpolated linearly at the pixels of the observation.

    Brightness counts with its power n: a molecule that is twice as bright weighs 2^n times as much, and cumulants of
    the orders 3 and 4 change sign with the share of time that molecules are on. There is no deconvolution.

    Where it fails: cumulants converge slowly. In a movie with few molecules per window, or few frames in it, they show
    where single molecules happened to be bright, with spots no narrower than the optics divided by the square root of
    n; the higher the order, the more of them noise hides. What moves within a window is blurred, and motion itself is a
    fluctuation.

    Parameters
    ----------
    order : int
        The order of the cumulants, 2 to 4.
    window_s : float
        Full width of the window; at the ends of the movie the part that was recorded is taken.
    psf_sigma_nm : float, optional
        Standard deviation of the point spread function. By default measured: the ratio of the cumulants of pixels one
        and two apart.

    References
    ----------
    Dertinger et al. 2009, doi:10.1073/pnas.0907866106; Dertinger et al. 2010, doi:10.1364/OE.18.018875.
    """

    needs: ClassVar[tuple[str, ...]] = ("frames",)

    order: Literal[2, 3, 4] = 2
    window_s: PositiveFloat = 7.5
    psf_sigma_nm: PositiveFloat | None = None

    def reconstruct(self, observation: xr.Dataset) -> xr.Dataset:
        """Return ``density`` (time, y, x) in relative units, and the width for which cumulants were corrected."""
        movie = Movie.of(observation)
        windows = [movie.window(time_s, self.window_s) for time_s in movie.times_s]
        if (fewest := min(window.stop - window.start for window in windows)) <= self.order:
            _log.warning(
                "the shortest window of window_s=%g holds %d camera frames, too few for cumulants of order=%d; "
                "give a longer window_s",
                self.window_s, fewest, self.order,
            )  # fmt: skip
        sigma_px = self._sigma_px(movie)
        places = tuple(
            nm[0] + np.arange(self.order * (nm.size - 1) + 1) * movie.pixel_nm / self.order
            for nm in (observation.camera_y.values, observation.camera_x.values)
        )
        density = np.empty(observation.counts.shape, np.float32)
        for image, window in zip(density, windows, strict=True):
            cumulants = _cumulants.cumulant_image(movie.counts[window], self.order, sigma_px)
            image[:] = resampled(np.maximum(cumulants, 0), (places[0], places[1]), observation)
        return schema.estimate(
            {"order": self.order, "psf_sigma_px": sigma_px},
            meaning=f"cumulant of order {self.order}",
            density=density,
            time=observation.time,
            y=observation.y,
            x=observation.x,
        )

    def _sigma_px(self, movie: Movie) -> float:
        """The width of the point spread function integrated over a pixel, in pixels: given, or measured."""
        if self.psf_sigma_nm is not None:
            return _integrated(self.psf_sigma_nm / movie.pixel_nm)
        found = _cumulants.spread_of_light(_centred(movie, self.window_s))
        if PLAUSIBLE_PX[0] <= found <= PLAUSIBLE_PX[1]:
            return found
        _log.info(
            "the width of the point spread function cannot be measured from these frames; psf_sigma_nm=%g is taken",
            USUAL_NM,
        )
        return _integrated(USUAL_NM / movie.pixel_nm)


def _integrated(sigma_px: float) -> float:
    """The width of a Gaussian after integration over a pixel, whose variance is 1 / 12."""
    return math.hypot(sigma_px, 1 / math.sqrt(12))


def _centred(movie: Movie, window_s: float) -> F32:
    """The frames without their mean in windows that follow each other, so that slow changes do not count."""
    length_s = movie.frame_times_s[-1] - movie.frame_times_s[0]
    number = max(1, round(length_s / window_s))
    blocks = np.array_split(movie.counts, number)
    return np.concatenate([block - block.mean(axis=0) for block in blocks if len(block)])
