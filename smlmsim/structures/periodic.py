"""A periodic plane: filaments that go on beyond one side of a cell on the opposite one."""

from __future__ import annotations

import itertools
import math

import numpy as np
import numpy.typing as npt
import xarray as xr

from smlmsim import schema
from smlmsim.contour import Box, Filaments
from smlmsim.field import FieldOfView

Array = npt.NDArray[np.float64]


def periodic(structure: xr.Dataset, cell: FieldOfView, *, piece_nm: float) -> xr.Dataset:
    """Close the filaments around a cell into a plane that repeats after every cell.

    Of filaments that are scattered over more than the cell, those whose centre of mass lies in it have the same
    density. They are cut into pieces, and a motion lets every piece re-enter on its own when its centre leaves the
    cell. So the cell need not have room for whole filaments, and much less has to be moved that is never seen.

    Parameters
    ----------
    structure : xr.Dataset
        ``vertex_y``, ``vertex_x`` (vertex,) in nm with the coordinate ``filament``.
    cell : FieldOfView
        What is repeated.
    piece_nm : float
        About how long pieces are at most; a bond is never cut.

    Returns
    -------
    xr.Dataset
        The same with pieces for filaments, of which one begins at the vertex where the other ends; ``box_nm`` is the
        cell. If no centre lies in the cell, it is the filament whose centre is the nearest.
    """
    filaments, y, x = Filaments.of(structure), structure.vertex_y.values, structure.vertex_x.values
    chosen = _in_cell(filaments.centres(y), filaments.centres(x), cell)
    pieces = [
        np.arange(first, last + 1)
        for start, end in zip(filaments.first[chosen], filaments.last[chosen] + 1, strict=True)
        for first, last in itertools.pairwise(start + _cuts(y[start:end], x[start:end], piece_nm))
    ]
    kept = np.concatenate(pieces)
    return schema.dataset(
        structure.attrs | Box.around(cell).attrs,
        vertex_y=y[kept],
        vertex_x=x[kept],
        filament=np.repeat(np.arange(len(pieces), dtype=np.int32), [piece.size for piece in pieces]),
    )


def _in_cell(y: Array, x: Array, cell: FieldOfView) -> npt.NDArray[np.bool_]:
    """Which centres are in the cell; at least one."""
    inside = cell.contains(y, x)
    if not inside.any():
        inside[np.argmin(np.hypot(y - cell.y_nm.mean(), x - cell.x_nm.mean()))] = True
    return inside


def _cuts(y: Array, x: Array, piece_nm: float) -> npt.NDArray[np.int64]:
    """The vertices where the pieces of a filament begin and end, as evenly as bonds allow."""
    length = float(np.hypot(np.diff(y), np.diff(x)).sum())
    pieces = min(max(math.ceil(length / piece_nm), 1), y.size - 1)
    return np.linspace(0, y.size - 1, pieces + 1).round().astype(np.int64)
