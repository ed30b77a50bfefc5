"""The report of a grid: which reconstructor is best, where, by how much, how sure; and the movie of every cell."""

from smlmsim.report.page import write_report

__all__ = ["write_report"]
