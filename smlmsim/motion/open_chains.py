"""Check that filaments are open chains, as motions of free chains require."""

from __future__ import annotations

import numpy as np
import xarray as xr

from smlmsim.contour import Filaments


def check_open(structure: xr.Dataset) -> None:
    """Check that no filament ends where it begins.

    A closed contour moved as a chain with free ends would open, and a body of several closed contours fall apart.

    Raises
    ------
    ValueError
        Naming the first closed filament.
    """
    filaments, y, x = Filaments.of(structure), structure.vertex_y.values, structure.vertex_x.values
    first, last = filaments.first, filaments.last
    second = np.minimum(first + 1, last)
    goes = (y[second] != y[first]) | (x[second] != x[first])
    closed = goes & (y[last] == y[first]) & (x[last] == x[first])
    if closed.any():
        number = structure.filament.values[first[np.argmax(closed)]]
        raise ValueError(
            f"filament {number} is closed, and would open as a free chain; "
            "use one of the motions rigid, deformation and static"
        )
