"""Rigid: the whole structure shifts at a constant velocity."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import numpy.typing as npt
import xarray as xr
from pydantic import NonNegativeFloat

from smlmsim import schema
from smlmsim.motion.static import check_at_rest
from smlmsim.spec import Spec

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

SLIDING = 1e-6
"""Mean |d . n| below which a structure slides along itself."""


class Rigid(Spec):
    """Translation of the whole structure in one direction, without a change of shape.

    A contour slides along itself unseen, so the velocity counts only the shift along its normals. With the
    unit direction d and the normals n, the mean over filaments and the central 80 % of their contours of
    the shift per time is speed * mean |d . n|, whatever the lag: the speed that gives a velocity is found
    without a simulation.

    Parameters
    ----------
    velocity_nm_per_s : float
        Mean |shift of the contour along its own normal| per time.
    direction_deg : float, optional
        Where to, from the x axis towards the y axis; random by default.
    """

    kind: Literal["rigid"] = "rigid"
    velocity_nm_per_s: NonNegativeFloat = 60.0
    direction_deg: float | None = None

    def move(self, structure: xr.Dataset, times_s: Floats, rng: np.random.Generator) -> xr.Dataset:
        """Shift the structure, which is as it was built at the first time.

        Parameters
        ----------
        structure : xr.Dataset
            ``vertex_y``, ``vertex_x`` (vertex,) in nm with the coordinate ``filament``. With the attribute
            ``box_nm`` = [y0, x0, height, width], a filament whose centre of mass leaves the box enters on
            the other side.
        times_s : ndarray, (time,)
            In s.
        rng : np.random.Generator
            One number is drawn for the direction, needed or not.

        Returns
        -------
        xr.Dataset
            ``vertex_y``, ``vertex_x`` (time, vertex) float32 in nm; the attributes ``velocity_nm_per_s``,
            ``velocity_rms_nm_per_s``, the root mean square along the normals, and ``speed_nm_per_s``, that of
            the whole shift.

        Raises
        ------
        SchemaError
            If the structure lacks a variable, holds a value that is not finite, or moves already.
        ValueError
            If no speed gives the velocity, since the structure lies along the direction.
        """
        check_at_rest(structure)
        angle = rng.uniform(0.0, 2 * np.pi)
        if self.direction_deg is not None:
            angle = math.radians(self.direction_deg)
        speed, rms = self._speed_nm_per_s(structure, angle)
        passed_nm = speed * (np.asarray(times_s, dtype=np.float64) - times_s[0])
        return schema.dataset(
            {
                **structure.attrs,
                "velocity_nm_per_s": self.velocity_nm_per_s,
                "velocity_rms_nm_per_s": rms,
                "speed_nm_per_s": speed,
            },
            time=times_s,
            vertex_y=_shifted(structure, "y", math.sin(angle) * passed_nm),
            vertex_x=_shifted(structure, "x", math.cos(angle) * passed_nm),
            filament=structure.filament.values,
        )

    def _speed_nm_per_s(self, structure: xr.Dataset, angle: float) -> tuple[float, float]:
        """The speed that gives the velocity, and the root mean square of its part along the normals."""
        if self.velocity_nm_per_s == 0:
            return 0.0, 0.0
        across, weight = _across(structure, angle)
        mean = float(np.average(across, weights=weight))
        if mean < SLIDING:
            raise ValueError(
                f"the structure lies along the direction {math.degrees(angle):g} degrees, so no speed gives "
                f"its normals the velocity {self.velocity_nm_per_s:g} nm/s; choose another direction_deg"
            )
        speed = self.velocity_nm_per_s / mean
        return speed, speed * math.sqrt(np.average(across**2, weights=weight))


def filaments(structure: xr.Dataset) -> tuple[Integers, Integers]:
    """Return the first vertex of every filament and its number of vertices.

    Raises
    ------
    ValueError
        If there is no filament, or the vertices of one are not contiguous.
    """
    filament = structure.filament.values
    if filament.size == 0:
        raise ValueError("the structure holds no filament to move; make it denser")
    start = np.flatnonzero(np.append(True, filament[1:] != filament[:-1]))
    if np.unique(filament).size != start.size:
        raise ValueError("the vertices of a filament are not contiguous; sort the structure by filament")
    return start, np.diff(np.append(start, filament.size))


def reentry_nm(structure: xr.Dataset, axis: Literal["y", "x"], centre_nm: Floats) -> Floats:
    """Return how far to shift filaments by whole periods so that they re-enter the structure's periodic box.

    Parameters
    ----------
    structure : xr.Dataset
        With the attribute ``box_nm`` = [y0, x0, height, width]; without it nothing re-enters.
    axis : "y" or "x"
    centre_nm : ndarray
        Where the centres of mass are along this axis.
    """
    if "box_nm" not in structure.attrs:
        return np.zeros_like(centre_nm)
    origin, period = structure.attrs["box_nm"]["yx".index(axis) :: 2]
    return np.asarray(-period * np.floor((centre_nm - origin) / period))


def _shifted(structure: xr.Dataset, axis: Literal["y", "x"], shifts_nm: Floats) -> npt.NDArray[np.float32]:
    """The vertices after some shifts and re-entries, (time, vertex)."""
    rest = structure[f"vertex_{axis}"].values.astype(np.float64)
    start, vertices = filaments(structure)
    shifted = np.empty((shifts_nm.size, rest.size), dtype=np.float32)
    for first, last in zip(start, start + vertices, strict=True):
        reentries = reentry_nm(structure, axis, rest[first:last].mean() + shifts_nm)
        shifted[:, first:last] = rest[first:last] + (shifts_nm + reentries)[:, None]
    return shifted


def _across(structure: xr.Dataset, angle: float) -> tuple[Floats, Floats]:
    """|d . n| at the vertices on the central 80 % of the contours, and their weights, 1 a filament in all."""
    y, x = structure.vertex_y.values, structure.vertex_x.values
    start, vertices = filaments(structure)
    owner = np.repeat(np.arange(start.size), vertices)
    along = (np.arange(owner.size) - start[owner]) / np.maximum(vertices[owner] - 1, 1)
    central = np.flatnonzero((np.abs(along - 0.5) <= 0.4) & (vertices[owner] > 2))
    if central.size == 0:
        raise ValueError("a contour of two vertices has no central part to have a velocity; three would do")
    tangent_y, tangent_x = y[central + 1] - y[central - 1], x[central + 1] - x[central - 1]
    across = np.abs(math.sin(angle) * tangent_x - math.cos(angle) * tangent_y)
    return across / np.hypot(tangent_y, tangent_x), 1 / np.bincount(owner[central])[owner[central]]
