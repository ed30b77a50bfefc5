"""The acquisition: when the camera records."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
import pydantic
import xarray as xr
from pydantic import PositiveFloat, PositiveInt

from smlmsim.spec import Spec

LEAST_LIKELY = 1e-6  # smallest probability of a dark beginning that is still believed
STEP_S = 0.3
"""With ``duration_s``, the structure is evaluated at least this often, in s, unless ``step_frames`` says otherwise."""
ROUNDING = 1e-9
"""Relative error by which a duration may fall short of whole frames or time points."""


class Acquisition(Spec):
    """A movie of camera frames gathered into time points.

    The defaults are those of Bai 2023 (tel-04772446, chapter II.3): time points of 50 frames of 30 ms.

    To compare time windows, give ``duration_s``: movies of one seed that differ in ``frames_per_point`` alone are then
    the same localizations of the same moving structure, gathered otherwise.

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
    duration_s : float, optional
        Duration of the movie in place of ``time_points``: there are as many whole time points as fit.
    step_frames : int, optional
        Camera frames between two evaluations of the structure, in place of ``steps_per_point`` and whatever the time
        points, up to ``frames_per_point``. Truth between two evaluations is interpolated. With ``duration_s`` the
        default is as many as fit in 0.3 s; without it, ``steps_per_point`` counts.
    """

    instead: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "time_points": ("duration_s",),
        "duration_s": ("time_points", "steps_per_point"),
        "steps_per_point": ("step_frames",),
        "step_frames": ("steps_per_point",),
    }

    time_points: PositiveInt = 300
    frames_per_point: PositiveInt = 50
    exposure_s: PositiveFloat = 0.03
    steps_per_point: PositiveInt = 5
    duration_s: PositiveFloat | None = None
    step_frames: PositiveInt | None = None

    @pydantic.field_validator("steps_per_point")
    @classmethod
    def _odd(cls, steps: int) -> int:
        if steps % 2 == 0:
            raise ValueError("steps_per_point is odd, so that one step is the middle of the time point")
        return steps

    @pydantic.model_validator(mode="after")
    def _of_duration(self) -> Self:
        """Fill in the time points and the steps of a given duration."""
        if self.duration_s is not None:
            fit = int(self.duration_s / self.point_s * (1 + ROUNDING))
            if fit == 0:
                raise ValueError(
                    f"duration_s={self.duration_s:g} is shorter than a time point of {self.point_s:g} s; set a longer "
                    "one, or fewer frames_per_point"
                )
            if "time_points" in self.model_fields_set and self.time_points != fit:
                raise ValueError(
                    f"time_points={self.time_points} and duration_s={self.duration_s:g} contradict each other: "
                    f"{fit} time points of {self.point_s:g} s fit; leave one of the two out"
                )
            object.__setattr__(self, "time_points", fit)
            if self.step_frames is None and "steps_per_point" not in self.model_fields_set:
                step_frames = max(1, int(STEP_S / self.exposure_s * (1 + ROUNDING)))
                object.__setattr__(self, "step_frames", step_frames)
        return self

    @pydantic.model_validator(mode="after")
    def _one_kind_of_steps(self) -> Self:
        if self.step_frames is None:
            return self
        if "steps_per_point" in self.model_fields_set:
            raise ValueError(
                f"found steps_per_point={self.steps_per_point} and step_frames={self.step_frames}; "
                "leave one of the two out"
            )
        if self.step_frames > self.frames_per_point:
            raise ValueError(
                f"the structure is evaluated every {self.step_frames} frames, but a time point has "
                f"{self.frames_per_point}; set step_frames={self.frames_per_point} or less"
            )
        return self

    @pydantic.model_serializer(mode="wrap")
    def _as_given(self, serialize: pydantic.SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what another setting stands in place of, and those that are not given."""
        found: dict[str, Any] = serialize(self)
        for given, other in (("duration_s", "time_points"), ("step_frames", "steps_per_point")):
            found.pop(given if getattr(self, given) is None else other, None)
        return found

    @property
    def clock(self) -> Acquisition:
        """The acquisition at whose steps the structure moves and molecules emit light.

        It is this one or, with ``step_frames``, one that has a time point for each step and does not depend on the time
        points of this one. Its movie may be longer, by less than a time point.
        """
        if self.step_frames is None:
            return self
        frames = self.frames
        if self.duration_s is not None:
            frames = int(self.duration_s / self.exposure_s * (1 + ROUNDING))
        return Acquisition(
            time_points=math.ceil(frames / self.step_frames),
            frames_per_point=self.step_frames,
            exposure_s=self.exposure_s,
            steps_per_point=1,
        )

    @property
    def point_s(self) -> float:
        """The duration of a time point."""
        return self.frames_per_point * self.exposure_s

    @property
    def frames(self) -> int:
        """The number of camera frames in the movie."""
        return self.time_points * self.frames_per_point

    @property
    def recorded_s(self) -> float:
        """The duration of all time points."""
        return self.frames * self.exposure_s

    @property
    def times_s(self) -> npt.NDArray[np.float64]:
        """The middle of every time point in s, shape (time,)."""
        return np.asarray((np.arange(self.time_points) + 0.5) * self.point_s)

    @property
    def step_times_s(self) -> npt.NDArray[np.float64]:
        """The times in s at which the moving structure is evaluated, shape (step,)."""
        if self.step_frames is not None:
            return self.clock.step_times_s
        step_s = self.point_s / self.steps_per_point
        return np.asarray((np.arange(self.time_points * self.steps_per_point) + 0.5) * step_s)

    @property
    def middle_steps(self) -> slice:
        """Which of the steps are the middles of the time points, if ``steps_per_point`` counts them."""
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
