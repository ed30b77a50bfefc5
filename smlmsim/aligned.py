"""A widefield stack, moved to where the localizations of the same sample are."""

from __future__ import annotations

import math
from typing import NamedTuple

import xarray as xr

from smlmsim import schema
from smlmsim.registration import Registration, RegistrationError, moved, register

SIGMA_NM = 90.0
"""Usual standard deviation of the point spread function of a widefield microscope."""
SAME_PIXELS = 0.3
"""Shift in pixels below which a stack is left as it lies: registration errs by about a third of that."""


class Aligned(NamedTuple):
    """A widefield stack on the localizations, and how it was brought there.

    ``found`` is None, and ``problem`` says why, if the two could not be registered: the stack is then as it was given.
    ``away_nm`` is how far the stack lay away, at most, over the field; ``is_moved`` tells whether it was moved, which
    it is not for less than 0.3 pixels.
    """

    stack: xr.DataArray
    found: Registration | None = None
    problem: str = ""
    away_nm: float = math.nan
    is_moved: bool = False


def aligned(stack: xr.DataArray, localizations: xr.DataArray, *, sigma_nm: float = SIGMA_NM) -> Aligned:
    """Register a widefield stack with localizations, and move it onto them: shifted and scaled, not turned.

    Parameters
    ----------
    stack : xr.DataArray
        (..., y, x); its mean is registered, if it has times that of the images taken meanwhile.
    localizations : xr.DataArray
        Counts (..., y, x), of which the sum is registered, with ``time`` in s like that of the stack.
    sigma_nm : float
        Standard deviation of the point spread function of the stack.
    """
    image, counts = _meanwhile(stack, localizations), localizations
    try:
        found = register(
            image.mean(_others(image)), counts.sum(_others(counts)).astype(float), sigma_nm=sigma_nm
        )
    except RegistrationError as error:
        return Aligned(stack, problem=str(error))
    pixel_nm = float(stack.x[1] - stack.x[0])
    corner_nm = pixel_nm * math.hypot(*(stack.sizes[dim] for dim in "yx")) / 2
    away_nm = math.hypot(found.shift_y_nm, found.shift_x_nm) + abs(found.scale - 1) * corner_nm
    if away_nm < SAME_PIXELS * pixel_nm:
        return Aligned(stack, found, away_nm=away_nm)
    return Aligned(moved(stack, found), found, away_nm=away_nm, is_moved=True)


def _others(image: xr.DataArray) -> list[str]:
    return [str(dim) for dim in image.dims if dim not in ("y", "x")]


def _meanwhile(stack: xr.DataArray, localizations: xr.DataArray) -> xr.DataArray:
    """The images of a stack that were taken while molecules were localized; all, if that cannot be told."""
    if "time" not in stack.dims or localizations.sizes.get("time", 0) < 2:
        return stack
    points_s, images_s = schema.times_s(localizations), schema.times_s(stack)
    half_s = float(points_s[1] - points_s[0]) / 2
    during = (images_s >= points_s[0] - half_s) & (images_s <= points_s[-1] + half_s)
    return stack.isel(time=during.nonzero()[0]) if during.any() else stack
