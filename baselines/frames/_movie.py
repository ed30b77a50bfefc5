"""Camera frames in counts with their times, and images on the camera's pixels resampled to those of an observation."""

from __future__ import annotations

from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt
import xarray as xr

from smlmsim.shot_noise import counts_of

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]


class Movie(NamedTuple):
    """The frames of an observation, and the time points at which images of them are wanted.

    Parameters
    ----------
    counts : array of float32, shape (frame, camera_y, camera_x)
        See :func:`smlmsim.shot_noise.counts_of`.
    frame_times_s : array, shape (frame,)
        The middles of the frames, on the clock of the time points.
    times_s : array, shape (time,)
        The middles of the time points.
    pixel_nm : float
        Edge of a pixel of the camera.
    """

    counts: F32
    frame_times_s: F64
    times_s: F64
    pixel_nm: float

    @classmethod
    def of(cls, observation: xr.Dataset) -> Self:
        """Take the frames of an observation.

        Raises
        ------
        ValueError
            If the frames were recorded at other times than the time points.
        """
        counts = counts_of(observation).values
        exposure_s = float(observation.attrs["exposure_s"])
        first = int(observation.attrs["first_frame"])
        frame_times_s = np.asarray((first + np.arange(len(counts)) + 0.5) * exposure_s, np.float64)
        times_s = observation.time.values
        if not len(counts) or frame_times_s[-1] < times_s[0] or frame_times_s[0] > times_s[-1]:
            raise ValueError(
                f"the {len(counts)} frames from first_frame={first} on are not of the time points, "
                f"which go from {times_s[0]:g} to {times_s[-1]:g} s"
            )
        return cls(counts, frame_times_s, times_s, float(observation.attrs["camera_pixel_nm"]))

    def window(self, time_s: float, width_s: float) -> slice:
        """Return which frames have their middle in a window around a time; at least the one nearest to it."""
        middle = int(np.abs(self.frame_times_s - time_s).argmin())
        begin, end = np.searchsorted(self.frame_times_s, [time_s - width_s / 2, time_s + width_s / 2])
        return slice(min(int(begin), middle), max(int(end), middle + 1))

    def points(self) -> npt.NDArray[np.intp]:
        """Return the first frame of every time point, and the one after the last, shape (time + 1,)."""
        between = (self.times_s[1:] + self.times_s[:-1]) / 2
        inner = np.searchsorted(self.frame_times_s, between)
        return np.concatenate([[0], inner, [len(self.counts)]])


def resampled(image: F64, places_nm: tuple[F64, F64], observation: xr.Dataset) -> F32:
    """Interpolate an image linearly at the pixels of an observation; beyond its borders it continues unchanged.

    Parameters
    ----------
    image : array, shape (..., row, column)
    places_nm : (array, array)
        Where its rows and columns are, ascending, shapes (row,) and (column,).
    observation : Dataset
        With the coordinates ``y`` and ``x`` in nm.
    """
    across_y, across_x = (
        _linear(observation[axis].values, places) for axis, places in zip("yx", places_nm, strict=True)
    )
    return np.asarray(across_y @ image @ across_x.T, np.float32)


def _linear(at: F64, places: F64) -> F64:
    """The weights of linear interpolation, shape (at, place)."""
    return np.stack([np.interp(at, places, one) for one in np.eye(places.size)], axis=1)
