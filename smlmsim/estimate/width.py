"""How wide filaments are."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy import ndimage, optimize
from scipy.spatial import cKDTree

from smlmsim import schema
from smlmsim.estimate.covered import field_of_view
from smlmsim.estimate.ridges import ridge_lines, uncrossed
from smlmsim.field import FieldOfView

Floats = npt.NDArray[np.float64]

FWHM_IN_SIGMAS = 2 * math.sqrt(2 * math.log(2))
RESAMPLES = 50
LEAST = 200
AROUND = 31
"""Points of a line, one a pixel, that make a straight stretch."""


class FilamentWidth(NamedTuple):
    """The full width at half maximum of filaments, and its standard error."""

    fwhm_nm: float
    error_nm: float
    localizations: int

    def __str__(self) -> str:
        return f"{self.fwhm_nm:.3g} ± {self.error_nm:.2g} nm"


def filament_width(
    localizations: xr.Dataset, *, sigma_nm: float = 30.0, pixel_nm: float = 10.0, seed: int = 0
) -> FilamentWidth:
    """Measure the width of filaments from the localizations of a structure at rest.

    The lines of filaments come from an image of every other localization, blurred by sigma, away from crossings, and
    again from one of the others. The signed distances of all localizations within five sigma of a line are gathered,
    each across the nearest point of the line. A line is drawn to the localizations that made it, and misses the others
    by as much: in both together, the two errors of the variance cancel. A Gaussian on an even background is fitted to
    the distances by maximum likelihood. The standard error is that of resampled stretches of line.

    Parameters
    ----------
    localizations : xr.Dataset
        ``loc_y``, ``loc_x`` (localization,) in nm.
    sigma_nm : float
        About the standard deviation that is expected; also the blur of the lines.
    pixel_nm : float
        Of the image in which lines are sought, well below sigma.
    seed : int
        Of the resampling.

    Raises
    ------
    ValueError
        If there are fewer than 100 localizations along filaments.
    """
    schema.check(localizations, "loc_y", "loc_x")
    places_nm = np.stack([localizations.loc_y.values, localizations.loc_x.values]).astype(np.float64)
    field = field_of_view(localizations, pixel_nm=pixel_nm, coverage=0.999)
    halves = [_distances_nm(places_nm, places_nm[:, half::2], field, sigma_nm) for half in (0, 1)]
    distances_nm = np.concatenate(halves)
    if distances_nm.size < LEAST:
        raise ValueError(
            f"{distances_nm.size // 2} localizations lie along filaments; {LEAST // 2} are needed"
        )
    rng = np.random.default_rng(seed)
    stretches = np.array_split(distances_nm, max(10, round(distances_nm.size / 500)))
    resampled = [
        _sigma_nm(
            np.concatenate([stretches[i] for i in rng.integers(len(stretches), size=len(stretches))]),
            5 * sigma_nm,
        )
        for _ in range(RESAMPLES)
    ]
    fwhm_nm = FWHM_IN_SIGMAS * _sigma_nm(distances_nm, 5 * sigma_nm)
    return FilamentWidth(fwhm_nm, FWHM_IN_SIGMAS * float(np.std(resampled)), distances_nm.size // 2)


def _distances_nm(places_nm: Floats, half_nm: Floats, field: FieldOfView, sigma_nm: float) -> Floats:
    """The distances of localizations across the lines along half of them, in the order of the points of the lines."""
    pixel_nm = field.pixel_nm
    edges = [np.append(c - pixel_nm / 2, c[-1] + pixel_nm / 2) for c in (field.y_nm, field.x_nm)]
    image = ndimage.gaussian_filter(
        np.histogram2d(half_nm[0], half_nm[1], bins=edges)[0], sigma_nm / pixel_nm
    )
    sigma = math.sqrt(2) * sigma_nm / pixel_nm
    line = uncrossed(ridge_lines(image, sigma), 3 * sigma)
    if not line.any():
        return np.empty(0)
    rows, columns = np.nonzero(line)
    points_nm, across = _straightened(np.stack([field.y_nm[rows], field.x_nm[columns]]))
    far_nm, nearest = cKDTree(points_nm.T).query(places_nm.T, distance_upper_bound=5 * sigma_nm)
    near = np.flatnonzero(np.isfinite(far_nm))
    near = near[np.argsort(nearest[near], kind="stable")]
    nearest = nearest[near]
    return np.asarray(((places_nm[:, near] - points_nm[:, nearest]) * across[:, nearest]).sum(axis=0))


def _straightened(points_nm: Floats) -> tuple[Floats, Floats]:
    """The points of lines without the steps of the pixels, and the unit normals: both of the points around each."""
    _, around = cKDTree(points_nm.T).query(points_nm.T, k=min(AROUND, points_nm.shape[1]))
    stretches = points_nm[:, around]
    y, x = stretches - stretches.mean(axis=2, keepdims=True)
    angle = 0.5 * np.arctan2(2 * (y * x).sum(axis=1), (x**2 - y**2).sum(axis=1))
    return stretches.mean(axis=2), np.stack([np.cos(angle), -np.sin(angle)])


def _sigma_nm(distances_nm: Floats, reach_nm: float) -> float:
    """Of the Gaussian, together with an even background within the reach, of the highest likelihood."""

    def misfit(parameters: Floats) -> float:
        sigma, share = math.exp(parameters[0]), 1 / (1 + math.exp(-parameters[1]))
        bell = np.exp(-0.5 * (distances_nm / sigma) ** 2) / (math.sqrt(2 * math.pi) * sigma)
        return -float(np.log(share * bell + (1 - share) / (2 * reach_nm)).sum())

    start = np.array([math.log(reach_nm / 5), 2.0])
    return math.exp(optimize.minimize(misfit, start, method="Nelder-Mead").x[0])
