"""What a free chain cannot be: a closed contour."""

from __future__ import annotations

import numpy as np
import xarray as xr

from smlmsim.contour import Filaments


def check_open(structure: xr.Dataset) -> None:
    """Require that no filament ends where it begins.

    A chain of free ends would spring open, and a body of several closed contours fall apart.

    Raises
    ------
    ValueError
        Naming the first one that is closed.
    """
    filaments, y, x = Filaments.of(structure), structure.vertex_y.values, structure.vertex_x.values
    first, last = filaments.first, filaments.last
    second = np.minimum(first + 1, last)
    goes = (y[second] != y[first]) | (x[second] != x[first])
    closed = goes & (y[last] == y[first]) & (x[last] == x[first])
    if closed.any():
        number = structure.filament.values[first[np.argmax(closed)]]
        raise ValueError(
            f"filament {number} is closed, and a free chain would spring open; "
            "the motions rigid, deformation and static take it"
        )
