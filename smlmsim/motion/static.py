"""Static: a structure that does not move."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
import pydantic
import xarray as xr

from smlmsim.contour import check_at_rest, moving
from smlmsim.spec import Spec


class Static(Spec):
    """No motion, as in fixed cells.

    Parameters
    ----------
    velocity_nm_per_s : float
        Velocity, which must be 0.
    """

    kind: Literal["static"] = "static"
    velocity_nm_per_s: float = 0.0

    @pydantic.field_validator("velocity_nm_per_s")
    @classmethod
    def _none(cls, velocity: float) -> float:
        if velocity != 0:
            raise ValueError(
                f"a static structure has the velocity 0, found {velocity:g} nm/s; "
                "the motions with a velocity are polymer and rigid"
            )
        return velocity

    def move(
        self, structure: xr.Dataset, times_s: npt.NDArray[np.float64], rng: np.random.Generator
    ) -> xr.Dataset:
        """Repeat the structure at every time.

        Parameters
        ----------
        structure : xr.Dataset
            ``vertex_y``, ``vertex_x`` (vertex,) in nm with the coordinate ``filament``.
        times_s : ndarray, (time,)
            Times in s.
        rng : np.random.Generator
            Not drawn from.

        Returns
        -------
        xr.Dataset
            ``vertex_y``, ``vertex_x`` (time, vertex), read-only views of one row.

        Raises
        ------
        SchemaError
            If the structure lacks a variable, holds a value that is not finite, or moves already.
        """
        check_at_rest(structure)
        shape = (len(times_s), structure.sizes["vertex"])
        y, x = (
            np.broadcast_to(structure[name].values.astype(np.float32), shape)
            for name in ("vertex_y", "vertex_x")
        )
        return moving(structure, times_s, y, x)
