"""A movie: the observation and, if simulated, the truth."""

from __future__ import annotations

from typing import Any, NamedTuple

import xarray as xr

from smlmsim.acquisition import Acquisition
from smlmsim.field import FieldOfView
from smlmsim.memory import require_memory

BYTES_PER_PIXEL = 16
"""Memory per pixel and time point for the counts, an estimate, and intermediate arrays."""


class Movie(NamedTuple):
    """An observation and the truth behind it; the truth is None for measured data."""

    observation: xr.Dataset
    truth: xr.Dataset | None


def require_room(field: FieldOfView, acquisition: Acquisition, remedy: str, *, channels: int = 1) -> None:
    """Refuse a movie that does not fit in memory.

    Parameters
    ----------
    field : FieldOfView
    acquisition : Acquisition
    remedy : str
        What to do about it, for the message.
    channels : int
        How many there are of each image.

    Raises
    ------
    ValueError
        Naming the memory needed and the memory available.
    """
    rows, columns = field.shape
    require_memory(
        BYTES_PER_PIXEL * channels * acquisition.time_points * rows * columns,
        (f"{channels} channels of " if channels > 1 else "")
        + f"{acquisition.time_points} time points of {rows} x {columns} pixels",
        remedy,
    )


def seen(field: FieldOfView, acquisition: Acquisition) -> dict[str, Any]:
    """Attributes that describe how the movie was taken, as an observer knows them."""
    return {
        "pixel_nm": field.pixel_nm,
        "exposure_s": acquisition.exposure_s,
        "frames_per_point": acquisition.frames_per_point,
    }
