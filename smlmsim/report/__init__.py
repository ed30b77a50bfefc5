"""The report of a grid: which reconstructor is best where, by how much and how significantly; with all movies."""

from smlmsim.grid.clips import recorded
from smlmsim.report.cost import costs
from smlmsim.report.page import write_report

__all__ = ["costs", "recorded", "write_report"]
