"""Do networks hold up where they were not trained: in laboratories they never saw, and in cells that look different?"""

from smlmsim.robustness.differences import differences
from smlmsim.robustness.run import RobustnessError, run_robustness
from smlmsim.robustness.study import Robustness
from smlmsim.robustness.words import in_words

__all__ = ["Robustness", "RobustnessError", "differences", "in_words", "run_robustness"]
