"""Full width at half maximum: the width of the filaments of an estimate."""

from __future__ import annotations

import numpy as np

from smlmsim.metrics.masks import otsu_mask
from smlmsim.metrics.metric import Metric, Movie, UnmeasurableError
from smlmsim.metrics.profiles import (
    FARTHEST_FROM_CROSSING_PX,
    HALF_PROFILE_NM,
    RIDGE_SIGMA_PX,
    Floats,
    across,
    first_below,
    sampled,
)


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
    places = [across(frame, mask, pixel_nm) for frame, mask in zip(truth, otsu_mask(truth), strict=True)]
    if not any(place.size for place in places):
        raise UnmeasurableError(
            "fwhm_error_nm needs centre lines away from crossings, and the truth has none"
        )
    widths = [_width_nm(movie, places, pixel_nm) for movie in (truth, estimate)]
    return abs(widths[1] - widths[0])


def _width_nm(movie: Movie, places: list[Floats], pixel_nm: float) -> float:
    """The width of the mean profile around its largest value, at most that of the whole profile."""
    profiles = [sampled(frame, place) for frame, place in zip(movie, places, strict=True)]
    profile = np.concatenate(profiles).mean(axis=0, dtype=np.float64)
    above = profile - profile.min() > np.ptp(profile) / 2
    if not above.any():
        return 2 * HALF_PROFILE_NM
    peak = int(profile.argmax())
    sides = profile[peak:], profile[peak::-1]
    steps = sum(first_below(side - profile.min(), np.ptp(profile) / 2) for side in sides)
    return float(steps * 2 * HALF_PROFILE_NM / (profile.size - 1))


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
