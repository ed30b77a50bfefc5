"""How much of a field localizations fill: all of it, or a few spots."""

from __future__ import annotations

import math

import numpy as np
import xarray as xr

from smlmsim import schema
from smlmsim.field import FieldOfView

CELL_NM = 320.0
"""Edge of the squares in which localizations are counted: about the distance of filaments in a network."""


def occupied_share(table: xr.Dataset, field: FieldOfView) -> float:
    """Return the share of a field that localizations would fill evenly, were they all as dense as the mean one.

    It is (sum n)^2 / (number of squares * sum n^2), n being the number in a square, without what chance adds to n^2
    (Simpson 1949, doi:10.1038/163688a0, for the number of species).

    Parameters
    ----------
    table : xr.Dataset
        ``loc_y``, ``loc_x`` (localization,).
    field : FieldOfView
        Localizations outside do not count.

    Returns
    -------
    float
        1 for a uniform density, and small for a few spots; NaN with fewer than two localizations in one square.

    Examples
    --------
    >>> field = FieldOfView(height_nm=3200, width_nm=3200)
    >>> at = schema.dataset(loc_y=np.full(50, 100.0), loc_x=np.full(50, 100.0))
    >>> round(occupied_share(at, field), 3)
    0.01
    """
    schema.check(table, "loc_y", "loc_x")
    origin, size = (field.origin_y_nm, field.origin_x_nm), (field.height_nm, field.width_nm)
    squares = [max(1, round(nm / CELL_NM)) for nm in size]
    places = [
        np.floor((table[name].values - at) / nm * number).astype(np.int64)
        for name, at, nm, number in zip(("loc_y", "loc_x"), origin, size, squares, strict=True)
    ]
    inside = (places[0] >= 0) & (places[0] < squares[0]) & (places[1] >= 0) & (places[1] < squares[1])
    counts = np.bincount((places[0] * squares[1] + places[1])[inside], minlength=math.prod(squares)).astype(
        float
    )
    pairs = float(np.sum(counts * (counts - 1)))
    number = float(counts.sum())
    return min(number * (number - 1) / (counts.size * pairs), 1.0) if pairs else math.nan
