"""The acquisition: when the camera records."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pydantic
import xarray as xr
from pydantic import PositiveFloat, PositiveInt

from smlmsim.spec import Spec

LEAST_LIKELY = 1e-6  # smallest probability of a dark beginning that is still believed


class Acquisition(Spec):
    """A movie of camera frames gathered into time points.

    The defaults are those of Bai 2023 (tel-04772446, chapter II.3): time points of 50 frames of 30 ms.

    Parameters
    ----------
    time_points : int
        Number of time points in the movie.
    frames_per_point : int
        Camera frames in one time point.
    exposure_s : float
        Duration of a camera frame; frames follow each other without a gap.
    steps_per_point : int
        Number of times that the moving structure is evaluated within a time point; odd, so that one is its middle.
        Between two evaluations a molecule moves along a straight line.
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
        """The number of camera frames in the movie."""
        return self.time_points * self.frames_per_point

    @property
    def duration_s(self) -> float:
        """The duration of the movie."""
        return self.frames * self.exposure_s

    @property
    def times_s(self) -> npt.NDArray[np.float64]:
        """The middle of every time point in s, shape (time,)."""
        return np.asarray((np.arange(self.time_points) + 0.5) * self.point_s)

    @property
    def step_times_s(self) -> npt.NDArray[np.float64]:
        """The times in s at which the moving structure is evaluated, shape (time * steps_per_point,)."""
        step_s = self.point_s / self.steps_per_point
        return np.asarray((np.arange(self.time_points * self.steps_per_point) + 0.5) * step_s)

    @property
    def middle_steps(self) -> slice:
        """Which of the steps are the middles of the time points."""
        return slice(self.steps_per_point // 2, None, self.steps_per_point)

    def frame_times_s(self, frames: npt.NDArray[np.integer]) -> npt.NDArray[np.float64]:
        """The middle in s of camera frames that are counted from 0."""
        times_s = np.asarray(frames + 0.5)
        times_s *= self.exposure_s
        return times_s


def recorded_frames(table: xr.Dataset) -> tuple[int, int]:
    """Return the first recorded camera frame and the one after the last, counted from 0.

    The attribute ``recorded_frames`` holds them if the table was selected from a larger one, so that leaving out
    localizations does not shorten the recording. Otherwise the recording begins as :func:`recorded_from` says, and
    ends after the number of frames in the attribute ``frames``, or with the last localization if that is later.

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

    It begins at frame 0, unless the empty frames before the first localization have a probability below one in a
    million at the localization rate of the rest. Then the table is taken for a stretch of a longer recording, which
    begins at the frame of the first localization.

    Parameters
    ----------
    first_frame, last_frame : int
        Camera frames of the first and the last localization.
    localizations : int
        Number of localizations.

    Examples
    --------
    >>> recorded_from(30, 999, 100), recorded_from(100_000, 100_999, 100)
    (0, 100000)
    """
    expected = first_frame * localizations / (last_frame - first_frame + 1)
    return 0 if expected < -math.log(LEAST_LIKELY) else first_frame
