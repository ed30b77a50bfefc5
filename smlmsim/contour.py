"""Contours: filaments, the vertices they run through over time, and the periodic box they lie in.

A structure is a dataset with ``vertex_y`` and ``vertex_x`` in nm, (vertex,) at rest or (time, vertex) when it moves,
and the coordinate ``filament``, the number of the filament that a vertex belongs to. The vertices of a filament follow
each other. Names in the code call the straight segment from one to the next a bond, as polymer physics does. All
stages may import this module.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt
import xarray as xr

from smlmsim import schema
from smlmsim._contour_kernels import Period
from smlmsim.acquisition import Acquisition
from smlmsim.field import FieldOfView

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Array = npt.NDArray[Any]

CENTRAL = 0.8
"""Central share of a contour on which velocity is measured: the ends swing more than the rest."""
NEVER_NM = 1e30
"""Period, in nm, of a structure that does not repeat: larger than any position, but finite."""
SPECK_NM = 1.0
"""Length of a speck, a contour so short that it represents a point."""


class Box(NamedTuple):
    """The periodic box of a structure: a filament that leaves it on one side enters on the other.

    A structure carries it as the attribute ``box_nm`` = [y0, x0, height, width].

    Parameters
    ----------
    y_nm, x_nm : float
        The upper left corner.
    height_nm, width_nm : float
        The periods along y and x, positive.
    """

    y_nm: float
    x_nm: float
    height_nm: float
    width_nm: float

    @classmethod
    def around(cls, field: FieldOfView, margin_y_nm: float = 0.0, margin_x_nm: float | None = None) -> Self:
        """Make a box that exceeds a field by a margin on every side; along x by default the margin along y."""
        y, x, height, width = field.rectangle_nm
        along_x = margin_y_nm if margin_x_nm is None else margin_x_nm
        return cls(y - margin_y_nm, x - along_x, height + 2 * margin_y_nm, width + 2 * along_x)

    @classmethod
    def of(cls, structure: xr.Dataset) -> Self:
        """Read the box of a structure; without the attribute ``box_nm`` the structure does not repeat.

        Raises
        ------
        SchemaError
            If the attribute is not four finite numbers, the last two of them positive.
        """
        if "box_nm" not in structure.attrs:
            return cls(-NEVER_NM / 2, -NEVER_NM / 2, NEVER_NM, NEVER_NM)
        try:
            found = np.asarray(structure.attrs["box_nm"], dtype=np.float64)
        except (ValueError, TypeError):
            found = np.empty(0)
        if found.shape != (4,) or not np.isfinite(found).all() or (found[2:] <= 0).any():
            raise schema.SchemaError(
                f"box_nm={structure.attrs['box_nm']} is not a box: expected y0, x0, height and width in nm, "
                "the last two above 0; leave it out if the structure does not repeat"
            )
        return cls(*found.tolist())

    @property
    def repeats(self) -> bool:
        """Whether the structure repeats along y or x."""
        return self.height_nm < NEVER_NM

    @property
    def attrs(self) -> dict[str, Any]:
        """The attribute that :meth:`of` reads; empty if the structure does not repeat."""
        return {"box_nm": list(self)} if self.repeats else {}

    @property
    def origin_nm(self) -> Floats:
        """The upper left corner, (yx,)."""
        return np.array(self[:2])

    @property
    def size_nm(self) -> Floats:
        """The periods, (yx,)."""
        return np.array(self[2:])

    @property
    def period(self) -> Period:
        """The periods in the form that kernels take."""
        return np.float32(self.height_nm), np.float32(self.width_nm)

    def reentry_nm(self, positions_nm: Array) -> Array:
        """Return how far to shift positions (yx, ...) by whole periods so that they lie in the box."""
        origin, size = self._along(self.origin_nm, positions_nm), self._along(self.size_nm, positions_nm)
        return np.asarray(-size * np.floor((positions_nm - origin) / size))

    def nearest_nm(self, shifts_nm: Array) -> Array:
        """Return shifts (yx, ...) to the nearest periodic image of where they lead."""
        size = self._along(self.size_nm, shifts_nm)
        return np.asarray(shifts_nm - size * np.round(shifts_nm / size))

    @staticmethod
    def _along(values: Floats, positions: Array) -> Array:
        return values.astype(positions.dtype).reshape(2, *[1] * (positions.ndim - 1))


class Filaments(NamedTuple):
    """The filaments of a structure.

    Parameters
    ----------
    first : int array, shape (filament,)
        Index of the first vertex of each filament.
    vertices : int array, shape (filament,)
        Number of vertices of each filament.
    """

    first: Integers
    vertices: Integers

    @classmethod
    def of(cls, structure: xr.Dataset) -> Self:
        """Find the filaments of a structure.

        Raises
        ------
        ValueError
            If there is no filament, or if the vertices of one are not contiguous.
        """
        filament = structure.filament.values
        if filament.size == 0:
            raise ValueError("the structure has no filament to move; make it denser")
        edges = starts(filament)
        if np.unique(filament[edges[:-1]]).size != edges.size - 1:
            raise ValueError("the vertices of a filament are not contiguous; sort the structure by filament")
        return cls(edges[:-1], np.diff(edges))

    @property
    def last(self) -> Integers:
        """Index of the last vertex of each filament."""
        return self.first + self.vertices - 1

    @property
    def along(self) -> Floats:
        """Position of each vertex along its filament, from 0 to 1, (vertex,); 0 for a single vertex."""
        number = np.arange(self.vertices.sum()) - self.of_vertices(self.first)
        return np.asarray(number / self.of_vertices(np.maximum(self.vertices - 1, 1)))

    @property
    def central(self) -> npt.NDArray[np.bool_]:
        """Which vertices lie on the central 80 % of their contour, (vertex,); none if it has one or two vertices."""
        return is_central(self.along) & self.of_vertices(self.vertices > 2)

    def of_vertices(self, values: Array) -> Array:
        """Repeat a value per filament for each of its vertices: (..., filament) becomes (..., vertex)."""
        return np.repeat(values, self.vertices, axis=-1)

    def centres(self, positions: Array) -> Floats:
        """Average over the vertices of each filament: (..., vertex) becomes (..., filament)."""
        return np.asarray(np.add.reduceat(positions, self.first, axis=-1) / self.vertices)

    def weights(self, chosen: npt.NDArray[np.bool_]) -> Floats:
        """Weights (vertex,) that sum to 1 over the chosen vertices of each filament; 0 for all others."""
        number = np.add.reduceat(chosen, self.first, dtype=np.int64)
        return np.asarray(chosen / self.of_vertices(np.maximum(number, 1)))


def starts(filament: npt.NDArray[np.integer]) -> Integers:
    """Index of the first vertex of every filament, followed by the number of vertices, (filament + 1,)."""
    return np.array([0, *(np.flatnonzero(np.diff(filament)) + 1), filament.size])


def bonds(filament: npt.NDArray[np.integer]) -> Integers:
    """Index of the first vertex of every segment (bond), (bond,)."""
    return np.flatnonzero(filament[1:] == filament[:-1])


def is_central(along: Floats) -> npt.NDArray[np.bool_]:
    """Which positions, from 0 to 1 along a contour, are on its central 80 %."""
    return np.asarray(np.abs(along - 0.5) <= CENTRAL / 2)


def central_vertices(structure: xr.Dataset) -> tuple[Integers, Floats]:
    """Find the vertices on the central 80 % of the contours, and their weights, which sum to 1 per filament.

    Raises
    ------
    ValueError
        If no filament has three vertices.
    """
    filaments = Filaments.of(structure)
    central = np.flatnonzero(filaments.central)
    if central.size == 0:
        raise ValueError("a contour of two vertices has no central part; at least three are needed")
    return central, filaments.weights(filaments.central)[central]


def across(vertices: Floats, shifts: Floats, chosen: Integers) -> Floats:
    """Project shifts onto the normals of a contour.

    Parameters
    ----------
    vertices : array (yx, vertex)
    shifts : array (yx, chosen), or (yx, 1) for one shift of all vertices
    chosen : int array (chosen,)
        Indices of vertices that have a neighbour on either side.
    """
    tangent_y, tangent_x = vertices[:, chosen + 1] - vertices[:, chosen - 1]
    return np.asarray((shifts[0] * tangent_x - shifts[1] * tangent_y) / np.hypot(tangent_y, tangent_x))


def at_rest(y_nm: Floats, x_nm: Floats, box: Box, field: FieldOfView, **attrs: Any) -> xr.Dataset:
    """Make a structure at rest of filaments that all have the same number of vertices.

    Parameters
    ----------
    y_nm, x_nm : array (filament, vertex)
    box : Box
    field : FieldOfView
        The field of view, stored as the attribute ``field_nm`` = [y0, x0, height, width].
    **attrs
        More attributes.
    """
    return schema.dataset(
        {**attrs, **box.attrs, "field_nm": field.rectangle_nm},
        vertex_y=y_nm.ravel(),
        vertex_x=x_nm.ravel(),
        filament=np.repeat(np.arange(len(y_nm), dtype=np.int32), y_nm.shape[1]),
    )


def specks(y_nm: Floats, x_nm: Floats, field: FieldOfView, rng: np.random.Generator) -> xr.Dataset:
    """Make a structure of points (point,): each becomes a speck, a 1 nm long contour of random direction.

    The periodic box is twice the field along either axis, as for a field surrounded by its mirror images.
    """
    angle = rng.uniform(0, 2 * np.pi, y_nm.size)
    y, x = (
        middle[:, None] + SPECK_NM / 2 * np.stack([-way, way], axis=1)
        for middle, way in ((y_nm, np.sin(angle)), (x_nm, np.cos(angle)))
    )
    return at_rest(y, x, Box.around(field, field.height_nm / 2, field.width_nm / 2), field)


def moving(structure: xr.Dataset, times_s: Array, y_nm: Array, x_nm: Array, **attrs: Any) -> xr.Dataset:
    """Make a moving structure from the positions of its vertices (time, vertex), with more attributes."""
    return schema.dataset(
        {**structure.attrs, **attrs}, time=times_s, vertex_y=y_nm, vertex_x=x_nm, filament=structure.filament.values
    )  # fmt: skip


def check_at_rest(structure: xr.Dataset) -> None:
    """Require a structure at rest, which can be moved.

    Raises
    ------
    SchemaError
        If it lacks a variable, holds a value that is not finite, or moves already.
    """
    schema.check(structure, "vertex_y", "vertex_x", "filament")
    if "time" in structure.dims:
        raise schema.SchemaError("the structure moves already; choose one of its times with .isel(time=...)")


def steps(
    scene: xr.Dataset, acquisition: Acquisition
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return the vertices of a moving structure along y and x, (step, vertex) float32, not checked for NaN.

    Raises
    ------
    SchemaError
        If a variable is missing.
    ValueError
        If the structure does not have one time for each step of the acquisition.
    """
    for name in ("filament", "vertex_y", "vertex_x"):
        if name not in scene.variables:
            schema.check(scene, name)
    y, x = (np.ascontiguousarray(scene.variables[f"vertex_{axis}"].values, np.float32) for axis in "yx")
    wanted = acquisition.time_points * acquisition.steps_per_point
    if y.shape != (wanted, scene.sizes["vertex"]):
        raise ValueError(
            f"the moving structure has the shape {y.shape} (step, vertex), but {acquisition.time_points} "
            f"time points of {acquisition.steps_per_point} steps are {wanted} steps"
        )
    return y, x


def at_points(scene: xr.Dataset, acquisition: Acquisition) -> xr.Dataset:
    """A moving structure at the middles of the time points: at its middle steps, or between two of its steps."""
    if acquisition.step_frames is None:
        return scene.isel(time=acquisition.middle_steps)
    return snapshots(scene, acquisition.times_s)


def frames_between_steps(acquisition: Acquisition) -> tuple[Integers, Floats]:
    """For the middle of every camera frame, the step before it and the fraction of the way to the next, (frame,).

    Before the first step and after the last, the structure is at rest.
    """
    step_s = acquisition.point_s / acquisition.steps_per_point
    position = acquisition.frame_times_s(np.arange(acquisition.frames)) / step_s - 0.5
    position = np.clip(position, 0.0, acquisition.time_points * acquisition.steps_per_point - 1.0)
    before = position.astype(np.int64)
    return before, position - before


def snapshots(scene: xr.Dataset, times_s: Floats) -> xr.Dataset:
    """Interpolate a moving structure linearly to other times, and extrapolate it beyond its own.

    Parameters
    ----------
    scene : xr.Dataset
        ``vertex_y``, ``vertex_x`` (time, vertex) in nm, with the coordinate ``filament``. A filament that leaves the
        box and enters on the other side is moved along the shortest way.
    times_s : ndarray, (time,)
        Times in s.
    """
    known_s = scene.time.values
    before = np.clip(np.searchsorted(known_s, times_s) - 1, 0, max(known_s.size - 2, 0))
    after = np.minimum(before + 1, known_s.size - 1)
    spans_s = np.where(after > before, known_s[after] - known_s[before], 1.0)
    share = ((times_s - known_s[before]) / spans_s)[:, None].astype(np.float32)
    vertices = np.stack([scene.vertex_y.values, scene.vertex_x.values])
    earlier = vertices[:, before]
    y, x = earlier + share * Box.of(scene).nearest_nm(vertices[:, after] - earlier)
    return moving(scene, times_s, y, x)
