"""How well the reconstructions of two colours agree, which is measured beside the scores of a grid."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from smlmsim import channels
from smlmsim.agreement_ranks import MEASURES
from smlmsim.localization_density import explained_nm
from smlmsim.metrics import colocalization
from smlmsim.pipeline import TwoColours

ATTRS: dict[str, dict[str, Any]] = {
    name: {
        "long_name": meaning,
        "units": "1",
        "valid_range": [-1.0 if name.endswith("pearson") else 0.0, 1.0],
    }
    for name, meaning in MEASURES.items()
}


def measured_in(study: object) -> tuple[str, ...]:
    """The names of the measures of agreement that a grid of a study has."""
    return tuple(MEASURES) if isinstance(study, TwoColours) else ()


def measured(estimate: xr.Dataset | None, observation: xr.Dataset) -> npt.NDArray[np.float64]:
    """Measure the agreement of the two channels of an estimate (measure,); NaN where it cannot be measured.

    Centre lines agree within the distance that the precision of all localizations explains.
    """
    parts = [] if estimate is None else list(channels.split(estimate.density).values())
    nothing = np.full(len(MEASURES), np.nan)
    if len(parts) != 2 or not all(part.values.any() for part in parts):
        return nothing
    pixel_nm = float(observation.attrs["pixel_nm"])
    tolerance_nm = explained_nm(observation, pixel_nm) or pixel_nm
    found = colocalization(*parts, tolerance_nm=tolerance_nm)
    manders = (float(found.manders_one) + float(found.manders_other)) / 2
    return np.array([float(found.pearson), manders, float(found.skeleton)])
