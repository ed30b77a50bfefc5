"""The window in which molecules are listed, and the box in which their contours repeat."""

from __future__ import annotations

import numpy as np
import xarray as xr

from smlmsim.field import FieldOfView

Edges = tuple[np.float32, np.float32, np.float32, np.float32]
"""Top, bottom, left and right border of a rectangle in nm."""

Period = tuple[np.float32, np.float32]
"""After how many nm along y and x the structure repeats; the largest float where it does not."""


def edges(field: FieldOfView, margin_nm: float) -> Edges:
    """Return the borders of the field, moved outwards by a margin."""
    top, left = field.origin_y_nm - margin_nm, field.origin_x_nm - margin_nm
    bottom, right = top + field.height_nm + 2 * margin_nm, left + field.width_nm + 2 * margin_nm
    return np.float32(top), np.float32(bottom), np.float32(left), np.float32(right)


def period(moving: xr.Dataset) -> Period:
    """Return after how many nm the structure repeats."""
    never = np.finfo(np.float32).max
    _, _, height, width = moving.attrs.get("box_nm", (0.0, 0.0, never, never))
    return np.float32(height), np.float32(width)
