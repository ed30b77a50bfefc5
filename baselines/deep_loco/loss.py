"""How far the points are from the molecules: the distance of two weighted sets of points by a kernel.

Boyd, Jonas, Babcock & Recht 2018, doi:10.1101/267096: the maximum mean discrepancy with a sum of Laplace kernels.
"""

from __future__ import annotations

import torch

from baselines.deep_loco.model import Found

SCALES_PX = (0.25, 1.0, 4.0)
"""Distances over which the kernels fall to 1/e, in pixels."""
SOFT_PX = 0.02
"""Distance below which kernels are flat, so that they have a slope everywhere."""


def discrepancy(
    found: Found,
    corners: list[tuple[int, int]],
    edge: int,
    frame: torch.Tensor,
    place_px: torch.Tensor,
) -> torch.Tensor:
    """The squared distance of points and molecules per molecule, over all windows.

    Both are measures: of every window, the points by their probabilities, and the molecules in it by 1. Neither the
    order of the points nor their number matters. The distance is 0 where the points are those of the molecules.

    Parameters
    ----------
    found : Found
    corners : list of (int, int)
        Row and column of the first pixel of every window.
    edge : int
        Rows and columns of a window.
    frame : Tensor of int64, shape (molecule,)
    place_px : Tensor, shape (molecule, 2)
        Positions y and x in the frame.
    """
    window, molecule = _members(torch.tensor(corners), edge, place_px)
    row = frame[molecule] * len(corners) + window
    place, weight = _padded(row, place_px[molecule], found.logit.shape[0] * len(corners))
    points = torch.cat([found.place_px.flatten(0, 1), place], 1)
    mass = torch.cat([torch.sigmoid(found.logit).flatten(0, 1), -weight], 1)
    squared = (points[:, :, None] - points[:, None]).square().sum(-1)
    distance = (squared + SOFT_PX**2).sqrt()
    kernel = sum(torch.exp(distance / -scale) for scale in SCALES_PX)
    total: torch.Tensor = torch.einsum("wp,wpq,wq->", mass, kernel, mass)
    return total / (len(row) + len(points))


def _members(corner: torch.Tensor, edge: int, place_px: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Windows and the molecules in them, as pairs; a molecule is in several windows."""
    off = place_px[None] - (corner[:, None] - 0.5)
    window, molecule = ((off >= 0) & (off < edge)).all(-1).nonzero(as_tuple=True)
    return window, molecule


def _padded(row: torch.Tensor, place_px: torch.Tensor, rows: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Places (row, slot, 2) and weights (row, slot), 1 where there is a molecule, of molecules in rows."""
    order = torch.argsort(row, stable=True)
    number = torch.bincount(row, minlength=rows)
    slot = torch.arange(len(row)) - torch.repeat_interleave(number.cumsum(0) - number, number)
    place = place_px.new_zeros(rows, int(number.max()), 2)
    weight = place_px.new_zeros(place.shape[:2])
    place[row[order], slot], weight[row[order], slot] = place_px[order], 1.0
    return place, weight
