"""Contour length per area, from the excess of close pairs of localizations in one time point."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy import fft

from smlmsim.remembered import remembered

Floats = npt.NDArray[np.float64]

RADIUS_NM = 500.0
"""Distance in nm up to which pairs count: beyond, filaments are no longer straight."""
SQUARE_NM = 2560.0
"""Edge length in nm of the squares that are measured each for itself: within one, the density is about constant."""
POINTS = 20
"""Time points that are looked at: more take longer and tell little more."""
PAIRS = 100
"""Fewest expected pairs of localizations that give a number."""


@remembered
def contour_density(observation: xr.Dataset) -> float | None:
    """Measure the contour length per area, um / um^2, without a reconstruction.

    For straight lines of random directions with the length per area rho, the density of localizations at a distance r
    from a localization exceeds the mean by the factor 1 + 1 / (pi rho r), because of the line it lies on. The excess of
    pairs closer than 500 nm gives rho. Pairs are taken within one time point, so that only motion within it matters,
    and within one square of 2.56 um, so that an uneven field does no harm; the mean excess in a square is subtracted.

    Parameters
    ----------
    observation : xr.Dataset
        ``counts`` (time, y, x), with ``x`` in nm. At most 20 time points are used.

    Returns
    -------
    float or None
        The contour density, which scatters by a factor of up to about 2 if measured in one square. None if fewer than
        100 pairs are expected. Blinking molecules form clusters, which make it too low; without any lines it is very
        high.

    References
    ----------
    Stoyan, Kendall, Mecke 1995, Stochastic Geometry and its Applications, chapter 8 (Poisson line processes).
    """
    counts, x = observation.counts, observation.x.values
    if x.size < 2 or observation.sizes["y"] < 2:
        return None
    pixel_nm = float(x[1] - x[0])
    step = max(1, math.ceil(counts.sizes["time"] / POINTS))
    squares = _squares(counts.values[::step], pixel_nm)
    found, expected, weighed = 0.0, 0.0, 0.0
    for square in squares:
        lag_nm, pairs, uniform = _pairs(square, pixel_nm)
        near = (lag_nm > 0) & (lag_nm <= RADIUS_NM)
        if not uniform[near].sum() > 0:
            continue
        own_nm = np.where(lag_nm > 0, lag_nm, np.inf)
        crowd = (uniform[near] / own_nm[near]).sum() / uniform[near].sum()
        mean = (uniform / own_nm).sum() / uniform.sum()
        found += pairs[near].sum()
        expected += uniform[near].sum()
        weighed += uniform[near].sum() * (crowd - mean)
    if expected < PAIRS:
        return None
    excess = max(found - expected, math.sqrt(expected))
    return float(weighed / (math.pi * excess) * 1e3)


def _squares(movie: npt.NDArray[np.number], pixel_nm: float) -> list[Floats]:
    """Cut a movie into squares of about 2.56 um (time, y, x), and return those with localizations."""
    pieces = [max(1, round(size * pixel_nm / SQUARE_NM)) for size in movie.shape[1:]]
    return [
        np.asarray(square, np.float64)
        for rows in np.array_split(movie, pieces[0], axis=1)
        for square in np.array_split(rows, pieces[1], axis=2)
        if square.any()
    ]


def _pairs(square: Floats, pixel_nm: float) -> tuple[Floats, Floats, Floats]:
    """For every lag: its length in nm, the number of pairs of localizations, and that of a uniform field."""
    shape = [fft.next_fast_len(2 * size, real=True) for size in square.shape[1:]]
    power = (np.abs(fft.rfft2(square, shape)) ** 2).sum(axis=0)
    numbers = square.sum(axis=(1, 2))
    ones = np.abs(fft.rfft2(np.ones(square.shape[1:]), shape)) ** 2
    area = square[0].size
    uniform = fft.irfft2(ones, shape) * (numbers * (numbers - 1)).sum() / area**2
    lags = np.hypot(*np.meshgrid(*(np.minimum(np.arange(n), n - np.arange(n)) for n in shape), indexing="ij"))
    return lags * pixel_nm, fft.irfft2(power, shape), uniform
