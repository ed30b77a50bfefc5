"""The localization rate."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from smlmsim import schema
from smlmsim.acquisition import recorded_frames
from smlmsim.estimate.covered import field_of_view
from smlmsim.field import FieldOfView

REFERENCE_UM2 = 2.56 * 2.56
"""Area in um^2 to which rates refer: a field of 128 pixels of 20 nm."""


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
    """Measure the mean rate of localizations over the recorded interval.

    The interval is that of :func:`~smlmsim.acquisition.recorded_frames`. The standard error, sqrt(N) / T, assumes N
    independent localizations in the duration T. Blinking molecules give bursts: for them it is a lower bound.

    Parameters
    ----------
    localizations : xr.Dataset
        ``loc_frame``, ``loc_y``, ``loc_x``.
    exposure_s : float, optional
        Duration of a camera frame; by default the attribute ``exposure_s`` of the table.
    field : FieldOfView, optional
        Field in which localizations count; by default the one that all of them cover.

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
    frame, field, exposure_s = _inside(localizations, exposure_s, field)
    begin, end = recorded_frames(localizations)
    return _rate(frame.size, (end - begin) * exposure_s, field)


def localization_rates(
    localizations: xr.Dataset,
    *,
    stretches: int = 10,
    exposure_s: float | None = None,
    field: FieldOfView | None = None,
) -> list[LocalizationRate]:
    """Measure the rate over time, as :func:`localization_rate` does, in stretches of equal length.

    A stretch holds whole camera frames, so that their lengths may differ by one frame.

    Raises
    ------
    ValueError
        As :func:`localization_rate`, or if there are more stretches than frames.

    Examples
    --------
    >>> found = schema.dataset(loc_frame=[0, 1, 3], loc_y=[0.0, 2559.0, 9.0], loc_x=[0.0, 2559.0, 9.0])
    >>> [round(rate.rate_hz) for rate in localization_rates(found, stretches=2, exposure_s=0.1)]
    [10, 5]
    """
    frame, field, exposure_s = _inside(localizations, exposure_s, field)
    begin, end = recorded_frames(localizations)
    frames = end - begin
    if not 1 <= stretches <= frames:
        raise ValueError(
            f"found stretches={stretches} for a movie of {frames} frames; from 1 to {frames} are possible"
        )
    edges = begin + np.arange(stretches + 1) * frames // stretches
    numbers, _ = np.histogram(frame, bins=edges - 0.5)
    durations_s = np.diff(edges) * exposure_s
    return [_rate(int(n), float(t), field) for n, t in zip(numbers, durations_s, strict=True)]


def _inside(
    localizations: xr.Dataset, exposure_s: float | None, field: FieldOfView | None
) -> tuple[npt.NDArray[np.integer], FieldOfView, float]:
    """The frames of the localizations in the field, the field, and the exposure."""
    exposure_s = localizations.attrs.get("exposure_s") if exposure_s is None else exposure_s
    if exposure_s is None or not 0 < exposure_s < math.inf:
        raise ValueError(
            f"exposure_s, the duration of a camera frame, must be positive, found {exposure_s!r}"
        )
    schema.check(localizations, "loc_frame", "loc_y", "loc_x")
    field = field or field_of_view(localizations)
    inside = field.contains(localizations.loc_y.values, localizations.loc_x.values)
    if not inside.any():
        raise ValueError(
            f"none of {inside.size} localizations lies in the field, so there is no rate to measure"
        )
    return localizations.loc_frame.values[inside], field, exposure_s


def _rate(number: int, duration_s: float, field: FieldOfView) -> LocalizationRate:
    rate, error = number / duration_s, math.sqrt(number) / duration_s
    fields = field.area_um2 / REFERENCE_UM2
    return LocalizationRate(rate, error, rate / fields, error / fields)
