"""Movies as image formats hold them: equally spaced axes in s and nm, and a name for the quantity."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from smlmsim import schema
from smlmsim.channels import CHANNEL, split

DIMS = ("time", "y", "x")
MOVIES = ("counts", "density", "uncertainty")
MEANING = ("units", "long_name")
LONGEST_MEANING = 200
"""Characters of a unit or name; a longer one is damage."""
LONGEST_NAME = 100
"""Of a channel, in letters."""
DTYPES = ("uint8", "uint16", "float32")
UNEVEN = 1e-3  # largest deviation from equal spacing, in steps, that counts as rounding
_log = logging.getLogger(__name__)


class Axis(NamedTuple):
    """An equally spaced axis: its first coordinate and its step."""

    start: float
    step: float

    def coordinates(self, size: int) -> npt.NDArray[np.float64]:
        """The first ``size`` coordinates along the axis."""
        with np.errstate(over="ignore", invalid="ignore"):  # non-finite values are detected later
            return np.asarray(self.start + self.step * np.arange(size), dtype=np.float64)


def one_movie(data: xr.Dataset | xr.DataArray, what: str) -> xr.DataArray:
    """Find the single movie in data, converted to a type that a file can hold.

    Parameters
    ----------
    data : xr.Dataset or xr.DataArray
        (time, y, x) or (channel, time, y, x), at least 2 x 2 pixels, finite. Numbers of other types than uint8, uint16
        and float32 are converted to one that holds all of them exactly. A single channel loses its name, which is said.
    what : str
        Name of the file format in messages, such as "a stack".

    Raises
    ------
    smlmsim.schema.SchemaError
        If it is not such a movie.
    """
    movies = [data] if isinstance(data, xr.DataArray) else [v for v in data.values() if v.dims[-3:] == DIMS]
    if len(movies) != 1:
        raise schema.SchemaError(_not_one(data, movies, what))
    image = movies[0]
    if image.sizes.get(CHANNEL) == 1:
        _log.info("%s of one channel has no place for its name, %s", what, *split(image))
        image = image.isel({CHANNEL: 0}, drop=True)
    if (
        image.dims not in (DIMS, (CHANNEL, *DIMS))
        or min(image.sizes["y"], image.sizes["x"]) < 2
        or image.sizes["time"] < 1
    ):
        raise schema.SchemaError(
            f"{what} is a movie {DIMS}, perhaps with a leading {CHANNEL!r}, of at least 2 x 2 pixels, found "
            f"{dict(image.sizes)}"
        )
    if image.dtype.name not in DTYPES:
        image = _exactly(image, what)
    if not np.isfinite(image.values).all():
        raise schema.SchemaError(
            f"{image.name} holds {int((~np.isfinite(image)).sum())} NaN or infinite values"
        )
    return image


def _not_one(data: xr.Dataset | xr.DataArray, movies: Sequence[xr.DataArray], what: str) -> str:
    """Explain why data is not a single movie."""
    if "localization" in data.dims and not movies:
        return (
            f"{what} holds images, but this is a table of localizations: `smlmsim reconstruct TABLE --out DIR` makes "
            "images of it (counts.tif is its histogram)"
        )
    names = ", ".join(repr(movie.name) for movie in movies)
    if not names:
        return f"{what} holds one movie {DIMS}, found none"
    return f"{what} holds one movie {DIMS}, found {names}; write one of them, data[{movies[0].name!r}], say"


def _exactly(image: xr.DataArray, what: str) -> xr.DataArray:
    """Convert a movie to the smallest type of ``DTYPES`` that holds all its values exactly."""
    if image.dtype.kind in "buif":
        for name in DTYPES if image.dtype.kind != "f" else ("float32",):
            with np.errstate(all="ignore"):
                found = image.values.astype(name)
            if np.array_equal(found, image.values, equal_nan=image.dtype.kind == "f"):
                _log.info("%s values are written as %s, which holds them exactly", image.dtype, name)
                return image.copy(data=found)
    raise schema.SchemaError(
        f"{what} holds {', '.join(DTYPES)}, found {image.dtype} values that none of them holds exactly; round them "
        "first, with .astype('float32') or in Fiji"
    )


def even_axis(image: xr.DataArray, dim: str) -> Axis:
    """Determine the equally spaced axis of a dim; the step of a single time point is 0, meaning unknown.

    Raises
    ------
    smlmsim.schema.SchemaError
        If there are no coordinates, or they do not increase in equal steps.
    """
    if dim == "time":
        schema.times_s(image)
    elif dim not in image.coords:
        raise schema.SchemaError(f"the movie has no coordinate {dim!r}, in {schema.VOCABULARY[dim].units}")
    found = image[dim].values.astype(np.float64)
    axis = Axis(float(found[0]), float((found[-1] - found[0]) / max(found.size - 1, 1)))
    if not (found.size == 1 or axis.step > 0):
        raise schema.SchemaError(f"the coordinate {dim!r} does not rise, from {found[0]:g} to {found[-1]:g}")
    deviation = np.abs(found - axis.coordinates(found.size))
    if not (deviation <= UNEVEN * axis.step).all():
        raise schema.SchemaError(f"the coordinate {dim!r} is not evenly spaced; a file has one step only")
    return axis


def chosen(name: str, given: float | None, found: float | None) -> float | None:
    """Return the step of an axis given by the user, or else that of the file.

    Parameters
    ----------
    name : str
        Name of the setting: ``pixel_nm`` or ``point_s``.
    given, found : float or None

    Raises
    ------
    ValueError
        If the given step is not positive.
    """
    if given is None:
        return found
    if not (np.isfinite(given) and given > 0):
        raise ValueError(f"{name} is positive, found {name}={given:g}")
    if found is not None and abs(found - given) > UNEVEN * given:
        _log.info("%s = %g as given; the file says %.6g", name, given, found)
    return given


def require_pixel(step_nm: float | None) -> float:
    """Return the size of a pixel, which must be known.

    Raises
    ------
    ValueError
        If it is unknown.
    """
    if step_nm is None:
        raise ValueError("the file does not say how large a pixel is; give pixel_nm=100, say")
    return step_nm


def channel_names(said: Any, number: int) -> list[str]:
    """The names that a file gives to its channels if they tell them apart, or else their numbers."""
    names = (
        [" ".join(str(name).split())[:LONGEST_NAME] for name in said]
        if isinstance(said, list | tuple)
        else []
    )
    if len(names) == number == len(set(names)) and all(names):
        return names
    return [str(place) for place in range(number)]


def own_meaning(image: xr.DataArray) -> dict[str, str]:
    """Units and meaning of images that differ from the vocabulary, such as those of an estimate."""
    usual = schema.VOCABULARY.get(str(image.name))
    said = {name: str(image.attrs[name]) for name in MEANING if name in image.attrs}
    if usual is None or said == {"units": usual.units, "long_name": usual.long_name}:
        return {}
    return said


def stamped(
    frames: npt.NDArray[Any],
    name: str | None,
    axes: tuple[Axis | None, Axis, Axis],
    meaning: Any = None,
    channels: Any = None,
) -> xr.Dataset:
    """Make a dataset of images with axes; without a known name, integers are counts and others a density.

    Parameters
    ----------
    frames : np.ndarray
        (time, y, x) or (channel, time, y, x).
    name : str or None
        Name of the images in the file.
    axes : tuple of Axis
        Axes along time, y and x. If the first is None, the duration is unknown and there is no coordinate ``time``.
    meaning : mapping, optional
        What a file says of the units and the meaning of its images, as :func:`own_meaning` gave it.
    channels : list of str, optional
        What the file calls the channels.

    Raises
    ------
    ValueError
        If a coordinate or a value is not finite, or a step is not positive.
    """
    if name not in MOVIES:
        name = "counts" if frames.dtype.kind in "ui" else "density"
    known = {dim: axis for dim, axis in zip(DIMS, axes, strict=True) if axis is not None}
    sizes = dict(zip(DIMS, frames.shape[-3:], strict=True))
    if not np.isfinite(list(known.values())).all():
        raise ValueError(f"the scale is not finite: {known}")
    if any(axis.step <= 0 < sizes[dim] - 1 for dim, axis in known.items()):
        raise ValueError(f"the scale is not positive: {known}")
    coordinates = {dim: axis.coordinates(sizes[dim]) for dim, axis in known.items()}
    called = {CHANNEL: channel_names(channels, len(frames))} if frames.ndim > len(DIMS) else {}
    found = schema.dataset(**{name: frames}, **called, **coordinates)
    schema.check(found, name, *known)
    said = meaning if isinstance(meaning, Mapping) else {}
    texts = {key: text[:LONGEST_MEANING] for key in MEANING if isinstance(text := said.get(key), str)}
    found[name].attrs.update(texts)
    return found
