"""Movies as any format holds them: even axes in s and nm, and a name that says what is counted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from smlmsim import schema

DIMS = ("time", "y", "x")
MOVIES = ("counts", "density", "uncertainty")
DTYPES = ("uint8", "uint16", "float32")
UNEVEN = 1e-3  # of a step: the largest deviation of a coordinate from an even spacing that is rounding


class Axis(NamedTuple):
    """An even axis: its first coordinate and its step."""

    start: float
    step: float

    def coordinates(self, size: int) -> npt.NDArray[np.float64]:
        """The first coordinates along the axis."""
        return np.asarray(self.start + self.step * np.arange(size), dtype=np.float64)


def one_movie(data: xr.Dataset | xr.DataArray, what: str) -> xr.DataArray:
    """Find the one movie in some data, if a file can hold it.

    Parameters
    ----------
    data : xr.Dataset or xr.DataArray
        (time, y, x), at least 2 x 2 pixels, uint8, uint16 or float32, finite.
    what : str
        What the file is, for the message, as in "a stack".

    Raises
    ------
    smlmsim.schema.SchemaError
        If it is no such movie.
    """
    movies = [data] if isinstance(data, xr.DataArray) else [v for v in data.values() if v.dims == DIMS]
    if len(movies) != 1:
        names = ", ".join(repr(movie.name) for movie in movies) or "none"
        raise schema.SchemaError(f"{what} holds one movie {DIMS}, found {names}; write data['density'], say")
    image = movies[0]
    if image.dims != DIMS or min(image.sizes["y"], image.sizes["x"]) < 2 or image.sizes["time"] < 1:
        raise schema.SchemaError(
            f"{what} is a movie {DIMS} of at least 2 x 2 pixels, found {dict(image.sizes)}"
        )
    if image.dtype.name not in DTYPES:
        raise schema.SchemaError(
            f"{what} holds {', '.join(DTYPES)}, found {image.dtype}; convert it, as in .astype('float32')"
        )
    if not np.isfinite(image.values).all():
        raise schema.SchemaError(
            f"{image.name} holds {int((~np.isfinite(image)).sum())} NaN or infinite values"
        )
    return image


def even_axis(image: xr.DataArray, dim: str) -> Axis:
    """Read the even axis off the coordinates of a dim; a single time point has the step 0, for unknown.

    Raises
    ------
    smlmsim.schema.SchemaError
        If there are none, or they do not rise evenly.
    """
    if dim not in image.coords:
        raise schema.SchemaError(f"the movie has no coordinate {dim!r}, in {schema.VOCABULARY[dim].units}")
    found = image[dim].values.astype(np.float64)
    axis = Axis(float(found[0]), float((found[-1] - found[0]) / max(found.size - 1, 1)))
    if not (found.size == 1 or axis.step > 0):
        raise schema.SchemaError(f"the coordinate {dim!r} does not rise, from {found[0]:g} to {found[-1]:g}")
    deviation = np.abs(found - axis.coordinates(found.size))
    if not (deviation <= UNEVEN * axis.step).all():
        raise schema.SchemaError(f"the coordinate {dim!r} is not evenly spaced; a file has one step only")
    return axis


def stamped(frames: npt.NDArray[Any], name: str | None, axes: Sequence[Axis]) -> xr.Dataset:
    """Put images on their axes; without a known name, whole numbers are counts and others a density.

    Raises
    ------
    ValueError
        If a coordinate or a value is not finite, or a step is not positive.
    """
    if name not in MOVIES:
        name = "counts" if frames.dtype.kind in "ui" else "density"
    if not np.isfinite(axes).all():
        raise ValueError(f"the scale is not finite: {dict(zip(DIMS, axes, strict=True))}")
    if any(axis.step <= 0 < size - 1 for axis, size in zip(axes, frames.shape, strict=True)):
        raise ValueError(f"the scale is not positive: {dict(zip(DIMS, axes, strict=True))}")
    coordinates = {
        dim: axis.coordinates(size) for dim, axis, size in zip(DIMS, axes, frames.shape, strict=True)
    }
    found = schema.dataset(**{name: frames}, **coordinates)
    schema.check(found, name, *DIMS)
    return found
