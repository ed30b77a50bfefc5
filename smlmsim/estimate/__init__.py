"""Measurements on data: localization rate, field of view, and the velocity, width and density of filaments."""

from smlmsim.estimate.calibration import Calibration, calibration
from smlmsim.estimate.covered import field_of_view, require_no_strays
from smlmsim.estimate.line import Line, busiest_line, line_profile
from smlmsim.estimate.localization_velocity import localization_velocity
from smlmsim.estimate.location import (
    Box,
    experiment_box,
    good_up_to,
    is_on_map,
    require_map,
    verdict,
    window_advice,
)
from smlmsim.estimate.plausibility import implausible, shown_frames
from smlmsim.estimate.rate import LocalizationRate, localization_rate, localization_rates
from smlmsim.estimate.structure_density import structure_density
from smlmsim.estimate.summary import Summary, summarise
from smlmsim.estimate.velocity import ContourVelocity, FilamentVelocity, contour_velocity
from smlmsim.estimate.widefield_velocity import filament_velocity
from smlmsim.estimate.width import FilamentWidth, filament_width

__all__ = [
    "Box",
    "Calibration",
    "ContourVelocity",
    "FilamentVelocity",
    "FilamentWidth",
    "Line",
    "LocalizationRate",
    "Summary",
    "busiest_line",
    "calibration",
    "contour_velocity",
    "experiment_box",
    "field_of_view",
    "filament_velocity",
    "filament_width",
    "good_up_to",
    "implausible",
    "is_on_map",
    "line_profile",
    "localization_rate",
    "localization_rates",
    "localization_velocity",
    "require_map",
    "require_no_strays",
    "shown_frames",
    "structure_density",
    "summarise",
    "verdict",
    "window_advice",
]
