"""What a free chain cannot be: a closed contour."""

from __future__ import annotations

import numpy as np
import xarray as xr

from smlmsim.motion.rigid import filaments


def check_open(structure: xr.Dataset) -> None:
    """Require that no filament ends where it begins.

    A chain of free ends would spring open, and a body of several closed contours fall apart.

    Raises
    ------
    ValueError
        Naming the first one that is closed.
    """
    start, vertices = filaments(structure)
    y, x = structure.vertex_y.values, structure.vertex_x.values
    second, end = np.minimum(start + 1, start + vertices - 1), start + vertices - 1
    goes = (y[second] != y[start]) | (x[second] != x[start])
    closed = goes & (y[end] == y[start]) & (x[end] == x[start])
    if closed.any():
        number = structure.filament.values[start[np.argmax(closed)]]
        raise ValueError(
            f"filament {number} is closed, and a free chain would spring open; "
            "the motions rigid, deformation and static take it"
        )
