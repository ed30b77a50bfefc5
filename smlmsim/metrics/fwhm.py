"""Full width at half maximum: the width of the filaments of an estimate."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.ndimage import convolve, map_coordinates, maximum_filter
from skimage import feature, morphology

from smlmsim.metrics.masks import otsu_mask
from smlmsim.metrics.metric import Metric, Movie, UnmeasurableError

Floats = npt.NDArray[np.float64]

HALF_PROFILE_NM = 250.0
"""Half length in nm of a profile across a filament: several widths of one."""
STEPS_PER_PIXEL = 2
"""Samples of a profile per pixel."""
FARTHEST_FROM_CROSSING_PX = 4
"""Distance in px from crossings within which no profile is taken."""
RIDGE_SIGMA_PX = 2.0
"""Width in px of the ridges that are looked for: about that of a filament."""


def fwhm_error_nm(truth: Movie, estimate: Movie, pixel_nm: float) -> float:
    """Return the absolute difference in width between the filaments of an estimate and of the truth, in nm.

    The width of a movie is the full width at half maximum of its mean profile across the centre lines of the
    truth, away from their crossings. The normal of a line is that of a ridge (Steger 1998). An estimate without a
    profile, such as an empty one, is given the length of the profile as its width, 500 nm.

    Raises
    ------
    UnmeasurableError
        If the truth has no such line, for example if it is constant.

    References
    ----------
    Steger 1998, doi:10.1109/34.659930.
    """
    places = [_across(frame, mask, pixel_nm) for frame, mask in zip(truth, otsu_mask(truth), strict=True)]
    if not any(place.size for place in places):
        raise UnmeasurableError(
            "fwhm_error_nm needs centre lines away from crossings, and the truth has none"
        )
    widths = [_width_nm(movie, places, pixel_nm) for movie in (truth, estimate)]
    return abs(widths[1] - widths[0])


def _across(frame: npt.NDArray[np.float32], mask: npt.NDArray[np.bool_], pixel_nm: float) -> Floats:
    """The sample positions of profiles across the centre lines of a frame, (yx, line pixel, sample) in px.

    The normal of a ridge is the direction of its largest curvature, an eigenvector of the Hessian.
    """
    lines = morphology.skeletonize(mask)
    neighbours = convolve(lines.astype(np.int64), np.ones((3, 3), np.int64), mode="constant")
    side = 2 * FARTHEST_FROM_CROSSING_PX + 1
    near_crossing = maximum_filter(lines & (neighbours > 3), side)
    y, x = np.nonzero(lines & ~near_crossing)
    yy, yx, xx = (
        term[y, x]
        for term in feature.hessian_matrix(frame, RIDGE_SIGMA_PX, order="rc", use_gaussian_derivatives=False)
    )
    angle = 0.5 * np.arctan2(2 * yx, xx - yy) + np.pi / 2
    reach = HALF_PROFILE_NM / pixel_nm
    offsets = np.linspace(-reach, reach, 2 * round(STEPS_PER_PIXEL * reach) + 1)
    return np.stack(
        [y[:, None] + np.sin(angle)[:, None] * offsets, x[:, None] + np.cos(angle)[:, None] * offsets]
    )


def _width_nm(movie: Movie, places: list[Floats], pixel_nm: float) -> float:
    """The width of the mean profile around its largest value, at most that of the whole profile."""
    profiles = [
        map_coordinates(frame, place, order=1, mode="nearest")
        for frame, place in zip(movie, places, strict=True)
    ]
    profile = np.concatenate(profiles).mean(axis=0, dtype=np.float64)
    above = profile - profile.min() > np.ptp(profile) / 2
    if not above.any():
        return 2 * HALF_PROFILE_NM
    peak = int(profile.argmax())
    sides = profile[peak:], profile[peak::-1]
    steps = sum(_first_below(side - profile.min(), np.ptp(profile) / 2) for side in sides)
    return float(steps * 2 * HALF_PROFILE_NM / (profile.size - 1))


def _first_below(side: Floats, level: float) -> float:
    """The interpolated number of steps until a profile falls to a level; all steps if it never does."""
    below = np.flatnonzero(side < level)
    if below.size == 0:
        return float(side.size - 1)
    first = below[0]
    return float(first - (level - side[first]) / (side[first - 1] - side[first]))


FWHM_ERROR_NM = Metric(
    name="fwhm_error_nm",
    long_name="error of the filament width",
    function=fwhm_error_nm,
    units="nm",
    range=(0.0, 2 * HALF_PROFILE_NM),
    better="lower",
    settings={
        "half_profile_nm": HALF_PROFILE_NM,
        "from_crossings_px": FARTHEST_FROM_CROSSING_PX,
        "ridge_sigma_px": RIDGE_SIGMA_PX,
        "averaged_over": "movie",
    },
    doi="10.1109/34.659930",
    takes_pixel=True,
)
