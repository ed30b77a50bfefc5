"""Spans: blinks that last for any time, followed through the camera frames in which they are on."""

from __future__ import annotations

from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt
import xarray as xr

from smlmsim import schema
from smlmsim.acquisition import Acquisition
from smlmsim.contour import Box, bonds, steps
from smlmsim.field import FieldOfView
from smlmsim.photophysics import _blinking_kernels, _span_kernels

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


class Contour(NamedTuple):
    """A moving contour with the segments that come near a field, on which molecules sit.

    Parameters
    ----------
    y, x : float32 array, shape (step, vertex)
        In nm.
    bonds : int array, shape (bond,)
        First vertex of every segment.
    rest_nm : array, shape (bond,)
        Lengths of the segments at the first step.
    near : bool array, shape (block, step)
        Whether any of a block of segments may touch the window until the next step.
    seen_nm : array, shape (time_point,)
        Length at rest of what is in the field, in the middle of every time point.
    box : Box
    """

    y: Floats
    x: Floats
    bonds: Integers
    rest_nm: Doubles
    near: npt.NDArray[np.bool_]
    seen_nm: Doubles
    box: Box

    @classmethod
    def of(cls, moving: xr.Dataset, field: FieldOfView, acquisition: Acquisition, margin_nm: float) -> Self:
        """Survey a moving structure.

        Raises
        ------
        smlmsim.schema.SchemaError
            If it lacks a variable, or a vertex is not finite.
        ValueError
            If it has other steps than the acquisition.
        """
        schema.check(moving, "filament", "vertex_y", "vertex_x")
        y, x = steps(moving, acquisition)
        on = bonds(moving.filament.values)
        rest_nm = np.hypot(y[0, on + 1] - y[0, on], x[0, on + 1] - x[0, on]).astype(np.float64)
        near = _blinking_kernels.find_near(y, x, field.edges(margin_nm))
        middles = np.arange(len(y))[acquisition.middle_steps]
        seen_nm = _blinking_kernels.visible(y, x, near, middles, on, rest_nm, field.edges())
        return cls(y, x, on, rest_nm, near, seen_nm, Box.of(moving))


def follow(
    contour: Contour,
    blinks: tuple[Integers, Floats, Doubles],
    field: FieldOfView,
    acquisition: Acquisition,
    *,
    share: float,
    margin_nm: float,
    frozen: bool = False,
) -> tuple[Integers, dict[str, npt.NDArray[Any]]]:
    """Make events of blinks.

    Parameters
    ----------
    blinks : tuple of arrays
        The first vertex of the segment on which each molecule sits, the part of the segment before it, and the times
        in s when it begins and ends, (2, blink).
    share : float
        Least part of a frame that a blink fills where it is listed.
    margin_nm : float
        Width of the margin around the field in which events are listed.
    frozen : bool
        Whether the structure rests at its middle position during a time point.

    Returns
    -------
    blink : int array, (event,)
        Number of the blink of every event.
    events : dict
        ``event_frame``, ``event_time``, ``event_y``, ``event_x``, ``event_on_fraction`` (event,), sorted by frame.
    """
    bond, along, times_s = blinks
    start, end = times_s / acquisition.exposure_s
    blink, frame, found = _span_kernels.follow(
        contour.y,
        contour.x,
        (bond, along, start, end),
        (
            acquisition.frames,
            acquisition.steps_per_point / acquisition.frames_per_point,
            share,
            acquisition.frames_per_point if frozen else 0,
        ),
        contour.near,
        field.edges(margin_nm),
        contour.box.period,
        2 * bond.size + 1,
    )
    order = np.argsort(frame, kind="stable")
    y, x, on_fraction = found[:, order]
    return blink[order], {
        "event_frame": frame[order],
        "event_time": acquisition.frame_times_s(frame[order]),
        "event_y": y,
        "event_x": x,
        "event_on_fraction": on_fraction,
    }
