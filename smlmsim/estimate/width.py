"""The width of filaments in a set of localizations."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from smlmsim import schema
from smlmsim.estimate.covered import field_of_view
from smlmsim.estimate.profile_fit import Profiles, profiles
from smlmsim.estimate.stretches import Scale, Stretches, clean_stretches
from smlmsim.field import FieldOfView

Floats = npt.NDArray[np.float64]

FWHM_IN_SIGMAS = 2 * math.sqrt(2 * math.log(2))
"""Full width at half maximum of a Gaussian with sigma 1."""
RESAMPLES = 50
"""Bootstrap samples: the standard error is known to a tenth."""
SYSTEMATIC = 0.02
"""Relative standard deviation of the error that does not shrink with more localizations."""
LEAST, LEAST_STRETCHES, LEAST_CORE = 100, 2, 30
"""Fewest localizations, stretches, and localizations in the core that give a width."""
MOST_BACKGROUND = 0.18
"""Largest part of the background in the core; beyond, the fit no longer tells the two apart."""
SHORTEST, LONGEST, ENOUGH = 8.0, 16.0, 40
"""Stretches are 8 to 16 sigmas long, so that the median one has at least 40 localizations if possible."""
PASSES, AGREED, SETTLED = 8, 0.03, 0.25
"""Most passes, relative change of sigma at which they end, and logarithm of a change at which the result is refused."""
FARTHEST = 4.0
"""How many times the expected sigma a fit may grow to before it is lost."""
TRIED, TRIED_FIRST = 4000, 200
"""Stretches that are tried at most, and those of the first pass, in which sigma is only sought."""


class FilamentWidth(NamedTuple):
    """The full width at half maximum of filaments, and its standard error.

    They were measured on the number ``stretches`` of isolated stretches, with ``localizations`` in all.
    """

    fwhm_nm: float
    error_nm: float
    localizations: int
    stretches: int

    def __str__(self) -> str:
        return f"{self.fwhm_nm:.3g} ± {self.error_nm:.2g} nm"


def filament_width(
    localizations: xr.Dataset, *, sigma_nm: float = 30.0, pixel_nm: float = 10.0, seed: int = 0
) -> FilamentWidth:
    """Measure the width of filaments from the localizations of a structure at rest.

    Where filaments cross, meet or run beside each other, a profile across them is wider than that of one. So only
    straight stretches of single filaments are measured, 8 sigma long or up to 16 if localizations are few
    (:func:`~smlmsim.estimate.stretches.clean_stretches`). The distances of localizations from the line through a
    stretch make its profile; profiles wider than the rest by more than counting noise are excluded. A Gaussian on a
    background is fitted by maximum likelihood to all other profiles together. Sigma is increased from half the expected
    one until it agrees with the fit, so that filaments side by side are not measured as one wide filament.

    If localizations differ in precision, the profile is not Gaussian: with a spread of 25 %, the width is within 2 %
    of that for the median precision, while the profile at its actual half maximum is 8 % narrower.

    The standard error combines that of resampled stretches with 2 % for errors that do not average out.

    Parameters
    ----------
    localizations : xr.Dataset
        ``loc_y``, ``loc_x`` (localization,) in nm.
    sigma_nm : float
        Expected standard deviation of the profile, correct within a factor of three.
    pixel_nm : float
        Pixel of the image in which lines are sought, below sigma; half of it is used if sigma is small.
    seed : int
        Seed of the resampling.

    Raises
    ------
    ValueError
        If there are too few such stretches, fewer than 100 localizations on them or 30 on the median one, if the
        background beside filaments is nearly as high as their profile, or if no sigma agrees with the fit.
    """
    schema.check(localizations, "loc_y", "loc_x")
    if not (0 < sigma_nm < math.inf):
        raise ValueError(f"sigma_nm must be positive, found sigma_nm={sigma_nm:g}")
    places_nm = np.stack([localizations.loc_y.values, localizations.loc_x.values]).astype(np.float64)
    field = field_of_view(localizations, pixel_nm=pixel_nm, coverage=0.999)
    scale = _scale(places_nm, field, sigma_nm)
    stretches = clean_stretches(places_nm, field, scale, TRIED)
    found = _profiles(stretches, places_nm, scale)
    _require_enough(stretches, found, scale, sigma_nm)
    width_nm = FWHM_IN_SIGMAS * float(found.pooled().sigmas_nm()[0])
    if abs(math.log(width_nm / (FWHM_IN_SIGMAS * scale.sigma_nm))) > SETTLED:
        raise ValueError(
            f"the width does not settle: {width_nm:.3g} nm was found where {FWHM_IN_SIGMAS * scale.sigma_nm:.3g} nm "
            "was expected from the passes before; filaments are too close together or have too few localizations"
        )
    error_nm = math.hypot(FWHM_IN_SIGMAS * _spread_nm(found, seed), SYSTEMATIC * width_nm)
    return FilamentWidth(width_nm, error_nm, int(found.counts.sum() // 2), len(found.counts))


def _scale(places_nm: Floats, field: FieldOfView, expected_nm: float) -> Scale:
    """The smallest sigma that agrees with the fitted one, and the length of stretches for it."""
    sigma_nm, length = expected_nm / 2, SHORTEST
    for _ in range(PASSES):
        before, scale = (sigma_nm, length), Scale(sigma_nm, length * sigma_nm)
        stretches = clean_stretches(places_nm, field, scale, TRIED_FIRST)
        found = _profiles(stretches, places_nm, scale)
        if len(found.counts) < LEAST_STRETCHES:
            sigma_nm *= 2
            if sigma_nm > FARTHEST * expected_nm:
                return scale
            continue
        sigma_nm = float(np.clip(found.pooled().sigmas_nm()[0], sigma_nm / 2, 2 * sigma_nm))
        length = float(np.clip(length * ENOUGH / stretches.core, SHORTEST, LONGEST))
        if abs(sigma_nm / before[0] - 1) < AGREED and abs(length / before[1] - 1) < 0.2:
            break
    return Scale(sigma_nm, length * sigma_nm)


def _profiles(stretches: Stretches, places_nm: Floats, scale: Scale) -> Profiles:
    """The profiles of single filaments."""
    found = profiles([one.across_nm(places_nm, scale) for one in stretches.found], scale.sigma_nm)
    return found.of_single_lines() if len(found.counts) else found


def _require_enough(stretches: Stretches, found: Profiles, scale: Scale, expected_nm: float) -> None:
    """Raise an error if the profiles may not be those of single filaments."""
    if len(found.counts) < LEAST_STRETCHES:
        raise ValueError(
            f"{len(found.counts)} straight stretches of single filaments were found, {LEAST_STRETCHES} are needed "
            "for a width: there are too few localizations, or filaments are too short or too close together, or "
            f"sigma_nm={expected_nm:g} is far from theirs"
        )
    if stretches.background > MOST_BACKGROUND:
        raise ValueError(
            f"beside filaments there is {stretches.background:.0%} of the height of their profile, "
            f"at most {MOST_BACKGROUND:.0%} is allowed: they are too close together for a width"
        )
    if stretches.core < LEAST_CORE:
        raise ValueError(
            f"{stretches.core:.0f} localizations lie along {scale.length_nm:.0f} nm of a filament, {LEAST_CORE} are "
            "needed for a width: use more frames"
        )
    if (number := int(found.counts.sum() // 2)) < LEAST:
        raise ValueError(f"{number} localizations lie along filaments; {LEAST} are needed for a width")


def _spread_nm(found: Profiles, seed: int) -> float:
    """The standard error of sigma: that of resampled stretches, and at least that of counting."""
    number = len(found.counts)
    picked = np.random.default_rng(seed).multinomial(number, np.full(number, 1 / number), size=RESAMPLES)
    spread_nm = np.std(Profiles(picked @ found.counts, found.centres_nm).sigmas_nm())
    return max(float(spread_nm), float(found.pooled().sigmas_nm()[0]) / math.sqrt(found.counts.sum()))
