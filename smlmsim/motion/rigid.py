"""Rigid: the whole structure is translated at a constant velocity."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import numpy.typing as npt
import xarray as xr
from pydantic import NonNegativeFloat

from smlmsim.contour import Box, Filaments, across, central_vertices, check_at_rest, moving
from smlmsim.spec import Spec

Floats = npt.NDArray[np.float64]

SLIDING = 1e-6
"""Mean |d . n| below which a structure only slides along itself."""


class Rigid(Spec):
    """Translation of the whole structure in one direction, without a change of shape.

    Sliding of a contour along itself is invisible, so the velocity is that along its normals. With the unit
    direction d and the normals n, the mean shift per time over filaments and the central 80 % of their contours
    is speed * mean |d . n| at any lag, which gives the speed without a simulation.

    Parameters
    ----------
    velocity_nm_per_s : float
        Mean |shift of the contour along its normal| per time.
    direction_deg : float, optional
        Direction of the translation, from the x axis towards the y axis; random by default.
    """

    kind: Literal["rigid"] = "rigid"
    velocity_nm_per_s: NonNegativeFloat = 60.0
    direction_deg: float | None = None

    def move(self, structure: xr.Dataset, times_s: Floats, rng: np.random.Generator) -> xr.Dataset:
        """Shift the structure, which is at the first time as it was built.

        Parameters
        ----------
        structure : xr.Dataset
            ``vertex_y``, ``vertex_x`` (vertex,) in nm with the coordinate ``filament``. With the attribute
            ``box_nm`` = [y0, x0, height, width], a filament whose centre of mass leaves the box enters on
            the other side.
        times_s : ndarray, (time,)
            In s.
        rng : np.random.Generator
            One number is drawn for the direction, even if the direction is set.

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
            If no speed gives the velocity, since the structure is parallel to the direction.
        """
        check_at_rest(structure)
        angle = rng.uniform(0.0, 2 * np.pi)
        if self.direction_deg is not None:
            angle = math.radians(self.direction_deg)
        speed, rms = self._speed_nm_per_s(structure, angle)
        passed_nm = speed * (np.asarray(times_s, dtype=np.float64) - times_s[0])
        y, x = _shifted(structure, np.stack([math.sin(angle) * passed_nm, math.cos(angle) * passed_nm]))
        return moving(
            structure, times_s, y, x,
            velocity_nm_per_s=self.velocity_nm_per_s, velocity_rms_nm_per_s=rms, speed_nm_per_s=speed,
        )  # fmt: skip

    def _speed_nm_per_s(self, structure: xr.Dataset, angle: float) -> tuple[float, float]:
        """The speed that gives the velocity, and the root mean square velocity along the normals."""
        if self.velocity_nm_per_s == 0:
            return 0.0, 0.0
        central, weight = central_vertices(structure)
        vertices = np.stack([structure.vertex_y.values, structure.vertex_x.values])
        unit = np.array([[math.sin(angle)], [math.cos(angle)]])
        normal = np.abs(across(vertices, unit, central))
        mean = float(np.average(normal, weights=weight))
        if mean < SLIDING:
            raise ValueError(
                f"the structure is parallel to the direction {math.degrees(angle):g} degrees, so no speed gives "
                f"the velocity {self.velocity_nm_per_s:g} nm/s along its normals; choose another direction_deg"
            )
        speed = self.velocity_nm_per_s / mean
        return speed, speed * math.sqrt(np.average(normal**2, weights=weight))


def _shifted(structure: xr.Dataset, shifts_nm: Floats) -> npt.NDArray[np.float32]:
    """The vertices after shifts (yx, time) and re-entries into the box, (yx, time, vertex)."""
    rest = np.stack([structure.vertex_y.values, structure.vertex_x.values]).astype(np.float64)
    filaments, box = Filaments.of(structure), Box.of(structure)
    shifted = np.empty((2, shifts_nm.shape[1], rest.shape[1]), dtype=np.float32)
    for first, last, centre in zip(filaments.first, filaments.last, filaments.centres(rest).T, strict=True):
        own = slice(first, last + 1)
        passed = shifts_nm + box.reentry_nm(centre[:, None] + shifts_nm)
        shifted[:, :, own] = rest[:, None, own] + passed[:, :, None]
    return shifted
