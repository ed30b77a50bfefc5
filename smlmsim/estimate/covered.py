"""The field of view that a localization table covers."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import xarray as xr

from smlmsim import schema
from smlmsim.field import FieldOfView

MOST_PIXELS = 2**28


def field_of_view(localizations: xr.Dataset, *, pixel_nm: float = 20.0, coverage: float = 1.0) -> FieldOfView:
    """Find the field that localizations cover: whole pixels, with edges at multiples of the pixel.

    Parameters
    ----------
    localizations : xr.Dataset
        ``loc_y``, ``loc_x``.
    pixel_nm : float
        Edge length of a pixel.
    coverage : float
        The central part of the localizations that has to lie inside along either axis, in (0, 1]; by default
        all. With 0.999, a few stray ones far outside no longer stretch the field.

    Raises
    ------
    ValueError
        If there is no localization, or if the field would have more than 2**28 pixels.

    Examples
    --------
    >>> field_of_view(schema.dataset(loc_y=[5.0, 59.0], loc_x=[-1.0, 20.0])).shape
    (3, 3)
    """
    schema.check(localizations, "loc_y", "loc_x")
    if not (0 < coverage <= 1 and 0 < pixel_nm < math.inf):
        raise ValueError(f"coverage is in (0, 1] and pixel_nm positive, found {coverage!r} and {pixel_nm!r}")
    if localizations.sizes["localization"] == 0:
        raise ValueError("there are no localizations, so no field that they cover")
    top, rows = _pixels(localizations.loc_y.values, pixel_nm, coverage)
    left, columns = _pixels(localizations.loc_x.values, pixel_nm, coverage)
    if rows * columns > MOST_PIXELS:
        raise ValueError(
            f"the localizations stretch over {rows:.3g} x {columns:.3g} pixels of {pixel_nm:g} nm; "
            "if a few are astray, leave them out with coverage=0.999, otherwise choose larger pixels"
        )
    return FieldOfView(
        height_nm=rows * pixel_nm,
        width_nm=columns * pixel_nm,
        pixel_nm=pixel_nm,
        origin_y_nm=top * pixel_nm,
        origin_x_nm=left * pixel_nm,
    )


def _pixels(positions_nm: npt.NDArray[np.floating], pixel_nm: float, coverage: float) -> tuple[int, int]:
    """The first pixel along an axis, counted from 0 nm, and the number that cover the central positions."""
    tail = (1 - coverage) / 2
    low, high = np.quantile(positions_nm.astype(np.float64), [tail, 1 - tail])
    first = math.floor(low / pixel_nm)
    first -= first * pixel_nm > low  # where the quotient was rounded up to a whole number
    offset_nm = float(high - first * pixel_nm)
    number = math.floor(offset_nm / pixel_nm) + 1
    number += number * pixel_nm <= offset_nm  # where it was rounded down to less than one
    return first, number
