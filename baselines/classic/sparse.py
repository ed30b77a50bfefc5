"""The localizations themselves."""

from __future__ import annotations

import numpy as np
import xarray as xr

from baselines.classic._units import PER_POINT
from smlmsim import schema
from smlmsim.spec import Spec


class Sparse(Spec):
    """What was seen and nothing else: the image that every other reconstructor sets out to improve."""

    def reconstruct(self, observation: xr.Dataset) -> xr.Dataset:
        """Return ``density`` (time, y, x): the localizations in each pixel and time point."""
        return schema.estimate(
            meaning=PER_POINT,
            density=observation.counts.values.astype(np.float32),
            time=observation.time,
            y=observation.y,
            x=observation.x,
        )
