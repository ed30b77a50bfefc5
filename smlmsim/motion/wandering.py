"""Wandering: every filament drifts, turns and bends on its own, along smooth random courses."""

from __future__ import annotations

import math
from typing import Annotated, Literal, NamedTuple, Self

import numpy as np
import numpy.typing as npt
import pydantic
import xarray as xr
from pydantic import NonNegativeFloat, PositiveFloat
from scipy.special import erf, erfinv

from smlmsim.contour import Box, Filaments, across, check_at_rest, moving
from smlmsim.motion.open_chains import check_open
from smlmsim.spec import Spec

Floats = npt.NDArray[np.float64]
Share = Annotated[float, pydantic.Field(ge=0, le=1)]

WAVES = 8
"""Sines in a course; their sum is Gaussian at any time, whatever their number."""
PLACE, TURN = slice(0, 2), slice(2, 3)
"""The courses of a filament that go on and on; those of the bending waves follow."""
SLOWER = 1.9565
"""Persistence of a course that goes to and fro over that of its velocity: 1/x, where (1 - 2 x^2) exp(-x^2) = 1/e."""
LARGEST_TURN = 0.25
"""Root mean square turn over the lag, in radians, up to which the shift of the contour is proportional to the angle."""
TINY = np.finfo(np.float64).tiny


class Wandering(Spec):
    """Filaments that do not know of each other: each drifts, turns and bends smoothly, and keeps its length.

    The velocities of the drift along y and x and of the turn are Gaussian with the autocorrelation exp(-(t / p)^2),
    where p is the persistence time, so a filament goes on and on. Bending goes to and fro: the angle of the contour
    changes by a few waves along it, whose amplitudes are such Gaussians themselves, so much slower that the
    autocorrelation of their velocities falls to 1/e at p too. Segments are turned, never stretched.

    Every part has its share of the mean square shift along the normals of the contour over the lag. With the responses
    of the contour at rest to a turn and to the waves, the mean |shift along the normal| of a filament is known without
    a simulation. It is exact for drift, and to second order in the angles for the others: a contour that has bent is
    shifted by up to 3 % less. A movie scatters around it.

    Parameters
    ----------
    velocity_nm_per_s : float
        Expected |shift of the contour along its normal| per time over ``velocity_lag_s``, in the central 80 % of the
        contours.
    velocity_lag_s : float
        Lag over which the velocity is defined.
    persistence_time_s : float
        Time at which the autocorrelation of every velocity has fallen to 1/e.
    turn_share, bend_share : float
        Shares of turning and bending in the mean square shift; drift has the rest. A turn of more than 0.25 radians
        within the lag, and a bend of more than ``largest_bend_deg``, are left to drift.
    bend_waves : int
        Number of waves of bending; wave i has about i / 2 periods along the contour.
    largest_bend_deg : float
        Greatest root mean square angle by which a contour is bent. That of a microtubule of 5 um at rest is 12 degrees
        for a persistence length of 20 um.
    speed_spread : float
        Filaments have their own velocities, uniform between 1 - ``speed_spread`` and 1 + ``speed_spread`` times the
        set one.
    """

    kind: Literal["wandering"] = "wandering"
    velocity_nm_per_s: NonNegativeFloat = 60.0
    velocity_lag_s: PositiveFloat = 1.5
    persistence_time_s: PositiveFloat = 5.0
    turn_share: Share = 0.25
    bend_share: Share = 0.25
    bend_waves: int = pydantic.Field(default=3, ge=1, le=20)
    largest_bend_deg: PositiveFloat = pydantic.Field(default=15.0, le=90)
    speed_spread: Share = 0.5

    @pydantic.model_validator(mode="after")
    def _shares_of_a_whole(self) -> Self:
        if self.turn_share + self.bend_share > 1:
            raise ValueError(
                f"turn_share={self.turn_share:g} and bend_share={self.bend_share:g} are more than the whole; "
                "make their sum at most 1"
            )
        return self

    def move(self, structure: xr.Dataset, times_s: Floats, rng: np.random.Generator) -> xr.Dataset:
        """Move every filament, which is at the first time as it was built.

        Parameters
        ----------
        structure : xr.Dataset
            ``vertex_y``, ``vertex_x`` (vertex,) in nm with the coordinate ``filament``. With the attribute ``box_nm`` =
            [y0, x0, height, width], a filament whose centre of mass leaves the box enters on the other side.
        times_s : ndarray, (time,)
            In s.
        rng : np.random.Generator
            What is drawn does not depend on the times: a longer movie starts as a shorter one.

        Returns
        -------
        xr.Dataset
            ``vertex_y``, ``vertex_x`` (time, vertex) float32 in nm; the attributes ``velocity_nm_per_s``,
            ``velocity_lag_s`` and ``velocity_rms_nm_per_s``, the expected root mean square along the normals.

        Raises
        ------
        SchemaError
            If the structure lacks a variable, holds a value that is not finite, or moves already.
        ValueError
            If there is no filament, or if one is closed, since bending would open it.
        """
        check_at_rest(structure)
        check_open(structure)
        filaments, box = Filaments.of(structure), Box.of(structure)
        is_central = filaments.central
        rest = np.stack([structure.vertex_y.values, structure.vertex_x.values]).astype(np.float64)
        passed_s = np.asarray(times_s, dtype=np.float64) - times_s[0]
        drawn = _Drawn.of(self, filaments.first.size, rng)
        out = np.empty((2, passed_s.size, rest.shape[1]), dtype=np.float32)
        squares = []
        for number, (first, last) in enumerate(zip(filaments.first, filaments.last, strict=True)):
            own = slice(first, last + 1)
            waves, central = drawn.waves(number, last - first), np.flatnonzero(is_central[own])
            gains = self._gains(rest[:, own], waves, central, self.velocity_nm_per_s * drawn.speeds[number])
            courses = drawn.courses(number, passed_s, self.persistence_time_s)
            out[:, :, own] = _course(rest[:, own], waves, courses * gains.of_courses(len(waves)), box)
            squares.append(gains.square_nm2)
        return moving(
            structure, times_s, out[0], out[1], velocity_nm_per_s=self.velocity_nm_per_s,
            velocity_lag_s=self.velocity_lag_s,
            velocity_rms_nm_per_s=math.sqrt(np.mean(squares)) / self.velocity_lag_s,
        )  # fmt: skip

    def _gains(
        self, vertices: Floats, waves: Floats, central: npt.NDArray[np.int64], speed_nm_per_s: float
    ) -> _Gains:
        """Share out the motion of a filament, given its vertices (yx, vertex) and bending waves (wave, segment)."""
        lag, persistence = self.velocity_lag_s, self.persistence_time_s
        drift_s2, bend_1 = integrated_square_s2(lag, persistence), swaying_square(lag, SLOWER * persistence)
        about_nm2 = math.pi / 2 * (speed_nm_per_s * lag) ** 2
        if about_nm2 == 0 or central.size == 0:
            return _Gains(math.sqrt(about_nm2 / drift_s2), 0.0, 0.0, about_nm2)
        angles = np.concatenate([np.ones((1, waves.shape[1])), waves])
        normal = across(vertices, _response(vertices, angles)[..., central], central) ** 2
        turned, bent = normal[0], normal[1:].sum(axis=0)
        bend_rad2 = math.radians(self.largest_bend_deg) ** 2 / max(np.mean(np.sum(waves**2, axis=0)), TINY)
        turn = min(self.turn_share, LARGEST_TURN**2 * turned.mean() / about_nm2)
        bend = min(self.bend_share, bend_rad2 * bend_1 * bent.mean() / about_nm2)
        drift = 1 - turn - bend
        per_turn, per_bend = turn / max(turned.mean(), TINY), bend / max(bent.mean(), TINY)
        # The mean |shift| is that of Gaussians of these variances, in units of the mean square shift.
        square_nm2 = about_nm2 / np.mean(np.sqrt(drift + per_turn * turned + per_bend * bent)) ** 2
        return _Gains(
            drift_nm_per_s=math.sqrt(square_nm2 * drift / drift_s2),
            turn_per_s=math.sqrt(square_nm2 * per_turn / drift_s2),
            bend=math.sqrt(square_nm2 * per_bend / bend_1),
            square_nm2=square_nm2,
        )


def integrated_square_s2(lag_s: float, persistence_s: float) -> float:
    """The mean square shift over a lag at a velocity of variance 1 with the autocorrelation exp(-(t / p)^2)."""
    lags = lag_s / persistence_s
    return persistence_s**2 * (math.sqrt(math.pi) * lags * float(erf(lags)) + math.expm1(-(lags**2)))


def swaying_square(lag_s: float, persistence_s: float) -> float:
    """The mean square change over a lag of an amplitude of variance 1 with the autocorrelation exp(-(t / p)^2)."""
    return -2 * math.expm1(-((lag_s / persistence_s) ** 2))


class _Gains(NamedTuple):
    """How fast a filament drifts and turns, the angle by which a wave bends it, and its mean square shift."""

    drift_nm_per_s: float
    turn_per_s: float
    bend: float
    square_nm2: float

    def of_courses(self, waves: int) -> Floats:
        """The factor on every course, (course,)."""
        return np.array([self.drift_nm_per_s] * 2 + [self.turn_per_s] + [self.bend] * waves)


class _Drawn(NamedTuple):
    """All random numbers of a movie.

    Parameters
    ----------
    speeds : array (filament,)
        Velocity in units of the set one.
    frequencies : array (filament, sine)
        Angular frequency times persistence time.
    amplitudes : array (filament, course, 2 * sine)
        Amplitudes of the sines, then of the cosines of every course.
    periods, phases : array (filament, wave)
        Number of periods of a bending wave along the contour, and its phase in periods.
    """

    speeds: Floats
    frequencies: Floats
    amplitudes: Floats
    periods: Floats
    phases: Floats

    @classmethod
    def of(cls, motion: Wandering, filaments: int, rng: np.random.Generator) -> Self:
        """Draw the random numbers for some filaments.

        An autocorrelation exp(-(t / p)^2) needs Gaussian frequencies of the standard deviation sqrt(2) / p. One is
        drawn from each of as many equally probable ranges as there are sines. With Gaussian amplitudes the sum is
        Gaussian at any time.
        """
        waves = motion.bend_waves
        ranks = (np.arange(WAVES) + rng.random((filaments, WAVES))) / WAVES
        return cls(
            speeds=1 + motion.speed_spread * rng.uniform(-1, 1, filaments),
            frequencies=2 * erfinv(np.clip(ranks, 1e-9, 1 - 1e-9)),
            amplitudes=rng.standard_normal((filaments, TURN.stop + waves, 2 * WAVES)) / math.sqrt(WAVES),
            periods=(np.arange(waves) + rng.uniform(0.5, 1.5, (filaments, waves))) / 2,
            phases=rng.random((filaments, waves)),
        )

    def waves(self, filament: int, segments: int) -> Floats:
        """The bending waves of a filament at the middles of its segments, (wave, segment)."""
        along = (np.arange(segments) + 0.5) / max(segments, 1)
        cycles = self.periods[filament][:, None] * along + self.phases[filament][:, None]
        return np.asarray(np.sin(2 * np.pi * cycles))

    def courses(self, filament: int, passed_s: Floats, persistence_s: float) -> Floats:
        """The courses of a filament after some times, (time, course), of velocity or amplitude 1, and 0 at first."""
        per_s = self.frequencies[filament] / persistence_s
        slow, half = np.outer(passed_s, per_s / SLOWER), np.outer(passed_s, per_s / 2)
        going = np.hstack([np.sin(2 * half), 2 * np.sin(half) ** 2]) / np.tile(per_s, 2)
        swaying = np.hstack([np.sin(slow), np.cos(slow) - 1])
        amplitudes = self.amplitudes[filament].T
        return np.hstack([going @ amplitudes[:, : TURN.stop], swaying @ amplitudes[:, TURN.stop :]])


def _response(vertices: Floats, angles: Floats) -> Floats:
    """How vertices (yx, vertex) shift per small turn of each segment by angles (kind, segment): (yx, kind, vertex).

    The centre of mass stays where it is.
    """
    along_y, along_x = np.diff(vertices, axis=1)
    shifts = np.zeros((2, angles.shape[0], vertices.shape[1]))
    np.cumsum([angles * along_x, -angles * along_y], axis=2, out=shifts[..., 1:])
    return np.asarray(shifts - shifts.mean(axis=2, keepdims=True))


def _course(vertices: Floats, waves: Floats, courses: Floats, box: Box) -> npt.NDArray[np.float32]:
    """Move the vertices of a filament (yx, vertex) along its courses (time, course), by (yx, time, vertex).

    What is summed along the contour are the differences of the turned segments to those at rest, which are exactly 0
    for a filament that is not bent, so that rounding errors do not move it.
    """
    shifts = courses[:, PLACE].T
    shifts = shifts + box.reentry_nm(vertices.mean(axis=1)[:, None] + shifts)
    along_y, along_x = np.diff(vertices, axis=1).astype(np.float32)
    turns = (courses[:, TURN] + courses[:, TURN.stop :] @ waves).astype(np.float32)
    sine, less = np.sin(turns), np.cos(turns) - np.float32(1)
    moved = np.zeros((2, *courses.shape[:1], vertices.shape[1]), np.float32)
    np.cumsum(less * along_y + sine * along_x, axis=1, out=moved[0, :, 1:])
    np.cumsum(less * along_x - sine * along_y, axis=1, out=moved[1, :, 1:])
    moved += (shifts - moved.mean(axis=2)).astype(np.float32)[..., None]
    moved += vertices.astype(np.float32)[:, None]
    return moved
