"""Microtubules: semiflexible filaments of uniform density."""

from __future__ import annotations

from typing import Literal, Self

import numpy as np
import numpy.typing as npt
import pydantic
import xarray as xr
from pydantic import PositiveFloat

from smlmsim.contour import Box, at_rest
from smlmsim.field import FieldOfView
from smlmsim.spec import Spec


class Microtubules(Spec):
    """Two-dimensional worm-like chains, scattered uniformly over a box that surrounds the field of view.

    The angle between successive segments (bonds) of length b is Gaussian with variance b / persistence length, which is
    the exact equilibrium of the discrete worm-like chain (Kratky & Porod 1949, doi:10.1002/recl.19490681203).

    The centre of mass of a filament of contour length L is at most L / 2 from any of its points. So a box that exceeds
    the field by half the longest filament on every side holds all filaments that can reach the field, and a filament
    that leaves the box on one side and enters on the other does so outside the field.

    Parameters
    ----------
    density_per_um : float
        Expected contour length per area, um / um^2.
    shortest_nm, longest_nm : float
        Contour lengths are distributed uniformly between these.
    persistence_length_nm : float
        Apparent persistence length: about 20-30 um for microtubules in cells (Brangwynne et al. 2006,
        doi:10.1083/jcb.200601060), far below the thermal value.
    vertices : int
        Number per filament, equally spaced, at least 2.
    """

    kind: Literal["microtubules"] = "microtubules"
    density_per_um: PositiveFloat = 3.0
    shortest_nm: PositiveFloat = 2500.0
    longest_nm: PositiveFloat = 7500.0
    persistence_length_nm: PositiveFloat = 20_000.0
    vertices: int = pydantic.Field(default=100, ge=2)

    @pydantic.model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.shortest_nm > self.longest_nm:
            raise ValueError(
                f"shortest_nm = {self.shortest_nm:g} exceeds longest_nm = {self.longest_nm:g}; swap them"
            )
        return self

    def build(self, field: FieldOfView, rng: np.random.Generator) -> xr.Dataset:
        """Scatter the filaments around a field of view.

        Returns
        -------
        xr.Dataset
            ``vertex_y``, ``vertex_x`` (vertex,) in nm with the coordinate ``filament``; the attributes
            ``persistence_length_nm``, ``box_nm`` and ``field_nm`` = [y0, x0, height, width].
        """
        box = Box.around(field, self.longest_nm / 2)
        filaments = self._filaments(box)
        lengths = rng.uniform(self.shortest_nm, self.longest_nm, filaments)
        y, x = self._chains(lengths, rng)
        centres = box.origin_nm + rng.random((filaments, 2)) * box.size_nm
        y, x = y + centres[:, :1], x + centres[:, 1:]
        return at_rest(y, x, box, field, persistence_length_nm=self.persistence_length_nm)

    def _filaments(self, box: Box) -> int:
        """The number of filaments, at least one, whose expected length is nearest to the wanted density."""
        wanted_nm = self.density_per_um * 1e-3 * box.height_nm * box.width_nm
        return max(1, round(wanted_nm / ((self.shortest_nm + self.longest_nm) / 2)))

    def _chains(
        self, lengths_nm: npt.NDArray[np.float64], rng: np.random.Generator
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Draw chains centred at the origin: y and x, each (filament, vertex)."""
        bonds_nm = lengths_nm[:, None] / (self.vertices - 1)
        bends = rng.standard_normal((lengths_nm.size, self.vertices - 1))
        bends *= np.sqrt(bonds_nm / self.persistence_length_nm)
        bends[:, 0] = rng.uniform(0, 2 * np.pi, lengths_nm.size)
        angles = np.cumsum(bends, axis=1)
        y, x = (
            np.pad(np.cumsum(bonds_nm * step, axis=1), ((0, 0), (1, 0)))
            for step in (np.sin(angles), np.cos(angles))
        )
        return y - y.mean(axis=1, keepdims=True), x - x.mean(axis=1, keepdims=True)
