"""The normal modes of a free, inextensible, elastic chain."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import numpy.typing as npt

from smlmsim.contour import is_central


@dataclass(frozen=True)
class Modes:
    """How a nearly straight chain of unit bonds moves across itself when its vertices are dragged equally.

    With the vertices displaced by y from a straight line, the bending energy is half the square of the second
    differences S y, and the modes are the right singular vectors of S, as the drag sees all vertices alike.
    The one of stiffness 0 is rotation; translation belongs to the centre of mass and is no mode.

    Parameters
    ----------
    stiffness : array, shape (mode,)
        Ascending, one mode fewer than vertices.
    displacement : array, shape (vertex, mode)
        Orthonormal columns, alternately odd and even about the middle.
    """

    stiffness: npt.NDArray[np.float64]
    displacement: npt.NDArray[np.float64]

    @cached_property
    def angles(self) -> npt.NDArray[np.float64]:
        """The angles of the bonds, shape (bond, mode)."""
        return np.diff(self.displacement, axis=0)

    def amplitudes(self, angles: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return the amplitudes, shape (filament, mode), of bond angles, shape (filament, bond)."""
        path = np.pad(np.cumsum(angles, axis=1), ((0, 0), (1, 0)))
        amplitudes: npt.NDArray[np.float64] = path @ self.displacement
        return amplitudes

    @cached_property
    def central(self) -> npt.NDArray[np.float64]:
        """The displacement of the vertices on the central 80 % of the contour; of two vertices, of both."""
        vertices = self.displacement.shape[0]
        chosen = is_central(np.arange(vertices) / (vertices - 1)) | (vertices == 2)
        found: npt.NDArray[np.float64] = self.displacement[chosen]
        return found


@lru_cache(maxsize=64)
def modes(vertices: int) -> Modes:
    """Return the modes of a chain of some number of vertices, at least 2.

    Raises
    ------
    ValueError
        If there are fewer than 2 vertices.
    """
    if vertices < 2:
        raise ValueError(f"a chain has at least 2 vertices, found {vertices}")
    second_differences = np.diff(np.eye(vertices), n=2, axis=0)
    _, values, vectors = np.linalg.svd(second_differences)
    rotation = np.arange(vertices) - (vertices - 1) / 2
    rotation /= np.linalg.norm(rotation)
    bending = vectors[: vertices - 2][::-1].T
    found = Modes(np.append(0.0, values[::-1] ** 2), np.column_stack([rotation, bending]))
    found.stiffness.flags.writeable = found.displacement.flags.writeable = False
    return found
