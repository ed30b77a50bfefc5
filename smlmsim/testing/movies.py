"""Observations and camera frames to try plug-ins on."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy.ndimage import gaussian_filter

from smlmsim import channels, schema
from smlmsim.acquisition import Acquisition
from smlmsim.field import FieldOfView
from smlmsim.frames import Imaging
from smlmsim.widefield import with_images

FULL = np.iinfo(np.uint16).max
"""Localizations that a pixel can hold."""


def make_observation(
    counts: npt.ArrayLike, *, point_s: float = 1.5, pixel_nm: float = 20.0, origin_nm: float = 0.0
) -> xr.Dataset:
    """Make an observation of given counts, with each localization at the centre of its pixel.

    Parameters
    ----------
    counts : array_like, shape (time, y, x) or (channel, time, y, x)
        Localizations in every pixel and time point; channels are called "0", "1" and so on.
    point_s, pixel_nm : float
        Duration of a time point, which is one camera frame, and edge length of a pixel.
    origin_nm : float
        Position of the upper left corner of the field along both axes.

    Returns
    -------
    xarray.Dataset
        The observation as :func:`smlmsim.pipeline.simulate` returns it: ``counts`` uint16, the localizations
        ``loc_*`` sorted by frame, and the coordinates.

    Raises
    ------
    ValueError
        If a number of localizations is negative or more than a pixel can hold.
    """
    numbers = np.asarray(counts)
    if numbers.min() < 0 or numbers.max() > FULL:
        raise ValueError(f"counts go from 0 to {FULL}, found {numbers.min()} to {numbers.max()}")
    movie = numbers.astype(np.uint16)
    time_s, y_nm, x_nm = (np.arange(n) + 0.5 for n in movie.shape[-3:])
    time_s, y_nm, x_nm = time_s * point_s, origin_nm + y_nm * pixel_nm, origin_nm + x_nm * pixel_nm
    pixels = np.nonzero(movie)
    *channel, frame, row, column = (np.repeat(index, movie[pixels]) for index in pixels)
    order = np.argsort(frame, kind="stable")
    frame, row, column = frame[order], row[order], column[order]
    colours: dict[str, Any] = {}
    if channel:
        colours = {
            "loc_channel": channel[0][order].astype(np.int32),
            "channel": list(map(str, range(len(movie)))),
        }
    return schema.dataset(
        {"pixel_nm": pixel_nm, "exposure_s": point_s, "frames_per_point": 1},
        counts=movie,
        loc_frame=frame.astype(np.int32),
        loc_time=time_s[frame],
        loc_y=y_nm[row].astype(np.float32),
        loc_x=x_nm[column].astype(np.float32),
        loc_uncertainty=np.full(frame.size, 15, np.float32),
        time=time_s,
        y=y_nm,
        x=x_nm,
        **colours,
    )


def with_frames(observation: xr.Dataset, *, imaging: Imaging = Imaging(), seed: int = 0) -> xr.Dataset:
    """Add camera frames to an observation, with a molecule of 1000 photons where each localization is.

    Parameters
    ----------
    observation : Dataset
        From :func:`make_observation`, of one channel.
    imaging : Imaging
        The microscope and its camera; the frames cover the field.
    seed : int
        Seed of the noise.

    Returns
    -------
    xarray.Dataset
        Also with ``frames`` and their attributes, as :func:`smlmsim.schema.check_frames` describes them.
    """
    pixel_nm, attrs = float(observation.attrs["pixel_nm"]), observation.attrs
    rows, columns = (observation.sizes[axis] for axis in "yx")
    field = FieldOfView(
        height_nm=rows * pixel_nm, width_nm=columns * pixel_nm, pixel_nm=pixel_nm,
        origin_y_nm=float(observation.y[0]) - pixel_nm / 2, origin_x_nm=float(observation.x[0]) - pixel_nm / 2,
    )  # fmt: skip
    acquisition = Acquisition(
        time_points=observation.sizes["time"], frames_per_point=attrs["frames_per_point"],
        exposure_s=attrs["exposure_s"],
    )  # fmt: skip
    places = {f"event_{name}": observation[f"loc_{name}"].values for name in ("frame", "y", "x")}
    photons = np.full(observation.sizes["localization"], 1000, np.float32)
    events = schema.dataset(**places, event_photons=photons)
    frames = imaging.take(events, field, acquisition, np.random.default_rng(seed))
    return observation.assign(frames.variables).assign_attrs(attrs | frames.attrs)


def with_widefield(observation: xr.Dataset, *, sigma_nm: float = 100.0) -> xr.Dataset:
    """Add a widefield image of every time point to an observation: its counts, blurred.

    Parameters
    ----------
    observation : Dataset
        From :func:`make_observation`.
    sigma_nm : float
        Standard deviation of the blur.

    Returns
    -------
    xarray.Dataset
        Also with ``widefield`` (widefield_time, widefield_y, widefield_x), of all channels together.
    """
    counts = observation.counts
    summed = counts.sum(channels.CHANNEL) if channels.CHANNEL in counts.dims else counts
    sigma = sigma_nm / float(observation.attrs["pixel_nm"])
    images = gaussian_filter(summed.values.astype(np.float64), (0, sigma, sigma))
    return with_images(observation, summed.copy(data=images))


def make_frames(
    events: xr.Dataset,
    shape: tuple[int, int, int],
    *,
    imaging: Imaging = Imaging(),
    exposure_s: float = 0.03,
    origin_nm: float = 0.0,
    seed: int = 0,
) -> xr.Dataset:
    """Make camera frames of given events.

    Parameters
    ----------
    events : Dataset
        ``event_frame``, sorted, ``event_y`` and ``event_x`` in nm, and perhaps ``event_photons`` (event,).
    shape : (int, int, int)
        Number of frames, rows and columns.
    imaging : Imaging
        The microscope and its camera.
    exposure_s : float
        Duration of a frame.
    origin_nm : float
        Position of the upper left corner of the frames along both axes.
    seed : int
        Seed of the noise.

    Returns
    -------
    xarray.Dataset
        As :func:`smlmsim.schema.check_frames` describes it.
    """
    frames, rows, columns = shape
    pixel_nm = imaging.camera_pixel_nm
    field = FieldOfView(
        height_nm=rows * pixel_nm, width_nm=columns * pixel_nm, pixel_nm=pixel_nm,
        origin_y_nm=origin_nm, origin_x_nm=origin_nm,
    )  # fmt: skip
    acquisition = Acquisition(time_points=frames, frames_per_point=1, exposure_s=exposure_s)
    return imaging.take(events, field, acquisition, np.random.default_rng(seed))
