"""Camera frames as counts with the noise of counting, which is what a localizer can weigh."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from smlmsim import schema
from smlmsim._shot_noise_kernels import MEDIAN
from smlmsim.camera import Camera

EXCESS = 2.0
"""Variance that electron multiplication adds to shot noise, as a factor (the gamma model of ``Camera``)."""
MAPS = {
    "offset": "camera_offset",
    "electrons_per_level": "camera_electrons_per_level",
    "read_noise_e": "camera_read_noise_e",
}
"""Setting of a camera -> the variable that holds the value of every pixel, if pixels differ."""

DARK_SHARE = 0.05
"""Share of the pixels of a frame that are taken for its darkest ones."""
DARKEST_LEVELS, DARKEST_SIGMAS = 5.0, 3.0
"""How far below its offset a dark pixel may be: grey levels, and standard deviations of the readout besides."""
DIFFERENCE = np.array([1, -4, 6, -4, 1], np.float32)
"""Weights of the fourth difference, in which the noise of frames is measured."""
DARKEST_COUNTS = 5.0
"""Expected variance of a pixel in counts below which it is left out: there, most differences are 0."""
FEWEST_PIXELS = 400
"""Fewest pixels of which the noise is believed: their median errs by 6 %, and twice that as neighbours share pixels."""

Floats = npt.NDArray[np.float32]


class Counts(NamedTuple):
    """Frames in units in which the variance of the shot noise equals its mean.

    The electrons before the multiplication are divided by the excess noise factor: m electrons with the variance 2 m
    become m / 2 counts with the variance m / 2. A Poisson distribution approximates these, and the readout adds a
    variance that every pixel has by itself (Huang et al. 2013, doi:10.1038/nmeth.2488).

    Parameters
    ----------
    values : array of float32, shape (frame, y, x)
    variance : array of float32, shape (y, x)
        Variance that the readout, and rounding to whole grey levels, add to the counts.
    per_photon : float
        Counts per photon.
    dark : float
        Expected counts per pixel and frame without light.
    """

    values: Floats
    variance: Floats
    per_photon: float
    dark: float


def counts_of(frames: xr.Dataset) -> Counts:
    """Convert camera frames to counts, by the calibration in their attributes and maps.

    Parameters
    ----------
    frames : Dataset
        See :func:`smlmsim.schema.check_frames`; ``spurious_e`` is 0 if there is no such attribute.

    Raises
    ------
    SchemaError
        If it is not a dataset of camera frames.
    ValueError
        If the calibration is impossible; the message names the setting.
    """
    schema.check_frames(frames)
    camera = _camera(frames)
    excess = EXCESS if camera.em_gain > 1 else 1.0
    offset, per_level, read_e = (_each_pixel(frames, camera, name) for name in MAPS)
    scale = per_level / (camera.em_gain * excess)
    levels = frames.variables["frames"].values.astype(np.float32)
    values = (levels - offset.astype(np.float32)) * scale.astype(np.float32)
    variance = (read_e**2 + per_level**2 / 12) / (camera.em_gain * excess) ** 2
    if not max(variance.max(), scale.max() * np.iinfo(np.uint16).max) < np.finfo(np.float32).max:
        raise ValueError(
            f"no camera has electrons_per_level={per_level.max():g} and read_noise_e={read_e.max():g}"
        )
    shape = levels.shape[1:]
    return Counts(
        np.ascontiguousarray(values),
        np.ascontiguousarray(np.broadcast_to(variance, shape), np.float32),
        camera.quantum_efficiency / excess,
        camera.spurious_e / excess,
    )


def noise_of(counts: Counts) -> float:
    """Measure the noise of frames, divided by that which their camera should have; about 1 if it is calibrated.

    The fourth difference along both axes removes what is smooth; of spots as wide as a pixel it leaves less than a
    quarter of what the second difference does (Immerkaer 1996, doi:10.1006/cviu.1996.0060). Its variance is that of the
    pixels that it takes, weighted by the squares of its weights, and counts estimate their own variance.

    Returns
    -------
    float
        1 for frames that are too dark or too small to tell.
    """
    if min(counts.values.shape[1:]) < len(DIFFERENCE):
        return 1.0
    squares = np.square(DIFFERENCE)
    expected = _along_both(counts.values + counts.variance, squares)
    bright = expected >= DARKEST_COUNTS * squares.sum() ** 2
    if np.count_nonzero(bright) < FEWEST_PIXELS:
        return 1.0
    relative = np.abs(_along_both(counts.values, DIFFERENCE)[bright]) / np.sqrt(expected[bright])
    return float(np.median(relative)) / MEDIAN


def _along_both(values: Floats, weights: Floats) -> Floats:
    """Sums of pixels (frame, y, x) with the products of given weights, where all of them are inside."""
    for axis in (1, 2):
        size = values.shape[axis] - weights.size + 1
        parts = [
            weight * np.take(values, np.arange(place, place + size), axis)
            for place, weight in enumerate(weights)
        ]
        values = np.sum(parts, axis=0, dtype=np.float32)
    return values


def below_offset(frames: xr.Dataset) -> float:
    """Measure by how many grey levels the darkest pixels of the first frame are darker than without any light.

    Parameters
    ----------
    frames : Dataset
        See :func:`smlmsim.schema.check_frames`.

    Returns
    -------
    float
        That of all but 5 % of the pixels; 0 if the noise of the readout, or small differences of pixels, explain it.
    """
    camera = _camera(frames)
    offset, per_level, read_e = (_each_pixel(frames, camera, name) for name in MAPS)
    below = offset - frames.variables["frames"].values[0]
    found = float(np.quantile(below, 1 - DARK_SHARE))
    return found if found > DARKEST_LEVELS + DARKEST_SIGMAS * float(np.median(read_e / per_level)) else 0.0


def _camera(frames: xr.Dataset) -> Camera:
    """The camera as the attributes of frames tell of it."""
    return Camera.model_validate(
        {name: frames.attrs[name] for name in Camera.model_fields if name in frames.attrs}
    )


def _each_pixel(frames: xr.Dataset, camera: Camera, name: str) -> npt.NDArray[np.float64]:
    """A setting of the camera: of every pixel (y, x), or one for all."""
    if MAPS[name] in frames.variables:
        schema.check(frames, MAPS[name])
        return np.asarray(frames.variables[MAPS[name]].values, np.float64)
    return np.asarray(getattr(camera, name), np.float64)
