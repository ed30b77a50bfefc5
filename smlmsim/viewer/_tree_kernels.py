"""The quadtree of localizations: serial kernels, without the GIL.

Localizations come in random order and each stays in the first tile on its way down that has room. The first n of all
are then a uniform random sample, wherever they lie, and those of them in a tile are the first of that tile. This is the
additive kind of a nested tree (Scheiblauer & Wimmer 2011, doi:10.1016/j.cag.2011.01.004).
"""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

from smlmsim.compiled import njit

Array = npt.NDArray[Any]

QUARTERS = 4


@njit(error_model="numpy")
def place(
    order: Array,
    y: Array,
    x: Array,
    room: int,
    deepest: int,
    corner: Array,
    edge: Array,
    parent: Array,
    filled: Array,
    first: Array,
    last: Array,
    tile_of: Array,
    number_in: Array,
    below: Array,
    before: int,
    tiles: int,
) -> int:
    """Find the tile of each localization, after those that have been placed before.

    Parameters
    ----------
    order : array (localization,), int
        Indices of the next ones, in the order in which they are placed.
    y, x : array (localization,)
        Positions within the first tile.
    room : int
        Localizations that a tile holds, save those of the deepest level, which hold all that come.
    deepest : int
        Number of levels below the first tile.
    corner, edge : array (tile, 2) and (tile,)
        Upper left corner (y, x) and edge of the tiles; that of the first is given, others are written.
    parent, filled : array (tile,), int
        The tile above, -1 for the first, and the number of localizations.
    first, last : array (tile,), int
        The positions in the whole order of the first and the last localization of the tile.
    tile_of, number_in : array (localization,), int
        Overwritten: the tile, and how many came there before.
    below : array (tile, 4), int
        The tiles below; -1 where there is none yet.
    before : int
        Number of localizations that have been placed before.
    tiles : int
        Number of tiles before, at least the first.

    Returns
    -------
    int
        Number of tiles, which the arrays must have room for.
    """
    for number in range(order.size):
        index = order[number]
        tile = 0
        for _ in range(deepest):
            if filled[tile] < room:
                break
            half = 0.5 * edge[tile]
            lower = y[index] >= corner[tile, 0] + half
            right = x[index] >= corner[tile, 1] + half
            quarter = 2 * int(lower) + int(right)
            if below[tile, quarter] < 0:
                below[tile, quarter] = tiles
                corner[tiles, 0] = corner[tile, 0] + half * lower
                corner[tiles, 1] = corner[tile, 1] + half * right
                edge[tiles] = half
                parent[tiles] = tile
                first[tiles] = before + number
                tiles += 1
            tile = below[tile, quarter]
        tile_of[index] = tile
        number_in[index] = filled[tile]
        filled[tile] += 1
        last[tile] = before + number
    return tiles


@njit(error_model="numpy")
def gather(group_of: Array, start: Array, column: Array, origin: Array, gathered: Array) -> None:
    """Sort a column by group; localizations of one group keep their order.

    Parameters
    ----------
    group_of : array (localization,), int
    start : array (group,), int
        Index of the first localization of each group.
    column : array (localization,)
    origin : array (group,)
        Subtracted from the values of a group.
    gathered : array (localization,)
        Overwritten.
    """
    cursor = start.copy()
    for index in range(column.size):
        group = group_of[index]
        gathered[cursor[group]] = column[index] - origin[group]
        cursor[group] += 1
