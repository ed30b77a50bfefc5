"""How likely localizations are, given a widefield image, in a pose; and how precisely they tell the pose."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy import ndimage, optimize

from smlmsim._image_pair import Pair

Floats = npt.NDArray[np.float64]

MARGIN_SIGMAS = 2.0
"""Border of the localization image, in sigmas, left out of the fit: its blur lacks light from beyond the image."""
DARK_QUANTILE = 0.02
"""Quantile of a widefield image that stands for its dark level."""
FIRST_CONSTANT = 0.1
"""Initial constant, relative to the mean light, that accounts for false positives in the fit."""
LEAST_PLACES = 100
"""Fewest pixels that two images must share."""
SMALL = 0.02
"""Step of the numerical derivatives, in units of the fit: pixels of the widefield image, and 0.02."""

NO_CONSTANT = 0.1
"""Part of its initial value below which the constant is taken to be 0, and known."""
BY_IMAGE = 1.2
"""Factor for the noise of the widefield image, which adds to the error of the localizations, found in simulations."""


class TooLittleError(ValueError):
    """Two images share too few pixels, or no localizations."""


class Likelihood:
    """The likelihood of localizations near a pose.

    The widefield image plus a constant is taken as the blurred density of labels, normalised to 1. The mean of its
    logarithm over the blurred localizations is largest, on average, at the true pose and the true constant (Gibbs'
    inequality). Compared with a correlation, shot noise at bright pixels has less weight.

    Raises
    ------
    TooLittleError
        If the images share too few pixels, or no localizations.
    """

    def __init__(self, pair: Pair, pose: Floats) -> None:
        self._pair, self._pose = pair, pose
        self._every = max(1, int(0.5 * pair.sigma_nm / pair.fine_nm))
        self._margin = math.ceil(MARGIN_SIGMAS * pair.sigma_nm / pair.fine_nm)
        image = pair.widefield - np.quantile(pair.widefield, DARK_QUANTILE)
        self._spline = ndimage.spline_filter(image / image.mean(), mode="mirror")
        self._lattice()

    def _lattice(self) -> None:
        """Places half a sigma apart, away from the border and inside the widefield image, and their localizations."""
        pair = self._pair
        axes = [np.arange(self._margin, n - self._margin, self._every) for n in pair.raw.shape]
        index = np.stack(np.meshgrid(*axes, indexing="ij"))
        places_nm = index.reshape(2, -1) * pair.fine_nm + pair.origin[..., 0]
        at = pair.back(places_nm, self._pose)
        size = np.array(pair.widefield.shape)[:, None]
        inside = ((at >= 0) & (at <= size - 1)).all(axis=0)
        blurred = pair.images(0.0)[1][tuple(index.reshape(2, -1)[:, inside])]
        if blurred.size < LEAST_PLACES or not blurred.any():
            raise TooLittleError("the overlap of both images is too small, or holds no localizations")
        self._inside = inside.reshape(index.shape[1:])
        self._places_nm, self._weights = places_nm[:, inside], blurred / blurred.sum()
        self._number = float(blurred.sum()) * self._every**2

    def best(self) -> tuple[Floats, float]:
        """The pose of the highest likelihood, and its standard error in nm: that of a position, over the image."""
        found = optimize.minimize(self._surprise, np.zeros(5), method="BFGS", options={"gtol": 1e-5})
        return np.asarray(self._pose + found.x[:4] * self._pair.unit), self._error_nm(found.x)

    def _light(self, steps: Floats) -> Floats:
        """The light (place,) that is expected after steps from the first pose and of the constant."""
        at = self._pair.back(self._places_nm, self._pose + steps[:4] * self._pair.unit)
        light = ndimage.map_coordinates(self._spline, at, order=3, prefilter=False, mode="nearest")
        return np.asarray(np.maximum(light, 0) + FIRST_CONSTANT * math.exp(steps[4]))

    def _surprise(self, steps: Floats) -> float:
        expected = self._light(steps)
        return float(math.log(expected.mean()) - self._weights @ np.log(expected))

    def _error_nm(self, steps: Floats) -> float:
        """The standard error of a position from the curvature and the variance of the score between localizations.

        The curvature alone would do for localizations themselves. Since their blurred image is fitted, the score of
        each is that of its surroundings, and varies less (White 1982, doi:10.2307/1912526).
        """
        told = 5 if math.exp(steps[4]) > NO_CONSTANT else 4
        scores, numbers = self._scores(np.array([self._slope(steps, k) for k in range(told)]))
        variance = (numbers * scores) @ scores.T / self._number
        inverse = np.linalg.pinv(self._curvature(steps)[:told, :told])
        covariance = (inverse @ variance @ inverse / self._number)[:4, :4] * np.outer(*2 * [self._pair.unit])
        dy, dx, log_scale, angle = np.diag(covariance)
        return BY_IMAGE * math.sqrt(dy + dx + (log_scale + angle) * self._pair.mean_square_nm2)

    def _curvature(self, steps: Floats) -> Floats:
        """The second derivatives (parameter, parameter) of the surprise."""
        far = SMALL * np.eye(5)

        def mixed(one: Floats, other: Floats) -> float:
            ends = ((1, 1, 1), (1, -1, -1), (-1, 1, -1), (-1, -1, 1))
            return sum(sign * self._surprise(steps + a * one + b * other) for a, b, sign in ends)

        return np.array([[mixed(one, other) for other in far] for one in far]) / (2 * SMALL) ** 2

    def _slope(self, steps: Floats, parameter: int) -> Floats:
        """The derivative (place,) of the logarithm of the expected share of the light."""
        far = np.zeros(5)
        far[parameter] = SMALL
        more, less = self._light(steps + far), self._light(steps - far)
        return np.asarray(np.log(more / more.mean()) - np.log(less / less.mean())) / (2 * SMALL)

    def _scores(self, slopes: Floats) -> tuple[Floats, Floats]:
        """The slopes (parameter, pixel) around each pixel with localizations, and their numbers (pixel,)."""
        pair = self._pair
        seen = np.nonzero(pair.raw)
        at = (np.array(seen) - self._margin) / self._every
        found = []
        for slope in slopes:
            image = np.zeros(self._inside.shape)
            image[self._inside] = slope
            around = ndimage.gaussian_filter(
                image, pair.sigma_nm / pair.fine_nm / self._every, mode="constant"
            )
            found.append(ndimage.map_coordinates(around, at, order=1, mode="constant"))
        return np.array(found), pair.raw[seen]
