"""The mean of the localizations in a window of time."""

from __future__ import annotations

import numpy as np
import xarray as xr
from pydantic import PositiveFloat

from baselines.classic import _kernels, _weights
from baselines.classic._units import PER_POINT
from smlmsim import schema
from smlmsim.spec import Spec


class MovingWindow(Spec):
    """The mean over a window centred on each time point.

    If a window ends within a time point, that point is weighted by its fraction inside; a window no longer than a
    time point returns the counts unchanged. Near the ends of the movie the mean is over the observed time points.

    Parameters
    ----------
    window_s : float
        Full width of the window; by default five time points of 50 frames of 30 ms.
    """

    window_s: PositiveFloat = 7.5

    def reconstruct(self, observation: xr.Dataset) -> xr.Dataset:
        """Return ``density`` (time, y, x) in localizations per pixel and time point."""
        counts = np.ascontiguousarray(observation.counts.values, np.float32)
        time_s = observation.time.values
        density = np.empty_like(counts)
        _kernels.smooth_time(_weights.box(time_s, time_s, self.window_s), counts, density)
        return schema.estimate(
            meaning=PER_POINT, density=density, time=observation.time, y=observation.y, x=observation.x
        )
