"""The density of a measured table: each localization drawn as a Gaussian of its own precision."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy.special import ndtr

from smlmsim import schema
from smlmsim.field import FieldOfView

Floats = npt.NDArray[np.float64]

USUAL_PRECISION_NM = 15.0
"""Precision that is assumed for a table that reports none, as in simulated movies."""
RADIUS_IN_SIGMAS = 4.0
"""Where a Gaussian is cut off; the rest is normalised to one localization."""
BLOCK = 2**22
"""Pixels that are drawn together."""


class Precisions(NamedTuple):
    """The precision of each localization (localization,) in nm, and in words where it comes from."""

    nm: Floats
    origin: str
    assumed: bool


def precisions(table: xr.Dataset, missing_nm: float | None = None) -> Precisions:
    """Return the reported precisions of a table, with a value where none is reported.

    Parameters
    ----------
    table : xr.Dataset
        ``loc_uncertainty`` (localization,) in nm, if it reports any. Zeros count as missing.
    missing_nm : float, optional
        Precision where none is reported; by default the median of the reported ones, or 15 nm without any.
    """
    number = table.sizes["localization"]
    found = np.full(number, np.nan)
    if "loc_uncertainty" in table:
        found = table.loc_uncertainty.values.astype(np.float64)
    usable = np.isfinite(found) & (found > 0)
    if usable.all() and number:
        return Precisions(found, "as reported", False)
    given = missing_nm is not None
    if usable.any():
        fill = missing_nm or float(np.median(found[usable]))
        kind = "precision_nm" if given else "the median"
        origin = (
            f"as reported for {np.count_nonzero(usable)} of {number} localizations, "
            f"and {kind}, {fill:.3g} nm, for the others"
        )
        return Precisions(np.where(usable, found, fill), origin, False)
    fill = missing_nm or USUAL_PRECISION_NM
    origin = f"{fill:g} nm for all, since the table reports none; precision_nm={fill:g} would say so"
    if given:
        origin = f"{fill:g} nm for all, as precision_nm says"
    return Precisions(np.full(number, fill), origin, not given)


def explained_nm(table: xr.Dataset, pixel_nm: float) -> float | None:
    """The distance between two images of one structure that the precision of the localizations explains.

    It is the median reported precision times the square root of 2, since either image has this error, but at least a
    pixel; None if the table reports no precision.
    """
    found = precisions(table)
    return None if found.assumed else max(pixel_nm, math.sqrt(2) * float(np.median(found.nm)))


def localization_density(table: xr.Dataset, sigma_nm: Floats, field: FieldOfView) -> npt.NDArray[np.float32]:
    """Draw each localization as a Gaussian of its own width, averaged over the pixels.

    The sum over the pixels, times their area, is the number of localizations, less the parts of Gaussians beyond the
    edges of the field, whatever the ratio of width and pixel.

    Parameters
    ----------
    table : xr.Dataset
        ``loc_y``, ``loc_x`` (localization,) in nm.
    sigma_nm : array (localization,)
        Positive standard deviations.
    field : FieldOfView

    Returns
    -------
    array (y, x), float32
        Localizations per nm^2.
    """
    schema.check(table, "loc_y", "loc_x")
    rows, columns = field.shape
    image = np.zeros(rows * columns)
    sigma = np.asarray(sigma_nm, np.float64) / field.pixel_nm
    y = (table.loc_y.values.astype(np.float64) - field.origin_y_nm) / field.pixel_nm
    x = (table.loc_x.values.astype(np.float64) - field.origin_x_nm) / field.pixel_nm
    order = np.argsort(sigma, kind="stable")
    start = 0
    while start < order.size:
        stop = _block_end(sigma[order], start)
        chosen = order[start:stop]
        reach = math.ceil(RADIUS_IN_SIGMAS * float(sigma[chosen[-1]]))
        row, down = _weights(y[chosen], sigma[chosen], reach, rows)
        column, along = _weights(x[chosen], sigma[chosen], reach, columns)
        pixels = row[:, :, None] * columns + column[:, None, :]
        values = down[:, :, None] * along[:, None, :]
        image += np.bincount(pixels.ravel(), values.ravel(), image.size)
        start = stop
    return (image / field.pixel_nm**2).reshape(rows, columns).astype(np.float32)


def _block_end(sigma: Floats, start: int) -> int:
    """The end of the localizations, sorted by width in pixels, that are drawn together from ``start`` on."""
    size = (2 * np.ceil(RADIUS_IN_SIGMAS * sigma[start:]) + 1) ** 2 * np.arange(1, sigma.size - start + 1)
    return start + max(1, int(np.searchsorted(size, BLOCK)))


def _weights(at: Floats, sigma: Floats, reach: int, size: int) -> tuple[npt.NDArray[np.int64], Floats]:
    """Pixels around each point along one axis, and the share of its Gaussian in each; 0 beyond the edges."""
    pixel = np.floor(at).astype(np.int64)[:, None] + np.arange(-reach, reach + 1)
    ends = ndtr((np.stack([pixel, pixel + 1]) - at[:, None]) / sigma[:, None])
    share = ends[1] - ends[0]
    share /= share.sum(axis=1, keepdims=True)
    inside = (pixel >= 0) & (pixel < size)
    return np.clip(pixel, 0, size - 1), np.where(inside, share, 0.0)
