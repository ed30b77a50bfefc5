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
    """A molecule waits, blinks, is dark, blinks again and bleaches: a Markov chain in continuous time.

    Parameters
    ----------
    ending_per_s : float
        Rate at which a blink ends.
    bleaching : float
        How many of the ends are for good, in [0, 1].
    reactivation_per_s : float, optional
        Rate at which a dark molecule comes back; by default the rate of its first activation.
    share : float
        A blink is seen in the frames that it fills by this share at least, in (0, 1].
    exposure_s : float
        Duration of a frame.
    """

    ending_per_s: float
    bleaching: float
    reactivation_per_s: float | None
    share: float
    exposure_s: float

    def rates(self, activation_per_s: float) -> _blinking_kernels.Kinetics:
        """Return what the kernel takes, at a rate of the first activation."""
        reactivation = activation_per_s if self.reactivation_per_s is None else self.reactivation_per_s
        return activation_per_s, reactivation, self.ending_per_s, self.bleaching, self.share

    def expected(self, activation_per_s: float, weights: Floats) -> float:
        """Sum the chances to be seen in the frames, each times its weight, of a molecule that waits at first.

        A blink that begins at s is seen in the frame of the exposure T that begins at t if it lasts beyond
        max(s, t) + share T, and if s < t + (1 - share) T. Blinks last exponentially, with the rate e of their
        end. So the chance is exp(-e share T) times the sum of the chance to be on at t and of the number of
        blinks expected to begin within (1 - share) T from then on.
        """
        generator = self._generator(activation_per_s)
        begin = expm(generator * (1 - self.share) * self.exposure_s)[3, :3]
        gain = math.exp(-self.ending_per_s * self.share * self.exposure_s) * (begin + np.eye(3)[1])
        step = np.ascontiguousarray(expm(generator * self.exposure_s)[:3, :3])
        return float(_blinking_kernels.expected(np.array([1.0, 0.0, 0.0]), step, gain, weights))

    def activation_per_s(self, seen: float, weights: Floats) -> float:
        """Find the rate of the first activation at which ``seen`` is expected; NaN if there is none.

        The smallest is found, and looked for up to one activation per frame.
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
        """How the chances to wait, to be on and to be dark change, and the number of blinks begun."""
        activation, reactivation, ending, bleaching, _ = self.rates(activation_per_s)
        return np.array(
            [
                [-activation, 0, 0, 0],
                [activation, -ending, reactivation, 0],
                [0, (1 - bleaching) * ending, -reactivation, 0],
                [activation, 0, reactivation, 0],
            ]
        )
