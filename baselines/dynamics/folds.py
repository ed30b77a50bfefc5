"""Where a displacement folds the plane, and how it is smoothed there until it does not.

Shapes in names: B batch, Y and X nodes of a grid of cubic B-splines that repeats.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

REACH = 2
"""Nodes around a fold that are smoothed too."""
MOST_TRIES = 60
"""Most rounds of smoothing; what then still folds is left to the scale of the displacement."""


def jacobian(shift_B2YX: torch.Tensor, cell_nm: tuple[float, float]) -> torch.Tensor:
    """The Jacobian determinant at the nodes of the way to where displacements lead: areas after it over before it.

    Parameters
    ----------
    shift_B2YX : torch.Tensor
        Displacements along y and x in nm, coefficients of cubic B-splines; more dims may come before.
    cell_nm : (float, float)
        Distance of the nodes along y and x.

    Returns
    -------
    torch.Tensor
        (B, Y, X); 0 or less where the plane is folded.
    """
    along_y, along_x = (
        (_splined(shift_B2YX, other).roll(-1, axis) - _splined(shift_B2YX, other).roll(1, axis)) / (2 * cell)
        for axis, other, cell in ((-2, -1, cell_nm[0]), (-1, -2, cell_nm[1]))
    )
    stretched = (1 + along_y[..., 0, :, :]) * (1 + along_x[..., 1, :, :])
    return stretched - along_x[..., 0, :, :] * along_y[..., 1, :, :]


def unfolded(shift_B2YX: torch.Tensor, cell_nm: tuple[float, float], least: float) -> torch.Tensor:
    """Smooth displacements where their Jacobian determinant is below a least one, and around, until it is not."""
    for _ in range(MOST_TRIES):
        folds = jacobian(shift_B2YX, cell_nm) < least
        if not folds.any():
            break
        around = F.max_pool2d(_padded(folds[:, None].float(), REACH), 2 * REACH + 1, stride=1)
        near = F.avg_pool2d(_padded(around, 1), 3, stride=1)
        shift_B2YX = shift_B2YX + near * (F.avg_pool2d(_padded(shift_B2YX, 1), 3, stride=1) - shift_B2YX)
    return shift_B2YX


def _splined(values: torch.Tensor, axis: int) -> torch.Tensor:
    """The values of splines at their nodes along one axis."""
    return (4 * values + values.roll(1, axis) + values.roll(-1, axis)) / 6


def _padded(x_BCYX: torch.Tensor, nodes: int) -> torch.Tensor:
    return F.pad(x_BCYX, (nodes,) * 4, mode="circular")
