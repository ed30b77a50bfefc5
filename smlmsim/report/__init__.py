"""The report of a grid: which reconstructor is best, where, by how much, how sure; and the movie of every cell."""

from smlmsim.grid.clips import recorded
from smlmsim.report.cost import costs
from smlmsim.report.page import write_report

__all__ = ["costs", "recorded", "write_report"]
