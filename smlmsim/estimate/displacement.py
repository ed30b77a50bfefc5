"""How far filaments move along their normals, told from correlations in space and time, without tracking any of them.

The correlation of two images at a lag is that of one image with itself, blurred by the distribution of displacements
(Vineyard 1958, doi:10.1103/PhysRev.110.999). Of a line, only the displacement along its normal counts. In Fourier
space the blur is a product: with the characteristic function of the normal displacements at the length of the spatial
frequency, as in differential dynamic microscopy (Cerbino & Trappe 2008, doi:10.1103/PhysRevLett.100.188102). Chance
coincidences of different filaments obey the same equation, so dense networks and large displacements need no matching.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.fft import fft2, irfft2, next_fast_len, rfft2
from scipy.optimize import least_squares
from scipy.special import erf, gammaln

Floats = npt.NDArray[np.float64]
Complex = npt.NDArray[np.complex128]

REACH_NM = 2400.0
"""Largest shift of two images at which they are correlated; the correlation fades out over its last third."""
COMPARED_NM = 1200.0
"""Largest shift at which correlations are compared."""
LARGEST_REACH = 0.6
"""Reach as a part of the smaller side of the field, at most: farther, too little of two images overlaps."""
BLOCKS = 10
"""Stretches of the movie of which each is left out in turn, for the standard error."""
MOST_PIXELS = 2e8
"""Pixels of all images that are correlated, at most; in larger movies, evenly spaced images are."""
LEAST_STARTS, MOST_STARTS = 20, 1000
"""Fewest and most images from which lags begin."""
FREQUENCIES = 400
"""Number of lengths of spatial frequencies."""
STRAIGHTEST, HEAVIEST = -1.9, 6.0
"""Range of the excess kurtosis: from nearly one speed for all to an exponential distribution."""
USUAL_KURTOSIS, PRIOR = 0.5, 0.02
"""Weak expectation of the excess kurtosis, for data that do not tell it, and its weight."""

LEAST_CONTRAST, SIGNIFICANT = 0.15, 4.0
"""Part of the correlation that structure loses over some distance, at least, and in standard errors."""


class Displacement(NamedTuple):
    """Displacements along normals.

    Their mean absolute value and its standard error, their root mean square, and their excess kurtosis.
    """

    mean_nm: float
    error_nm: float
    rms_nm: float
    kurtosis: float


class Correlations(NamedTuple):
    """Correlations (block, dy, dx) of images at a short lag and at a long one, by their shift in pixels."""

    short: Floats
    long: Floats
    weights: Floats
    pixel_nm: float

    @property
    def reach(self) -> int:
        """The largest shift in pixels."""
        return int(self.short.shape[-1]) // 2

    def without(self, block: int | None) -> Floats:
        """The share (block,) of each block in the mean over all but one."""
        weights = self.weights.copy()
        if block is not None:
            weights[block] = 0
        return np.asarray(weights / weights.sum())


def correlations(
    image: Callable[[int], Floats], amounts: Floats, *, short: int, long: int, pixel_nm: float
) -> Correlations:
    """Correlate the images of a movie at two lags.

    Parameters
    ----------
    image : callable
        Returns the image (y, x) of a number; its mean is subtracted.
    amounts : array
        (image,) By how much structure each image shows, in any unit, so that bleaching is not taken for motion.
    short, long : int
        The lags, in images. At the lag 0 noise correlates with itself: the caller subtracts that.
    pixel_nm : float
        Size of a pixel.
    """
    shape = image(0).shape
    reach = int(min(REACH_NM / pixel_nm, LARGEST_REACH * min(shape)))
    padded = [next_fast_len(size + reach, real=True) for size in shape]
    starts = _starts(amounts.size - long, shape)
    spectra = _Spectra(image, padded)
    shifts = np.arange(-reach, reach + 1)
    near = np.ix_(shifts % padded[0], shifts % padded[1])
    ones = rfft2(np.ones(shape), s=padded)
    overlap = irfft2(np.abs(ones) ** 2, s=padded)[near]
    blocks = np.array_split(starts, BLOCKS)
    sums = np.zeros((2, BLOCKS, shifts.size, shifts.size))
    for number, block in enumerate(blocks):
        products, weights = np.zeros((2, *ones.shape)), np.zeros(2)
        for i in block.tolist():
            pairs = ((i, i + short), (i + long - short, i + long)), ((i, i + long),)
            for which, several in enumerate(pairs):
                for first, second in several:
                    products[which] += (np.conj(spectra(first)) * spectra(second)).real
                    weights[which] += amounts[first] * amounts[second]
        made = irfft2(products, s=padded)[(slice(None), *near)]
        sums[:, number] = made / overlap / np.maximum(weights, 1e-300)[:, None, None]
    sizes = np.array([block.size for block in blocks], dtype=np.float64)
    return Correlations(sums[0], sums[1], sizes, pixel_nm)


def _starts(number: int, shape: tuple[int, ...]) -> npt.NDArray[np.int64]:
    most = int(np.clip(MOST_PIXELS / np.prod(shape), LEAST_STARTS, MOST_STARTS))
    return np.unique(np.linspace(0, number - 1, min(number, most)).astype(np.int64))


class _Spectra:
    """The Fourier transforms of images; the last ones are remembered."""

    def __init__(self, image: Callable[[int], Floats], padded: list[int]) -> None:
        self._image, self._padded, self._known = image, padded, dict[int, Complex]()

    def __call__(self, number: int) -> Complex:
        if number not in self._known:
            found = self._image(number)
            self._known[number] = rfft2(found - found.mean(), s=self._padded)
            if len(self._known) > LEAST_STARTS:
                del self._known[min(self._known)]
        return self._known[number]


def shows_structure(found: Correlations, far_nm: float) -> bool:
    """Whether images show structure as fine as a distance, by what their correlation loses over it.

    Noise has no correlation, and that of uneven light loses little.
    """
    shifts = np.arange(-found.reach, found.reach + 1)
    away = np.hypot(shifts[:, None], shifts)
    near = (away > 0.5) & (away < 1.5)
    far = np.abs(away - min(far_nm / found.pixel_nm, found.reach)) < 1
    level = found.short[:, near].mean(axis=1)
    lost = level - found.short[:, far].mean(axis=1)
    error = lost.std(ddof=1) / math.sqrt(lost.size)
    return bool(lost.mean() > SIGNIFICANT * error and lost.mean() > LEAST_CONTRAST * abs(level.mean()))


def displacement(found: Correlations, *, kurtosis: float = USUAL_KURTOSIS) -> Displacement:
    """Fit the distribution of displacements between the short lag and the long one.

    It has two parameters, the root mean square and the excess kurtosis, and the correlations an offset. Filaments
    whose correlation is lost in the background are taken to have moved far, not to have vanished.

    Noise of the short lag blurs away, so that it looks like motion. This bias and the standard error of the squared
    mean are estimated by the jackknife (Quenouille 1956, doi:10.1093/biomet/43.3-4.353), and the bias is subtracted.

    Parameters
    ----------
    found : Correlations
        Of at least ten images.
    kurtosis : float
        The expected excess kurtosis: displacements well below the resolution do not tell it.
    """
    fit = _Fit(found, kurtosis)
    whole = fit.best(None, None)
    squares = np.array([fit.best(block, whole).mean for block in range(BLOCKS)]) ** 2
    square = max(BLOCKS * whole.mean**2 - (BLOCKS - 1) * float(squares.mean()), 0.0)
    spread = math.sqrt((BLOCKS - 1) / BLOCKS * float(np.sum((squares - squares.mean()) ** 2)))
    mean, high = math.sqrt(square), math.sqrt(square + 2 * spread)
    low = math.sqrt(max(square - 2 * spread, 0.0))
    nm = found.pixel_nm
    return Displacement(mean * nm, max(high - mean, mean - low) / 2 * nm, whole.rms * nm, whole.kurtosis)


class _Law(NamedTuple):
    """A symmetric distribution of displacements, in pixels.

    With positive excess kurtosis it is a mixture of Gaussians with gamma-distributed variances, with a negative one
    two Gaussians on either side of 0.
    """

    rms: float
    kurtosis: float

    @property
    def _off(self) -> tuple[float, float]:
        """The distance of both Gaussians from 0, and their width."""
        off = self.rms * (-self.kurtosis / 2) ** 0.25
        return off, math.sqrt(max(self.rms**2 - off**2, 1e-12))

    def characteristic(self, frequencies: Floats) -> Floats:
        """The mean of cos(frequency * displacement)."""
        if self.kurtosis > 1e-3:
            half = 3 / self.kurtosis
            return np.asarray((1 + (frequencies * self.rms) ** 2 / (2 * half)) ** -half)
        off, width = self._off if self.kurtosis < 0 else (0.0, self.rms)
        return np.asarray(np.cos(frequencies * off) * np.exp(-((frequencies * width) ** 2) / 2))

    @property
    def mean(self) -> float:
        """The mean absolute displacement."""
        gaussian = self.rms * math.sqrt(2 / math.pi)
        if self.kurtosis > 1e-3:
            half = 3 / self.kurtosis
            return gaussian * math.exp(gammaln(half + 0.5) - gammaln(half)) / math.sqrt(half)
        if self.kurtosis >= 0:
            return gaussian
        off, width = self._off
        return width * math.sqrt(2 / math.pi) * math.exp(-((off / width) ** 2) / 2) + off * float(
            erf(off / width / math.sqrt(2))
        )


class _Fit:
    """The comparison of the correlation at a long lag with the blurred one of a short lag, by rings of shifts."""

    def __init__(self, found: Correlations, kurtosis: float) -> None:
        self._found, self._kurtosis = found, kurtosis
        self._size = next_fast_len(4 * found.reach, real=True)
        shifts = np.arange(-found.reach, found.reach + 1)
        self._at = np.ix_(shifts % self._size, shifts % self._size)
        self._far = np.hypot(shifts[:, None], shifts)
        self._rings = np.round(self._far).astype(np.int64)
        compared = min(COMPARED_NM / REACH_NM * found.reach, COMPARED_NM / found.pixel_nm)
        self._compared = self._far < compared + 0.5
        self._numbers = np.bincount(self._rings[self._compared])
        self._weight = np.sqrt(np.arange(self._numbers.size) + 0.3)
        self._spectra = np.array([self._spectrum(block) for block in found.short])
        self._long = np.array([self._ringed(block) for block in found.long])

    @cached_property
    def _bins(self) -> npt.NDArray[np.int64]:
        """The number (y, x) of the length of each spatial frequency."""
        length = self._lengths
        return np.asarray((length / length.max() * (FREQUENCIES - 1e-3)).astype(np.int64).ravel())

    @cached_property
    def _lengths(self) -> Floats:
        at = 2 * np.pi * np.fft.fftfreq(self._size)
        return np.asarray(np.hypot(at[:, None], at))

    @cached_property
    def _frequencies(self) -> Floats:
        """The mean length of the spatial frequencies of each number."""
        number = np.bincount(self._bins, minlength=FREQUENCIES)
        return np.asarray(np.bincount(self._bins, self._lengths.ravel(), FREQUENCIES) / np.maximum(number, 1))

    @cached_property
    def _waves(self) -> Floats:
        """The mean of each wave over each ring (ring, y * x)."""
        made = np.zeros((self._numbers.size, self._size, self._size))
        for ring, number in enumerate(self._numbers):
            made[ring][self._at] = (self._compared & (self._rings == ring)) / number
        return np.asarray(fft2(made).real.reshape(len(made), -1) / self._size**2)

    def _ringed(self, correlation: Floats) -> Floats:
        """The mean over each ring."""
        inside = self._compared
        return np.asarray(np.bincount(self._rings[inside], correlation[inside]) / self._numbers)

    def _spectrum(self, correlation: Floats) -> Floats:
        """What frequencies of each length contribute to each ring (ring, length)."""
        reach = self._found.reach
        fading = np.sin(np.clip(3 * (1 - self._far / reach), 0, 1) * np.pi / 2) ** 2
        level = correlation[self._far > 0.9 * reach].mean()
        filled = np.zeros((self._size, self._size))
        filled[self._at] = (correlation - level) * fading
        power = fft2(filled).real.ravel()
        return np.array([np.bincount(self._bins, power * wave, FREQUENCIES) for wave in self._waves])

    def best(self, left_out: int | None, start: _Law | None) -> _Law:
        """The likeliest law, without a block."""
        shares = self._found.without(left_out)
        spectrum, wanted = np.tensordot(shares, self._spectra, 1), shares @ self._long
        height = float(spectrum.sum(axis=1)[0])
        squares = self._weight**2

        def misfit(terms: Floats) -> Floats:
            law = _Law(math.exp(terms[0]), float(terms[1]))
            left = (wanted - spectrum @ law.characteristic(self._frequencies)) / height
            left = (left - squares @ left / squares.sum()) * self._weight
            return np.append(left, PRIOR * (terms[1] - self._kurtosis))

        begins = (
            [(math.log(rms), kurtosis) for rms in (0.5, 1.5, 4.0, 8.0) for kurtosis in (-1.0, 1.0)]
            if start is None
            else [(math.log(start.rms), start.kurtosis)]
        )
        most = max(math.log(self._found.reach), math.log(8.0) + 1)
        bounds = ([-5.0, STRAIGHTEST], [most, HEAVIEST])
        tried = [least_squares(misfit, np.clip(begin, *bounds), bounds=bounds) for begin in begins]
        terms = min(tried, key=lambda found: float(found.cost)).x
        return _Law(math.exp(terms[0]), float(terms[1]))
