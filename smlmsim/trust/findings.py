"""What was found about a table and its reconstruction: numbers, from which all words of the page are made."""

from __future__ import annotations

import math
from typing import NamedTuple

from smlmsim.estimate.drift import Drift
from smlmsim.estimate.repeats import Repeats
from smlmsim.estimate.velocity import FilamentVelocity

Range = tuple[float, float]

STATED_LAG_S = 1.5
"""Time over which a stated velocity is meant, that of the map."""


class Table(NamedTuple):
    """What a table holds; ``precision_nm`` and ``photons`` are medians, NaN where not reported."""

    name: str
    localizations: int
    frames: int
    exposure_s: float
    exposure_is_stated: bool
    height_nm: float
    width_nm: float
    precision_nm: float
    photons: float
    structure: str
    joined_nm: float | None

    @property
    def duration_s(self) -> float:
        """Duration of the recording."""
        return self.frames * self.exposure_s


class Shown(NamedTuple):
    """The part of the recording that was reconstructed: a number of time points, the first and last time in s."""

    time_points: int
    begin_s: float
    end_s: float
    pixel_nm: float
    point_s: float
    localizations: int


class Expected(NamedTuple):
    """The score of a reconstructor on simulated movies of this rate and velocity.

    ``mean`` and ``sd`` are over the seeds, each averaged over the ranges of the experiment; ``low`` and ``high`` are
    the lowest and the highest mean over the seeds in these ranges. ``up_to`` is the velocity in nm/s up to which it is
    good enough at all rates of the experiment, NaN if it never is. ``outside`` says why it does not hold here.
    """

    name: str
    mean: float
    sd: float
    low: float
    high: float
    up_to: float = math.nan
    outside: tuple[str, ...] = ()


class Velocities(NamedTuple):
    """The velocity of the structure in nm/s, from whatever tells it.

    ``stated`` is what the user said, ``seen`` was measured in widefield images and ``told`` by the localizations;
    ``unseen`` and ``untold`` say why the latter could not be. ``has_images`` tells whether there are widefield images.
    """

    stated: float | None = None
    seen: FilamentVelocity | None = None
    unseen: str = ""
    told: FilamentVelocity | None = None
    untold: str = ""
    has_images: bool = False

    @property
    def used(self) -> FilamentVelocity | None:
        """The velocity that counts: the stated one, as exact, or else that of the images, or of the localizations."""
        if self.stated is not None:
            return FilamentVelocity(self.stated, 0.0, STATED_LAG_S)
        return self.seen or self.told

    @property
    def differ(self) -> bool:
        """Whether images and localizations tell different velocities, beyond their errors."""
        return bool(self.seen and self.told and self.seen.differs(self.told))


class Place(NamedTuple):
    """Where an experiment lies on the map: rates per 2.56 x 2.56 um in Hz, velocity, and what lies beyond the map.

    ``rate_of_map_hz``, ``velocity_of_map`` and ``window_of_map_s`` are the ranges and the time window of the map;
    ``seeds`` is its number of movies in a cell, and ``metric`` the name of the score.
    """

    rate_hz: float
    rate_error_hz: float
    rates_hz: Range
    velocities: Velocities
    rate_of_map_hz: Range
    velocity_of_map: Range
    window_of_map_s: float
    pixel_of_map_nm: float
    seeds: int
    metric: str

    @property
    def velocity(self) -> FilamentVelocity | None:
        """The velocity with which the table is on the map; None if nothing tells it."""
        return self.velocities.used


class Halves(NamedTuple):
    """How well reconstructions of two halves agree.

    ``lines`` is the F1 of their centre lines within ``tolerance_nm``, NaN without any; ``times_nm`` and ``places_nm``
    are the finest and the coarsest resolution over the time points and over parts of the field, NaN where unmeasured.
    ``by`` is what was assigned to a half, and ``problem`` says why nothing could be compared. Split by molecule, one
    that was dark for more than ``dark_s`` may be in both halves.
    """

    pearson: float = math.nan
    lines: float = math.nan
    tolerance_nm: float = math.nan
    frc_nm: float = math.nan
    worst_nm: float = math.nan
    times_nm: Range = (math.nan, math.nan)
    places_nm: Range = (math.nan, math.nan)
    by: str = "localization"
    problem: str = ""
    dark_s: float = math.nan

    @property
    def agreement(self) -> float:
        """The F1 of the centre lines, or the correlation where there are none."""
        return self.pearson if math.isnan(self.lines) else self.lines


class Widefield(NamedTuple):
    """How well a reconstruction explains widefield images.

    ``shift_nm`` is how far the images lay beside the localizations, with the standard error ``error_nm``; None if the
    two could not be registered, for the reason ``unregistered``. If ``is_moved``, they were moved there before.
    """

    rsp: float = math.nan
    rse: float = math.nan
    sigma_nm: float = math.nan
    shift_nm: float | None = None
    error_nm: float = math.nan
    is_moved: bool = False
    unregistered: str = ""
    pixel_nm: float = math.nan
    problem: str = ""


class Findings(NamedTuple):
    """All that was found; the reconstructions are in the :class:`~smlmsim.trust.examine.Examination`.

    ``expected`` holds all reconstructors of the map that are installed, the best first. ``chosen`` is the one that was
    used, ``asked`` whether the user chose it, ``domain`` where the table lies outside its training, ``variation`` the
    mean standard deviation of the density relative to its mean, None if it is not known. ``occupied`` is the share of
    the field over which the localizations would have to be spread to be as dense as they are.
    """

    table: Table
    shown: Shown
    place: Place
    expected: tuple[Expected, ...]
    chosen: str
    asked: bool
    trained: bool
    domain: tuple[str, ...]
    halves: Halves
    widefield: Widefield | None
    drift: Drift | None
    repeats: Repeats
    variation: float | None
    occupied: float = 1.0
    doubts: tuple[str, ...] = ()

    @property
    def expectation(self) -> Expected | None:
        """The expected score of the reconstructor that was used; None if the map does not have it."""
        return next((found for found in self.expected if found.name == self.chosen), None)

    @property
    def per_point(self) -> float:
        """Localizations in one time point in 2.56 x 2.56 um, over the whole recording."""
        return self.place.rate_hz * self.shown.point_s
