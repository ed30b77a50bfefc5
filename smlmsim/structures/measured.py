"""A measured structure: every localization of a table of fixed cells becomes a short contour, a speck."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import xarray as xr
from pydantic import PositiveInt

from smlmsim import io, schema
from smlmsim.contour import specks
from smlmsim.field import FieldOfView
from smlmsim.io import Reading
from smlmsim.spec import Spec

Array = npt.NDArray[np.float64]

TRIES = 200
"""Draws of a crop before too empty a table is refused."""


class Measured(Spec):
    """A patch of a localization table, cut where there is structure and rotated at random.

    A localization becomes a speck, a straight contour 1 nm long of random direction, so that measured structures are
    treated like any contour: each localization has the same weight in the density and the same chance to emit. A speck
    that a motion stretches gains weight, as any contour does.

    The plane is filled with mirror images of the patch. It is periodic, so that the structure may leave the box on one
    side and enter on the other, and continuous where images meet.

    Parameters
    ----------
    table : Path
        A table of a format that :mod:`smlmsim.io` reads, at least as large as the field.
    least : int
        Smallest number of localizations in a patch.
    reading : Reading
        Units and columns of the table where the file does not state them, or states them wrongly.
    """

    kind: Literal["measured"] = "measured"
    table: Path
    least: PositiveInt = 100
    reading: Reading = Reading()

    def build(self, field: FieldOfView, rng: np.random.Generator) -> xr.Dataset:
        """Cut a patch of the size of the field and surround it with its mirror images.

        Returns
        -------
        xr.Dataset
            ``vertex_y``, ``vertex_x`` (vertex,) in nm, two for every localization, with the coordinate ``filament``;
            the attributes ``box_nm``, which is twice the field along either axis, and ``field_nm``.

        Raises
        ------
        ValueError
            If the table is smaller than the field, or no patch with enough localizations was found.
        """
        found = io.read(self.table, self.reading)
        self.reading.require_one_channel(found, self.table.name, "take them together")
        schema.check(found, "loc_y", "loc_x")
        points = np.stack([found.loc_y.values, found.loc_x.values]).astype(np.float64)
        patch = self._patch(points, np.array([field.height_nm, field.width_nm]), rng)
        y, x = _mirrored(patch, field)
        return specks(y, x, field, rng)

    def _patch(self, points: Array, size: Array, rng: np.random.Generator) -> Array:
        """Localizations (yx, point) relative to the corner of a random patch, rotated as far as the table allows."""
        low, high = points.min(axis=1), points.max(axis=1)
        if (high - low < size - 0.01 * size).any():
            extent = " x ".join(f"{side:.0f}" for side in high - low)
            raise ValueError(
                f"{self.table.name} covers {extent} nm, less than the field of {size[0]:g} x {size[1]:g} nm; "
                "take a smaller field or a larger table"
            )
        for attempt in range(TRIES):
            angle = rng.uniform(0, 2 * np.pi) if attempt < TRIES // 2 else rng.integers(4) * np.pi / 2
            c, s = math.cos(angle), math.sin(angle)
            reach = np.array([abs(c) * size[0] + abs(s) * size[1], abs(s) * size[0] + abs(c) * size[1]]) / 2
            if (low + reach > high - reach + 0.01 * size).any():
                continue
            nearest, farthest = np.minimum(low + reach, high - reach), np.maximum(low + reach, high - reach)
            centre = np.clip(points[:, rng.integers(points.shape[1])], nearest, farthest)
            turned = np.array([[c, s], [-s, c]]) @ (points - centre[:, None]) + size[:, None] / 2
            patch = turned[:, ((turned >= 0) & (turned < size[:, None])).all(axis=0)]
            if patch.shape[1] >= self.least:
                return patch
        raise ValueError(
            f"no patch of {self.table.name} as large as the field holds {self.least} localizations; "
            "ask for fewer, or take a denser table"
        )


def _mirrored(patch: Array, field: FieldOfView) -> Array:
    """The patch in the field, with half a mirror image on every side of it, (yx, point)."""
    size = np.array([[field.height_nm], [field.width_nm]])
    origin = np.array([[field.origin_y_nm], [field.origin_x_nm]])
    images = [
        np.where([[flip_y], [flip_x]], 2 * size - patch, patch) for flip_y in (0, 1) for flip_x in (0, 1)
    ]
    tiled = np.concatenate(images, axis=1)
    return origin + np.where(tiled >= 1.5 * size, tiled - 2 * size, tiled)
