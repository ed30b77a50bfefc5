"""The velocity of filaments whose contours are known."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from smlmsim import schema
from smlmsim.contour import Box, across, central_vertices
from smlmsim.field import FieldOfView

Floats = npt.NDArray[np.float64]

DIFFERENT = 3.0
"""Standard errors by which two velocities differ."""


class ContourVelocity(NamedTuple):
    """Mean shifts of filaments over a lag, divided by the lag.

    ``normal_nm_per_s`` is the mean absolute value and ``normal_rms_nm_per_s`` the root mean square of the shift along
    the normal of the contour; ``full_nm_per_s`` is the mean length of the whole shift.
    """

    lag_s: float
    normal_nm_per_s: float
    normal_rms_nm_per_s: float
    full_nm_per_s: float


class FilamentVelocity(NamedTuple):
    """The velocity of filaments: their mean shift along their normals over a lag, per lag, and its standard error.

    ``localization_nm`` is the standard error of the position of a single peak, which was removed from the velocity,
    ``shifts`` the number of peaks that were followed over the lag, and ``kept`` their share of all peaks. If filaments
    move too far between successive images to be recognised, ``at_least`` is true: the velocity is a lower bound.
    Where nothing is followed, ``localization_nm`` and ``kept`` are NaN, and ``shifts`` is the number of pairs of images
    that were correlated, or that of localizations.
    """

    velocity_nm_per_s: float
    error_nm_per_s: float
    lag_s: float
    localization_nm: float = math.nan
    shifts: int = 0
    kept: float = math.nan
    at_least: bool = False

    def differs(self, other: FilamentVelocity) -> bool:
        """Whether another velocity is different, by more than three standard errors; a lower bound is not compared."""
        error = math.hypot(self.error_nm_per_s, other.error_nm_per_s)
        away = abs(self.velocity_nm_per_s - other.velocity_nm_per_s)
        return not (self.at_least or other.at_least) and away > DIFFERENT * error

    def __str__(self) -> str:
        bound = "at least " if self.at_least else ""
        return f"{bound}{self.velocity_nm_per_s:.3g} ± {self.error_nm_per_s:.2g} nm/s over {self.lag_s:g} s"


def contour_velocity(
    moving: xr.Dataset, lag_s: float, *, field: FieldOfView | None = None
) -> ContourVelocity:
    """Measure how fast filaments move over a lag.

    The velocity is the mean over filaments, over the central 80 % of their contour and over time t of
    |n . (r(t + lag) - r(t))| / lag, where n is the unit normal at the time t. It must be quoted with its lag, since
    that of a Brownian path grows without bound as the lag shrinks.

    Parameters
    ----------
    moving : xr.Dataset
        ``vertex_y``, ``vertex_x`` (time, vertex) in nm, with equally spaced ``time``, and ``filament``. The vertices of
        a filament are contiguous and equally spaced. With the attribute ``box_nm`` = [y0, x0, height, width],
        a filament that left the box may have entered on the other side: the shortest shift to a periodic
        image counts.
    lag_s : float
        Lag in s, a whole number of steps of ``time``.
    field : FieldOfView, optional
        Only vertices inside it at the time t count; the weight of a filament is then the part of it inside.

    Raises
    ------
    ValueError
        If the lag is not a whole number of steps or exceeds the movie, if every filament has fewer than three
        vertices, or if none is ever in the field.
    """
    schema.check(moving, "time", "vertex_y", "vertex_x", "filament")
    lag = _whole_steps(moving.time.values, lag_s)
    central, weights = central_vertices(moving)
    vertices = np.stack([moving.vertex_y.values, moving.vertex_x.values], axis=1)
    box = Box.of(moving)
    sums = np.zeros(4)
    for earlier, later in zip(vertices[:-lag], vertices[lag:], strict=True):
        at, normal_nm, full_nm = _shifts(earlier, later, central, box)
        seen = weights * field.contains(*at) if field else weights
        sums += [seen.sum(), seen @ np.abs(normal_nm), seen @ normal_nm**2, seen @ full_nm]
    if sums[0] == 0:
        raise ValueError("no filament is ever in the field, so there is no velocity to measure")
    mean_nm, square_nm2, full_nm = (sums[1:] / sums[0]).tolist()
    return ContourVelocity(lag_s, mean_nm / lag_s, math.sqrt(square_nm2) / lag_s, full_nm / lag_s)


def _whole_steps(times_s: Floats, lag_s: float) -> int:
    """The number of steps in a lag."""
    steps_s = np.diff(times_s)
    if steps_s.size == 0 or not np.allclose(steps_s, steps_s[0], rtol=1e-4, atol=0):
        raise ValueError(f"a velocity needs two or more evenly spaced times, found {times_s.size}")
    step_s = float(steps_s.mean())
    lag = round(lag_s / step_s)
    if not 1 <= lag <= steps_s.size or abs(lag - lag_s / step_s) > 1e-3:
        raise ValueError(
            f"the lag must be a whole number of steps of {step_s:g} s, from 1 to {steps_s.size}; found {lag_s:g} s"
        )
    return lag


def _shifts(
    earlier: npt.NDArray[np.floating],
    later: npt.NDArray[np.floating],
    central: npt.NDArray[np.int64],
    box: Box,
) -> tuple[Floats, Floats, Floats]:
    """Positions (2, vertex) of central vertices, their shift along the normal, and the length of the whole shift."""
    vertices = earlier.astype(np.float64)
    at = vertices[:, central]
    shift = box.nearest_nm(later[:, central] - at)
    return at, across(vertices, shift, central), np.asarray(np.hypot(*shift))
