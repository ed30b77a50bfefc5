"""A movie as small integers, as a corpus stores it.

Lengths are stored in 64ths of a pixel, which is 0.3 nm for pixels of 20 nm. A localization is read back in the middle
of its 64th, so it never changes its pixel.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt
import xarray as xr

from smlmsim.contour import Box, bonds
from smlmsim.corpus import _kernels
from smlmsim.field import FieldOfView
from smlmsim.pipeline import Movie

Array = npt.NDArray[Any]

SUBPIXELS = 64
"""Steps of a stored coordinate per pixel: half a step, 0.16 nm for pixels of 20 nm, is far below the precision."""
DENSITY_STEP = 2.0**-10  # of the peak; the rounding error is 3e-4, that of the density as a whole 5e-4
BEYOND_NM = 300.0  # molecules this far beyond the corners of a rotated field are never seen inside
COARSE = 512
"""The stored reach beyond the field is a multiple of this number of steps."""
SHORTEST_BOND = 8
"""Shortest stored segment, in steps: rounding would change the direction of shorter ones."""


class Scale(NamedTuple):
    """Conversion of a stored integer to a length: ``offset_nm + step_nm * integer``, as in the CF conventions."""

    step_nm: float
    offset_nm: float
    dtype: np.dtype[Any]

    @property
    def fill(self) -> int:
        """The integer that marks a missing value."""
        info = np.iinfo(self.dtype)
        return int(info.max if info.min == 0 else info.min)


class Encoding(NamedTuple):
    """The scales of a field of view."""

    field: FieldOfView
    localization_y: Scale
    localization_x: Scale
    uncertainty: Scale
    vertex_y: Scale
    vertex_x: Scale
    reach: int
    """Vertices are exact in a square around the middle of the field; this is half its edge in 64ths of a pixel."""

    @classmethod
    def of(cls, field: FieldOfView) -> Self:
        """Choose the smallest integer types that hold all positions in and around the field."""
        step = field.pixel_nm / SUBPIXELS
        unsigned = np.dtype(np.uint16 if max(field.shape) * SUBPIXELS < 2**16 else np.uint32)
        reach = COARSE * int(
            np.ceil((np.hypot(field.height_nm, field.width_nm) / 2 + BEYOND_NM) / step / COARSE)
        )
        signed = np.dtype(np.int16 if reach < 2**15 else np.int32)
        middle_y, middle_x = field.origin_y_nm + field.height_nm / 2, field.origin_x_nm + field.width_nm / 2
        return cls(
            field=field,
            localization_y=Scale(step, field.origin_y_nm + step / 2, unsigned),
            localization_x=Scale(step, field.origin_x_nm + step / 2, unsigned),
            uncertainty=Scale(step, 0.0, unsigned),
            vertex_y=Scale(step, middle_y, signed),
            vertex_x=Scale(step, middle_x, signed),
            reach=reach,
        )

    def encode(self, movie: Movie) -> dict[str, Any]:
        """Return all values that the store holds of a movie, by the name of the variable."""
        observation, truth = movie
        if truth is None:
            raise ValueError("a movie without truth cannot be stored in a corpus")
        density, peak = _relative(truth.density.values)
        return {
            "counts": observation.counts.values,
            "density": density,
            "peak": np.float32(peak),
            **self._localizations(observation),
            **self._vertices(truth),
        }

    def _localizations(self, observation: xr.Dataset) -> dict[str, Any]:
        scales = {"loc_y": self.localization_y, "loc_x": self.localization_x}
        edges = {"loc_y": self.field.origin_y_nm, "loc_x": self.field.origin_x_nm}
        per_nm = np.nextafter(1 / self.field.pixel_nm, np.inf) * SUBPIXELS
        places = {
            name: ((observation[name].values.astype(np.float64) - edges[name]) * per_nm).astype(scale.dtype)
            for name, scale in scales.items()
        }
        reported = np.rint(observation.loc_uncertainty.values / self.uncertainty.step_nm)
        return {
            "localizations": np.uint32(observation.sizes["localization"]),
            "loc_frame": observation.loc_frame.values.astype(np.int32),
            **places,
            "loc_uncertainty": np.minimum(reported, self.uncertainty.fill - 1).astype(self.uncertainty.dtype),
        }

    def _vertices(self, truth: xr.Dataset) -> dict[str, Any]:
        """The vertices of filaments that are ever near the field; none for specks, too short for the stored steps."""
        if _bond_nm(truth) < SHORTEST_BOND * self.vertex_y.step_nm:
            truth = truth.isel(vertex=slice(0))
        y, x = _steps(truth.vertex_y.values, self.vertex_y), _steps(truth.vertex_x.values, self.vertex_x)
        outside = (np.abs(y) > self.reach) | (np.abs(x) > self.reach)
        chosen = _of_filaments(truth.filament.values, np.logical_not(outside.all(axis=0)))
        outside = outside[:, chosen]
        box = Box.of(truth)
        return {
            "vertices": np.uint32(np.count_nonzero(chosen)),
            "period_y": np.float32(box.height_nm if box.repeats else 0),
            "period_x": np.float32(box.width_nm if box.repeats else 0),
            "vertex_y": _coarse_beyond(y[:, chosen], outside, self.vertex_y),
            "vertex_x": _coarse_beyond(x[:, chosen], outside, self.vertex_x),
            "filament": _numbered(truth.filament.values[chosen]),
        }


def _bond_nm(truth: xr.Dataset) -> float:
    """The median length of a segment at the first time; 0 if there is none."""
    bonded = bonds(truth.filament.values)
    y, x = (np.diff(truth[name].values[0])[bonded] for name in ("vertex_y", "vertex_x"))
    return float(np.median(np.hypot(y, x))) if bonded.size else 0.0


def _relative(density: Array) -> tuple[npt.NDArray[np.uint16], float]:
    """The density in steps of a fraction of its peak, and the peak."""
    peak = float(density.max())
    steps = np.empty(density.shape, np.uint16)
    _kernels.count_steps(density, np.float32(1 / (peak * DENSITY_STEP) if peak > 0 else 0), steps)
    return steps, peak


def _steps(position_nm: Array, scale: Scale) -> Array:
    """Positions in whole steps from the middle of the field."""
    steps = (position_nm - np.float32(scale.offset_nm)) * np.float32(1 / scale.step_nm)
    return np.asarray(np.rint(steps, out=steps))


def _of_filaments(filament: npt.NDArray[np.int32], vertices: Array) -> npt.NDArray[np.bool_]:
    """Mark all vertices of every filament that has a marked vertex."""
    return np.asarray(np.bincount(filament, weights=vertices)[filament] > 0)


def _coarse_beyond(steps: Array, outside: npt.NDArray[np.bool_], scale: Scale) -> Array:
    """Round vertices out of reach coarsely, away from the field: segments hardly grow, and the data compress."""
    farthest = COARSE * (np.iinfo(scale.dtype).max // COARSE)
    coarse = np.clip(np.copysign(np.ceil(np.abs(steps) / COARSE) * COARSE, steps), -farthest, farthest)
    return np.where(outside, coarse, steps).astype(scale.dtype)


def _numbered(filament: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """Number filaments from 0 without gaps."""
    return np.cumsum(np.diff(filament, prepend=filament[:1]) != 0, dtype=np.int32)
