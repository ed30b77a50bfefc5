"""Fourier ring correlation: the finest detail at which an estimate agrees with the truth."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from smlmsim.metrics.metric import Metric, Movie
from smlmsim.metrics.taper import TAPERED, taper

Floats = npt.NDArray[np.float64]

THRESHOLD = 1 / 7
"""Correlation at which the resolution is read, 1/7 as published."""
LEAST_POWER = 1e-6
"""Power of a ring relative to the strongest one, below which two reconstructions hold no details of its size."""
WORST_NM = 10_000.0
"""Resolution in nm where the curve never falls below the threshold."""


def frc_nm(truth: Movie, estimate: Movie, pixel_nm: float) -> float:
    """Return the resolution at which the Fourier ring correlation of estimate and truth falls below 1/7, in nm.

    All time points are correlated together. If the correlation never falls below, the resolution is two pixels, the
    finest possible; if it is below from the start, 10 um. Blur without noise is not detected: it weakens details,
    but does not move them.

    References
    ----------
    Nieuwenhuizen et al. 2013, doi:10.1038/nmeth.2448; Banterle et al. 2013, doi:10.1016/j.jsb.2013.05.004.
    """
    return _read(*ring_correlation(truth, estimate), pixel_nm)


def common_frc_nm(one: Movie, other: Movie, pixel_nm: float) -> float:
    """Return the finest detail that two reconstructions have in common, read as by :func:`frc_nm`, in nm.

    Reconstructions may be smooth, and a truth is not. What the borders leave of coarse details among the fine ones is
    then common to both, and more than the fine ones themselves. Borders are therefore tapered over all of the image (a
    Blackman window, Harris 1978, doi:10.1109/PROC.1978.10837), so that the resolution does not depend on how smooth the
    two are; and rings with less than a millionth of the power of the strongest one hold no details.
    """
    frequency, product, power, number = _rings(one, other, _fading(*one.shape[1:]))
    correlation = _ratio(product, power)
    correlation[power / number < LEAST_POWER * (power / number).max()] = 0
    return _read(frequency, correlation, pixel_nm)


def _fading(height: int, width: int) -> Floats:
    """A Blackman window along both axes, (height, width)."""
    # Imported here, since it loads all of scipy.signal.
    from scipy.signal.windows import blackman

    return np.asarray(np.outer(*(blackman(size, sym=False) for size in (height, width))))


def _read(frequency: Floats, correlation: Floats, pixel_nm: float) -> float:
    """The resolution at which a correlation falls below the threshold."""
    below = np.flatnonzero(correlation < THRESHOLD)
    if below.size == 0:
        return 2 * pixel_nm
    first = below[0]
    if first == 0:
        return WORST_NM
    edge = slice(first - 1, first + 1)
    crossing = np.interp(-THRESHOLD, -correlation[edge], frequency[edge])
    return float(np.clip(pixel_nm / crossing, 2 * pixel_nm, WORST_NM))


def ring_correlation(a: Movie, b: Movie) -> tuple[Floats, Floats]:
    """Return the frequencies of rings in 1 / pixel, and the correlation of two movies on each; 0 if one is empty.

    Borders are tapered (a Tukey window over an eighth on either side), since the edge of a structure cut at the border
    is not a detail.
    """
    frequency, product, power, _ = _rings(a, b, taper(*a.shape[1:]))
    return frequency, _ratio(product, power)


def _ratio(product: Floats, power: Floats) -> Floats:
    return np.divide(product, power, np.zeros(power.size), where=power > 0)


def _rings(a: Movie, b: Movie, window: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """The frequencies of rings in 1 / pixel; the summed product and power of two movies, and the number of summands.

    Rings are as wide as the coarser frequency step. A real Fourier transform gives half of the frequency plane; each
    frequency counts as often as it occurs in the whole plane: the first column, and the last one of an even width,
    once, all others twice.
    """
    frequency = [np.fft.fftfreq(a.shape[1])[:, None], np.fft.rfftfreq(a.shape[2])[None]]
    width = 1 / min(a.shape[1:])
    ring = np.round(np.hypot(*frequency) / width).astype(np.int64)
    rings = int(0.5 / width) + 1
    weights = _multiplicity(a.shape[2])
    sums = np.zeros((3, ring.max() + 1))
    for frame_a, frame_b in zip(a, b, strict=True):
        one, other = (np.fft.rfft2(window * (frame - frame.mean())) for frame in (frame_a, frame_b))
        for total, product in zip(
            sums, ((one * other.conj()).real, np.abs(one) ** 2, np.abs(other) ** 2), strict=True
        ):
            total += np.bincount(ring.ravel(), (weights * product).ravel(), total.size)
    product, power_a, power_b = sums[:, 1:rings]
    number = np.bincount(ring.ravel(), np.broadcast_to(weights, ring.shape).ravel()).astype(np.float64)[
        1:rings
    ]
    return np.arange(1, rings) * width, product, np.sqrt(power_a * power_b), number


def _multiplicity(width: int) -> Floats:
    """The number of times that each column of the half plane occurs in the whole plane, (column,)."""
    times = np.full(width // 2 + 1, 2.0)
    times[0] = 1
    if width % 2 == 0:
        times[-1] = 1
    return times


FRC_NM = Metric(
    name="frc_nm",
    long_name="Fourier ring correlation resolution",
    function=frc_nm,
    units="nm",
    range=(0.0, WORST_NM),
    better="lower",
    settings={"threshold": round(THRESHOLD, 6), "tapered": TAPERED, "averaged_over": "movie"},
    doi="10.1038/nmeth.2448",
    takes_pixel=True,
)
