"""Registration: align a widefield image with a localization image of the same sample."""

from __future__ import annotations

import itertools
import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from smlmsim._image_likelihood import Likelihood, TooLittleError
from smlmsim._image_pair import Pair

Floats = npt.NDArray[np.float64]

LEAST_QUALITY = 3.0
"""Height of the correlation peak over its surroundings, in standard deviations, from which it is trusted."""
LEAST_CORRELATION = 0.7
"""Correlation of two images from which they are taken for the same structure."""
LEAST_SPREAD = 0.08
"""Added in quadrature to the spread of the seven reference correlations, which may agree by chance."""

DARK_SHARE = 0.1
"""Share of the spatial frequencies, the highest, at which an image shows its noise."""
LEAST_POWER, NOISE_ERRORS = 0.3, 5.0
"""Power of structure relative to that of noise, at least, and in standard errors of the latter."""
LEAST_PIXELS = 12
"""Fewest pixels of an image along either axis."""
LARGEST_ERROR = 0.25
"""Standard error of a position, in pixels of the widefield image, up to which a registration is worth telling."""


class RegistrationError(ValueError):
    """Two images do not show the same structure, or not enough of it to decide."""


class Registration(NamedTuple):
    """The transformation from the widefield image to the localization image.

    A position p is rotated about the middle c of the widefield image, scaled and shifted: c + scale R(angle) (p - c) +
    (shift_y_nm, shift_x_nm). ``correlation`` is the correlation of the aligned images. ``quality`` is the number of
    standard deviations, after Fisher's transformation, by which the correlation exceeds those with rotated and
    mirrored copies of the localization image. ``error_nm`` is the standard error of a position, over the whole image,
    that the number of localizations leaves.
    """

    shift_y_nm: float
    shift_x_nm: float
    scale: float
    angle: float
    correlation: float
    quality: float
    error_nm: float


def register(
    widefield: xr.DataArray,
    localizations: xr.DataArray,
    *,
    sigma_nm: float = 90.0,
    largest_angle: float = 0.06,
    largest_scale: float = 1.05,
    least_quality: float = LEAST_QUALITY,
    least_correlation: float = LEAST_CORRELATION,
) -> Registration:
    """Find the shift, scale and rotation between two images of the same sample.

    The localization image is blurred to the resolution of the widefield image. For a few angles and scales, the best
    shift is found from the normalised correlation of the overlap (Padfield 2012, doi:10.1109/TIP.2011.2181402). Then
    shift, scale and angle together are fitted, first to the highest correlation of strongly blurred images, then to
    the highest likelihood of the localizations away from the border. A localization image rotated by 90 degrees or
    mirrored is unrelated to the widefield image but has the same statistics: the quality is how far the correlation
    stands out from those with such copies.

    The table is of simulated pairs with shifts up to 3 widefield pixels of 100 nm, scales within 3 % and angles within
    0.05. Its error is the root mean square over the field. In the first two rows, with seeds that were not used to
    develop the stated error, this was right: the mean of (error / stated error)^2 was 1.02 and 1.01.

    ======= ============= ===== ======= ========= =========== ========== =========== ====================
    field   localizations pairs refused median px 90 % below  worst px   0.2 px held within 2 stated ones
    ======= ============= ===== ======= ========= =========== ========== =========== ====================
    2.56 um           360   100       5      0.13        0.22       0.30    81 of 95             95 of 95
    2.56 um          1250   100       0      0.07        0.12       0.18  100 of 100            99 of 100
    2.56 um          1200   200       1      0.08        0.13       0.24  197 of 199
    5.12 um          4800   100       0      0.03        0.06       0.09  100 of 100
    ======= ============= ===== ======= ========= =========== ========== =========== ====================

    What exceeds 0.2 px is not a wrong match but the scatter that few localizations leave: each fixes a position across
    its filament by about sigma only, and there are four parameters. Where it is larger than a quarter of a pixel, since
    there are few localizations, or since one filament alone does not tell scale from shift, the pair is refused.

    None of 210 unrelated pairs of 2.56 um, 60 of them with 360 localizations, and none of 60 of 5.12 um was accepted.
    Without ``least_correlation``, which related pairs exceed by far, 1 of 100 unrelated pairs was accepted.

    Parameters
    ----------
    widefield, localizations : xr.DataArray
        Images (y, x), at least 12 pixels along each axis, with equally spaced coordinates in nm; the localization
        image has the smaller pixels and counts localizations.
    sigma_nm : float
        Standard deviation of the point spread function of the widefield image, including the effect of pixels.
    largest_angle : float
        Largest rotation searched, in radians, to either side.
    largest_scale : float
        Largest magnification searched; the smallest is 1 / largest_scale.
    least_quality : float
        Images with a lower quality are taken to be unrelated.
    least_correlation : float
        Images with a lower final correlation are taken to be unrelated.

    Raises
    ------
    RegistrationError
        If an image is too small or constant, if the quality or the correlation is too low, if the overlap is too
        small, or if the localizations leave a standard error of more than a quarter of a widefield pixel.
    """
    for name, image in (("widefield", widefield), ("localization", localizations)):
        if min(image.shape) < LEAST_PIXELS:
            raise RegistrationError(
                f"the {name} image has {image.sizes['y']} x {image.sizes['x']} pixels; at least {LEAST_PIXELS} along "
                "each axis are needed"
            )
        if not np.ptp(image.values) > 0:
            raise RegistrationError(f"the {name} image is constant: it has no structure to register")
    pair = Pair(widefield, localizations, sigma_nm)
    angles = np.linspace(-largest_angle, largest_angle, 5)
    scales = np.exp(np.linspace(-1, 1, 3) * math.log(largest_scale))
    found = max(pair.best_shift(a, s) for a, s in itertools.product(angles, scales))
    others = [
        max(mirrored.best_shift(a, s)[0] for a, s in itertools.product(angles[::2], scales[::2]))
        for mirrored in pair.symmetric()
    ]
    quality = _stands_out(found[0], others)
    if quality < least_quality:
        raise RegistrationError(
            f"the images correlate by {found[0]:.2f}, {quality:.1f} standard deviations above unrelated ones; "
            f"at least {least_quality:g} is needed"
        )
    try:
        pose, error_nm = Likelihood(pair, pair.nearer(np.array(found[1]))).best()
    except TooLittleError as error:
        raise RegistrationError(str(error)) from None
    correlation = pair.correlation(pose, 0.0)
    if correlation < least_correlation:
        raise RegistrationError(
            f"the images correlate by {correlation:.2f} where they fit best; at least {least_correlation:g} is needed"
        )
    if error_nm > LARGEST_ERROR * pair.pixel_nm:
        raise RegistrationError(
            f"the {localizations.values.sum():.0f} localizations leave a standard error of {error_nm:.0f} nm; at most "
            f"{LARGEST_ERROR:g} widefield pixels, {LARGEST_ERROR * pair.pixel_nm:.0f} nm, is of use"
        )
    dy, dx, log_scale, angle = pose.tolist()
    return Registration(dy, dx, math.exp(log_scale), angle, correlation, quality, error_nm)


def moved(widefield: xr.DataArray, found: Registration) -> xr.DataArray:
    """Move a widefield movie (..., y, x) onto the localizations, by its coordinates alone: shift and scale, no turn."""
    places = {}
    for dim, shift_nm in (("y", found.shift_y_nm), ("x", found.shift_x_nm)):
        at = widefield[dim].values
        places[dim] = (dim, at.mean() + found.scale * (at - at.mean()) + shift_nm, widefield[dim].attrs)
    return widefield.assign_coords(places)


def is_noise(images: Floats, sigma: float) -> bool:
    """Whether images (..., y, x) have as much power where a point spread function of some pixels lets it through.

    Parameters
    ----------
    images : array
    sigma : float
        Standard deviation of the point spread function, in pixels.
    """
    shape = images.shape[-2:]
    flat = images.reshape(-1, *shape) - images.mean(axis=(-2, -1)).reshape(-1, 1, 1)
    power = (np.abs(np.fft.fft2(flat * np.outer(*(np.hanning(n) for n in shape)))) ** 2).mean(axis=0)
    y, x = (2 * np.pi * np.fft.fftfreq(n) for n in shape)
    frequency = np.hypot(y[:, None], x)
    dark = power[frequency >= np.quantile(frequency, 1 - DARK_SHARE)]
    seen = power[(frequency > 0) & (sigma * frequency < 1)]
    error = dark.mean() * math.sqrt(2 / max(seen.size * len(flat), 1))
    return bool(seen.size == 0 or seen.mean() < (1 + LEAST_POWER) * dark.mean() + NOISE_ERRORS * error)


def _stands_out(correlation: float, others: list[float]) -> float:
    """How far a correlation exceeds others, in standard deviations after Fisher's transformation."""
    null = np.arctanh(np.clip(others, -0.999, 0.999))
    return float(
        (np.arctanh(min(correlation, 0.999)) - null.mean()) / math.hypot(null.std(ddof=1), LEAST_SPREAD)
    )
