"""The acquisition: when the camera looks."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pydantic
import xarray as xr
from pydantic import PositiveFloat, PositiveInt

from smlmsim.spec import Spec

LEAST_LIKELY = 1e-6  # of a dark beginning


class Acquisition(Spec):
    """A movie of camera frames gathered into time points.

    The defaults are those of Bai 2023 (tel-04772446, chapter II.3): time points of 50 frames of 30 ms.

    Parameters
    ----------
    time_points : int
        Length of the movie.
    frames_per_point : int
        Camera frames in one time point.
    exposure_s : float
        Duration of a camera frame; frames follow each other without a gap.
    steps_per_point : int
        Odd: how often the moving structure is evaluated within a time point, once in its middle. Between two
        evaluations a molecule moves along a straight line.
    """

    time_points: PositiveInt = 300
    frames_per_point: PositiveInt = 50
    exposure_s: PositiveFloat = 0.03
    steps_per_point: PositiveInt = 5

    @pydantic.field_validator("steps_per_point")
    @classmethod
    def _odd(cls, steps: int) -> int:
        if steps % 2 == 0:
            raise ValueError("steps_per_point is odd, so that one step is the middle of the time point")
        return steps

    @property
    def point_s(self) -> float:
        """The duration of a time point."""
        return self.frames_per_point * self.exposure_s

    @property
    def frames(self) -> int:
        """The camera frames in the movie."""
        return self.time_points * self.frames_per_point

    @property
    def duration_s(self) -> float:
        """The duration of the movie."""
        return self.frames * self.exposure_s

    @property
    def times_s(self) -> npt.NDArray[np.float64]:
        """The middle of every time point, shape (time,)."""
        return np.asarray((np.arange(self.time_points) + 0.5) * self.point_s)

    @property
    def step_times_s(self) -> npt.NDArray[np.float64]:
        """When the moving structure is evaluated, shape (time * steps_per_point,)."""
        step_s = self.point_s / self.steps_per_point
        return np.asarray((np.arange(self.time_points * self.steps_per_point) + 0.5) * step_s)

    @property
    def middle_steps(self) -> slice:
        """Which of the steps are the middles of the time points."""
        return slice(self.steps_per_point // 2, None, self.steps_per_point)

    def frame_times_s(self, frames: npt.NDArray[np.integer]) -> npt.NDArray[np.float64]:
        """The middle of some camera frames, counted from 0."""
        times_s = np.asarray(frames + 0.5)
        times_s *= self.exposure_s
        return times_s


def recorded_frames(table: xr.Dataset) -> tuple[int, int]:
    """The camera frames that were recorded, counted from 0: the first one, and the one behind the last.

    They are those of the attribute ``recorded_frames``, which a selection leaves so that what it leaves out does not
    shorten the recording. Otherwise a recording ends with the attribute ``frames``, their number, or with the last
    localization, and begins as :func:`recorded_from` says.

    Parameters
    ----------
    table : xr.Dataset
        ``loc_frame`` (localization,), counted from 0; not empty.
    """
    if "recorded_frames" in table.attrs:
        begin, end = (int(frame) for frame in table.attrs["recorded_frames"])
        return begin, end
    frame = table.loc_frame.values
    first, last = int(frame.min()), int(frame.max())
    return recorded_from(first, last, frame.size), max(last + 1, int(table.attrs.get("frames", 0)))


def recorded_from(first_frame: int, last_frame: int, localizations: int) -> int:
    """The camera frame at which a recording is taken to begin, counted from 0.

    A recording begins at frame 0, unless that many frames without a localization in front of the first one have a
    probability of less than a millionth at the rate of the rest: then it begins at the first one. A table that is a
    stretch of a longer recording is no recording with a long dark beginning.

    Parameters
    ----------
    first_frame, last_frame : int
        Of the first and the last localization.
    localizations : int
        Their number.

    Examples
    --------
    >>> recorded_from(30, 999, 100), recorded_from(100_000, 100_999, 100)
    (0, 100000)
    """
    expected = first_frame * localizations / (last_frame - first_frame + 1)
    return 0 if expected < -math.log(LEAST_LIKELY) else first_frame
