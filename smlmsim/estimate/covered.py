"""The field of view that a localization table covers."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import xarray as xr

from smlmsim import schema
from smlmsim.field import FieldOfView

MOST_PIXELS, MANY_PIXELS = 2**28, 2**22
"""Pixels of a field, at most and beyond which localizations far from the others are suspected."""
STRETCHED = 4
"""How many times larger a field with stray localizations is than that of nearly all."""
FEW = 20  # with fewer localizations than this, none is called stray
MOST = 0.999
"""Fraction of the localizations that make the field if some are far from the others."""

Array = npt.NDArray[np.float64]


def field_of_view(localizations: xr.Dataset, *, pixel_nm: float = 20.0, coverage: float = 1.0) -> FieldOfView:
    """Find the field that localizations cover: whole pixels, with edges at multiples of the pixel.

    Parameters
    ----------
    localizations : xr.Dataset
        ``loc_y``, ``loc_x``.
    pixel_nm : float
        Edge length of a pixel.
    coverage : float
        The share of the localizations that must lie inside along either axis, in (0, 1]; by default all. Below 1, the
        field covers the shortest interval along each axis that holds this share, so that stray localizations far
        outside, at least one along each axis, no longer extend it.

    Raises
    ------
    ValueError
        If there is no localization, or if the field would have more than 2**28 pixels; the message names the
        localization that lies farthest outside.

    Examples
    --------
    >>> field_of_view(schema.dataset(loc_y=[5.0, 59.0], loc_x=[-1.0, 20.0])).shape
    (3, 3)
    """
    schema.check(localizations, "loc_y", "loc_x")
    if not (0 < coverage <= 1 and 0 < pixel_nm < math.inf):
        raise ValueError(
            f"coverage must be in (0, 1] and pixel_nm positive, found {coverage!r} and {pixel_nm!r}"
        )
    if localizations.sizes["localization"] == 0:
        raise ValueError("there are no localizations, so they cover no field")
    y, x = (localizations[name].values.astype(np.float64) for name in ("loc_y", "loc_x"))
    top, rows = _pixels(*_shortest(y, coverage), pixel_nm)
    left, columns = _pixels(*_shortest(x, coverage), pixel_nm)
    if rows * columns > MOST_PIXELS:
        raise ValueError(_too_large(y, x, rows, columns, pixel_nm))
    return FieldOfView(
        height_nm=rows * pixel_nm,
        width_nm=columns * pixel_nm,
        pixel_nm=pixel_nm,
        origin_y_nm=top * pixel_nm,
        origin_x_nm=left * pixel_nm,
    )


def require_no_strays(localizations: xr.Dataset, field: FieldOfView) -> None:
    """Refuse a large field that is mostly empty because of a few localizations far outside.

    Parameters
    ----------
    localizations : xr.Dataset
        ``loc_y``, ``loc_x``.
    field : FieldOfView
        The field that all of them cover.

    Raises
    ------
    ValueError
        If the field has more than 2**22 pixels, and would have less than a quarter of them without one localization
        in a thousand; the message names the localization that lies farthest outside.
    """
    y, x = (localizations[name].values.astype(np.float64) for name in ("loc_y", "loc_x"))
    rows, columns = field.shape
    if rows * columns <= MANY_PIXELS or y.size < FEW:
        return
    if STRETCHED * _pixels_of_most(y, x, field.pixel_nm) < rows * columns:
        raise ValueError(_too_large(y, x, rows, columns, field.pixel_nm))


def _shortest(positions_nm: Array, part: float) -> tuple[float, float]:
    """The ends of the shortest interval that holds a share of positions; of all positions if the share is 1."""
    positions_nm = np.sort(positions_nm)
    left_out = min(math.ceil((1 - part) * positions_nm.size - 1e-9), positions_nm.size - 1)
    kept = positions_nm.size - left_out
    start = int(np.argmin(positions_nm[kept - 1 :] - positions_nm[: left_out + 1]))
    return float(positions_nm[start]), float(positions_nm[start + kept - 1])


def _pixels(low: float, high: float, pixel_nm: float) -> tuple[int, int]:
    """The index of the first pixel along an axis, counted from 0 nm, and the number that cover an interval."""
    first = math.floor(low / pixel_nm)
    first -= first * pixel_nm > low  # where the quotient was rounded up to a whole number
    offset_nm = high - first * pixel_nm
    number = math.floor(offset_nm / pixel_nm) + 1
    number += number * pixel_nm <= offset_nm  # where it was rounded down to less than one
    return first, number


def _pixels_of_most(y: Array, x: Array, pixel_nm: float) -> float:
    """The number of pixels of the field that leaves out one localization in a thousand along either axis."""
    height, width = (high - low for low, high in (_shortest(y, MOST), _shortest(x, MOST)))
    return (height / pixel_nm + 1) * (width / pixel_nm + 1)


def _far(positions_nm: Array, low: float, high: float) -> npt.NDArray[np.bool_]:
    """Which positions lie farther outside an interval than its length."""
    length = high - low
    return (positions_nm < low - length) | (positions_nm > high + length)


def _too_large(y: Array, x: Array, rows: int, columns: int, pixel_nm: float) -> str:
    """Explain why a field is too large: a few localizations far outside, or small pixels."""
    size = f"the localizations stretch over {rows:.3g} x {columns:.3g} pixels of {pixel_nm:g} nm"
    (y0, y1), (x0, x1) = _shortest(y, MOST), _shortest(x, MOST)
    outside = _far(y, y0, y1) | _far(x, x0, x1)
    if _pixels_of_most(y, x, pixel_nm) > MOST_PIXELS:
        return f"{size}; choose larger pixels, as in pixel_nm={pixel_nm * 10:g}, or a part, crop_nm=0,2560,0,2560"
    farthest = int(np.argmax(np.hypot(y - np.median(y), x - np.median(x))))
    return (
        f"{size}, since {np.count_nonzero(outside)} of {y.size} lie far outside x {x0:.0f} to {x1:.0f} nm, "
        f"y {y0:.0f} to {y1:.0f} nm, one at x = {x[farthest]:.6g} nm, y = {y[farthest]:.6g} nm; "
        f"leave them out with coverage={MOST:g}"
    )
