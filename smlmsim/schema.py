"""The vocabulary: every variable that travels between stages, with its dims, units and meaning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr


class SchemaError(ValueError):
    """A dataset lacks a variable, or a variable has the wrong shape or values."""


@dataclass(frozen=True)
class Variable:
    """What a name stands for; ``dims`` may lack leading ones: a movie of one colour has no ``channel``."""

    dims: tuple[str, ...]
    units: str
    long_name: str


VOCABULARY: dict[str, Variable] = {
    "channel": Variable(("channel",), "1", "name of the channel, which loc_channel counts from 0"),
    "time": Variable(("time",), "s", "middle of the time point"),
    "y": Variable(("y",), "nm", "centre of the pixel row"),
    "x": Variable(("x",), "nm", "centre of the pixel column"),
    "filament": Variable(("vertex",), "1", "filament the vertex belongs to"),
    "vertex_y": Variable(("time", "vertex"), "nm", "vertex position along y"),
    "vertex_x": Variable(("time", "vertex"), "nm", "vertex position along x"),
    "density": Variable(("channel", "time", "y", "x"), "nm-1", "contour length per area"),
    "counts": Variable(("channel", "time", "y", "x"), "1", "localizations per pixel and time point"),
    "widefield_time": Variable(("widefield_time",), "s", "middle of the exposure"),
    "widefield_y": Variable(("widefield_y",), "nm", "centre of the camera's pixel row"),
    "widefield_x": Variable(("widefield_x",), "nm", "centre of the camera's pixel column"),
    "widefield": Variable(("channel", "widefield_time", "widefield_y", "widefield_x"), "1", "grey level"),
    "frames": Variable(("frame", "camera_y", "camera_x"), "1", "grey level"),
    "camera_y": Variable(("camera_y",), "nm", "centre of the camera's pixel row"),
    "camera_x": Variable(("camera_x",), "nm", "centre of the camera's pixel column"),
    "out_of_focus": Variable(
        ("time", "camera_y", "camera_x"), "1", "light of the structure out of focus, over its mean"
    ),
    "camera_offset": Variable(("camera_y", "camera_x"), "1", "grey level without electrons, of each pixel"),
    "camera_electrons_per_level": Variable(
        ("camera_y", "camera_x"), "1", "electrons after the multiplication per grey level, of each pixel"
    ),
    "camera_read_noise_e": Variable(
        ("camera_y", "camera_x"), "1", "standard deviation of the readout in electrons, of each pixel"
    ),
    "uncertainty": Variable(("channel", "time", "y", "x"), "nm-2", "variance of the density"),
    "event_time": Variable(("event",), "s", "middle of the camera frame"),
    "event_frame": Variable(("event",), "1", "camera frame, counted from 0"),
    "event_y": Variable(("event",), "nm", "molecule along y, in the middle of the frame or of its time on"),
    "event_x": Variable(("event",), "nm", "molecule along x, in the middle of the frame or of its time on"),
    "event_molecule": Variable(("event",), "1", "molecule, counted from 0"),
    "event_photons": Variable(("event",), "photon", "expected photons of the molecule in the frame"),
    "event_on_fraction": Variable(("event",), "1", "part of the frame during which the molecule is on"),
    "event_channel": Variable(("event",), "1", "channel, counted from 0"),
    "loc_time": Variable(("localization",), "s", "middle of the camera frame"),
    "loc_frame": Variable(("localization",), "1", "camera frame, counted from 0"),
    "loc_y": Variable(("localization",), "nm", "localization along y"),
    "loc_x": Variable(("localization",), "nm", "localization along x"),
    "loc_z": Variable(("localization",), "nm", "localization along the optical axis"),
    "loc_uncertainty": Variable(("localization",), "nm", "reported lateral standard error"),
    "loc_uncertainty_x": Variable(("localization",), "nm", "reported standard error along x"),
    "loc_uncertainty_y": Variable(("localization",), "nm", "reported standard error along y"),
    "loc_uncertainty_z": Variable(("localization",), "nm", "reported standard error along the optical axis"),
    "loc_sigma": Variable(("localization",), "nm", "width of the fitted spot"),
    "loc_sigma_x": Variable(("localization",), "nm", "width of the fitted spot along x"),
    "loc_sigma_y": Variable(("localization",), "nm", "width of the fitted spot along y"),
    "loc_intensity": Variable(("localization",), "photon", "photons in the spot"),
    "loc_background": Variable(("localization",), "photon", "background per pixel"),
    "loc_channel": Variable(("localization",), "1", "channel, counted from 0"),
}

FRAMES_ATTRS = (
    "camera_pixel_nm",
    "exposure_s",
    "first_frame",
    "offset",
    "electrons_per_level",
    "quantum_efficiency",
    "em_gain",
    "read_noise_e",
)
"""Attributes of camera frames, see :func:`check_frames`."""

UNKNOWN_SCALE = "density up to a factor"
SQUARES = {"1": "1", "nm-1": "nm-2"}


def variable(name: str, values: npt.ArrayLike) -> xr.Variable:
    """Make a variable of the vocabulary, with its dims, units and meaning.

    Parameters
    ----------
    name : str
        A name of ``VOCABULARY``.
    values : array_like
        Array with the dimensions in the vocabulary; leading ones may be absent.

    Raises
    ------
    KeyError
        If the name is not in the vocabulary.
    SchemaError
        If the values have more dimensions than the name allows.
    """
    meaning = VOCABULARY[name]
    array = np.asarray(values)
    if array.ndim > len(meaning.dims):
        raise SchemaError(f"{name} has the dims {meaning.dims}, found an array of shape {array.shape}")
    dims = meaning.dims[len(meaning.dims) - array.ndim :]
    return xr.Variable(dims, array, {"units": meaning.units, "long_name": meaning.long_name})


def dataset(attrs: dict[str, Any] | None = None, /, **values: npt.ArrayLike) -> xr.Dataset:
    """Make a dataset of variables of the vocabulary; names of dims and ``filament`` become coordinates."""
    coords = {"filament": variable("filament", values.pop("filament"))} if "filament" in values else {}
    return xr.Dataset({name: variable(name, array) for name, array in values.items()}, coords, attrs)


def estimate(
    attrs: dict[str, Any] | None = None,
    /,
    *,
    units: str = "1",
    meaning: str = UNKNOWN_SCALE,
    **values: npt.ArrayLike,
) -> xr.Dataset:
    """Make a dataset of an estimate, whose density has its own units.

    Parameters
    ----------
    attrs : dict, optional
        Attributes of the dataset.
    units : str
        Units of the density; "1" for counts and relative values. The ``uncertainty``, a variance, has their square.
    meaning : str
        Meaning of the density, such as "localizations per pixel and time point".
    **values : array_like
        ``density``, ``uncertainty`` and coordinates, as for :func:`dataset`.

    Examples
    --------
    >>> estimate(density=np.ones((1, 2, 2)), units="nm-1", uncertainty=np.ones((1, 2, 2))).uncertainty.units
    'nm-2'
    """
    found = dataset(attrs, **values)
    found["density"].attrs.update(units=units, long_name=meaning)
    if "uncertainty" in found:
        square = SQUARES.get(units, f"({units})2")
        found["uncertainty"].attrs.update(units=square, long_name=f"variance of the {meaning}")
    return found


def check(found: xr.Dataset, *names: str, missing: bool = False) -> None:
    """Require that a dataset holds given variables of the vocabulary, with their dims and finite values.

    Parameters
    ----------
    found : xr.Dataset
    *names : str
        Names of the vocabulary.
    missing : bool
        Whether values may be NaN.

    Raises
    ------
    SchemaError
        Naming what is missing, what dims were found, or how many values are not finite.
    """
    for name in names:
        if name not in found.variables:
            present = ", ".join(sorted(str(known) for known in found.variables)) or "nothing"
            raise SchemaError(f"no {name!r} in the dataset; it holds {present}")
        array, dims = found.variables[name], VOCABULARY[name].dims
        if tuple(array.dims) != dims[len(dims) - array.ndim :]:
            raise SchemaError(f"{name} has the dims {tuple(array.dims)}, expected {dims}")
        if array.dtype.kind != "f":
            continue
        bad = np.isinf(array.values) if missing else ~np.isfinite(array.values)
        if bad.any():
            kinds = "infinite" if missing else "NaN or infinite"
            raise SchemaError(f"{name} holds {np.count_nonzero(bad)} values that are {kinds}")


def check_frames(found: xr.Dataset) -> None:
    """Require a dataset of camera frames, the raw movie that localizers see.

    It holds ``frames`` (frame, camera_y, camera_x), uint16 grey levels, and the centres of the pixels in the
    coordinates of the field, ``camera_y`` and ``camera_x`` in nm. The attributes are numbers: the edge of a pixel
    ``camera_pixel_nm``, the duration of a frame ``exposure_s``, the number of the first of the frames in the recording
    ``first_frame``, counted from 0, and the calibration of the camera under the names and conventions of
    :class:`~smlmsim.camera.Camera`: ``offset`` in grey levels, ``electrons_per_level`` and ``read_noise_e`` in
    electrons after the multiplication, ``quantum_efficiency`` and ``em_gain``. Where pixels differ, ``camera_offset``,
    ``camera_electrons_per_level`` and ``camera_read_noise_e`` (camera_y, camera_x) hold the value of each.

    Parameters
    ----------
    found : xr.Dataset

    Raises
    ------
    SchemaError
        Naming the variable or attribute that is missing, or what was found instead.
    """
    check(found, "frames", "camera_y", "camera_x")
    frames = found.variables["frames"]
    if frames.ndim < 3 or frames.dtype != np.uint16:
        raise SchemaError(
            f"frames is {frames.dtype} of the dims {frames.dims}, expected uint16 of {VOCABULARY['frames'].dims}"
        )
    for name in FRAMES_ATTRS:
        value = found.attrs.get(name)
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float | np.number)
            or not np.isfinite(value)
        ):
            raise SchemaError(
                f"the frames have no number {name!r}"
                if value is None
                else f"the attribute {name!r} of the frames is {value!r}, expected a finite number"
            )


def times_s(movie: xr.DataArray) -> npt.NDArray[np.float64]:
    """The middle of every time point of a movie, in s.

    A movie of unknown duration has no coordinate ``time``; xarray would silently use 0, 1, 2 for it.

    Raises
    ------
    SchemaError
        If the movie has no coordinate ``time``.
    """
    if "time" not in movie.coords:
        raise SchemaError("it is not known how long a time point is; give point_s=0.05, say")
    return np.asarray(movie.time.values, np.float64)
