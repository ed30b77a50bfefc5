"""By how much one image lies beside another one of the same structure."""

from __future__ import annotations

import numpy as np
import xarray as xr
from skimage.registration import phase_cross_correlation

FRACTION = 20
"""Fraction of a pixel to which a displacement is found."""


def displacement_nm(one: xr.DataArray, other: xr.DataArray) -> tuple[float, float]:
    """Find by how much the second of two movies lies beside the first, such as the chromatic shift of two colours.

    It is the maximum of the cross-correlation of their averages over time, to a twentieth of a pixel. Structures that
    differ have a maximum somewhere as well, so a large displacement can also mean that the two show something else.

    Parameters
    ----------
    one, other : xr.DataArray
        Densities (time, y, x) on the same coordinates, in nm, each on a scale of its own.

    Returns
    -------
    (float, float)
        The displacement along y and along x in nm.

    References
    ----------
    Guizar-Sicairos et al. 2008, doi:10.1364/OL.33.000156.

    Examples
    --------
    >>> at = 20.0 * np.arange(32)
    >>> spot = xr.DataArray(np.zeros((1, 32, 32)), {"y": at, "x": at}, ("time", "y", "x"))
    >>> spot[0, 16, 16] = 1
    >>> displacement_nm(spot, spot.roll(x=3))
    (0.0, 60.0)
    """
    means = (movie.mean("time").values.astype(np.float64) for movie in (one, other))
    first, second = (mean - mean.mean() for mean in means)
    shift, *_ = phase_cross_correlation(first, second, upsample_factor=FRACTION, normalization=None)
    pixel_nm = float(one.x[-1] - one.x[0]) / max(one.sizes["x"] - 1, 1)
    y, x = (0.0 - pixel_nm * float(steps) for steps in shift)
    return y, x
