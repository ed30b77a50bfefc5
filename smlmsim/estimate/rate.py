"""How many localizations a second."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import xarray as xr

from smlmsim import schema
from smlmsim.estimate.covered import field_of_view
from smlmsim.field import FieldOfView

REFERENCE_UM2 = 2.56 * 2.56


class LocalizationRate(NamedTuple):
    """Localizations per second, in the field and per 2.56 x 2.56 um, with their Poisson standard errors."""

    rate_hz: float
    rate_error_hz: float
    reference_hz: float
    reference_error_hz: float

    def __str__(self) -> str:
        return (
            f"{self.rate_hz:.4g} ± {self.rate_error_hz:.2g} Hz in the field, "
            f"{self.reference_hz:.4g} ± {self.reference_error_hz:.2g} Hz per 2.56 x 2.56 um"
        )


def localization_rate(
    localizations: xr.Dataset, *, exposure_s: float | None = None, field: FieldOfView | None = None
) -> LocalizationRate:
    """Measure the mean rate of localizations, from the first camera frame to the last that has one.

    The standard error is that of N independent events in the duration T, sqrt(N) / T. Molecules that blink
    come in bursts: for them it is a lower bound.

    Parameters
    ----------
    localizations : xr.Dataset
        ``loc_frame``, ``loc_y``, ``loc_x``.
    exposure_s : float, optional
        Duration of a camera frame; by default the attribute ``exposure_s`` of the dataset.
    field : FieldOfView, optional
        Where to count; by default the field that all localizations cover.

    Raises
    ------
    ValueError
        If the exposure is neither given nor known or not positive, or if no localization lies in the field.

    Examples
    --------
    >>> found = schema.dataset(loc_frame=[0, 1, 3], loc_y=[0.0, 2559.0, 9.0], loc_x=[0.0, 2559.0, 9.0])
    >>> print(localization_rate(found, exposure_s=0.03))
    25 ± 14 Hz in the field, 25 ± 14 Hz per 2.56 x 2.56 um
    """
    exposure_s = localizations.attrs.get("exposure_s") if exposure_s is None else exposure_s
    if exposure_s is None or not 0 < exposure_s < math.inf:
        raise ValueError(f"exposure_s is the positive duration of a camera frame, found {exposure_s!r}")
    schema.check(localizations, "loc_frame", "loc_y", "loc_x")
    field = field or field_of_view(localizations)
    inside = field.contains(localizations.loc_y.values, localizations.loc_x.values)
    number, fields = int(np.count_nonzero(inside)), field.area_um2 / REFERENCE_UM2
    if number == 0:
        raise ValueError(
            f"none of {inside.size} localizations lies in the field, so there is no rate to measure"
        )
    duration_s = (int(localizations.loc_frame.max()) + 1) * exposure_s
    rate, error = number / duration_s, math.sqrt(number) / duration_s
    return LocalizationRate(rate, error, rate / fields, error / fields)
