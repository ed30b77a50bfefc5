"""Figures: every function draws computed results and returns a matplotlib figure.

Displayed images are scaled to their own brightness; do not measure intensities on them.
"""

from smlmsim.figures.agreement import agreement
from smlmsim.figures.animation import require_movie, save_movie
from smlmsim.figures.files import require_known, save
from smlmsim.figures.heatmap import heatmap
from smlmsim.figures.kymograph import kymograph
from smlmsim.figures.limits import limit_map, two_rows
from smlmsim.figures.montage import montage, overlay
from smlmsim.figures.pairs import paired
from smlmsim.figures.predicted import predicted
from smlmsim.figures.ranks import cost, rank_table
from smlmsim.figures.robustness import course, laboratories, perturbation, profiles, quantity, robustness
from smlmsim.figures.windows import window_map
from smlmsim.figures.wins import win_map

__all__ = [
    "agreement", "cost", "course", "heatmap", "kymograph", "laboratories", "limit_map", "montage", "overlay", "paired",
    "perturbation", "predicted", "profiles", "quantity", "rank_table", "require_known", "require_movie", "robustness",
    "save", "save_movie", "two_rows", "win_map", "window_map",
]  # fmt: skip
