"""Straight, isolated stretches of single filaments in a set of localizations."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.spatial import cKDTree

from smlmsim.estimate.ridges import normals, ridge_lines
from smlmsim.field import FieldOfView

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

CORE_SIGMAS = 2.0
"""Half width of the core of a filament, in sigmas."""
IN_CORE = math.erf(CORE_SIGMAS / math.sqrt(2))
"""Fraction of a Gaussian profile that lies in the core."""
SIDE_SIGMAS = (3.0, 5.0)
"""Range of distances, on either side, that must hold only background."""
CELLS = 4
"""Number of cells on each side, along the stretch: a crossing filament fills some more than others."""
SLACK = 0.03
"""Excess over the background allowed at the sides, relative to the height of the profile."""
SLACK_SDS = 2.5
"""Poisson errors by which the sides may exceed the background."""
BACKGROUND_QUANTILE = 0.2
"""Quantile of the density of the sides that stands for the background: the emptiest fifth has no neighbour."""
SINGLE_QUANTILE, MOST_OF_SINGLE = 0.3, 1.5
"""Limit on the localizations of a stretch relative to this quantile: two merged filaments have twice as many."""
ROUNDS = 4
"""Times that a stretch is laid again along its localizations; then it no longer moves."""
KERNEL_SIGMAS = 1.5
"""Width in sigmas of the weights with which a line is fitted: localizations of other filaments hardly count."""
MOST_SHIFT_SIGMAS, MOST_SLOPE = 2.0, 0.5
"""Largest shift in sigmas and largest slope of a stretch against its ridge; beyond, it lies on another filament."""


class Scale(NamedTuple):
    """The approximate standard deviation of the profile of filaments, and the length of stretches."""

    sigma_nm: float
    length_nm: float


class Stretch(NamedTuple):
    """A straight stretch of a filament.

    ``middle_nm`` (yx,) is a point on it and ``normal`` (yx,) its unit normal; ``near`` are the indices of the
    localizations around it, ``core`` is the number within two sigma, ``sides`` (side * cell,) that in the cells
    beside it.
    """

    middle_nm: Floats
    normal: Floats
    near: Integers
    core: int
    sides: Integers

    def across_nm(self, places_nm: Floats, scale: Scale) -> Floats:
        """The signed distances of localizations from the line, two for each localization.

        They are measured from a centre line fitted to every other localization, and from one fitted to the rest. A
        centre line fits its own half of the data too closely and the other half too loosely by the same variance;
        pooling both halves cancels the bias.
        """
        along, _ = _turned(places_nm[:, self.near], self.middle_nm, self.normal)
        inside = places_nm[:, self.near[np.abs(along) <= scale.length_nm / 2]]
        halves = [places_nm[:, self.near[self.near % 2 == part]] for part in (0, 1)]
        lines = [_fitted(half, self.middle_nm, self.normal, scale) for half in halves]
        found = [_turned(inside, *line)[1] for line in lines if line]
        return np.concatenate(found) if len(found) == 2 else np.empty(0)


class Stretches(NamedTuple):
    """Stretches of single filaments, and the background beside all candidates relative to the profile height."""

    found: list[Stretch]
    background: float

    @property
    def core(self) -> float:
        """The median number of localizations of a stretch."""
        return float(np.median([stretch.core for stretch in self.found])) if self.found else 0.0


def clean_stretches(places_nm: Floats, field: FieldOfView, scale: Scale, most: int) -> Stretches:
    """Find stretches of single filaments with only background beside them.

    Candidates start on the ridges of the image of all localizations, blurred by sigma. A line is fitted to the
    localizations, with lower weights for more distant ones. Crossings, junctions and neighbours are excluded: three to
    five sigma away on either side, each of four cells may exceed the background, which is taken from the emptiest fifth
    of all candidates, only by 3 % of the profile height plus counting noise. Filaments that lie on each other are
    excluded by their brightness: more than 1.5 times the localizations of a single one. No two stretches overlap.

    Parameters
    ----------
    places_nm : array
        (yx, localization).
    field : FieldOfView
        Field of the localizations, with pixels well below sigma; stretches that leave it are excluded, since a
        profile cut in half is narrower.
    scale : Scale
        Width and length of stretches, in nm.
    most : int
        Largest number of positions on the ridges at which a stretch is sought.
    """
    tree = cKDTree(places_nm.T)
    around_nm = 1.05 * math.hypot(scale.length_nm / 2, SIDE_SIGMAS[1] * scale.sigma_nm)
    tried = []
    for at_nm, normal in _on_ridges(places_nm, field, scale, most):
        near = np.array(tree.query_ball_point(at_nm, around_nm), dtype=np.int64)
        stretch = _stretch(places_nm, near, at_nm, normal, scale, field)
        if stretch:
            tried.append(stretch)
    found, background = _clean(tried, scale)
    return Stretches(_apart(found, scale.length_nm), background)


def _on_ridges(
    places_nm: Floats, field: FieldOfView, scale: Scale, most: int
) -> Iterator[tuple[Floats, Floats]]:
    """Positions (yx,) on the ridges, about a third of a stretch apart, and the unit normals there."""
    pixel_nm = float(np.clip(scale.sigma_nm / 2, field.pixel_nm / 2, field.pixel_nm))
    sigma = scale.sigma_nm / pixel_nm
    pad = math.ceil(5 * sigma)
    low = np.array([field.origin_y_nm, field.origin_x_nm]) - pad * pixel_nm
    shape = [math.ceil(extent / pixel_nm) + 2 * pad for extent in (field.height_nm, field.width_nm)]
    edges = [start + pixel_nm * np.arange(n + 1) for start, n in zip(low, shape, strict=True)]
    image = ndimage.gaussian_filter(np.histogram2d(places_nm[0], places_nm[1], bins=edges)[0], sigma)
    line = ridge_lines(image, math.sqrt(2) * sigma)
    across = normals(image, line, sigma)
    points_nm = low[:, None] + (np.array(np.nonzero(line)) + 0.5) * pixel_nm
    cells = np.floor(3 * points_nm / scale.length_nm).astype(np.int64)
    _, first = np.unique(cells, axis=1, return_index=True)
    for i in first[np.unique(np.linspace(0, first.size - 1, min(most, first.size)).astype(int))]:
        yield points_nm[:, i], across[:, i]


def _stretch(
    places_nm: Floats, near: Integers, at_nm: Floats, normal: Floats, scale: Scale, field: FieldOfView
) -> Stretch | None:
    """The stretch near a position; None if it leaves the field or no line can be fitted."""
    line = _fitted(places_nm[:, near], at_nm, normal, scale)
    if line is None or not _inside(*line, scale, field):
        return None
    along, across = _turned(places_nm[:, near], *line)
    inside = np.abs(along) <= scale.length_nm / 2
    along, across = along[inside] / scale.length_nm, across[inside] / scale.sigma_nm
    beside = (np.abs(across) >= SIDE_SIGMAS[0]) & (np.abs(across) <= SIDE_SIGMAS[1])
    cell = np.clip((along[beside] + 0.5) * CELLS, 0, CELLS - 1).astype(np.int64)
    sides = np.bincount(cell + CELLS * (across[beside] > 0), minlength=2 * CELLS)
    return Stretch(*line, near, int(np.count_nonzero(np.abs(across) <= CORE_SIGMAS)), sides)


def _turned(places_nm: Floats, at_nm: Floats, normal: Floats) -> tuple[Floats, Floats]:
    """Coordinates of positions along a line and across it."""
    y, x = places_nm - at_nm[:, None]
    return normal[1] * y - normal[0] * x, normal[0] * y + normal[1] * x


def _fitted(places_nm: Floats, at_nm: Floats, normal: Floats, scale: Scale) -> tuple[Floats, Floats] | None:
    """Fit a line, weighted by a Gaussian of the distances; None if it turns or shifts too far, or finds no data."""
    for _ in range(ROUNDS):
        along, across = _turned(places_nm, at_nm, normal)
        weight = np.exp(-0.5 * (across / (KERNEL_SIGMAS * scale.sigma_nm)) ** 2)
        weight *= np.abs(along) <= scale.length_nm / 2
        total = weight.sum()
        if total < 3:
            return None
        s, d = weight @ along / total, weight @ across / total
        slope = float(weight @ ((along - s) * across) / max(weight @ (along - s) ** 2, 1e-9))
        shift = d - slope * s
        if abs(shift) > MOST_SHIFT_SIGMAS * scale.sigma_nm or abs(slope) > MOST_SLOPE:
            return None
        tangent = np.array([normal[1], -normal[0]]) + slope * normal
        tangent /= np.hypot(*tangent)
        at_nm, normal = at_nm + shift * normal, np.array([-tangent[1], tangent[0]])
    return at_nm, normal


def _inside(at_nm: Floats, normal: Floats, scale: Scale, field: FieldOfView) -> bool:
    """Whether the core of a stretch lies in the field."""
    tangent = np.array([normal[1], -normal[0]])
    along, across = np.array([-0.5, -0.5, 0.5, 0.5]), CORE_SIGMAS * np.array([-1, 1, -1, 1])
    corners = scale.length_nm * np.outer(tangent, along) + scale.sigma_nm * np.outer(normal, across)
    return bool(field.contains(*(corners + at_nm[:, None])).all())


def _clean(tried: list[Stretch], scale: Scale) -> tuple[list[Stretch], float]:
    """The stretches of single filaments with only background beside them, cleanest first, and the background."""
    tried = [stretch for stretch in tried if stretch.core]
    if not tried:
        return [], 0.0
    core = np.array([stretch.core for stretch in tried], dtype=np.float64)
    sides = np.array([stretch.sides for stretch in tried], dtype=np.float64)
    length = scale.length_nm / scale.sigma_nm
    height = core / (
        IN_CORE * math.sqrt(2 * math.pi) * length
    )  # profile height, per area in units of sigma^2
    area = (SIDE_SIGMAS[1] - SIDE_SIGMAS[0]) * length / CELLS
    background = float(np.quantile(sides.mean(axis=1) / (area * height), BACKGROUND_QUANTILE))
    expected = (background + SLACK) * area * height
    excess = (sides.max(axis=1) - expected - 1) / np.sqrt(expected)
    clean = excess < SLACK_SDS
    if clean.any():
        clean &= core <= MOST_OF_SINGLE * np.quantile(core[clean], SINGLE_QUANTILE)
    return [tried[i] for i in np.argsort(excess, kind="stable") if clean[i]], background


def _apart(stretches: list[Stretch], least_nm: float) -> list[Stretch]:
    """Drop every stretch that is closer than a distance to one kept before it."""
    chosen: list[Stretch] = []
    for stretch in stretches:
        if all(np.hypot(*(stretch.middle_nm - other.middle_nm)) >= least_nm for other in chosen):
            chosen.append(stretch)
    return chosen
