"""Two kinds of moving lines, written from numpy alone: travelling waves, and gliding rods.

They share no code with the structures, motions, photophysics and truth of smlmsim, so that a ranking of reconstructors
which holds here as well does not hang on how these are made. Every position is a function of the time, with no steps in
between: each localization lies on the line of its own camera frame.

Places are given by the number of the line and the distance along it, from its middle, in nm.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy import optimize

from smlmsim import schema
from smlmsim.acquisition import Acquisition
from smlmsim.field import FieldOfView
from smlmsim.movie import Movie, seen
from smlmsim.rng import stream
from smlmsim.sparse import bin_localizations

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.intp]
Points = tuple[Floats, Floats]

SHIFT_S = 1.5
"""Time over which lines shift, by which their velocity is defined."""
SIGMA_NM = 30.0
"""Standard deviation of the Gaussian with which the truth is drawn."""
SPACING_NM = 10.0
"""Distance of the points that stand for a line: their sum is within 2e-3 of the crest of the integral."""
WIDEST_IN_SIGMAS = 6.0
PRECISION_NM, PRECISION_SPREAD = 15.0, 0.25
"""Median standard error per axis of a localization, and standard deviation of its logarithm."""
FALSE_POSITIVES = 0.04
"""Mean number of false positives per localization of a line, uniform over the field and the movie."""
STUDY = f'kind = "foreign"\n[density]\nsigma_nm = {SIGMA_NM}\n'
"""The part of a study from which the metrics know the scale of the truth."""


class Lines(Protocol):
    """Moving lines.

    ``lengths_nm`` (line,) are the lengths of lines at rest, and ``most_stretch`` is the greatest factor by which a part
    of one gets longer. ``fastest`` is the greatest pace at which the shift across lines still grows with it.
    """

    lengths_nm: Floats
    most_stretch: float
    fastest: float

    def at(self, times_s: Floats, line: Numbers, along_nm: Floats) -> Points:
        """Return y and x in nm of places on lines; the three arguments are broadcast."""
        ...


class Waves:
    """Arcs of large circles along which transverse waves travel; each line has two waves of its own.

    A place at the angle s / R of a circle of radius R has the distance R + u from its centre, where u is the sum of
    the waves A sin(2 pi s / wavelength - frequency pace t + phase).

    Parameters
    ----------
    pace : float
        Factor of the angular frequencies, which are 0.7 to 1.3 per s at 1.
    field : FieldOfView
    rng : Generator
        The same generator gives the same lines at rest for every pace.
    """

    LINES, LENGTH_NM = 8, 9000.0
    AMPLITUDES_NM = np.array([450.0, 200.0])
    fastest = 2.0
    RADIUS_NM, WAVELENGTH_NM, BEYOND_NM = (4000.0, 15000.0), (3500.0, 8000.0), 300.0

    def __init__(self, pace: float, field: FieldOfView, rng: np.random.Generator) -> None:
        n = self.LINES
        self.lengths_nm = np.full(n, self.LENGTH_NM)
        radius = rng.uniform(*self.RADIUS_NM, n)
        angle = rng.uniform(0, 2 * np.pi, n)
        through = [
            rng.uniform(low - self.BEYOND_NM, low + extent + self.BEYOND_NM, n)
            for low, extent in _extents(field)
        ]
        self._circle = radius, angle, through[0] - radius * np.sin(angle), through[1] - radius * np.cos(angle)
        self._number = 2 * np.pi / rng.uniform(*self.WAVELENGTH_NM, (2, n))
        self._frequency = pace * rng.uniform(0.7, 1.3, (2, n)) * rng.choice([-1, 1], (2, n))
        self._phase = rng.uniform(0, 2 * np.pi, (2, n))
        slope = (self.AMPLITUDES_NM[:, None] * self._number).sum(0)
        self.most_stretch = float(np.hypot(1 + self.AMPLITUDES_NM.sum() / radius, slope).max())

    def at(self, times_s: Floats, line: Numbers, along_nm: Floats) -> Points:
        """Return y and x in nm."""
        radius, angle, y, x = (values[line] for values in self._circle)
        distance = radius + sum(
            amplitude * np.sin(k[line] * along_nm - w[line] * times_s + phase[line])
            for amplitude, k, w, phase in zip(
                self.AMPLITUDES_NM, self._number, self._frequency, self._phase, strict=True
            )
        )
        turned = angle + along_nm / radius
        return y + distance * np.sin(turned), x + distance * np.cos(turned)


class Rods:
    """Stiff rods that glide along their axis while this turns, on a plane that repeats far outside the field.

    After a path of length p, the axis of a rod has the direction a + B sin(2 pi p / turn + phase).

    Parameters
    ----------
    pace : float
        Velocity along the axis in nm/s.
    field, rng :
        As of :class:`Waves`.
    """

    PER_UM = 3.0
    LENGTH_NM, TURN_NM, SWING = (1200.0, 2400.0), (2500.0, 5000.0), 1.2
    STEP_NM = 20.0
    most_stretch, fastest = 1.0, 1000.0

    def __init__(self, pace: float, field: FieldOfView, rng: np.random.Generator) -> None:
        margin = self.LENGTH_NM[1] / 2 + WIDEST_IN_SIGMAS * SIGMA_NM
        self._box = [(low - margin, extent + 2 * margin) for low, extent in _extents(field)]
        area_um = math.prod(extent for _, extent in self._box) * 1e-6
        n = round(1e3 * self.PER_UM * area_um / np.mean(self.LENGTH_NM))
        self._pace = pace
        self.lengths_nm = rng.uniform(*self.LENGTH_NM, n)
        self._start = [rng.uniform(0, extent, n) for _, extent in self._box]
        self._direction, self._phase = rng.uniform(0, 2 * np.pi, (2, n))
        self._turn = 2 * np.pi / rng.uniform(*self.TURN_NM, n)
        self._paths = self._gone(np.zeros(1))

    def at(self, times_s: Floats, line: Numbers, along_nm: Floats) -> Points:
        """Return y and x in nm."""
        path = self._pace * np.asarray(times_s)
        heading = self._heading(path, line)
        before, share = np.divmod(path / self.STEP_NM, 1)
        first = before.astype(np.intp)
        if (last := int(first.max(initial=0)) + 2) > self._paths.shape[1]:
            self._paths = self._gone(np.asarray(np.arange(last + 1) * self.STEP_NM, np.float64))
        found = []
        for gone, start, (low, extent), along in zip(
            self._paths.transpose(2, 0, 1), self._start, self._box, (np.sin(heading), np.cos(heading)), strict=True
        ):  # fmt: skip
            centre = start[line] + (1 - share) * gone[line, first] + share * gone[line, first + 1]
            found.append(low + np.mod(centre, extent) + along_nm * along)
        return found[0], found[1]

    def _heading(self, path_nm: Floats, line: Numbers) -> Floats:
        swing = self.SWING * np.sin(self._turn[line] * path_nm + self._phase[line])
        return np.asarray(self._direction[line] + swing)

    def _gone(self, path_nm: Floats) -> Floats:
        """The shift of the middle of every rod after paths of equal steps, by the midpoint rule: (line, path, 2)."""
        middle = path_nm[:-1] + self.STEP_NM / 2
        heading = self._heading(middle, np.arange(self.lengths_nm.size)[:, None])
        steps = self.STEP_NM * np.stack([np.sin(heading), np.cos(heading)], axis=-1)
        return np.concatenate([np.zeros((len(steps), 1, 2)), np.cumsum(steps, axis=1)], axis=1)


SCENES: dict[str, Callable[[float, FieldOfView, np.random.Generator], Lines]] = {"waves": Waves, "rods": Rods}


class Spots(NamedTuple):
    """Points that stand for short pieces of lines: their lines, places and lengths at rest, in nm."""

    line: Numbers
    along_nm: Floats
    length_nm: Floats


def simulate(
    scene: str,
    velocity_nm_per_s: float,
    rate_hz: float,
    seed: int,
    *,
    field: FieldOfView | None = None,
    acquisition: Acquisition | None = None,
) -> Movie:
    """Simulate a movie of a scene; movies of one seed show the same lines at their start.

    Parameters
    ----------
    scene : str
        One of ``SCENES``.
    velocity_nm_per_s : float
        Mean distance by which a place in the field shifts across its line in 1.5 s, over 1.5 s.
    rate_hz : float
        Mean number of localizations of lines in the field per second.
    seed : int
    field : FieldOfView, optional
    acquisition : Acquisition, optional
        By default 20 time points.

    Raises
    ------
    ValueError
        If the lines of the scene cannot shift as fast.
    """
    field, acquisition = field or FieldOfView(), acquisition or Acquisition(time_points=20)
    lines = moving(scene, velocity_nm_per_s, seed, field, acquisition)
    observation = observe(lines, rate_hz, field, acquisition, stream(seed, "foreign", scene, "localizations"))
    density = draw(lines, acquisition.times_s, field)
    truth = schema.dataset(density=density, time=acquisition.times_s, y=field.y_nm, x=field.x_nm)
    return Movie(observation, truth.assign_attrs(study=STUDY, seed=seed))


def moving(
    scene: str, velocity_nm_per_s: float, seed: int, field: FieldOfView, acquisition: Acquisition
) -> Lines:
    """Make the lines of a scene, with the pace at which they have a velocity.

    Raises
    ------
    ValueError
        If no pace gives this velocity.
    """

    def paced(pace: float) -> Lines:
        return SCENES[scene](pace, field, stream(seed, "foreign", scene, "lines"))

    if velocity_nm_per_s == 0:
        return paced(0.0)

    def missing(pace: float) -> float:
        return velocity(paced(pace), field, acquisition.times_s) - velocity_nm_per_s

    fastest = paced(0.0).fastest
    if (most := missing(fastest)) < 0:
        raise ValueError(
            f"the lines of {scene!r} shift by up to {velocity_nm_per_s + most:.0f} nm/s across themselves, found "
            f"velocity_nm_per_s={velocity_nm_per_s:g}"
        )
    return paced(optimize.brentq(missing, 0.0, fastest, xtol=1e-5 * fastest, rtol=1e-4))


def velocity(lines: Lines, field: FieldOfView, times_s: Floats) -> float:
    """The mean distance in nm by which places in the field shift across their line in 1.5 s, over 1.5 s."""
    spots, times = pieces(lines, 50.0), times_s[:, None]
    (y, x), (later_y, later_x) = (lines.at(t, spots.line, spots.along_nm) for t in (times, times + SHIFT_S))
    along_y, along_x = tangents(lines, times, spots)
    across = (later_x - x) * along_y - (later_y - y) * along_x
    inside = field.contains(y, x) & field.contains(later_y, later_x)
    length = np.hypot(along_y, along_x)
    return float(np.abs(across)[inside].sum() / length[inside].sum() / SHIFT_S)


def tangents(lines: Lines, times_s: Floats, spots: Spots) -> Points:
    """The change of y and x along lines, whose length is 1 where a line is as long as at rest."""
    (y0, x0), (y1, x1) = (lines.at(times_s, spots.line, spots.along_nm + step) for step in (-0.5, 0.5))
    return y1 - y0, x1 - x0


def pieces(lines: Lines, spacing_nm: float) -> Spots:
    """Cut lines into pieces of a length of at most ``spacing_nm`` at rest, and return their middles."""
    numbers = np.ceil(lines.lengths_nm / spacing_nm).astype(int)
    line = np.repeat(np.arange(numbers.size), numbers)
    place = np.concatenate([(np.arange(n) + 0.5) / n - 0.5 for n in numbers])
    return Spots(line, place * lines.lengths_nm[line], (lines.lengths_nm / numbers)[line])


def draw(
    lines: Lines, times_s: Floats, field: FieldOfView, sigma_nm: float = SIGMA_NM
) -> npt.NDArray[np.float32]:
    """Draw the length of lines per area, blurred by a Gaussian, at the centres of pixels, (time, y, x) in nm-1.

    The blur of a point is the product of two Gaussians, one in y and one in x, so an image is a product of matrices.
    """
    spots, wide = pieces(lines, SPACING_NM), WIDEST_IN_SIGMAS * sigma_nm
    movie = np.empty((len(times_s), *field.shape), np.float32)
    for image, time_s in zip(movie, times_s, strict=True):
        y, x = lines.at(np.asarray(time_s), spots.line, spots.along_nm)
        weight = np.hypot(*tangents(lines, np.asarray(time_s), spots)) * spots.length_nm
        near = _inside(field, y, x, wide)
        of_y, of_x = _gaussians(field.y_nm, y[near], sigma_nm), _gaussians(field.x_nm, x[near], sigma_nm)
        image[...] = (of_y * weight[near].astype(np.float32)) @ of_x.T
    return movie


def length_inside(lines: Lines, times_s: Floats, field: FieldOfView) -> Floats:
    """The length of lines in the field at each time, in nm."""
    spots, times = pieces(lines, 2 * SPACING_NM), times_s[:, None]
    length = np.hypot(*tangents(lines, times, spots)) * spots.length_nm
    return np.asarray(
        np.where(field.contains(*lines.at(times, spots.line, spots.along_nm)), length, 0.0).sum(axis=1)
    )


def observe(
    lines: Lines, rate_hz: float, field: FieldOfView, acquisition: Acquisition, rng: np.random.Generator
) -> xr.Dataset:
    """Draw localizations of constant intensity per length and time, and count them.

    Returns
    -------
    xr.Dataset
        ``loc_frame``, ``loc_time``, ``loc_y``, ``loc_x``, ``loc_uncertainty`` (localization,), sorted by frame, and
        ``counts`` (time, y, x).
    """
    frame, y, x = _emitted(lines, rate_hz, field, acquisition, rng)
    error = PRECISION_NM * np.exp(PRECISION_SPREAD * rng.standard_normal(frame.size))
    molecules = int(_inside(field, y, x).sum())
    y, x = y + error * rng.standard_normal(y.size), x + error * rng.standard_normal(x.size)
    false = rng.poisson(FALSE_POSITIVES * molecules)
    frame = np.append(frame, rng.integers(acquisition.frames, size=false))
    (low_y, height), (low_x, width) = _extents(field)
    y, x = np.append(y, low_y + height * rng.random(false)), np.append(x, low_x + width * rng.random(false))
    error = np.append(error, PRECISION_NM * np.exp(PRECISION_SPREAD * rng.standard_normal(false)))
    kept = np.flatnonzero(_inside(field, y, x))
    order = kept[np.argsort(frame[kept], kind="stable")]
    table = schema.dataset(
        loc_frame=frame[order].astype(np.int32),
        loc_time=acquisition.frame_times_s(frame[order]),
        loc_y=y[order].astype(np.float32),
        loc_x=x[order].astype(np.float32),
        loc_uncertainty=error[order].astype(np.float32),
    )
    return bin_localizations(table, field, acquisition).assign_attrs(seen(field, acquisition))


def _emitted(
    lines: Lines, rate_hz: float, field: FieldOfView, acquisition: Acquisition, rng: np.random.Generator
) -> tuple[npt.NDArray[np.int64], Floats, Floats]:
    """The frames and positions of molecules, also outside the field.

    Proposals are uniform along the lines at rest, and one is kept with the probability stretch / most_stretch, so that
    the intensity is constant along the lines as they are.
    """
    frame_times = acquisition.frame_times_s(np.arange(0, acquisition.frames, 10))
    visible_nm = float(length_inside(lines, frame_times, field).mean())
    if visible_nm == 0:
        raise ValueError("no line is in the field; choose another seed")
    proposals_hz = rate_hz / visible_nm * lines.lengths_nm.sum() * lines.most_stretch
    n = rng.poisson(proposals_hz * acquisition.recorded_s)
    line = rng.choice(lines.lengths_nm.size, n, p=lines.lengths_nm / lines.lengths_nm.sum())
    along = (rng.random(n) - 0.5) * lines.lengths_nm[line]
    frame = rng.integers(acquisition.frames, size=n)
    times = acquisition.frame_times_s(frame)
    stretch = np.hypot(*tangents(lines, times, Spots(line, along, along)))
    kept = rng.random(n) * lines.most_stretch < stretch
    y, x = lines.at(times[kept], line[kept], along[kept])
    return frame[kept], y, x


def _extents(field: FieldOfView) -> list[tuple[float, float]]:
    """The upper left corner and the extent of the field, along y and x."""
    return [(field.origin_y_nm, field.height_nm), (field.origin_x_nm, field.width_nm)]


def _inside(field: FieldOfView, y: Floats, x: Floats, margin_nm: float = 0.0) -> npt.NDArray[np.bool_]:
    (low_y, height), (low_x, width) = _extents(field)
    rows = (y >= low_y - margin_nm) & (y < low_y + height + margin_nm)
    return np.asarray(rows & (x >= low_x - margin_nm) & (x < low_x + width + margin_nm))


def _gaussians(centres_nm: Floats, points_nm: Floats, sigma_nm: float) -> npt.NDArray[np.float32]:
    """Gaussians of integral 1 around points, at the centres of pixels: shape (pixel, point), float32."""
    distance = ((centres_nm[:, None] - points_nm) / sigma_nm).astype(np.float32)
    return np.asarray(np.exp(-0.5 * distance**2) / np.float32(math.sqrt(2 * math.pi) * sigma_nm))
