"""Kinetics: in how many frames a blinking molecule is expected to be seen, in closed form.

The states of a molecule form a Markov chain, so its expected appearances follow from matrix exponentials, one product
per frame, without simulating it. ``Kinetics.activation_per_s`` inverts that by a root search, to find the activation
rate that gives a wanted rate of localizations. ``tests/photophysics/test_blinking.py`` compares it with sums over
blinks.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.linalg import expm
from scipy.optimize import brentq

from smlmsim.photophysics import _blinking_kernels

Floats = npt.NDArray[np.float64]


class Kinetics(NamedTuple):
    """A molecule waits, blinks, turns dark, blinks again and finally bleaches: a continuous-time Markov chain.

    Parameters
    ----------
    ending_per_s : float
        Rate at which a blink ends.
    bleaching : float
        Probability that a blink ends in bleaching, in [0, 1].
    reactivation_per_s : float, optional
        Rate at which a dark molecule switches on again; by default the rate of its first activation.
    share : float
        A blink is localized in the frames of which it fills at least this share, in (0, 1].
    exposure_s : float
        Duration of a frame.
    """

    ending_per_s: float
    bleaching: float
    reactivation_per_s: float | None
    share: float
    exposure_s: float

    def rates(self, activation_per_s: float) -> _blinking_kernels.Kinetics:
        """Return the rates in the form that the kernel takes, for a given rate of the first activation."""
        reactivation = activation_per_s if self.reactivation_per_s is None else self.reactivation_per_s
        return activation_per_s, reactivation, self.ending_per_s, self.bleaching, self.share

    def expected(self, activation_per_s: float, weights: Floats) -> float:
        """The weighted sum over frames of the probability that a molecule, at first waiting, is localized in a frame.

        A blink that begins at s is localized in the frame of exposure T that begins at t if it lasts beyond
        max(s, t) + share T and s < t + (1 - share) T. Durations of blinks are exponential with the rate e. So the
        probability is exp(-e share T) times the sum of the probability to be on at t and the expected number of
        blinks that begin between t and t + (1 - share) T.
        """
        generator = self._generator(activation_per_s)
        begin = expm(generator * (1 - self.share) * self.exposure_s)[3, :3]
        gain = math.exp(-self.ending_per_s * self.share * self.exposure_s) * (begin + np.eye(3)[1])
        step = np.ascontiguousarray(expm(generator * self.exposure_s)[:3, :3])
        return float(_blinking_kernels.expected(np.array([1.0, 0.0, 0.0]), step, gain, weights))

    def activation_per_s(self, seen: float, weights: Floats) -> float:
        """Find the rate of the first activation for which :meth:`expected` is ``seen``; NaN if there is none.

        It is the smallest such rate, at most one activation per frame.
        """
        fastest = 1 / self.exposure_s
        slowest = 1e-6 / (weights.size * self.exposure_s)
        rate = min(slowest * seen / self.expected(slowest, weights), fastest)
        while self.expected(rate, weights) < seen:
            if rate == fastest:
                return math.nan
            rate = min(2 * rate, fastest)
        return float(brentq(lambda k: self.expected(k, weights) - seen, rate / 4, rate, rtol=1e-6))

    def _generator(self, activation_per_s: float) -> Floats:
        """The generator matrix of waiting, on and dark probabilities, and of the number of blinks begun."""
        activation, reactivation, ending, bleaching, _ = self.rates(activation_per_s)
        return np.array(
            [
                [-activation, 0, 0, 0],
                [activation, -ending, reactivation, 0],
                [0, (1 - bleaching) * ending, -reactivation, 0],
                [activation, 0, reactivation, 0],
            ]
        )
