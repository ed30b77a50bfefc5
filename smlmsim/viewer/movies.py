"""The frames of a movie that lies under the localizations, in 8 bits."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from smlmsim import channels, io
from smlmsim.viewer.cloud import Time

MOST_PIXELS = 8192
"""Greatest height and width in pixels: what nearly all graphics processors can hold."""
BRIGHT = 0.9995
"""Fraction of the pixels that are not shown as white."""
SAMPLE = 10**6


@dataclass(frozen=True, eq=False)
class Movie:
    """The frames of one channel.

    Parameters
    ----------
    name : str
    frames : array (time, y, x)
        Brightness in any unit.
    edges_nm : tuple of 4 floats
        The outer edges of the pixels: x0, x1, y0, y1.
    time : Time
        The time points; in the unit "frames" if their duration is not known.
    white : float
        Brightness that is shown as white.
    """

    name: str
    frames: npt.NDArray[Any]
    edges_nm: tuple[float, float, float, float]
    time: Time
    white: float

    def frame(self, number: int) -> bytes:
        """Return the grey levels of a frame, row by row, one byte each.

        Raises
        ------
        IndexError
            If there is no such frame.
        """
        if not 0 <= number < self.time.steps:
            raise IndexError(f"{self.name} has no frame {number}")
        levels = self.frames[number].astype(np.float32) * np.float32(255 / self.white)
        return bytes(np.clip(np.nan_to_num(levels), 0, 255).astype(np.uint8))


def read_movies(path: Path, *, pixel_nm: float | None = None, point_s: float | None = None) -> list[Movie]:
    """Read the movie of each channel of a stack.

    Raises
    ------
    ValueError
        If the images are larger than 8192 pixels, or the file cannot be read.
    OSError
        If there is no such file.
    """
    found = io.read(path, pixel_nm=pixel_nm, point_s=point_s)
    images = [image for image in found.data_vars.values() if image.dims[-3:] == ("time", "y", "x")]
    if not images:
        raise ValueError(f"{path} holds no movie (time, y, x)")
    parts = channels.panels({path.stem: images[0]})
    return [_movie(name, part, path) for name, part in parts.items()]


def _movie(name: str, part: xr.DataArray, path: Path) -> Movie:
    height, width = part.sizes["y"], part.sizes["x"]
    if max(height, width) > MOST_PIXELS:
        raise ValueError(
            f"{path} is of {height} x {width} pixels; at most {MOST_PIXELS} x {MOST_PIXELS} are shown, so make it of "
            "larger ones, pixel_nm=40"
        )
    values = part.values.reshape(-1)
    sample = values[:: max(1, values.size // SAMPLE)].astype(np.float32)
    white = float(np.nanquantile(sample, BRIGHT)) or float(np.nanmax(sample)) or 1.0
    return Movie(name, part.values, (*_edges(part, "x"), *_edges(part, "y")), _time(part), max(white, 1e-30))


def _edges(part: xr.DataArray, dim: str) -> tuple[float, float]:
    """The outer edges of the pixels along a dim, in nm."""
    middles = part[dim].values.astype(float)
    step = middles[1] - middles[0] if middles.size > 1 else 1.0
    return float(middles[0] - step / 2), float(middles[-1] + step / 2)


def _time(part: xr.DataArray) -> Time:
    steps = part.sizes["time"]
    if "time" not in part.coords:
        return Time(steps, 0.0, 1.0, "frames")
    middles = part.time.values.astype(float)
    step = float(middles[1] - middles[0]) if steps > 1 else 1.0
    return Time(steps, float(middles[0]) - step / 2, step, "s")
