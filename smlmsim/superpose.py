"""Superposition: two moving structures in one field."""

from __future__ import annotations

import numpy as np
import xarray as xr

from smlmsim import schema
from smlmsim.contour import Box


def superpose(first: xr.Dataset, second: xr.Dataset) -> xr.Dataset:
    """Combine two moving structures into one, so that they cross.

    Parameters
    ----------
    first, second : xr.Dataset
        ``vertex_y``, ``vertex_x`` (time, vertex) in nm with the coordinate ``filament``, at the same times and, where
        they have the attribute ``box_nm``, in the same box.

    Returns
    -------
    xr.Dataset
        The filaments of both, those of the second numbered after those of the first; the attributes of the first.

    Raises
    ------
    ValueError
        If their times or boxes differ.
    """
    for scene in (first, second):
        schema.check(scene, "vertex_y", "vertex_x", "filament")
    if not first.time.equals(second.time):
        raise ValueError("the two structures have different times; move both at the same times")
    if Box.of(first) != Box.of(second):
        raise ValueError("the two structures live in different boxes; build them around the same field")
    parts = {name: [first[name].values, second[name].values] for name in ("vertex_y", "vertex_x")}
    together = {name: np.concatenate(axes, axis=1) for name, axes in parts.items()}
    later = second.filament.values + (first.filament.values.max() + 1)
    filament = np.concatenate([first.filament.values, later])
    return schema.dataset(first.attrs, time=first.time.values, filament=filament, **together)
