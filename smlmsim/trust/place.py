"""Where a table lies on a map of scores: its rate, and its velocity from whatever tells it."""

from __future__ import annotations

import logging
from collections.abc import Callable

import xarray as xr

from smlmsim.acquisition import recorded_frames
from smlmsim.estimate.localization_velocity import localization_velocity
from smlmsim.estimate.location import RATE, VELOCITY, Box, experiment_box
from smlmsim.estimate.rate import localization_rate, localization_rates
from smlmsim.estimate.velocity import FilamentVelocity
from smlmsim.estimate.widefield_velocity import filament_velocity
from smlmsim.field import FieldOfView
from smlmsim.trust.expect import USUAL_PIXEL_NM, axis_range, study_of, window_s
from smlmsim.trust.findings import Place, Velocities

STRETCHES = 10
"""Number of parts of equal length in which the rate is measured."""
_log = logging.getLogger(__name__)


def velocities(
    table: xr.Dataset,
    field: FieldOfView,
    exposure_s: float,
    *,
    widefield: xr.DataArray | None = None,
    sigma_nm: float = 90.0,
    stated_nm_per_s: float | None = None,
) -> Velocities:
    """Measure the velocity on the localizations and, if there are any, on widefield images.

    Raises
    ------
    ValueError
        If the stated velocity is negative.
    """
    if stated_nm_per_s is not None and stated_nm_per_s < 0:
        raise ValueError(
            f"velocity_nm_per_s={stated_nm_per_s:g} is negative; give velocity_nm_per_s=0 for fixed cells"
        )
    told, why_not = _measured(lambda: localization_velocity(table, exposure_s=exposure_s, field=field))
    if widefield is None:
        return Velocities(stated_nm_per_s, None, "", told, why_not)
    if widefield.sizes.get("time", 1) < 2:
        return Velocities(
            stated_nm_per_s, None, "a single widefield image shows no motion", told, why_not, True
        )
    seen, unseen = _measured(lambda: filament_velocity(widefield, sigma_nm=sigma_nm))
    if unseen:
        _log.warning("the velocity cannot be measured in the widefield images: %s", unseen)
    return Velocities(stated_nm_per_s, seen, unseen, told, why_not, True)


def _measured(measure: Callable[[], FilamentVelocity]) -> tuple[FilamentVelocity | None, str]:
    """A velocity, or why it could not be measured."""
    try:
        return measure(), ""
    except ValueError as error:
        return None, str(error)


def place_on_map(
    table: xr.Dataset,
    field: FieldOfView,
    scores: xr.Dataset,
    exposure_s: float,
    moved: Velocities,
    metric: str,
) -> tuple[Place, Box]:
    """Measure the rate of a table, and put it on a map with its velocity."""
    begin, end = recorded_frames(table)
    rate = localization_rate(table, exposure_s=exposure_s, field=field)
    rates = localization_rates(
        table, stretches=min(STRETCHES, end - begin), exposure_s=exposure_s, field=field
    )
    box = experiment_box(rates, moved.used)
    of_study = study_of(scores).get("field", {})
    found = Place(
        rate.reference_hz, rate.reference_error_hz, box.rate_hz, moved, axis_range(scores, RATE),
        axis_range(scores, VELOCITY), window_s(scores, box, None, metric),
        float(of_study.get("pixel_nm", USUAL_PIXEL_NM)), scores.sizes.get("seed", 1),
        str(scores[metric].attrs.get("long_name", metric)),
    )  # fmt: skip
    return found, box
