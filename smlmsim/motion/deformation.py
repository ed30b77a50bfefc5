"""Deformation: the whole plane flows along a random polynomial of fourth order."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import numpy as np
import numpy.typing as npt
import xarray as xr
from pydantic import NonNegativeFloat, PositiveFloat

from smlmsim.contour import Box, Filaments, check_at_rest, moving
from smlmsim.motion._deformation_kernels import carry, mean_normal_shift
from smlmsim.spec import Spec

Array = npt.NDArray[np.float64]

COEFFICIENTS = 9
"""Terms of the polynomial: 1, x to x^4 and y to y^4."""
WAVES = 3
"""Sines in the course over time; their sum looks random, not periodic."""
PROBES = 128
"""Time points at which the velocity is measured."""
TRIES = 30
"""Most steps of the search for the scale that gives the velocity."""
TOLERANCE = 5e-3
"""Relative error of the velocity at which the search ends."""


class Deformation(Spec):
    """Displacement of every point by a random polynomial of its position, plus a translation for high velocities.

    Per component, d(x, y) = c0 + c1 x + c2 x^2 + c3 x^3 + c4 x^4 + c5 y + c6 y^2 + c7 y^3 + c8 y^4, where x and y are
    0 in the middle of the field and 1 at its borders, d is in half fields, and the nine coefficients are uniform over
    all those whose absolute values sum to less than alpha (Bai 2023, tel-04772446, chapter II.3). The amplitude of d
    varies over the movie. Beyond the field, d fades to 0 within half a field, so that a structure leaves and enters a
    periodic box outside the field if the box exceeds the field by that and half a filament.

    A displacement of a few half fields in a movie of minutes is slow. Up to the velocity that alpha allows, the
    displacement is scaled down to give the set velocity. For higher velocities, the structure also shifts at a constant
    velocity, without limit in a periodic box.

    Parameters
    ----------
    velocity_nm_per_s : float or None
        Mean |shift of the contour along its normal| per time inside the field, over ``velocity_lag_s``. None: the
        velocity that results from alpha.
    velocity_lag_s : float
        Lag over which the velocity is defined.
    alpha : float
        Bound of the displacement in half fields; smaller values look more like a translation.
    course : "smooth" or "linear"
        Time course of the amplitude: ``linear`` grows from 0 to 1 over the movie, ``smooth`` varies within [-1, 1] as
        the mean of three waves with periods around ``period_s``.
    period_s : float
        Period of the smooth course.
    """

    kind: Literal["deformation"] = "deformation"
    velocity_nm_per_s: NonNegativeFloat | None = 60.0
    velocity_lag_s: PositiveFloat = 1.5
    alpha: PositiveFloat = 2.0
    course: Literal["smooth", "linear"] = "smooth"
    period_s: PositiveFloat = 60.0

    def move(self, structure: xr.Dataset, times_s: Array, rng: np.random.Generator) -> xr.Dataset:
        """Move the vertices with the flow.

        Parameters
        ----------
        structure : xr.Dataset
            ``vertex_y``, ``vertex_x`` (vertex,) in nm with the coordinate ``filament`` and the attribute ``field_nm`` =
            [y0, x0, height, width]; with ``box_nm``, a filament whose centre leaves the box enters on the other side.
        times_s : array (time,)
            Increasing times in s; the linear course grows from the first to the last.
        rng : numpy.random.Generator

        Returns
        -------
        xr.Dataset
            The structure with ``vertex_y``, ``vertex_x`` (time, vertex) float32 in nm.

        Raises
        ------
        ValueError
            If no part of the structure is in the field or the box, so that no velocity is defined.
        """
        y, x = self.flow(structure, times_s, rng).positions(times_s)
        known = {"velocity_lag_s": self.velocity_lag_s, "velocity_nm_per_s": self.velocity_nm_per_s}
        attrs = {name: value for name, value in known.items() if value is not None}
        return moving(structure, times_s, y, x, **attrs)

    def flow(self, structure: xr.Dataset, times_s: Array, rng: np.random.Generator) -> Flow:
        """Draw a flow that gives a structure the set velocity; parameters and errors as for :meth:`move`."""
        check_at_rest(structure)
        flow = Flow(
            structure, coefficients(self.alpha, rng), self._course(times_s, rng), rng.uniform(0, 2 * np.pi)
        )
        flow.scale, flow.speed = self._calibrate(flow, times_s)
        return flow

    def _course(self, times_s: Array, rng: np.random.Generator) -> Callable[[Array], Array]:
        periods = self.period_s * rng.uniform(2 / 3, 3 / 2, WAVES)
        phases = rng.uniform(0, 2 * np.pi, WAVES)
        if self.course == "linear":
            duration = max(times_s[-1] - times_s[0], self.velocity_lag_s)
            return lambda t: (t - times_s[0]) / duration
        return lambda t: np.sin(2 * np.pi * t[:, None] / periods + phases).mean(axis=1)

    def _calibrate(self, flow: Flow, times_s: Array) -> tuple[float, float]:
        """The factor on the displacement, at most 1, and the speed of the translation for the set velocity."""
        wanted, lag = self.velocity_nm_per_s, self.velocity_lag_s
        if wanted is None:
            return 1.0, 0.0
        if wanted == 0:
            return 0.0, 0.0
        starts = np.linspace(times_s[0], max(times_s[-1] - lag, times_s[0]), PROBES)
        full = flow.velocity(starts, lag)
        if not np.isfinite(full):
            raise ValueError("no part of the structure is in the field; make it denser, or enlarge the field")
        if full >= wanted:
            return solve(
                lambda scale: flow.velocity(starts, lag, scale=scale), wanted, 0.0, wanted / full
            ), 0.0
        isotropic = math.pi / 2 * math.sqrt(wanted**2 - full**2)
        return 1.0, solve(lambda speed: flow.velocity(starts, lag, speed=speed), wanted, full, isotropic)


def coefficients(alpha: float, rng: np.random.Generator) -> Array:
    """Draw the coefficients of both components, (yx, 9), uniform where their absolute values sum to less than alpha."""
    shares = rng.dirichlet(np.ones(COEFFICIENTS + 1), size=2)[:, :COEFFICIENTS]
    return np.asarray(alpha * shares * rng.choice([-1.0, 1.0], size=shares.shape))


class Flow:
    """A structure, the polynomials and time course of its displacement, and the direction of its translation.

    The displacement is multiplied by ``scale``; the translation has the ``speed`` in nm/s.
    """

    scale = 1.0
    speed = 0.0

    def __init__(
        self, structure: xr.Dataset, terms: Array, course: Callable[[Array], Array], angle: float
    ) -> None:
        self.points = np.stack([structure.vertex_y.values, structure.vertex_x.values]).astype(np.float64)
        filaments = Filaments.of(structure)
        self.centres = filaments.of_vertices(filaments.centres(self.points))
        self.weights = velocity_weights(filaments)
        self.field = np.array(structure.attrs["field_nm"], dtype=np.float64)
        self.box = Box.of(structure)
        self.terms, self.course = terms, course
        self.direction = np.array([np.sin(angle), np.cos(angle)])

    def positions(self, times_s: Array) -> npt.NDArray[np.float32]:
        """Positions of the points in nm, (yx, time, point)."""
        out = np.empty((2, times_s.size, self.points.shape[1]), dtype=np.float32)
        carry(
            self.points, self.centres, self.box.size_nm, self.box.origin_nm, self.shifts(times_s),
            self.amplitudes(times_s), self.terms, self.field, out,
        )  # fmt: skip
        return out

    def shifts(self, times_s: Array) -> Array:
        """Translation in nm before the displacement, (yx, time)."""
        return np.outer(self.direction, self.speed * times_s)

    def amplitudes(self, times_s: Array) -> Array:
        """Amplitude of the displacement, (time,)."""
        return self.scale * self.course(times_s)

    def velocity(self, starts_s: Array, lag_s: float, *, scale: float = 1.0, speed: float = 0.0) -> float:
        """Measure the velocity for a scale and a speed: the mean |shift along the normal| per time in the field.

        If nothing is in the field, it is measured in the box.
        """
        self.scale, self.speed = scale, speed
        before, after = self.positions(starts_s), self.positions(starts_s + lag_s)
        box = np.array(self.box)
        shift = float(mean_normal_shift(before, after, self.weights, box, self.field))
        if math.isnan(shift) and self.box.repeats:
            shift = float(mean_normal_shift(before, after, self.weights, box, box))
        return shift / lag_s


def solve(velocity: Callable[[float], float], wanted: float, at_rest: float, guess: float) -> float:
    """Find the scale or speed that gives a velocity.

    Displacement and translation add roughly in quadrature: v^2 - v0^2, with v0 the velocity ``at_rest``, is roughly
    proportional to the square of the unknown. This gives the next guess, or bisection if it leaves the bracket.
    """
    low, high, tried = 0.0, math.inf, guess
    for _ in range(TRIES):
        found = velocity(tried)
        if abs(found - wanted) <= TOLERANCE * wanted:
            break
        low, high = (tried, high) if found < wanted else (low, tried)
        gain = (found**2 - at_rest**2) / tried**2
        tried = math.sqrt((wanted**2 - at_rest**2) / gain) if gain > 0 else 2 * tried
        if not low < tried < high:
            tried = (low + high) / 2 if math.isfinite(high) else 2 * low
    return tried


def velocity_weights(filaments: Filaments) -> npt.NDArray[np.float32]:
    """The weight of each vertex in the velocity: the central 80 % of every filament, whose weights sum to 1.

    A filament of two vertices is measured at its first one.
    """
    few = filaments.of_vertices(filaments.vertices <= 2)
    return filaments.weights(np.where(few, filaments.along == 0, filaments.central)).astype(np.float32)
