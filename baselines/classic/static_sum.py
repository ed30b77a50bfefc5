"""All time points in one image."""

from __future__ import annotations

import numpy as np
import xarray as xr

from smlmsim import schema
from smlmsim.spec import Spec


class StaticSum(Spec):
    """The localizations of the whole movie in one image for all times: correct at rest, blurred by motion."""

    def reconstruct(self, observation: xr.Dataset) -> xr.Dataset:
        """Return ``density`` (time, y, x): the number of localizations in each pixel over all time points."""
        total = observation.counts.values.sum(axis=0, dtype=np.float64)
        return schema.estimate(
            meaning="localizations per pixel of the whole movie",
            density=np.repeat(total[None].astype(np.float32), observation.sizes["time"], axis=0),
            time=observation.time,
            y=observation.y,
            x=observation.x,
        )
