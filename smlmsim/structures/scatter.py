"""Scattering: many small bodies over a box that surrounds the field of view."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import xarray as xr

from smlmsim.contour import Box, at_rest
from smlmsim.field import FieldOfView

Floats = npt.NDArray[np.float64]

SURROUNDINGS_NM = 300.0
"""Distance in nm around the field in which objects are placed too: their blur reaches into it."""
TRIES = 1000
"""Draws of a place that keeps its distance before the object is left out."""


def surroundings(field: FieldOfView, reach_nm: float) -> Box:
    """Return the box in which bodies of a given reach leave and enter outside the field.

    It exceeds the field by the reach plus 300 nm, so that the surroundings of the border are filled too.
    """
    return Box.around(field, reach_nm + SURROUNDINGS_NM)


def scatter(box: Box, per_um2: float, rng: np.random.Generator, *, apart_nm: float = 0.0) -> Floats:
    """Place points uniformly in a periodic box, none nearer to another than ``apart_nm``.

    Returns
    -------
    ndarray (point, yx)
        Positions in nm; their number, at least one, is nearest to the wanted density.

    Raises
    ------
    ValueError
        If no room is found for a point.
    """
    size = box.size_nm
    number = max(1, round(per_um2 * 1e-6 * size.prod()))
    points = np.empty((number, 2))
    for n in range(number):
        for candidate in rng.random((TRIES if apart_nm else 1, 2)) * size:
            away = np.abs(points[:n] - candidate)
            if (np.hypot(*np.minimum(away, size - away).T) >= apart_nm).all():
                points[n] = candidate
                break
        else:
            raise ValueError(
                f"no room for {per_um2:g} per um^2 that are {apart_nm:g} nm apart; lower their density"
            )
    return box.origin_nm + points


def closed_contours(y: Floats, x: Floats, box: Box, field: FieldOfView) -> xr.Dataset:
    """Make a structure of closed contours from their corners (contour, corner) in nm; the first corner is repeated.

    Returns
    -------
    xr.Dataset
        ``vertex_y``, ``vertex_x`` (vertex,) in nm with the coordinate ``filament``; the attributes ``box_nm``
        and ``field_nm`` = [y0, x0, height, width].
    """
    return at_rest(np.hstack([y, y[:, :1]]), np.hstack([x, x[:, :1]]), box, field)


def polygons(
    centres: Floats, radii_nm: npt.ArrayLike, corners: int, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Return the corners of regular polygons, each turned at random, y and x (polygon, corner)."""
    angles = 2 * np.pi * (np.arange(corners) / corners + rng.random((len(centres), 1)))
    radii = np.broadcast_to(radii_nm, len(centres))[:, None]
    return centres[:, :1] + radii * np.sin(angles), centres[:, 1:] + radii * np.cos(angles)
