"""Blocks of eight consecutive bonds: as many as a vector register holds, so that no loop depends on their number."""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from smlmsim.compiled import njit

Floats = npt.NDArray[np.float32]
Indices = npt.NDArray[np.int32]
Integers = npt.NDArray[np.int64]

# A plain tuple, not a class: numba could not read its cache on disk any more once a class in it is renamed.

Blocks = tuple[Indices, Floats, Integers]
"""``first, linked, last``: block b has the eight bonds from the vertex ``first[b]`` on.

Of them the j-th counts ``linked[8 * b + j]`` times: once, or never if the block before has it too, or if it would
join two filaments. The last vertices of filaments, where it would, are ``last``.
"""

BLOCK = 8
_I, _II, _III, _IV, _V, _VI, _VII = [np.uint64(k) for k in range(1, BLOCK)]


@njit(error_model="numpy")
def cut(filament: npt.NDArray[Any]) -> Blocks:
    """Cut filaments, more than eight vertices in all, into blocks; the last one begins where it is whole."""
    bonds = filament.size - 1
    first = np.empty(-(-bonds // BLOCK), np.int32)
    linked = np.zeros(first.size * BLOCK, np.float32)
    for b in range(first.size):
        first[b] = min(b * BLOCK, bonds - BLOCK)
        for j in range(b * BLOCK - first[b], BLOCK):
            linked[b * BLOCK + j] = filament[first[b] + j] == filament[first[b] + j + 1]
    return first, linked, np.flatnonzero(filament[1:] != filament[:-1])


@njit(forceinline=True, error_model="numpy")
def copy(source: Floats, start: Any, target: Floats, place: Any) -> None:
    """Copy a block of numbers: read before any is written, they move at once though the arrays might overlap."""
    a, b, c, d = source[start], source[start + _I], source[start + _II], source[start + _III]
    e, f, g, h = source[start + _IV], source[start + _V], source[start + _VI], source[start + _VII]
    target[place], target[place + _I], target[place + _II], target[place + _III] = a, b, c, d
    target[place + _IV], target[place + _V], target[place + _VI], target[place + _VII] = e, f, g, h
