"""How networks perform under conditions without training data: in other laboratories, and in perturbed cells."""

from smlmsim.robustness.course import followed
from smlmsim.robustness.differences import differences
from smlmsim.robustness.quantity import quantities
from smlmsim.robustness.results import Results
from smlmsim.robustness.run import RobustnessError, run_robustness
from smlmsim.robustness.study import Robustness
from smlmsim.robustness.widths import widths
from smlmsim.robustness.words import in_words
from smlmsim.robustness.write import write_results

__all__ = [
    "Results",
    "Robustness",
    "RobustnessError",
    "differences",
    "followed",
    "in_words",
    "quantities",
    "run_robustness",
    "widths",
    "write_results",
]
