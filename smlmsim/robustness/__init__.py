"""How networks perform under conditions without training data: in other laboratories, and in perturbed cells."""

from smlmsim.robustness.differences import differences
from smlmsim.robustness.run import RobustnessError, run_robustness
from smlmsim.robustness.study import Robustness
from smlmsim.robustness.words import in_words

__all__ = ["Robustness", "RobustnessError", "differences", "in_words", "run_robustness"]
