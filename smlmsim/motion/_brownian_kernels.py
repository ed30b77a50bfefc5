"""Explicit Brownian dynamics of bead-spring chains, vectorised along the beads.

The chains are laid end to end in flat arrays of *lanes*, one bead to a lane. A bond or a bend that is not
there has no stiffness, so no loop needs to know where a chain ends. The loops are short, touch few arrays
and run over a multiple of ``LANES_PER_VECTOR`` lanes: they become SIMD code without a remainder, and a bead
gets the same bits in whatever lane.

The numpy twin is ``_twin`` in ``tests/motion/test_brownian.py``. For 64 chains of 32 beads in float32 the kernel is
about 150 times as fast as OpenMM on its CPU platform with one thread (``benchmarks/bench_motion.py``).

On Intel processors with AVX-512, LLVM prefers vectors half as wide as possible; ``-prefer-256-bit`` at the
end of ``NUMBA_CPU_FEATURES`` makes these loops 1.4 times as fast there.

``t`` is the unit vector along a bond of length l, in units of the length at rest; ``inverse`` is 1 / l.
"""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from smlmsim._philox import philox
from smlmsim.compiled import njit

LANES_PER_COUNTER = 8
"""Beads that share a counter of Philox: it gives 16 bytes, and a bead takes one along each axis."""
LANES_PER_VECTOR = 32
"""The number of lanes is a multiple of it: two vectors of 16 float32, the widest there are, in each pass of a loop."""
KICK_RMS = math.sqrt((128**2 - 1) / 3)
"""Root mean square of the odd numbers from -127 to 127."""

_LOW = np.uint64(0xFFFFFFFF)  # mask of the lower 32 bits of a step
_32 = np.uint64(32)  # bits of a word
# The lowest bit of each of eight bytes: set, it makes signed bytes odd, from -127 to 127 and symmetric about zero.
_ODD = np.uint64(0x0101010101010101)
# All that lets the divisions and roots be approximated and fused; it makes float32 1.1 times as fast.
_FLAGS = {"contract", "arcp", "afn", "nsz", "reassoc"}

_inlined = njit(forceinline=True, error_model="numpy", fastmath=_FLAGS)


@njit(error_model="numpy", fastmath=_FLAGS)
def advance(
    y: npt.NDArray[Any],
    x: npt.NDArray[Any],
    stretch: npt.NDArray[Any],
    bend: npt.NDArray[Any],
    kick: npt.NDArray[Any],
    index: npt.NDArray[np.uint64],
    filament: npt.NDArray[np.uint64],
    key: np.uint64,
    first_step: int,
    steps: int,
) -> None:
    """Move the beads of some lanes by Euler-Maruyama steps, in place.

    Parameters
    ----------
    y, x : ndarray, (lane + 1,), float32 or float64
        Positions in units of the length of a bond at rest; the last entry is only read.
    stretch, bend, kick : ndarray, (lane,), of the same type
        Stiffness of the bond to the next lane and of the bend at the lane, both times the mobility and the
        time step, and the root mean square kick along one axis divided by ``KICK_RMS``. The stiffness past
        the end of a chain is 0.
    index, filament : ndarray, (lane / LANES_PER_COUNTER,), uint64
        Which part of which filament these lanes are: the address of their random numbers.
    key : uint64
        The key of the random numbers.
    first_step, steps : int
        Steps taken before, and steps to take.
    """
    lanes = stretch.size
    # Work on copies: the entry past the last lane belongs to the next block and must not move here.
    here_y, here_x = y.copy(), x.copy()
    next_y, next_x = here_y[1:], here_x[1:]
    inverse, tension = np.zeros(lanes, y.dtype), np.zeros(lanes, y.dtype)
    moment = np.zeros(lanes + 1, y.dtype)
    moment_next = moment[1:]
    before_y, t_y = _shifted(lanes, y.dtype)
    before_x, t_x = _shifted(lanes, y.dtype)
    pull_before_y, pull_y = _shifted(lanes, y.dtype)
    pull_before_x, pull_x = _shifted(lanes, y.dtype)
    # A random byte is a kick: by the central limit theorem their sum over many steps is Gaussian, and a byte costs an
    # eighth of the random words that a normal number takes.
    words = np.zeros((2, index.size), np.uint64)
    kicks = words.view(np.int8)
    kicks_y, kicks_x = kicks[0], kicks[1]
    for step in range(first_step, first_step + steps):
        _draw(words, index, filament, np.uint64(step), key)
        _bonds(here_y, here_x, next_y, next_x, stretch, t_y, t_x, inverse, tension)
        _bends(before_y, before_x, t_y, t_x, bend, moment)
        _pulls(t_y, t_x, inverse, tension, moment, moment_next, pull_y, pull_x)
        _move(here_y, pull_before_y, pull_y, kick, kicks_y)
        _move(here_x, pull_before_x, pull_x, kick, kicks_x)
    y[:lanes], x[:lanes] = here_y[:lanes], here_x[:lanes]


@_inlined
def _shifted(lanes: Any, dtype: Any) -> Any:
    """Return two views of one array, the first a lane behind; the second is aligned for SIMD stores."""
    # Entry 8 of float64 is 64 bytes from the start, the width of a vector: 1.06 times as fast as at entry 1.
    array = np.zeros(lanes + 8, dtype)
    return array[7:], array[8:]


@_inlined
def _draw(words: Any, index: Any, filament: Any, step: Any, key: Any) -> None:
    """Fill the bytes with odd numbers from -127 to 127, all as likely, one to a lane and axis."""
    for i in range(index.size):
        a, b, c, d = philox(index[i], filament[i], step & _LOW, step >> _32, key)
        # Two words make eight bytes along y, two along x.
        words[0, i] = np.uint64(a) | (np.uint64(b) << _32) | _ODD
        words[1, i] = np.uint64(c) | (np.uint64(d) << _32) | _ODD


@_inlined
def _bonds(
    y: Any, x: Any, next_y: Any, next_x: Any, stretch: Any, t_y: Any, t_x: Any, inverse: Any, tension: Any
) -> None:
    """Measure the bonds; the small constant keeps one between two chains finite, should its ends meet."""
    one, small = y.dtype.type(1), y.dtype.type(1e-12)
    for i in range(stretch.size):
        bond_y, bond_x = next_y[i] - y[i], next_x[i] - x[i]
        square = bond_y * bond_y + bond_x * bond_x + small
        # One root and one division give the length, its inverse and the unit vector.
        per_length = one / math.sqrt(square)
        inverse[i] = per_length
        t_y[i], t_x[i] = bond_y * per_length, bond_x * per_length
        tension[i] = stretch[i] * (square * per_length - one)


@_inlined
def _bends(before_y: Any, before_x: Any, t_y: Any, t_x: Any, bend: Any, moment: Any) -> None:
    """Turn the angle theta between two bonds into the moment bend * theta.

    theta / sin(theta) is a minimax polynomial in u = 1 - cos(theta), with a relative error of 3e-6 up to 90
    degrees.
    """
    real = t_y.dtype.type
    one = real(1)
    g0, g1, g2, g3 = real(1.0000026855), real(0.33307734940), real(0.13725515470), real(0.035091852810)
    g4, g5, g6 = real(0.082439229757), real(-0.059394564871), real(0.042320401050)
    for i in range(bend.size):
        sine = before_x[i] * t_y[i] - before_y[i] * t_x[i]
        u = one - before_x[i] * t_x[i] - before_y[i] * t_y[i]
        # Estrin's scheme: the pairs do not wait for one another.
        u2 = u * u
        ratio = (g0 + g1 * u) + u2 * ((g2 + g3 * u) + u2 * ((g4 + g5 * u) + u2 * g6))
        moment[i] = bend[i] * sine * ratio


@_inlined
def _pulls(
    t_y: Any, t_x: Any, inverse: Any, tension: Any, moment: Any, moment_next: Any, pull_y: Any, pull_x: Any
) -> None:
    """Add the forces of a bond on its first bead, minus those on its second: tension along, shear across it.

    A turn of the bond changes the bend at either end, so the shear is the difference of their moments over l.
    """
    for i in range(inverse.size):
        shear = (moment[i] - moment_next[i]) * inverse[i]
        pull_y[i] = tension[i] * t_y[i] + shear * t_x[i]
        pull_x[i] = tension[i] * t_x[i] - shear * t_y[i]


@_inlined
def _move(position: Any, pull_before: Any, pull: Any, kick: Any, kicks: Any) -> None:
    """Move every bead by what its two bonds and the heat do to it."""
    real = position.dtype.type
    for i in range(kick.size):
        position[i] += pull[i] - pull_before[i] + kick[i] * real(kicks[i])
