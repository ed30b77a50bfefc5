"""Kymograph: the intensity along a line of a movie over time."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy import ndimage

from smlmsim import schema

Floats = npt.NDArray[np.float64]


class Line(NamedTuple):
    """A straight line in the plane of the sample."""

    start_y_nm: float
    start_x_nm: float
    end_y_nm: float
    end_x_nm: float

    @property
    def length_nm(self) -> float:
        """The distance between its ends."""
        return math.hypot(self.end_y_nm - self.start_y_nm, self.end_x_nm - self.start_x_nm)


def busiest_line(image: xr.DataArray) -> Line:
    """Find the row or column of pixels along which a movie, summed over time, varies most.

    Such a line crosses structures; a line along a filament is bright, but constant. The brightest tenth of the
    non-zero pixels is clipped to one value, so that no single spot decides.

    Parameters
    ----------
    image : xr.DataArray
        (time, y, x), not negative, coordinates in nm; with leading channels, their sum counts.
    """
    frames = image.transpose(..., "time", "y", "x").values
    total = frames.sum(axis=tuple(range(frames.ndim - 2)), dtype=np.float64)
    if total.any():
        total = np.minimum(total, np.quantile(total[total > 0], 0.9))
    y, x = image.y.values, image.x.values
    along_rows, along_columns = total.var(axis=1), total.var(axis=0)
    if along_rows.max() >= along_columns.max():
        row = float(y[along_rows.argmax()])
        return Line(row, float(x[0]), row, float(x[-1]))
    column = float(x[along_columns.argmax()])
    return Line(float(y[0]), column, float(y[-1]), column)


def line_profile(image: xr.DataArray, line: Line, *, width_nm: float = 0.0) -> xr.DataArray:
    """Sample a movie along a line in steps of about a pixel, by linear interpolation between pixels.

    Parameters
    ----------
    image : xr.DataArray
        (time, y, x), at least 2 x 2 pixels, coordinates in nm.
    line : Line
        A line inside the image, in any direction.
    width_nm : float
        Width over which parallel lines are averaged.

    Returns
    -------
    xr.DataArray
        The profile (time, distance), with the distance from the start of the line in nm.

    Raises
    ------
    ValueError
        If the line has no length, the width is negative, the line with its width reaches beyond the image, or the time
        is unknown.
    """
    schema.times_s(image)
    if not (0 < line.length_nm < math.inf and 0 <= width_nm < math.inf):
        raise ValueError(
            f"a line must have a length, and a width of at least 0 nm; found {line}, width_nm={width_nm:g}"
        )
    for dim, ends in (("y", (line.start_y_nm, line.end_y_nm)), ("x", (line.start_x_nm, line.end_x_nm))):
        _pixels(image, dim, np.array(ends))
    pixel_nm = float(image.x[1] - image.x[0])
    along = np.linspace(0, line.length_nm, round(line.length_nm / pixel_nm) + 1)
    strips = max(1, round(width_nm / pixel_nm))
    across = width_nm * ((np.arange(strips) + 0.5) / strips - 0.5)[:, None]
    slope_y = (line.end_y_nm - line.start_y_nm) / line.length_nm
    slope_x = (line.end_x_nm - line.start_x_nm) / line.length_nm
    rows = _pixels(image, "y", line.start_y_nm + along * slope_y - across * slope_x)
    columns = _pixels(image, "x", line.start_x_nm + along * slope_x + across * slope_y)
    values = [
        ndimage.map_coordinates(
            frame, (rows, columns), order=1, mode="nearest", output=np.float64
        ).mean(axis=0)
        for frame in image.transpose("time", "y", "x").values
    ]  # fmt: skip
    distance = xr.Variable("distance", along, {"units": "nm", "long_name": "distance along the line"})
    coords = {"time": image.time, "distance": distance}
    return xr.DataArray(np.array(values), coords, ("time", "distance"), image.name, image.attrs)


def _pixels(image: xr.DataArray, dim: str, positions_nm: Floats) -> Floats:
    """Convert positions along a dim to pixels from the centre of the first one."""
    centres = image[dim].values
    pixels: Floats = (positions_nm - centres[0]) / (centres[1] - centres[0])
    if pixels.min() < -0.5 - 1e-6 or pixels.max() > centres.size - 0.5 + 1e-6:
        raise ValueError(
            f"the line reaches from {dim} = {positions_nm.min():g} to {positions_nm.max():g} nm, "
            f"but the pixels of the image lie at {centres[0]:g} to {centres[-1]:g} nm"
        )
    return pixels
