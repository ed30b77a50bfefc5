"""Mitochondria: the outlines of bent tubes."""

from __future__ import annotations

from typing import Literal, Self

import numpy as np
import numpy.typing as npt
import pydantic
import xarray as xr
from pydantic import PositiveFloat

from smlmsim.field import FieldOfView
from smlmsim.spec import Spec
from smlmsim.structures.scatter import closed_contours, scatter, surroundings

Floats = npt.NDArray[np.float64]


class Mitochondria(Spec):
    """Outer membranes of mitochondria in projection: closed outlines of bent tubes with round ends.

    The axis of a tube is an arc of a circle; the outline runs around it at a distance of half the width.

    Parameters
    ----------
    per_um2 : float
        Mitochondria per area.
    width_nm : float
        Width of the tubes; 200-700 nm in cells (Jakobs & Wurm 2014, doi:10.1016/j.cbpa.2014.03.019).
    shortest_nm, longest_nm : float
        Lengths of the axes, between the centres of the round ends, are distributed uniformly between these.
    bend_nm : float
        Smallest bending radius of an axis, at least the width; curvatures are distributed uniformly up to 1 / bend_nm.
    corners : int
        Number of corners of an outline, at least 8.
    """

    kind: Literal["mitochondria"] = "mitochondria"
    per_um2: PositiveFloat = 0.3
    width_nm: PositiveFloat = 400.0
    shortest_nm: PositiveFloat = 500.0
    longest_nm: PositiveFloat = 2500.0
    bend_nm: PositiveFloat = 1000.0
    corners: int = pydantic.Field(default=120, ge=8)

    @pydantic.model_validator(mode="after")
    def _sane(self) -> Self:
        if self.shortest_nm > self.longest_nm:
            raise ValueError(
                f"shortest_nm = {self.shortest_nm:g} exceeds longest_nm = {self.longest_nm:g}; swap them"
            )
        if self.bend_nm < self.width_nm:
            raise ValueError(
                f"a tube of width_nm = {self.width_nm:g} folds at bend_nm = {self.bend_nm:g}; "
                f"set bend_nm to {self.width_nm:g} or more"
            )
        return self

    def build(self, field: FieldOfView, rng: np.random.Generator) -> xr.Dataset:
        """Scatter the outlines around a field of view.

        Returns
        -------
        xr.Dataset
            ``vertex_y``, ``vertex_x`` (vertex,) in nm with the coordinate ``filament``, one closed filament of
            equally spaced vertices for each outline; the attributes ``box_nm`` and ``field_nm`` = [y0, x0,
            height, width].
        """
        box = surroundings(field, (self.longest_nm + self.width_nm) / 2)
        centres = scatter(box, self.per_um2, rng)
        lengths = rng.uniform(self.shortest_nm, self.longest_nm, len(centres))
        curvatures = rng.uniform(-1, 1, len(centres)) / self.bend_nm
        angles = rng.uniform(0, 2 * np.pi, len(centres))
        outlines = [self._outline(*shape) for shape in zip(lengths, curvatures, angles, strict=True)]
        y, x = centres.T[:, :, None] + np.stack(outlines, axis=1)
        return closed_contours(y, x, box, field)

    def _outline(self, length_nm: float, curvature: float, angle: float) -> Floats:
        """The outline around the origin, (yx, corner): along one side, around the end, back, around the other end.

        The direction of the axis at the position s along it is ``angle`` + curvature * s.
        """
        side = length_nm * np.linspace(-0.5, 0.5, self.corners)
        turn = np.pi * np.linspace(-0.5, 0.5, self.corners)[1:-1]
        end = np.full(turn.size, length_nm / 2)
        place = np.concatenate([side, end, side[::-1], -end])
        outwards = np.concatenate([side * 0 + np.pi / 2, -turn, side * 0 - np.pi / 2, np.pi - turn])
        middle = curvature * place / 2
        chord = place * np.sinc(middle / np.pi)
        direction = angle + curvature * place + outwards
        y = chord * np.sin(angle + middle) + self.width_nm / 2 * np.sin(direction)
        x = chord * np.cos(angle + middle) + self.width_nm / 2 * np.cos(direction)
        return _evenly_spaced(y - y.mean(), x - x.mean(), self.corners)


def _evenly_spaced(y: Floats, x: Floats, corners: int) -> Floats:
    """Resample a closed polygon in equal steps along its perimeter, (yx, corner)."""
    y, x = np.append(y, y[0]), np.append(x, x[0])
    walked = np.append(0, np.cumsum(np.hypot(np.diff(y), np.diff(x))))
    places = walked[-1] * np.arange(corners) / corners
    return np.stack([np.interp(places, walked, y), np.interp(places, walked, x)])
