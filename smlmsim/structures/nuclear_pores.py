"""Nuclear pores: rings of eight subunits."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pydantic
import xarray as xr
from pydantic import NonNegativeFloat, PositiveFloat

from smlmsim.field import FieldOfView
from smlmsim.spec import Spec
from smlmsim.structures.scatter import closed_contours, polygons, scatter, surroundings

SUBUNITS = 8
"""Subunits around a pore, its eightfold symmetry."""


class NuclearPores(Spec):
    """Nuclear pore complexes seen along their axis, scattered with a least distance over a box around the field.

    A pore has eight subunits on a circle (von Appen et al. 2015, doi:10.1038/nature15381). Each is drawn as a
    small closed contour.

    Parameters
    ----------
    per_um2 : float
        Pores per area; several per um^2 of nuclear envelope (Maul & Deaven 1977, doi:10.1083/jcb.73.3.748).
    diameter_nm : float
        Diameter of the circle: 107 nm for Nup96 (Thevathasan et al. 2019, doi:10.1038/s41592-019-0574-9), larger for
        gp210 (Loeschberger et al. 2012, doi:10.1242/jcs.098822).
    subunit_nm : float
        Diameter of the contour of one subunit.
    apart_nm : float
        Smallest distance between the centres of two pores.
    corners : int
        Number of corners of the contour of a subunit, at least 3.
    """

    kind: Literal["nuclear_pores"] = "nuclear_pores"
    per_um2: PositiveFloat = 5.0
    diameter_nm: PositiveFloat = 107.0
    subunit_nm: PositiveFloat = 10.0
    apart_nm: NonNegativeFloat = 130.0
    corners: int = pydantic.Field(default=6, ge=3)

    def build(self, field: FieldOfView, rng: np.random.Generator) -> xr.Dataset:
        """Scatter the pores around a field of view.

        Returns
        -------
        xr.Dataset
            ``vertex_y``, ``vertex_x`` (vertex,) in nm with the coordinate ``filament``, eight closed filaments
            for each pore; the attributes ``box_nm`` and ``field_nm`` = [y0, x0, height, width].

        Raises
        ------
        ValueError
            If there is no room for that number of pores.
        """
        box = surroundings(field, self.diameter_nm)
        centres = scatter(box, self.per_um2, rng, apart_nm=self.apart_nm)
        y, x = polygons(centres, self.diameter_nm / 2, SUBUNITS, rng)
        subunits = np.stack([y.ravel(), x.ravel()], axis=1)
        return closed_contours(*polygons(subunits, self.subunit_nm / 2, self.corners, rng), box, field)
