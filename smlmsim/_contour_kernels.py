"""What the kernels of several stages do with contours that repeat: which periodic image is meant.

Each function takes scalars and is inlined into the loop that calls it. A period of :data:`smlmsim.contour.NEVER_NM`
stands for a structure that does not repeat: it divides and multiplies like any other, and no loop needs a branch.
"""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

from typing import Any

import numpy as np

from smlmsim.compiled import njit

# Plain tuples, not classes: numba could not read its cache on disk any more once a class in it is renamed.

Edges = tuple[np.float32, np.float32, np.float32, np.float32]
"""Top, bottom, left and right border of a rectangle in nm."""

Period = tuple[np.float32, np.float32]
"""After how many nm along y and x a structure repeats."""


@njit(forceinline=True, error_model="numpy")
def nearest(displacement: Any, period: Any) -> Any:
    """Return the displacement to the nearest periodic image: whole periods are taken out."""
    return displacement - period * np.rint(displacement / period)


@njit(forceinline=True, error_model="numpy", fastmath={"contract"})
def entered(position: Any, origin: Any, period: Any) -> Any:
    """Return the periodic image of a position that lies from ``origin`` on, less than a period farther."""
    return position - period * np.floor((position - origin) / period)
