"""The trust report: what can be said, without a truth, about the reconstruction of one measured table."""

from smlmsim.trust.choice import Given
from smlmsim.trust.examine import Examination, examine
from smlmsim.trust.findings import Findings
from smlmsim.trust.page import write_page

__all__ = ["Examination", "Findings", "Given", "examine", "write_page"]
