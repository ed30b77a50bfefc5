"""Clathrin: coated pits, which look like rings from above."""

from __future__ import annotations

from typing import Literal, Self

import numpy as np
import pydantic
import xarray as xr
from pydantic import NonNegativeFloat, PositiveFloat

from smlmsim.field import FieldOfView
from smlmsim.spec import Spec
from smlmsim.structures.scatter import closed_contours, polygons, scatter, surroundings


class Clathrin(Spec):
    """Clathrin-coated pits: rings of various sizes, scattered with a least distance over a box around the field.

    A pit is a cage of 150-200 nm, in projection a ring (Huang et al. 2008, doi:10.1126/science.1153529);
    younger pits are smaller.

    Parameters
    ----------
    per_um2 : float
        Pits per area.
    smallest_nm, largest_nm : float
        Diameters are distributed uniformly between these.
    apart_nm : float
        Smallest distance between the centres of two pits.
    corners : int
        Number of corners of the contour of a ring, at least 3.
    """

    kind: Literal["clathrin"] = "clathrin"
    per_um2: PositiveFloat = 2.0
    smallest_nm: PositiveFloat = 100.0
    largest_nm: PositiveFloat = 200.0
    apart_nm: NonNegativeFloat = 220.0
    corners: int = pydantic.Field(default=24, ge=3)

    @pydantic.model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.smallest_nm > self.largest_nm:
            raise ValueError(
                f"smallest_nm = {self.smallest_nm:g} exceeds largest_nm = {self.largest_nm:g}; swap them"
            )
        return self

    def build(self, field: FieldOfView, rng: np.random.Generator) -> xr.Dataset:
        """Scatter the pits around a field of view.

        Returns
        -------
        xr.Dataset
            ``vertex_y``, ``vertex_x`` (vertex,) in nm with the coordinate ``filament``, one closed filament for
            each pit; the attributes ``box_nm`` and ``field_nm`` = [y0, x0, height, width].

        Raises
        ------
        ValueError
            If there is no room for that number of pits.
        """
        box = surroundings(field, self.largest_nm / 2)
        centres = scatter(box, self.per_um2, rng, apart_nm=self.apart_nm)
        diameters = rng.uniform(self.smallest_nm, self.largest_nm, len(centres))
        return closed_contours(*polygons(centres, diameters / 2, self.corners, rng), box, field)
