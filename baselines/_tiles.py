"""Overlapping tiles, blended without seams, for movies larger than a network takes at once."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from baselines._wide_sum import WideSum

Floats = npt.NDArray[np.float32]
Shape = tuple[int, int, int]

OVERLAP = 0.25
"""Least overlap of neighbouring tiles, as a fraction of a tile: blending over it hides the seams."""
PAD_MODES = ("edge", "reflect", "reflect")


class Tile(NamedTuple):
    """Part of a movie: its place, the padding at its end, and its blending weights along each axis."""

    place: tuple[slice, slice, slice]
    padding: Shape
    weights: tuple[Floats, Floats, Floats]

    def cut(self, movie: npt.NDArray[Any] | WideSum) -> Floats:
        """Cut the tile out of a movie (time, y, x); pad in time with the last frame, and in space by reflection."""
        tile = np.asarray(movie[self.place], np.float32)
        for axis, (mode, pad) in enumerate(zip(PAD_MODES, self.padding, strict=True)):
            width = [(0, pad if axis == other else 0) for other in range(3)]
            tile = np.pad(tile, width, mode=mode) if pad else tile  # type: ignore[call-overload]
        return tile

    def add(self, image: Floats, total: Floats) -> None:
        """Add a reconstruction of the tile to a movie, with the weights of the tile."""
        time, y, x = (len(weight) for weight in self.weights)
        along_t, along_y, along_x = self.weights
        weight = along_t[:, None, None] * along_y[:, None] * along_x
        total[self.place] += image[:time, :y, :x] * weight


def tiles(shape: Shape, largest: Shape, multiple: Shape) -> Iterator[Tile]:
    """Cover a movie with tiles that overlap by a quarter at least; at every pixel, their weights add up to 1.

    Parameters
    ----------
    shape : (int, int, int)
        Time points, rows and columns of the movie.
    largest : (int, int, int)
        Largest tile. A movie that fits is one tile.
    multiple : (int, int, int)
        Tiles are padded at their end to a multiple of this size.
    """
    axes = [list(_spans(*axis)) for axis in zip(shape, largest, multiple, strict=True)]
    for spans in itertools.product(*axes):
        places, paddings, weights = zip(*spans, strict=True)
        yield Tile(places, paddings, weights)


def _spans(size: int, largest: int, multiple: int) -> Iterator[tuple[slice, int, Floats]]:
    """Yield the place, padding and weights of each tile along one axis."""
    largest = max(largest // multiple, 1) * multiple
    if size <= largest:
        yield slice(0, size), -size % multiple, np.ones(size, np.float32)
        return
    number = math.ceil((size - largest) / max(largest * (1 - OVERLAP), 1)) + 1
    starts = np.linspace(0, size - largest, number).round().astype(int)
    weights = np.zeros((number, size))
    for weight, start in zip(weights, starts, strict=True):
        weight[start : start + largest] = np.hanning(largest + 2)[1:-1]
    weights[0, : starts[1]] = weights[-1, starts[-2] + largest :] = 1
    weights /= weights.sum(axis=0)
    for weight, start in zip(weights, starts, strict=True):
        place = slice(int(start), int(start) + largest)
        yield place, 0, weight[place].astype(np.float32)
