"""A periodic grid of cubic B-splines: smooth displacements of points, and the image of a contour."""

from __future__ import annotations

from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt
from scipy import sparse

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

TAPS = 4
"""Nodes along an axis on which a cubic B-spline is not 0."""
LEAST_NODES = 8
"""Fewest nodes along an axis: with fewer, a spline would meet itself on the other side."""


class PeriodicGrid(NamedTuple):
    """Nodes at equal distances over a rectangle that repeats.

    Parameters
    ----------
    y_nm, x_nm : float
        The upper left corner, which is a node.
    height_nm, width_nm : float
        The periods.
    rows, columns : int
        Number of nodes.
    """

    y_nm: float
    x_nm: float
    height_nm: float
    width_nm: float
    rows: int
    columns: int

    @classmethod
    def over(cls, rectangle_nm: npt.ArrayLike, cell_nm: float, multiple: int) -> Self:
        """Make a grid over a rectangle (y0, x0, height, width) with cells of about some size.

        Parameters
        ----------
        rectangle_nm : array (4,)
        cell_nm : float
            Wanted distance of nodes.
        multiple : int
            The number of nodes along either axis is a multiple of this.

        Raises
        ------
        ValueError
            If the rectangle is too small for the least number of nodes.
        """
        y, x, height, width = (float(value) for value in np.asarray(rectangle_nm))
        rows, columns = (multiple * round(extent / cell_nm / multiple) for extent in (height, width))
        if min(rows, columns) < LEAST_NODES:
            raise ValueError(
                f"the structure repeats after {height:g} x {width:g} nm, too little for cells of {cell_nm:g} nm, of "
                f"which at least {LEAST_NODES} are needed along each axis; enlarge the field"
            )
        return cls(y, x, height, width, rows, columns)

    @property
    def cell_nm(self) -> Floats:
        """The distances of nodes, (yx,)."""
        return np.array([self.height_nm / self.rows, self.width_nm / self.columns])

    def taps(self, points_nm: Floats) -> tuple[Integers, Floats]:
        """The nodes that points (yx, point) depend on, and how much: indices and weights, (point, 16) each.

        Indices count the nodes row by row; the weights of a point sum to 1.
        """
        (rows, of_rows), (columns, of_columns) = (
            _taps((points_nm[axis] - corner) / cell, nodes)
            for axis, (corner, cell, nodes) in enumerate(
                zip((self.y_nm, self.x_nm), self.cell_nm, (self.rows, self.columns), strict=True)
            )
        )
        index = rows[:, :, None] * self.columns + columns[:, None]
        weight = of_rows[:, :, None] * of_columns[:, None]
        return index.reshape(-1, TAPS**2), weight.reshape(-1, TAPS**2)

    def matrix(self, points_nm: Floats) -> Any:
        """The sparse matrix (point, node) that takes values at the nodes to points (yx, point)."""
        index, weight = self.taps(points_nm)
        row_ends = np.arange(0, index.size + 1, TAPS**2)
        return sparse.csr_array(
            (weight.ravel(), index.ravel(), row_ends), (len(index), self.rows * self.columns)
        )

    def image(self, points_nm: Floats, lengths_nm: Floats) -> npt.NDArray[np.float32]:
        """The image (row, column) of pieces of contour at points (yx, point), relative to its mean.

        Every piece is spread like a spline, with a standard deviation of 0.58 cells.

        Raises
        ------
        ValueError
            If there is no contour.
        """
        found = self.matrix(points_nm).T @ lengths_nm
        mean = found.mean()
        if not mean > 0:
            raise ValueError("the structure has no contour to move; make it denser")
        return np.asarray((found / mean).reshape(self.rows, self.columns), np.float32)

    def gradients(self, nodes: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
        """The gradient per nm at the nodes of what values (..., row, column) describe, (yx, ..., row, column)."""
        along_y, along_x = (
            (np.roll(_smoothed(nodes, other), -1, axis) - np.roll(_smoothed(nodes, other), 1, axis))
            / (2 * cell)
            for axis, other, cell in ((-2, -1, self.cell_nm[0]), (-1, -2, self.cell_nm[1]))
        )
        return np.stack([along_y, along_x])


def _smoothed(nodes: npt.NDArray[np.floating], axis: int) -> npt.NDArray[np.floating]:
    """The values of splines at their nodes along one axis."""
    return np.asarray((4 * nodes + np.roll(nodes, 1, axis) + np.roll(nodes, -1, axis)) / 6)


def _taps(place: Floats, nodes: int) -> tuple[Integers, Floats]:
    """The nodes and weights, (point, 4) each, of places (point,) in cells along one axis."""
    first = np.floor(place)
    t = place - first
    weights = np.stack(
        [(1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3], axis=1
    )
    index = first.astype(np.int64)[:, None] + np.arange(-1, TAPS - 1)
    return index % nodes, weights / 6
