"""Localizations counted per pixel and time point: the input of a reconstructor."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from smlmsim import _sparse_kernels, schema
from smlmsim.acquisition import Acquisition
from smlmsim.field import FieldOfView


def bin_localizations(
    localizations: xr.Dataset,
    field: FieldOfView,
    acquisition: Acquisition,
    *,
    channels: Sequence[str] | None = None,
) -> xr.Dataset:
    """Count the localizations in every pixel of every time point.

    The upper and left edges belong to a pixel, the others do not. Localizations outside the field stay in the
    table and are not counted.

    Parameters
    ----------
    localizations : xr.Dataset
        ``loc_frame``, ``loc_y``, ``loc_x`` (localization,), in any order.
    field : FieldOfView
        The pixels.
    acquisition : Acquisition
        The camera frames that make up each time point.
    channels : sequence of str, optional
        The names of the channels that ``loc_channel`` counts from 0: each is counted by itself. By default all
        localizations are counted together, whatever their channel.

    Returns
    -------
    xr.Dataset
        The localizations, with ``counts`` (time, y, x), uint16, added; (channel, time, y, x) if channels are given.

    Raises
    ------
    smlmsim.schema.SchemaError
        If frames or positions are missing or not finite.
    ValueError
        If a frame lies outside of the acquisition, if a localization is of none of the channels, or if a pixel
        gathers more than 65535 localizations in one time point.
    """
    schema.check(localizations, "loc_frame", "loc_y", "loc_x")
    frame, y, x = (localizations.variables[name].values for name in ("loc_frame", "loc_y", "loc_x"))
    _require_in_movie(frame, acquisition)
    image: dict[str, npt.NDArray[Any]] = {
        "counts": np.empty((acquisition.time_points, *field.shape), np.uint16),
        "time": acquisition.times_s,
        "y": field.y_nm,
        "x": field.x_nm,
    }
    if channels is None:
        _count(frame, y, x, field, acquisition, image["counts"])
    else:
        image["channel"] = np.array(channels, dtype=np.str_)
        image["counts"] = np.empty((len(channels), *image["counts"].shape), np.uint16)
        for counts, chosen in zip(image["counts"], _by_channel(localizations, channels), strict=True):
            _count(frame[chosen], y[chosen], x[chosen], field, acquisition, counts)
    return _with_image(localizations, {name: schema.variable(name, values) for name, values in image.items()})


def _count(
    frame: npt.NDArray[Any],
    y: npt.NDArray[Any],
    x: npt.NDArray[Any],
    field: FieldOfView,
    acquisition: Acquisition,
    counts: npt.NDArray[np.uint16],
) -> None:
    """Count localizations in an image (time, y, x), which is filled."""
    refused = _sparse_kernels.count(
        frame,
        y,
        x,
        acquisition.frames_per_point,
        field.origin_y_nm,
        field.origin_x_nm,
        _pixels_per_nm(field),
        counts,
    )
    if refused >= 0:
        raise ValueError(
            f"more than {_sparse_kernels.MOST} localizations in time point "
            f"{frame[refused] // acquisition.frames_per_point} in the pixel at y = {y[refused]:g} nm, "
            f"x = {x[refused]:g} nm; choose smaller pixels or fewer frames per time point"
        )


def _by_channel(localizations: xr.Dataset, channels: Sequence[str]) -> list[npt.NDArray[np.intp]]:
    """Which localizations are of each channel."""
    schema.check(localizations, "loc_channel")
    number = localizations.variables["loc_channel"].values
    if number.size and not 0 <= number.min() <= number.max() < len(channels):
        raise ValueError(
            f"loc_channel counts {len(channels)} channels from 0, found {number.min()} to {number.max()}"
        )
    return [np.flatnonzero(number == place) for place in range(len(channels))]


def _with_image(localizations: xr.Dataset, image: dict[str, xr.Variable]) -> xr.Dataset:
    """Replace the image of a dataset in one step; a merge would take longer than the counting."""
    table = {
        n: v for n, v in localizations.variables.items() if not {"channel", "time", "y", "x"} & set(v.dims)
    }
    coords = {name: table.pop(name) for name in localizations.coords if name in table}
    return xr.Dataset({**table, **image}, coords, localizations.attrs)


def bin_chunks(chunks: Iterable[xr.Dataset], field: FieldOfView, acquisition: Acquisition) -> xr.Dataset:
    """Count the localizations of a table that is read in pieces and need not fit in memory.

    It needs memory for the counts and one piece, and for a second copy of the counts if the table is not
    sorted by frame.

    Parameters
    ----------
    chunks : iterable of xr.Dataset
        Pieces of a table, as from :func:`smlmsim.io.chunks`.
    field, acquisition :
        As in :func:`bin_localizations`.

    Returns
    -------
    xr.Dataset
        ``counts`` (time, y, x), uint16.

    Raises
    ------
    smlmsim.schema.SchemaError, ValueError
        As :func:`bin_localizations`.
    """
    counts = np.zeros((acquisition.time_points, *field.shape), np.uint16)
    for chunk in chunks:
        schema.check(chunk, "loc_frame", "loc_y", "loc_x")
        frame = chunk.loc_frame.values
        _require_in_movie(frame, acquisition)
        first, last = (int(end) // acquisition.frames_per_point for end in (frame.min(), frame.max()))
        points = acquisition.replace({"time_points": last - first + 1})
        piece = schema.dataset(
            loc_frame=frame - first * acquisition.frames_per_point, loc_y=chunk.loc_y, loc_x=chunk.loc_x
        )
        added = bin_localizations(piece, field, points).counts.values
        gathered = counts[first : last + 1]
        gathered += added
        if (full := gathered < added).any():
            point, row, column = np.argwhere(full)[0]
            raise ValueError(
                f"more than {_sparse_kernels.MOST} localizations in time point {first + point} in the pixel at "
                f"y = {field.y_nm[row]:g} nm, x = {field.x_nm[column]:g} nm; choose smaller pixels or fewer frames per "
                "time point"
            )
    return schema.dataset(counts=counts, time=acquisition.times_s, y=field.y_nm, x=field.x_nm)


def _require_in_movie(frame: npt.NDArray[Any], acquisition: Acquisition) -> None:
    first, last = frame.min(initial=0), frame.max(initial=0)
    if first < 0 or last >= acquisition.frames:
        raise ValueError(
            f"found frames from {first} to {last}; the acquisition has 0 to {acquisition.frames - 1}"
        )


def _pixels_per_nm(field: FieldOfView) -> float:
    """One over the pixel, rounded up, so that a position on the edge between two pixels is never in the first."""
    return float(np.nextafter(1 / field.pixel_nm, np.inf))
