"""Decorrelation: the resolution of an estimate, measured without the truth."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from smlmsim.metrics.metric import Metric, Movie
from smlmsim.metrics.taper import TAPERED, taper

Floats = npt.NDArray[np.float64]

RADII = 50
"""Rings of frequency, as published."""
HIGH_PASSES = 10
"""High-pass filters that are tried, as published."""
LEAST_FALL = 5e-4
"""Fall of the correlation behind a peak from which it counts as one, as published."""
STRONGEST_PX, WEAKEST_PX = 0.15, 2.0
"""Sigma in px of the strongest filter, and of the weakest in terms of the first peak, as published."""
WORST_NM = 10_000.0
"""Resolution in nm where none is found."""


def decorrelation_nm(truth: Movie, estimate: Movie, pixel_nm: float) -> float:
    """Return the mean resolution of an estimate's time points by decorrelation analysis, in nm.

    An image is correlated with a copy in which all spatial frequencies up to a radius have the same amplitude. The
    radius of the largest correlation grows as low frequencies are filtered out, up to the cut-off of the image, beyond
    which there is only noise. The resolution is two pixels divided by the mean over time points of the largest such
    radius. Since the truth is not used, blur is detected, but not whether sharp structure is correct.

    References
    ----------
    Descloux, Grussmayer & Radenovic 2019, doi:10.1038/s41592-019-0515-7.
    """
    del truth
    cut_offs = (_cut_off(frame) for frame in estimate.astype(np.float64))
    found = [cut_off for cut_off in cut_offs if cut_off > 0]
    return min(2 * pixel_nm / float(np.mean(found)), WORST_NM) if found else WORST_NM


def _cut_off(image: Floats) -> float:
    """The largest radius of a peak over all high-pass filters, where 1 is the finest frequency; 0 if there is none."""
    frequency = np.hypot(
        *(np.fft.fftfreq(n).reshape(s) for n, s in zip(image.shape, ((-1, 1), (1, -1)), strict=True))
    )
    window = taper(*image.shape)
    inside = frequency <= 0.5
    frequency, amplitude = frequency[inside], np.abs(np.fft.fft2(window * (image - image.mean())))[inside]
    first = _peak(amplitude, frequency)
    if first == 0:
        return 0.0
    sigmas = np.geomspace(STRONGEST_PX, WEAKEST_PX / first, HIGH_PASSES)
    passes = (1 - np.exp(-2 * (np.pi * sigma * frequency) ** 2) for sigma in sigmas)
    return max(first, *(_peak(amplitude * high_pass, frequency) for high_pass in passes))


def _peak(amplitude: Floats, frequency: Floats) -> float:
    """The radius of the largest correlation with the copy, if the correlation falls beyond it; 0 otherwise."""
    ring = np.minimum((frequency / 0.5 * RADII).astype(np.int64), RADII - 1)
    pixels = np.cumsum(np.bincount(ring, minlength=RADII))
    sums = np.cumsum(np.bincount(ring, amplitude, RADII))
    if sums[-1] == 0:
        return 0.0
    correlation = sums / np.sqrt(np.sum(amplitude**2) * pixels)
    falls = correlation - np.minimum.accumulate(correlation[::-1])[::-1] >= LEAST_FALL
    candidates = np.where(falls, correlation, 0)
    return (float(candidates.argmax()) + 1) / RADII if falls.any() else 0.0


DECORRELATION_NM = Metric(
    name="decorrelation_nm",
    long_name="decorrelation resolution",
    function=decorrelation_nm,
    units="nm",
    range=(0.0, WORST_NM),
    better="lower",
    settings={"radii": RADII, "high_passes": HIGH_PASSES, "tapered": TAPERED, "averaged_over": "time"},
    doi="10.1038/s41592-019-0515-7",
    takes_pixel=True,
)
