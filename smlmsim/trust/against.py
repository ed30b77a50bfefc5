"""The comparison of a reconstruction with widefield images of the same sample."""

from __future__ import annotations

import logging
import math
from typing import NamedTuple

import xarray as xr

from smlmsim.aligned import aligned
from smlmsim.metrics import score_against_widefield
from smlmsim.trust.findings import Widefield

_log = logging.getLogger(__name__)


class Judged(NamedTuple):
    """What was found, the images where they were compared, and where the reconstruction differs from them."""

    found: Widefield
    images: xr.DataArray
    error: xr.DataArray | None


def against(
    estimate: xr.DataArray, observation: xr.Dataset, widefield: xr.DataArray, *, sigma_nm: float
) -> Judged:
    """Move widefield images onto the localizations, and compare a reconstruction with them."""
    begin_s = float(observation.attrs["start_frame"]) * float(observation.attrs["exposure_s"])
    estimate, counts = (
        image.assign_coords(time=image.time + begin_s) for image in (estimate, observation.counts)
    )
    made = aligned(widefield, counts, sigma_nm=sigma_nm)
    found = Widefield(
        pixel_nm=float(widefield.x[1] - widefield.x[0]), is_moved=made.is_moved, unregistered=made.problem,
        shift_nm=math.hypot(made.found.shift_y_nm, made.found.shift_x_nm) if made.found else None,
        error_nm=made.found.error_nm if made.found else math.nan,
    )  # fmt: skip
    if made.problem:
        _log.info("the widefield images cannot be registered with the localizations: %s", made.problem)
    try:
        scores = score_against_widefield(estimate, made.stack)
    except ValueError as error:
        return Judged(found._replace(problem=str(error)), made.stack, None)
    found = found._replace(rsp=float(scores.rsp), rse=float(scores.rse), sigma_nm=float(scores.sigma_nm))
    return Judged(found, made.stack, scores.error)
