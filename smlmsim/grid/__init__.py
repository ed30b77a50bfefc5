"""Grids: score every reconstructor in every cell of some axes, for several seeds, in a store that can resume."""

from smlmsim.grid.adding import stored_grid
from smlmsim.grid.grid import Axis, Cell, Grid
from smlmsim.grid.run import read_scores, run_grid

__all__ = ["Axis", "Cell", "Grid", "read_scores", "run_grid", "stored_grid"]
