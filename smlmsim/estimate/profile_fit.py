"""Fit of the width of a Gaussian profile on a background."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

REACH_SIGMAS = 4.5
"""Half width of the fitted profile in sigmas: wide enough to see the background beside it."""
BINS_PER_SIGMA = 10
"""Bins of the profile per sigma: finer ones change nothing."""
STEPS = 80
"""Steps of expectation and maximisation, after which the result no longer moves."""
START = (0.9, 0.05, 0.05)
"""Shares with which the fit begins, first the filament's: it is most of the profile."""
ALONE_SDS = 2.5
"""Standard deviations by which a profile may differ from a single filament's."""
MOST_SCATTER = 1.5
"""Largest ratio of the scatter of profiles to that of Poisson counts that is allowed for."""


class Profiles(NamedTuple):
    """Histograms ``counts`` (profile, bin) of signed distances in bins at ``centres_nm`` (bin,), symmetric about 0."""

    counts: Floats
    centres_nm: Floats

    def sigmas_nm(self) -> Floats:
        """The maximum-likelihood standard deviation (profile,) of a Gaussian centred at 0.

        The background is the sum of a constant and a part that rises with the square of the distance, as between
        neighbouring filaments. The shares of these three parts and the width are found by expectation maximization
        (Dempster, Laird & Rubin 1977, doi:10.1111/j.2517-6161.1977.tb01600.x).
        """
        counts, centres_nm = self
        reach_nm = 1.5 * centres_nm[-1] - 0.5 * centres_nm[-2]
        sigma_nm = np.full((len(counts), 1), reach_nm / REACH_SIGMAS)
        shares = np.tile(START, (len(counts), 1))
        constant = np.full_like(centres_nm, 1 / (2 * reach_nm))
        rising = 1.5 * centres_nm**2 / reach_nm**3
        for _ in range(STEPS):
            bell = np.exp(-0.5 * (centres_nm / sigma_nm) ** 2) / (math.sqrt(2 * math.pi) * sigma_nm)
            of_line = shares[:, :1] * bell
            ratio = counts / (of_line + shares[:, 1:2] * constant + shares[:, 2:] * rising + 1e-300)
            of_line *= ratio
            parts = of_line.sum(axis=1), shares[:, 1] * (ratio @ constant), shares[:, 2] * (ratio @ rising)
            sigma_nm = np.sqrt((of_line @ centres_nm**2) / parts[0])[:, None]
            shares = np.stack(parts, axis=1) / counts.sum(axis=1, keepdims=True)
        return sigma_nm[:, 0]

    def pooled(self) -> Profiles:
        """The sum of all profiles, as a single one."""
        return Profiles(self.counts.sum(axis=0, keepdims=True), self.centres_nm)

    def of_single_lines(self) -> Profiles:
        """The profiles of single filaments: without those wider than the rest by more than counting noise.

        The expected width is estimated from the narrowest quarter; that of a single filament with n localizations
        then scatters by sigma / sqrt(2 n).
        """
        log = np.log(self.sigmas_nm())
        sd = 1 / np.sqrt(self.counts.sum(axis=1))  # each of the n localizations is counted twice
        centre, scatter = np.quantile(log, 0.25) + 0.674 * np.median(sd), 1.0
        for _ in range(10):
            off = (log - centre) / sd
            kept = off < ALONE_SDS * scatter
            centre = np.average(log[kept], weights=sd[kept] ** -2)
            below = off[off < 0]
            scatter = float(np.clip(np.sqrt(np.mean(below**2)), 1, MOST_SCATTER)) if below.size else 1.0
        return Profiles(self.counts[kept], self.centres_nm)


def profiles(distances_nm: list[Floats], sigma_nm: float) -> Profiles:
    """Histograms of distances within 4.5 sigma, in bins of sigma / 10; those with fewer than 10 counts are dropped."""
    edges = sigma_nm * np.linspace(-REACH_SIGMAS, REACH_SIGMAS, round(2 * REACH_SIGMAS * BINS_PER_SIGMA) + 1)
    counts = np.array([np.histogram(each, bins=edges)[0] for each in distances_nm], dtype=np.float64)
    counts = counts.reshape(len(distances_nm), edges.size - 1)
    return Profiles(counts[counts.sum(axis=1) >= 10], (edges[1:] + edges[:-1]) / 2)
