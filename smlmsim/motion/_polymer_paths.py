"""From the coordinates of chains to their vertices over time."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from smlmsim.contour import Box
from smlmsim.motion._persistent_noise import DrivenCoordinates
from smlmsim.motion._polymer_chains import Chains
from smlmsim.motion._polymer_kernels import trace

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Vertices = npt.NDArray[np.float32] | npt.NDArray[np.float64]

LANES = 8
"""The number of slots is a multiple of it, for the vector units."""


def fill_paths(
    y: Vertices,
    x: Vertices,
    chains: Chains,
    driven: DrivenCoordinates,
    times_s: Floats,
    box: Box,
    key: np.uint64,
    rng: np.random.Generator,
) -> None:
    """Draw the paths of some chains, which are as given at the first time.

    Parameters
    ----------
    y, x : array, shape (time, vertex), nm
        The columns of the chains are filled in; their type is that of the arithmetic.
    chains : Chains
    driven : DrivenCoordinates
        Of shape (filament, vertices): the amplitudes of the modes, then the centre of mass along either axis.
    times_s : array, shape (time,)
    box : Box
    key : uint64
        The key of the random numbers.
    rng : np.random.Generator
        Draws the forces at the first time.
    """
    slots = _slots(chains.vertices)
    schedule = driven.schedule(times_s)
    state = _initial(chains, schedule.slope, schedule.spread, slots, rng)
    update = _padded(schedule.update)[..., slots].transpose(2, 3, 0, 1, 4)
    shapes = _padded(chains.modes.angles[: chains.vertices // 2], 2)[:, slots]
    trace(
        y,
        x,
        chains.first_vertex,
        chains.vertices,
        chains.bond_nm.astype(y.dtype),
        chains.centre_nm,
        np.array(box),
        np.ascontiguousarray(state, dtype=y.dtype),
        np.ascontiguousarray(update, dtype=y.dtype),
        schedule.persist.astype(y.dtype),
        schedule.update_of,
        np.ascontiguousarray(np.moveaxis(shapes, 0, 2), dtype=y.dtype),
        key,
        chains.number,
        0,
    )


def _initial(
    chains: Chains, slope: Floats, spread: Floats, slots: Integers, rng: np.random.Generator
) -> Floats:
    """Return the coordinates and the filtered estimates of their drives, shape (filament, parity, 2, slot)."""
    coordinate = _padded(chains.modes.amplitudes(chains.angles), 2)[:, slots]
    known = _padded(slope)[:, slots] * coordinate
    known += _padded(spread)[:, slots] * rng.standard_normal(known.shape)
    return np.stack([coordinate, known], axis=2)


def _slots(vertices: int) -> Integers:
    """Which coordinate is in which slot of the kernel, shape (parity, slot); ``vertices`` stands for none."""
    bonds, half = vertices - 1, vertices // 2
    slots = np.full((2, -(-(half + 1) // LANES) * LANES), vertices)
    slots[0, :half] = np.arange(0, bonds, 2)
    slots[1, : bonds - half] = np.arange(1, bonds, 2)
    slots[:, half] = bonds
    return slots


def _padded(values: Floats, more: int = 1) -> Floats:
    """Append zeros along the last axis, for the coordinates that the values lack."""
    return np.pad(values, [(0, 0)] * (values.ndim - 1) + [(0, more)])
