"""A movie: what was observed and what was there, whichever study made it."""

from __future__ import annotations

from typing import Any, NamedTuple

import xarray as xr

from smlmsim.acquisition import Acquisition
from smlmsim.field import FieldOfView
from smlmsim.memory import require_memory

BYTES_PER_PIXEL = 16
"""Of a movie: its counts, an estimate, and what is made in between."""


class Movie(NamedTuple):
    """What was observed, and what was there; the truth is None for measured data."""

    observation: xr.Dataset
    truth: xr.Dataset | None


def require_room(field: FieldOfView, acquisition: Acquisition, remedy: str, *, channels: int = 1) -> None:
    """Refuse a movie that the memory does not hold.

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
        With the size that it would take and the one that is available.
    """
    rows, columns = field.shape
    require_memory(
        BYTES_PER_PIXEL * channels * acquisition.time_points * rows * columns,
        (f"{channels} channels of " if channels > 1 else "")
        + f"{acquisition.time_points} time points of {rows} x {columns} pixels",
        remedy,
    )


def seen(field: FieldOfView, acquisition: Acquisition) -> dict[str, Any]:
    """What an observer knows of how the movie was taken."""
    return {
        "pixel_nm": field.pixel_nm,
        "exposure_s": acquisition.exposure_s,
        "frames_per_point": acquisition.frames_per_point,
    }
