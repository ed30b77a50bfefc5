"""Drawing only: every function takes what others computed and returns a matplotlib figure.

Displayed images are scaled to their own brightness; nothing drawn here is meant to be measured.
"""

from smlmsim.figures.files import save
from smlmsim.figures.heatmap import heatmap
from smlmsim.figures.kymograph import kymograph
from smlmsim.figures.montage import montage, overlay

__all__ = ["heatmap", "kymograph", "montage", "overlay", "save"]
