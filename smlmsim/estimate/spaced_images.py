"""The velocity of filaments in widefield images too far apart to follow them from one to the next."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from smlmsim.estimate.displacement import (
    BLOCKS,
    USUAL_KURTOSIS,
    Correlations,
    Displacement,
    correlations,
    displacement,
    shows_structure,
)
from smlmsim.estimate.velocity import FilamentVelocity

Floats = npt.NDArray[np.float64]

SYSTEMATIC = 0.06
"""Relative standard deviation of the error that does not shrink with movie length, found in simulations."""
BIAS = (-0.05, 0.10)
"""Lowest and highest mean error of the movies below, relative to the velocity."""
FLOOR_SIGMAS = 0.05
"""Standard error in sigmas of a displacement of 0, from the error of the point spread function and the noise."""
NOISE_ERROR = 0.1
"""Relative error of the measured variance of the noise."""
FARTHEST_NM = 650.0
"""Largest root mean square displacement that is told; farther, filaments are lost among others."""
WOULD_DO_NM = 400.0
"""Displacement between images that is told in any movie."""
SHAPE_SIGMAS = 2.0
"""Root mean square displacement in sigmas that tells the shape of the distribution."""
LONGEST = 8
"""Longest lag at which the shape of the distribution of displacements is sought, in lags."""
DARK = 1e-4
"""Power that the point spread function lets through, below which a spatial frequency shows noise alone."""
LEAST_DARK = 0.05
"""Part of the spatial frequencies, the highest, that is taken to show noise alone in any case."""
FAR_SIGMAS = 5.0
"""Distance in sigmas at which structure has lost much of its correlation, and uneven light nothing."""


def spaced_velocity(
    images: Floats, *, step_s: float, pixel_nm: float, sigma_nm: float, lag: int
) -> FilamentVelocity:
    """Measure the velocity in images from which filaments move on by about the resolution or more.

    The displacements come from :func:`~smlmsim.estimate.displacement.displacement`. The white noise of the images is
    measured at spatial frequencies beyond the resolution, and subtracted. Displacements below the resolution do not
    tell whether all filaments move alike or a few move far: that is then taken from a lag up to eight times as long.

    The table compares the velocity with that of the contours in the field over the same lag, in simulated movies of
    5.12 um and 90 s with four or five seeds each, which were not used to develop this function:

    =========== ======== ======= ========= ======== ===== ============ =================
    motion      set nm/s every s true mean measured  bias stated error within two errors
    =========== ======== ======= ========= ======== ===== ============ =================
    polymer           20     1.5      20.2     20.6  +2 %          3.3            5 of 5
    polymer           20     3.0      18.4     19.0  +3 %          2.0            5 of 5
    polymer           50     1.5      49.4     50.6  +2 %          4.5            5 of 5
    polymer           50     3.0      46.9     47.5  +1 %          3.6            5 of 5
    polymer          100     1.5      96.8     98.5  +2 %          7.4            5 of 5
    polymer          100     3.0      92.8     94.0  +1 %          7.7            5 of 5
    polymer          150     1.5     148.3    149.3  +1 %         11.7            5 of 5
    polymer          150     3.0     142.7    142.0  -1 %         13.2            5 of 5
    deformation       20     1.5      19.9     21.9 +10 %          4.7            5 of 5
    deformation       20     3.0      19.9     20.9  +5 %          3.8            5 of 5
    deformation       50     1.5      50.1     49.2  -2 %          5.5            5 of 5
    deformation       50     3.0      50.2     49.4  -1 %          5.1            5 of 5
    deformation      100     1.5     100.0     99.2  -1 %          9.0            5 of 5
    deformation      100     3.0     100.6    101.6  +1 %          9.1            5 of 5
    deformation      150     1.5     149.8    147.8  -1 %         13.4            4 of 4
    deformation      150     3.0     151.6    150.2  -1 %         14.7            4 of 4
    =========== ======== ======= ========= ======== ===== ============ =================

    With five more seeds of each, 701 to 705, the bias was -5 to +8 %, and all 80 velocities were within two errors.

    Over 3 s the velocity of the polymers is 4 to 9 % lower than over 1.5 s, since they turn round. Movies in which
    filaments move by more than 650 nm (root mean square) from image to image are refused: 220 nm/s with an image
    every 3 s.

    Parameters
    ----------
    images : array
        (image, y, x), evenly spaced in time.
    step_s, pixel_nm, sigma_nm : float
        Time between images, size of a pixel, and standard deviation of the point spread function.
    lag : int
        The lag, in images.

    Raises
    ------
    ValueError
        If there are too few images, if they show no structure, or if filaments move too far.
    """
    if len(images) < BLOCKS + lag:
        raise ValueError(
            f"there are {len(images)} widefield images; a velocity over {lag * step_s:g} s needs {BLOCKS + lag}"
        )
    images, pixel_nm = _coarser(images, pixel_nm, sigma_nm)
    noise = _white_noise(images, sigma_nm / pixel_nm)
    amounts = _amounts(images, noise)

    def at(long: int) -> Correlations:
        found = correlations(images.__getitem__, amounts, short=0, long=long, pixel_nm=pixel_nm)
        return _without(found, noise / float(np.mean(amounts**2)))

    found, kurtosis = at(lag), USUAL_KURTOSIS
    if not shows_structure(found, FAR_SIGMAS * sigma_nm):
        raise ValueError(
            "the widefield images show no structure beyond noise and uneven light: there are no filaments, or they "
            "are too faint"
        )
    moved = displacement(found)
    longer = min(
        round(SHAPE_SIGMAS * lag * sigma_nm / max(moved.rms_nm, 1.0)), LONGEST * lag, len(images) - BLOCKS
    )
    if longer > lag:
        kurtosis = displacement(at(longer)).kurtosis
        moved = displacement(found, kurtosis=kurtosis)
    _require_near(moved, lag * step_s)
    unsure = NOISE_ERROR * noise / float(np.mean(amounts**2))
    other = (
        displacement(_without(found, unsure), kurtosis=kurtosis),
        displacement(_without(found, -unsure), kurtosis=kurtosis),
    )
    by_noise_nm = max(abs(each.mean_nm - moved.mean_nm) for each in other)
    error_nm = math.hypot(moved.error_nm, SYSTEMATIC * moved.mean_nm, FLOOR_SIGMAS * sigma_nm, by_noise_nm)
    lag_s = lag * step_s
    return FilamentVelocity(moved.mean_nm / lag_s, error_nm / lag_s, lag_s, shifts=len(images) - lag)


def _without(found: Correlations, noise: float) -> Correlations:
    """Subtract the correlation of the noise of a pixel with itself."""
    short = found.short.copy()
    short[:, found.reach, found.reach] -= noise
    return found._replace(short=short)


def _coarser(images: Floats, pixel_nm: float, sigma_nm: float) -> tuple[Floats, float]:
    """Average over pixels much finer than the resolution."""
    times = max(1, int(sigma_nm / 2 / pixel_nm))
    height, width = (size // times for size in images.shape[1:])
    cut = images[:, : height * times, : width * times].reshape(-1, height, times, width, times)
    return cut.mean(axis=(2, 4)), pixel_nm * times


def _white_noise(images: Floats, sigma: float) -> float:
    """The variance of the noise of a pixel, from the power that the point spread function does not let through."""
    window = np.outer(*(np.hanning(size) for size in images.shape[1:]))
    flat = images - images.mean(axis=(1, 2), keepdims=True)
    power = (np.abs(np.fft.fft2(flat * window)) ** 2).mean(axis=0) / (window**2).sum()
    y, x = (2 * np.pi * np.fft.fftfreq(size) for size in images.shape[1:])
    passed = np.exp(-((sigma * np.hypot(y[:, None], x)) ** 2))
    dark = passed <= max(DARK, float(np.quantile(passed, LEAST_DARK)))
    return float(np.median(power[dark]))


def _amounts(images: Floats, noise: float) -> Floats:
    """The contrast (image,) of the structure, an exponential in time, as bleaching makes it."""
    contrast = np.maximum(images.var(axis=(1, 2)) - noise, 1e-3 * noise + 1e-300)
    at = np.arange(len(images))
    return np.asarray(np.exp(np.polyval(np.polyfit(at, np.log(contrast), 1), at) / 2))


def _require_near(moved: Displacement, lag_s: float) -> None:
    if moved.rms_nm > FARTHEST_NM:
        would_do_s = float(f"{lag_s * WOULD_DO_NM / moved.rms_nm:.1g}")
        raise ValueError(
            f"in the {lag_s:g} s between widefield images filaments move by {FARTHEST_NM:g} nm or more (root mean "
            f"square), too far for a velocity, or the images are noise; one image every {would_do_s:g} s would do"
        )
