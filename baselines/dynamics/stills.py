"""Structures at rest as tensors: their images, and how the nodes of the grid move their vertices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt
import torch
import xarray as xr

from smlmsim.contour import bonds
from smlmsim.motion.learned import contour_image
from smlmsim.motion.periodic_grid import PeriodicGrid


class Still(NamedTuple):
    """A structure at rest.

    Parameters
    ----------
    image : float32 array (row, column)
        Its image at the nodes, relative to the mean.
    rest_nm : float32 array (yx, vertex)
        Its vertices.
    weight : float32 array (vertex, node)
        How much a node displaces a vertex.
    first : int array (segment,)
        The first vertex of every segment; the second is the next one.
    """

    image: npt.NDArray[np.float32]
    rest_nm: npt.NDArray[np.float32]
    weight: npt.NDArray[np.float32]
    first: npt.NDArray[np.int64]

    @classmethod
    def of(cls, structure: xr.Dataset, grid: PeriodicGrid) -> Self:
        """Prepare a structure."""
        rest = np.stack([structure.vertex_y.values, structure.vertex_x.values]).astype(np.float64)
        first = bonds(structure.filament.values)
        weight = grid.matrix(rest).toarray().astype(np.float32)
        return cls(contour_image(rest, first, grid), rest.astype(np.float32), weight, first)


class Stills(NamedTuple):
    """Some structures, padded to the same number of vertices and segments; a padded segment has the length 0."""

    image: torch.Tensor
    rest: torch.Tensor
    weight: torch.Tensor
    first: torch.Tensor
    is_real: torch.Tensor

    @classmethod
    def of(cls, stills: Sequence[Still]) -> Self:
        """Stack structures."""
        vertices, segments = (
            max(map(len, each))
            for each in ([still.weight for still in stills], [still.first for still in stills])
        )
        return cls(
            _tensor([still.image for still in stills]),
            _padded([still.rest_nm for still in stills], (2, vertices)),
            _padded([still.weight for still in stills], (vertices, stills[0].weight.shape[1])),
            _padded([still.first for still in stills], (segments,)),
            _padded([np.ones(len(still.first), bool) for still in stills], (segments,)),
        )

    def ends(self, shift_BT2YX: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Both ends of every segment in nm, (B, T, 2, segment) each, at given displacements of the nodes."""
        nodes_BMK = shift_BT2YX.flatten(3).flatten(1, 2)
        moved_BMN = nodes_BMK @ self.weight.mT
        place = self.rest[:, None] + moved_BMN.unflatten(1, (-1, 2))
        first = self.first[:, None, None].expand(*place.shape[:3], -1)
        last = (self.first + self.is_real)[:, None, None].expand(*place.shape[:3], -1)
        return place.gather(3, first), place.gather(3, last)


def _tensor(arrays: Sequence[npt.NDArray[np.generic]]) -> torch.Tensor:
    return torch.from_numpy(np.stack(arrays))


def _padded(arrays: Sequence[npt.NDArray[np.generic]], shape: tuple[int, ...]) -> torch.Tensor:
    """Stack arrays, with zeros after the ends of smaller ones."""
    found = np.zeros((len(arrays), *shape), arrays[0].dtype)
    for place, array in zip(found, arrays, strict=True):
        place[tuple(slice(size) for size in array.shape)] = array
    return torch.from_numpy(found)
