"""Localizations in nm and photons, from spots in pixels and counts."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from smlmsim import schema
from smlmsim.shot_noise import Counts

Floats = npt.NDArray[Any]


class Pixel(NamedTuple):
    """The edge of a pixel, and the middle of the first one along y and x, in nm."""

    nm: float
    y_nm: float
    x_nm: float


def pixel_of(frames: xr.Dataset) -> Pixel:
    """The pixels of camera frames."""
    y_nm, x_nm = (float(frames.variables[f"camera_{dim}"].values[0]) for dim in "yx")
    return Pixel(float(frames.attrs["camera_pixel_nm"]), y_nm, x_nm)


def table(
    frames: xr.Dataset,
    counts: Counts,
    frame: npt.NDArray[np.integer],
    y_px: Floats,
    x_px: Floats,
    *,
    uncertainty_px: Floats,
    light: Floats,
    background: Floats,
    sigma_px: Floats,
) -> xr.Dataset:
    """Make a table of those localizations that are finite, of some light, and within the frame.

    Parameters
    ----------
    frames : Dataset
        The camera frames.
    counts : Counts
        The same frames in counts.
    frame : array of int, shape (spot,)
        Frame among these frames; sorted.
    y_px, x_px : array of float, shape (spot,)
        Position in pixels; the middle of the first pixel is 0.
    uncertainty_px, light, background, sigma_px : array of float, shape (spot,)
        Standard error of the position in pixels, counts of the spot, counts of the background per pixel, and standard
        deviation of the spot in pixels, which may be NaN.

    Returns
    -------
    Dataset
        ``loc_frame``, ``loc_time`` in s, ``loc_y``, ``loc_x``, ``loc_uncertainty``, ``loc_sigma`` in nm,
        ``loc_intensity`` and ``loc_background`` in photons (localization,).
    """
    height, width = counts.variance.shape
    good = np.isfinite([y_px, x_px, uncertainty_px, light, background]).all(axis=0) & (light > 0)
    good &= (y_px >= -0.5) & (y_px < height - 0.5) & (x_px >= -0.5) & (x_px < width - 0.5)
    pixel, first = pixel_of(frames), int(frames.attrs["first_frame"])
    number = (first + frame[good]).astype(np.int32)
    columns = {
        "loc_y": pixel.y_nm + y_px * pixel.nm,
        "loc_x": pixel.x_nm + x_px * pixel.nm,
        "loc_uncertainty": uncertainty_px * pixel.nm,
        "loc_sigma": sigma_px * pixel.nm,
        "loc_intensity": light / counts.per_photon,
        "loc_background": np.maximum(background - counts.dark, 0) / counts.per_photon,
    }
    return schema.dataset(
        loc_frame=number,
        loc_time=(number + 0.5) * float(frames.attrs["exposure_s"]),
        **{name: values[good].astype(np.float32) for name, values in columns.items()},
    )
