"""The localizations themselves."""

from __future__ import annotations

import numpy as np
import xarray as xr

from baselines.classic._units import PER_POINT
from smlmsim import schema
from smlmsim.spec import Spec


class Sparse(Spec):
    """The counts without any reconstruction: the image that every reconstructor should improve."""

    def reconstruct(self, observation: xr.Dataset) -> xr.Dataset:
        """Return ``density`` (time, y, x): the number of localizations in each pixel and time point."""
        return schema.estimate(
            meaning=PER_POINT,
            density=observation.counts.values.astype(np.float32),
            time=observation.time,
            y=observation.y,
            x=observation.x,
        )
