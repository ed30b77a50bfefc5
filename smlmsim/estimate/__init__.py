"""What is measured on data: how many localizations a second, where they lie, how fast filaments move."""

from smlmsim.estimate.calibration import Calibration, calibration
from smlmsim.estimate.covered import field_of_view
from smlmsim.estimate.line import Line, busiest_line, line_profile
from smlmsim.estimate.rate import LocalizationRate, localization_rate
from smlmsim.estimate.summary import Summary, summarise
from smlmsim.estimate.velocity import ContourVelocity, contour_velocity

__all__ = [
    "Calibration",
    "ContourVelocity",
    "Line",
    "LocalizationRate",
    "Summary",
    "busiest_line",
    "calibration",
    "contour_velocity",
    "field_of_view",
    "line_profile",
    "localization_rate",
    "summarise",
]
