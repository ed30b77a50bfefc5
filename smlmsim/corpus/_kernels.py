"""From a movie to what is stored of it, and from stored contours to those of a crop: serial kernels, without the GIL.

A filament that leaves a periodic box jumps by the period to the other side, outside of the field. Each stretch of
time between two such jumps becomes a separate piece; outside its interval the piece is parked one period outside the
field, so that it cannot be seen. A crop keeps only the stretches of contour that ever come near it.

``tests/corpus/test_augmentation.py`` holds the crops against the movie they are cut from. On one core ``place`` is as
fast as fancy indexing and four products in numpy, which know nothing of jumps.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from smlmsim._contour_kernels import Period
from smlmsim.compiled import njit

Array = npt.NDArray[Any]

F32 = np.float32  # type of coordinates in a crop


class Circle(NamedTuple):
    """What is near a crop, whichever way it is turned."""

    y: np.float32
    x: np.float32
    radius: np.float32


class Pieces(NamedTuple):
    """Stretches of contour that come near: of each vertex, its number in the movie, its piece, and when it is there."""

    vertex: Array
    name: Array
    first: Array
    end: Array


@njit(error_model="numpy")
def count_steps(values: Array, per_step: np.float32, steps: Array) -> None:
    """Round a movie (time, y, x) to whole steps."""
    for t in range(values.shape[0]):
        for y in range(values.shape[1]):
            for x in range(values.shape[2]):
                steps[t, y, x] = np.uint16(np.rint(values[t, y, x] * per_step))


@njit(error_model="numpy")
def pieces_near(y: Array, x: Array, filament: Array, period: Period, near: Circle) -> Pieces:
    """Cut filaments where they jump, and find the stretches that come near, with one vertex more on either side.

    Parameters
    ----------
    y, x : array (time, vertex)
    filament : array (vertex,)
        Whose vertices they are.
    period : Period
        A jump is longer than half of it.
    near : Circle
    """
    # An empty list from which numba can tell the type of the entries.
    found = [(0, 0, 0, 0) for _ in range(0)]
    seen = np.zeros(filament.size + 2, np.bool_)
    name, start = -1, 0
    for stop in range(1, filament.size + 1):
        if stop < filament.size and filament[stop] == filament[start]:
            continue
        first = 0
        for end in range(1, y.shape[0] + 1):
            if end < y.shape[0] and not jumps(y, x, end, start, period):
                continue
            visitors(y[first:end, start:stop], x[first:end, start:stop], near, seen[start + 1 : stop + 1])
            seen[start] = seen[stop + 1] = False
            before = -1
            for v in range(start, stop):
                # One vertex more on either side of what comes near, so that its segments are whole.
                if seen[v] or seen[v + 1] or seen[v + 2]:
                    name += v != before + 1 or before < 0
                    found.append((v, name, first, end))
                    before = v
            first = end
        start = stop
    table = np.empty((4, len(found)), np.int64)
    for i, (v, piece, first, end) in enumerate(found):
        table[0, i], table[1, i], table[2, i], table[3, i] = v, piece, first, end
    return Pieces(table[0], table[1], table[2], table[3])


@njit(error_model="numpy")
def jumps(y: Array, x: Array, time: int, vertex: int, period: Period) -> bool:
    """Whether a vertex has jumped just before a time."""
    dy, dx = F32(y[time, vertex]) - F32(y[time - 1, vertex]), F32(x[time, vertex]) - F32(x[time - 1, vertex])
    return bool(abs(dy) > period[0] / F32(2) or abs(dx) > period[1] / F32(2))


@njit(error_model="numpy")
def visitors(y: Array, x: Array, near: Circle, seen: Array) -> None:
    """Mark the vertices of (time, vertex) that are ever near."""
    seen[:] = False
    square = near.radius * near.radius
    for t in range(y.shape[0]):
        for v in range(seen.size):
            # Stored vertices are integers. A circle, not the crop itself, serves every angle at which it may be turned.
            dy, dx = F32(y[t, v]) - near.y, F32(x[t, v]) - near.x
            seen[v] |= dy * dy + dx * dx < square


@njit(error_model="numpy")
def place(
    y: Array, x: Array, pieces: Pieces, period: Period, near: Circle, axes: Array, middle: Array, out: Array
) -> None:
    """Put pieces into the frame of a crop.

    Parameters
    ----------
    y, x : array (time, vertex)
    pieces : Pieces
    period : Period
    near : Circle
        Its centre is that of the crop.
    axes : array (yx, yx), float32
        Turns, mirrors and scales what is counted from the centre of the crop.
    middle : array (yx,), float32
        Where that centre comes to lie.
    out : array (yx, time, vertex), float32
        Overwritten.
    """
    # Whether a piece jumps before or after its interval depends on the vertex alone, not on time.
    before, after = np.zeros((pieces.vertex.size, 2), F32), np.zeros((pieces.vertex.size, 2), F32)
    for i in range(pieces.vertex.size):
        v, first, end = pieces.vertex[i], pieces.first[i], pieces.end[i]
        if first > 0:
            before[i, 0] = outwards(y[first, v], y[first - 1, v], period[0])
            before[i, 1] = outwards(x[first, v], x[first - 1, v], period[1])
        if end < out.shape[1]:
            after[i, 0] = outwards(y[end - 1, v], y[end, v], period[0])
            after[i, 1] = outwards(x[end - 1, v], x[end, v], period[1])
    # Time outside, vertices inside: what is written lies side by side.
    vertex, first, end = pieces.vertex, pieces.first, pieces.end
    for t in range(out.shape[1]):
        for i in range(vertex.size):
            v, now = vertex[i], min(max(t, first[i]), end[i] - 1)
            dy, dx = F32(y[now, v]) - near.y, F32(x[now, v]) - near.x
            if t < first[i]:
                dy, dx = dy + before[i, 0], dx + before[i, 1]
            elif t >= end[i]:
                dy, dx = dy + after[i, 0], dx + after[i, 1]
            out[0, t, i] = axes[0, 0] * dy + axes[0, 1] * dx + middle[0]
            out[1, t, i] = axes[1, 0] * dy + axes[1, 1] * dx + middle[1]


@njit(error_model="numpy")
def visible_length(y: Array, x: Array, filament: Array, height: float, width: float) -> float:
    """The mean length over time (time, vertex) of the bonds whose first vertex is in a field with its corner at 0."""
    seen, total = np.zeros(filament.size, F32), 0.0
    for t in range(y.shape[0]):
        for v in range(filament.size):
            if 0 <= y[t, v] < height and 0 <= x[t, v] < width:
                seen[v] += F32(1)
    # Lengths are those at the first time: segments hardly stretch.
    for v in range(filament.size - 1):
        if filament[v] == filament[v + 1]:
            total += seen[v] * np.hypot(y[0, v + 1] - y[0, v], x[0, v + 1] - x[0, v])
    return float(total / y.shape[0])


@njit(error_model="numpy")
def outwards(here: Any, beyond: Any, period: np.float32) -> np.float32:
    """How far a vertex is moved along an axis on which it jumps between two places."""
    step = F32(here) - F32(beyond)
    return F32(np.sign(step)) * period if abs(step) > period / F32(2) else F32(0)
