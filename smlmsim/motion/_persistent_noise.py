"""Coordinates driven by thermal noise and by a persistent force, exact in time.

Each coordinate a and its force eta form a linear stochastic differential equation, whose transition over any step is
Gaussian and known in closed form. Only a is ever seen, so eta need not be drawn: a Kalman filter keeps its estimate,
and one normal number per coordinate and step replaces two. The filter runs in ``_polymer_kernels``; here are its
coefficients, computed once per movie in numpy. ``tests/motion/test_persistent_noise.py`` compares them with the
covariance of the original process.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

TINY = 1e-200
"""Rate in 1/s that stands for 0, by which one cannot divide; its reciprocal is still finite."""
# Gauss-Legendre rule from -1 to 1; with 32 points it is exact to rounding for all steps that use it.
NODES, WEIGHTS = np.polynomial.legendre.leggauss(32)


@dataclass(frozen=True)
class DrivenCoordinates:
    """Independent coordinates a, each relaxing, shaken by thermal noise and driven by a persistent force eta.

    ``a' = -rate a + drive eta + sqrt(2 diffusion) xi`` and ``eta' = -eta / persistence_s + sqrt(2 /
    persistence_s) xi'`` with independent white noises of unit strength, so that eta has variance 1. With a
    drive alone this is the active Ornstein-Uhlenbeck process (Martin et al. 2021,
    doi:10.1103/PhysRevE.103.032607).

    Parameters
    ----------
    rate, diffusion, drive : array, of one shape
        In 1/s, u**2/s and u/s with u the unit of the coordinate; none is negative. At rate 0 it is free.
    persistence_s : float
        Correlation time of the force.
    """

    rate: Floats
    diffusion: Floats
    drive: Floats
    persistence_s: float

    def mean_square_displacement(self, lag_s: float) -> Floats:
        """Return the variance of a(t + lag) - a(t) in the steady state of eta and, where it has one, of a."""
        forget = 1 / self.persistence_s
        low, high = np.minimum(self.rate, forget), np.maximum(self.rate, forget)
        delay = (_decayed(low, lag_s) - np.exp(-low * lag_s) * _decayed(high - low, lag_s)) / high
        active = 2 * self.drive**2 * forget / (self.rate + forget) * delay
        if not self.diffusion.any():
            return np.asarray(active)
        return 2 * self.diffusion * _decayed(self.rate, lag_s) + active

    def drive_given_coordinate(self) -> tuple[Floats, Floats]:
        """Return the steady mean of eta at a given a, per unit of a, and the variance around it."""
        total = self.rate + 1 / self.persistence_s
        slope = _ratio(self.drive * self.rate, self.diffusion * total + self.drive**2)
        return slope, 1 - slope * self.drive / total

    def transition(self, step_s: float) -> Transition:
        """Return how a and eta pass through a step of time."""
        forget = 1 / self.persistence_s
        low, apart = np.minimum(self.rate, forget), np.abs(self.rate - forget)
        one, both, two = (_decayed(rate, step_s) for rate in (2 * forget, self.rate + forget, 2 * self.rate))
        # Where the two rates are close, the closed forms are differences of nearly equal numbers: integrate instead.
        close = apart * step_s < 1
        distance = np.where(close, 1.0, apart)
        pull, push = np.abs(one - both) / distance, (one - 2 * both + two) / distance**2
        pull[close], push[close] = _response_integrals(low[close], apart[close], forget, step_s)
        return Transition(
            decay=np.exp(-self.rate * step_s),
            gain=self.drive * np.exp(-low * step_s) * _decayed(apart, step_s),
            persist=math.exp(-forget * step_s),
            variance=2 * self.diffusion * two + 2 * forget * self.drive**2 * push,
            covariance=2 * forget * self.drive * pull,
            fresh=-math.expm1(-2 * forget * step_s),
        )

    def schedule(self, times_s: Floats) -> Schedule:
        """Plan how to draw a at increasing times, with one standard normal number each.

        With equal steps the filter is started at its stationary error variance, so one update serves all steps; the
        difference to the true initial variance is drawn once, at the first time. Steps of several lengths have an
        update each.
        """
        steps = np.diff(times_s)
        # Lengths in units of the shortest, rounded, so that steps which differ by rounding alone are equal.
        in_shortest = np.round(steps / steps.min(initial=math.inf), 9)
        _, first, kind = np.unique(in_shortest, return_index=True, return_inverse=True)
        transitions = [self.transition(float(step)) for step in steps[first]]
        slope, unknown = self.drive_given_coordinate()
        hidden, update_of = unknown, np.arange(steps.size)
        if len(transitions) == 1:
            hidden, update_of = transitions[0].settled(), kind
        spread = np.sqrt(np.maximum(unknown - hidden, 0))
        updates, persist = [], []
        for transition in (transitions[k] for k in kind[: update_of.max(initial=-1) + 1]):
            jolt, kick, hidden = transition.innovation(hidden)
            updates.append(np.stack([transition.decay, transition.gain, jolt, kick]))
            persist.append(transition.persist)
        return Schedule(
            slope,
            spread,
            update=np.reshape(updates, (len(updates), 4, *self.rate.shape)),
            persist=np.array(persist),
            update_of=np.append(-1, update_of),
        )


@dataclass(frozen=True)
class Transition:
    """One step: ``a -> decay a + gain eta + noise`` and ``eta -> persist eta + noise'``.

    Parameters
    ----------
    decay, gain : array
    persist : float
    variance, covariance : array
        Of the noise of a, and of the two noises.
    fresh : float
        Variance of the noise of eta, ``1 - persist**2``.
    """

    decay: Floats
    gain: Floats
    persist: float
    variance: Floats
    covariance: Floats
    fresh: float

    def innovation(self, hidden: Floats) -> tuple[Floats, Floats, Floats]:
        """Return the step of a and of what a tells of eta.

        Nothing but a is ever seen. With eta known up to the variance ``hidden`` from all of a so far, the
        next a is ``decay a + gain known + jolt z`` and what is known then ``persist known + kick z``, with
        one standard normal z for both: the innovations form of the Kalman filter (1960,
        doi:10.1115/1.3662552), whose a has the law of the original.

        Returns
        -------
        jolt, kick, hidden : array
            ``hidden`` is that after the step.
        """
        jolt = np.sqrt(self.gain**2 * hidden + self.variance)
        kick = _ratio(self.persist * self.gain * hidden + self.covariance, jolt)
        return jolt, kick, self.persist**2 * hidden + self.fresh - kick**2

    def settled(self) -> Floats:
        """Return the hidden variance that a step leaves as it was, the positive root of a quadratic."""
        linear = self.fresh * (self.variance - self.gain**2) + 2 * self.persist * self.gain * self.covariance
        constant = self.fresh * self.variance - self.covariance**2
        root = np.sqrt(linear**2 + 4 * self.gain**2 * constant)
        small = _ratio(2 * constant, linear + root)
        large = _ratio(root - linear, 2 * self.gain**2)
        return np.where(self.variance > 0, np.where(linear > 0, small, large), 1.0)


@dataclass(frozen=True)
class Schedule:
    """How to draw coordinates at given times; ``slope a + spread z`` is known of eta at the first one.

    Parameters
    ----------
    slope, spread : array
    update : array, shape (update, 4, ...)
        Decay, gain, jolt and kick, as in :meth:`Transition.innovation`.
    persist : array, shape (update,)
        Decay of what is known.
    update_of : int array, shape (time,)
        Which update leads to a time, -1 for the first one.
    """

    slope: Floats
    spread: Floats
    update: Floats
    persist: Floats
    update_of: npt.NDArray[np.int64]


def _decayed(rate: Floats | float, time_s: Floats | float) -> Floats:
    """The integral of exp(-rate t) from 0 to a time, which it is at rate 0."""
    rate = np.maximum(rate, TINY)
    return np.asarray(-np.expm1(-rate * time_s) / rate)


def _response_integrals(low: Floats, apart: Floats, forget: float, step_s: float) -> tuple[Floats, Floats]:
    """The integrals of F(t) exp(-forget t) and F(t)**2 over a step, where the closed forms would cancel.

    F(t) = exp(-low t) (1 - exp(-apart t)) / apart is how a responds to a push on eta. With apart * step < 1
    the 32-point Gauss-Legendre rule is exact to rounding, as nothing of F is left after 20 / low seconds.
    """
    reach = np.minimum(step_s, 20 / np.maximum(low, TINY))[:, None]
    time, weight = reach * (NODES + 1) / 2, reach * WEIGHTS / 2
    response = np.exp(-low[:, None] * time) * _decayed(apart[:, None], time)
    pull = np.sum(weight * response * np.exp(-forget * time), axis=1)
    return pull, np.sum(weight * response**2, axis=1)


def _ratio(numerator: Floats, denominator: Floats) -> Floats:
    """Divide, with 0 where the denominator is 0."""
    return np.divide(numerator, denominator, out=np.zeros_like(denominator), where=denominator > 0)
