"""How fast filaments move, from a widefield movie alone."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy import ndimage
from skimage.feature import hessian_matrix
from skimage.filters import sato, threshold_otsu
from skimage.morphology import skeletonize

from smlmsim import schema

Floats = npt.NDArray[np.float64]

BLOCKS = 10
"""Stretches of the movie that count as independent."""
SYSTEMATIC = 0.06
"""Relative standard deviation of the error that remains however long the movie is, found on simulated ones."""
ALONG_SIGMAS = 2.0
STEP_PIXELS = 0.25
THINNED = 3
"""Every which point of a line is followed; neighbours see the same photons."""
REACH_SIGMAS = 1.5
"""How far a peak may go from one image to the next, in sigmas of the point spread function."""


class FilamentVelocity(NamedTuple):
    """The mean shift of filaments along their own normals over a lag, per lag, and its standard error.

    ``localization_nm`` is the standard error of a single peak, which the velocity does not contain, ``shifts`` the
    number of shifts that were averaged, and ``kept`` the share of all peaks that could be followed over the lag.
    """

    velocity_nm_per_s: float
    error_nm_per_s: float
    lag_s: float
    localization_nm: float
    shifts: int
    kept: float

    def __str__(self) -> str:
        return f"{self.velocity_nm_per_s:.3g} ± {self.error_nm_per_s:.2g} nm/s over {self.lag_s:g} s"


def filament_velocity(
    widefield: xr.DataArray, *, sigma_nm: float = 90.0, lag_s: float = 1.5
) -> FilamentVelocity:
    """Measure the velocity of filaments in a widefield movie.

    Filaments are the ridges of an image (Sato et al. 1998, doi:10.1016/S1361-8415(98)80009-1), thinned to lines
    and cut where they cross or end. Across every point of a line the profile of the intensity is followed from image to
    image until the lag is over: its peak shifts by d along the normal. The velocity is the mean |d| per lag, as
    :func:`contour_velocity` measures it on vertices. The error of a peak adds a constant to the mean square of d at
    every lag; the constant is where the parabola through the first three lags meets lag 0, and the mean |d| is
    lowered by the share that it has in the mean square.

    The standard error is that between ten stretches of the movie, and 6 % for what does not average out.

    Parameters
    ----------
    widefield : xr.DataArray
        (time, y, x), coordinates in s and nm, ``time`` in even steps, at least four times in a lag: over one step, a
        filament should move by less than sigma.
    sigma_nm : float
        Of the point spread function, pixels included.
    lag_s : float
        A whole number of steps of ``time``.

    Raises
    ------
    ValueError
        If the lag is not a whole number of at least three steps, if the movie lasts less than ten lags, or if there is
        no filament that can be followed.
    """
    schema.check(widefield.to_dataset(name="widefield_movie"), "time", "y", "x")
    images = widefield.transpose("time", "y", "x").values.astype(np.float64)
    pixel_nm = float(widefield.x[1] - widefield.x[0])
    lag = _steps(widefield.time.values, lag_s)
    smooth = np.array([ndimage.gaussian_filter(image, 0.5 * sigma_nm / pixel_nm) for image in images])
    starts = np.arange(0, len(images) - lag, lag)
    shifts = [_follow(smooth[start : start + lag + 1], sigma_nm / pixel_nm) * pixel_nm for start in starts]
    return _averaged(shifts, lag_s)


def _steps(times_s: Floats, lag_s: float) -> int:
    step_s = float(np.diff(times_s).mean()) if times_s.size > 1 else math.inf
    lag = round(lag_s / step_s)
    if lag < 3 or abs(lag * step_s - lag_s) > 1e-2 * step_s:
        raise ValueError(
            f"the lag is a whole number of steps, at least three; found a lag of {lag_s:g} s and "
            f"images every {step_s:g} s"
        )
    if times_s.size < BLOCKS * lag + 1:
        raise ValueError(
            f"the movie lasts {times_s.size * step_s:g} s; {BLOCKS} lags of {lag_s:g} s are needed"
        )
    return lag


def _follow(images: Floats, sigma: float) -> Floats:
    """The shifts (point, step) of peaks in pixels, NaN from where one was lost; sigma in pixels."""
    points, normals = ridges(images[0], sigma)
    reach = REACH_SIGMAS * sigma
    across = np.arange(-reach * len(images) ** 0.5 * 2, reach * len(images) ** 0.5 * 2 + 1e-9, STEP_PIXELS)
    along = np.linspace(-ALONG_SIGMAS, ALONG_SIGMAS, 5) * sigma
    tangents = np.stack([normals[1], -normals[0]])
    at = (
        points[:, :, None, None]
        + normals[:, :, None, None] * across[:, None]
        + tangents[:, :, None, None] * along
    )
    peaks = np.zeros((points.shape[1], len(images)))
    expected = np.zeros(points.shape[1])
    for step, image in enumerate(images):
        profile = ndimage.map_coordinates(image, at, order=1, mode="constant", cval=-1e9).mean(axis=-1)
        peaks[:, step] = _nearest_peak(profile, across, expected, reach if step else sigma)
        expected = 2 * peaks[:, step] - peaks[:, step - 1] if step else peaks[:, 0]
    return np.asarray(peaks[:, 1:] - peaks[:, :1])


def _nearest_peak(profile: Floats, across: Floats, previous: Floats, reach: float) -> Floats:
    """Where the peak (point,) of profiles (point, place) is that is nearest to where it was, NaN if there is none."""
    middle = profile[:, 1:-1]
    is_peak = (middle >= profile[:, :-2]) & (middle > profile[:, 2:]) & (profile.min(axis=1) > -1e8)[:, None]
    distance = np.where(is_peak, np.abs(across[1:-1] - previous[:, None]), np.inf)
    place = distance.argmin(axis=1)
    rows = np.arange(len(profile))
    left, top, right = (profile[rows, place + offset] for offset in (0, 1, 2))
    curvature = left - 2 * top + right
    vertex = across[place + 1] + STEP_PIXELS * 0.5 * (left - right) / np.where(curvature < 0, curvature, -1.0)
    found = distance[rows, place] <= reach
    return np.where(found, vertex, np.nan)


def ridges(image: Floats, sigma: float) -> tuple[Floats, Floats]:
    """Points (yx, point) on filaments in an image, away from where they cross, and the unit normals there."""
    strength = sato(image, sigmas=[sigma], black_ridges=False)
    line = skeletonize(strength > threshold_otsu(strength))
    neighbours = ndimage.convolve(line.astype(int), np.ones((3, 3), int), mode="constant") - 1
    crossings = line & (neighbours > 2)
    margin = math.ceil(2 * sigma)
    line &= ndimage.distance_transform_edt(~crossings) > 1.5 * sigma if crossings.any() else line
    line[:margin] = line[-margin:] = line[:, :margin] = line[:, -margin:] = False
    pieces, _ = ndimage.label(line, np.ones((3, 3)))
    line &= np.bincount(pieces.ravel())[pieces] >= 2 * sigma
    rows, columns = (places[::THINNED] for places in np.nonzero(line))
    yy, yx, xx = (
        h[rows, columns]
        for h in hessian_matrix(image, sigma=sigma, order="rc", use_gaussian_derivatives=False)
    )
    angle = 0.5 * np.arctan2(2 * yx, xx - yy) + np.pi / 2  # of the principal curvature of least value
    return np.stack([rows, columns]).astype(float), np.stack([np.sin(angle), np.cos(angle)])


def _averaged(shifts: list[Floats], lag_s: float) -> FilamentVelocity:
    followed = sum(int(np.isfinite(part[:, -1]).sum()) for part in shifts)
    if followed < 10 * BLOCKS:
        raise ValueError(f"only {followed} shifts of filaments could be followed over {lag_s:g} s, too few")
    blocks = [np.concatenate(block) for block in _split(shifts)]
    whole, noise_nm2 = _mean_shift(np.concatenate(blocks))
    left_out = [_mean_shift(np.concatenate(blocks[:i] + blocks[i + 1 :]))[0] for i in range(len(blocks))]
    n = len(blocks)
    spread = math.sqrt((n - 1) / n * float(np.sum((np.array(left_out) - np.mean(left_out)) ** 2)))
    error = math.hypot(spread, SYSTEMATIC * whole)
    kept = followed / sum(len(part) for part in shifts)
    return FilamentVelocity(whole / lag_s, error / lag_s, lag_s, math.sqrt(noise_nm2 / 2), followed, kept)


def _split(parts: list[Floats]) -> list[list[Floats]]:
    edges = np.linspace(0, len(parts), BLOCKS + 1).astype(int)
    return [parts[a:b] for a, b in zip(edges[:-1], edges[1:], strict=True)]


def _mean_shift(shifts: Floats) -> tuple[float, float]:
    """The mean |shift| over the lag without the error of the peaks, and the mean square that this adds."""
    square = np.nanmean(shifts**2, axis=0)
    noise = float(np.clip(3 * square[0] - 3 * square[1] + square[2], 0, square[0]))
    return float(np.nanmean(np.abs(shifts[:, -1])) * math.sqrt(1 - noise / square[-1])), noise
