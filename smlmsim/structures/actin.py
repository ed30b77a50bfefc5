"""Actin bundles: many parallel filaments side by side."""

from __future__ import annotations

from typing import Literal, Self

import numpy as np
import pydantic
import xarray as xr
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt

from smlmsim.contour import Box, at_rest
from smlmsim.field import FieldOfView
from smlmsim.spec import Spec
from smlmsim.structures.microtubules import Microtubules


class ActinBundles(Spec):
    """Bundles of parallel actin filaments, scattered uniformly over a box that surrounds the field of view.

    The axis of a bundle is a worm-like chain. Its filaments are copies of the axis side by side, each shifted along
    the bundle at random, so that their ends do not line up. The motions rigid, deformation and static keep a bundle
    together; the others move every filament independently.

    Parameters
    ----------
    density_per_um : float
        Expected contour length of all filaments per area, um / um^2.
    filaments : int
        Number in a bundle; about 10-30 in a stress fibre (Pellegrin & Mellor 2007, doi:10.1242/jcs.018473).
    spacing_nm : float
        Distance between neighbouring filaments in projection.
    stagger_nm : float
        Largest shift of a filament along the bundle, in either direction.
    shortest_nm, longest_nm : float
        Contour lengths are distributed uniformly between these.
    persistence_length_nm : float
        That of single filaments by default, 17.7 um (Gittes et al. 1993, doi:10.1083/jcb.120.4.923).
    vertices : int
        Number per filament, equally spaced, at least 2.
    """

    kind: Literal["actin_bundles"] = "actin_bundles"
    density_per_um: PositiveFloat = 20.0
    filaments: PositiveInt = 15
    spacing_nm: PositiveFloat = 12.0
    stagger_nm: NonNegativeFloat = 300.0
    shortest_nm: PositiveFloat = 1500.0
    longest_nm: PositiveFloat = 4000.0
    persistence_length_nm: PositiveFloat = 17_700.0
    vertices: int = pydantic.Field(default=60, ge=2)

    @pydantic.model_validator(mode="after")
    def _has_axes(self) -> Self:
        self._axes()
        return self

    def build(self, field: FieldOfView, rng: np.random.Generator) -> xr.Dataset:
        """Scatter the bundles around a field of view.

        Returns
        -------
        xr.Dataset
            ``vertex_y``, ``vertex_x`` (vertex,) in nm with the coordinate ``filament``, in which the filaments
            of a bundle follow each other; the attributes ``persistence_length_nm``, ``box_nm`` and ``field_nm`` =
            [y0, x0, height, width].
        """
        axes = self._axes().build(field, rng)
        y, x = (axes[name].values.reshape(-1, 1, self.vertices) for name in ("vertex_y", "vertex_x"))
        angle = np.arctan2(y[:, :, -1] - y[:, :, 0], x[:, :, -1] - x[:, :, 0])
        along = rng.uniform(-self.stagger_nm, self.stagger_nm, (len(y), self.filaments))
        across = self.spacing_nm * (np.arange(self.filaments) - (self.filaments - 1) / 2)
        y = y + (along * np.sin(angle) + across * np.cos(angle))[:, :, None]
        x = x + (along * np.cos(angle) - across * np.sin(angle))[:, :, None]
        y, x = y.reshape(-1, self.vertices), x.reshape(-1, self.vertices)
        return at_rest(y, x, Box.of(axes), field, persistence_length_nm=self.persistence_length_nm)

    def _axes(self) -> Microtubules:
        return Microtubules(
            density_per_um=self.density_per_um / self.filaments,
            shortest_nm=self.shortest_nm,
            longest_nm=self.longest_nm,
            persistence_length_nm=self.persistence_length_nm,
            vertices=self.vertices,
        )
