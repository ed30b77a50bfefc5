"""The length of filaments per area in an image."""

from __future__ import annotations

import numpy as np
import xarray as xr
from scipy import ndimage

from smlmsim.estimate.ridges import normals, ridge_lines


def structure_density(image: xr.DataArray, *, sigma_nm: float = 30.0) -> float:
    """Measure the length of the filaments in an image, per area, in um per um^2.

    The image is blurred by sigma and its ridges are thinned to lines. Each pixel of a line counts as one pixel length
    divided by the larger of |cos| and |sin| of its direction, which is exact for straight lines. Filaments closer to
    each other than about three sigma are counted as one, and a crossing is counted once.

    Parameters
    ----------
    image : xr.DataArray
        Image (y, x), for example counts summed over time; equally spaced coordinates in nm.
    sigma_nm : float
        Approximate standard deviation of the profile of a filament.
    """
    pixel_nm = float(image.x[1] - image.x[0])
    sigma = sigma_nm / pixel_nm
    blurred = ndimage.gaussian_filter(image.transpose("y", "x").values.astype(np.float64), sigma)
    line = ridge_lines(blurred, sigma)
    length_nm = pixel_nm * (1 / np.abs(normals(blurred, line, sigma)).max(axis=0)).sum()
    return float(length_nm / (blurred.size * pixel_nm**2) * 1e3)
