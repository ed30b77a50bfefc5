"""Periodic plane: filaments that leave one side of a cell continue on the opposite side."""

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

    The filaments with their centre of mass in the cell are kept; they have the same density as all. They are cut into
    pieces, and a motion moves a piece to the other side when the centre of the piece leaves the cell. So the cell may
    be smaller than a filament, and far fewer vertices outside the field need to be moved.

    Parameters
    ----------
    structure : xr.Dataset
        ``vertex_y``, ``vertex_x`` (vertex,) in nm with the coordinate ``filament``.
    cell : FieldOfView
        The rectangle that is repeated.
    piece_nm : float
        Approximate largest length of a piece; segments are never cut.

    Returns
    -------
    xr.Dataset
        The structure with pieces as filaments, each beginning at the vertex where the last one ends; ``box_nm`` is the
        cell. If no centre lies in the cell, the filament with the nearest centre is kept.
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
    """Which centres lie in the cell; the nearest one if none does."""
    inside = cell.contains(y, x)
    if not inside.any():
        inside[np.argmin(np.hypot(y - cell.y_nm.mean(), x - cell.x_nm.mean()))] = True
    return inside


def _cuts(y: Array, x: Array, piece_nm: float) -> npt.NDArray[np.int64]:
    """The vertices at which a filament is cut into pieces of nearly equal length."""
    length = float(np.hypot(np.diff(y), np.diff(x)).sum())
    pieces = min(max(math.ceil(length / piece_nm), 1), y.size - 1)
    return np.linspace(0, y.size - 1, pieces + 1).round().astype(np.int64)
