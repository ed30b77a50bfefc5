"""Brownian: explicit bead-spring dynamics of semiflexible filaments in a thermal bath."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
import xarray as xr
from pydantic import PositiveFloat

from smlmsim.contour import Box, Filaments, bonds, check_at_rest, moving
from smlmsim.motion._brownian_kernels import KICK_RMS, LANES_PER_COUNTER, LANES_PER_VECTOR, advance
from smlmsim.motion.open_chains import check_open
from smlmsim.rng import key
from smlmsim.spec import Spec

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

BOLTZMANN_PN_NM_PER_K = 1.380649e-2
"""Boltzmann constant in pN nm/K."""
PN_S_PER_NM2_PER_PA_S = 1e-6
"""A viscosity of 1 Pa s in pN s/nm^2."""
SAFE = 0.1
"""Default time step, relative to the largest stable one."""
LONGEST_BOND = 0.1
"""Longest bond in persistence lengths, for which bends of 90 degrees are five standard deviations."""
UNEQUAL_BONDS = 0.01
"""Largest spread of the bond lengths of a filament, relative to their mean."""
LANES_PER_BLOCK = 512
"""Beads that go through all steps together: their arrays fill 40 kB, which stay in the cache."""
BEAD_STEPS_PER_HOUR = 4e8 * 3600
"""Approximate number of bead-steps that one core computes in an hour."""


class Brownian(Spec):
    """Every vertex is a bead, subject to stretching and bending forces, viscous drag and thermal kicks.

    With bonds of length b at rest, a filament has the energy sum (k / 2) (l - b)^2 over its bonds plus sum
    (kappa / 2b) theta^2 over the angles between them, where kappa = persistence length * kT: in the plane
    an angle then has the variance b / persistence length. A bead has the drag 4 pi viscosity b / (ln(L /
    diameter) + 0.84), its share of the drag on a rod of length L, the length of the filament, that moves across
    its axis (Tirado & Garcia de la Torre 1979, doi:10.1063/1.438613). Filaments do not interact.

    The Euler-Maruyama scheme is stable below the time steps drag * b^3 / 8 kappa and drag / 2 k. It makes the
    equilibrium variance of a mode with the relaxation rate r too large by the factor 1 / (1 - r dt / 2): at the
    default time step, by 1 / 9 for the fastest mode and by 4 % for an angle; the overall shape is not affected.
    The kicks are uniform random numbers of 7 bits with the variance of Gaussian ones: convergence in law is as
    fast (Duenweg & Paul 1991, doi:10.1142/S0129183191001037), at a quarter of the cost of random numbers.

    No approximation beyond the model is made, so it is the reference for faster dynamics. But the time step
    falls with the fourth power of the bond length: it is practical for milliseconds, not for movies. And a
    Brownian path has no velocity to set: the measured one grows without bound as the lag shrinks.

    Parameters
    ----------
    persistence_length_nm : float, optional
        Persistence length in the plane; by default the attribute of the structure.
    viscosity_pa_s, temperature_k : float
        Viscosity and temperature of the fluid.
    diameter_nm : float
        Diameter of the filaments.
    stretch_pn_per_nm : float, optional
        Stiffness k of a bond; by default 4 kappa / b^3, which allows the same time step as bending does and
        gives the bond length the standard deviation b sqrt(b / (4 persistence length)).
    time_step_s : float, optional
        Time step; by default a tenth of the largest stable one.
    precision : "float32" or "float64"
        Floating-point type of the arithmetic.
    most_bead_steps : float
        Largest allowed number of beads times time steps. One core computes a few 1e8 per second.
    """

    kind: Literal["brownian"] = "brownian"
    persistence_length_nm: PositiveFloat | None = None
    viscosity_pa_s: PositiveFloat = 0.1
    temperature_k: PositiveFloat = 310.0
    diameter_nm: PositiveFloat = 25.0
    stretch_pn_per_nm: PositiveFloat | None = None
    time_step_s: PositiveFloat | None = None
    precision: Literal["float32", "float64"] = "float32"
    most_bead_steps: PositiveFloat = 1e10

    def move(self, structure: xr.Dataset, times_s: Floats, rng: np.random.Generator) -> xr.Dataset:
        """Simulate the filaments, which start at the first time as they were built.

        Parameters
        ----------
        structure : xr.Dataset
            ``vertex_y``, ``vertex_x`` (vertex,) in nm with the coordinate ``filament``; the vertices of a
            filament are equally spaced. With the attribute ``box_nm`` = [y0, x0, height, width], a filament
            whose centre of mass leaves the box enters on the other side.
        times_s : ndarray, (time,)
            Increasing times in s.
        rng : np.random.Generator
            Source of the key of the kicks. The path of a filament depends only on the key, its number, its initial
            vertices and the time steps.

        Returns
        -------
        xr.Dataset
            ``vertex_y``, ``vertex_x`` (time, vertex) float32 in nm.

        Raises
        ------
        SchemaError
            If the structure lacks a variable, holds a value that is not finite, or moves already.
        ValueError
            If the persistence length is not known, a filament is closed or its bonds are unequal or too long, the
            times do not increase, the time step is unstable, or the movie needs more than ``most_bead_steps``.
        """
        check_at_rest(structure)
        check_open(structure)
        chains = self._chains(structure)
        intervals_s = np.diff(np.asarray(times_s, dtype=np.float64))
        steps = self._steps(intervals_s, chains)
        y, x = chains.walk(intervals_s, steps, key(rng), np.dtype(self.precision))
        centres = np.stack([chains.filaments.centres(y), chains.filaments.centres(x)])
        enter_y, enter_x = chains.of_vertices(Box.of(structure).reentry_nm(centres))
        return moving(structure, times_s, (y + enter_y).astype(np.float32), (x + enter_x).astype(np.float32))

    def _chains(self, structure: xr.Dataset) -> _Chains:
        y, x = (structure[name].values.astype(np.float64) for name in ("vertex_y", "vertex_x"))
        filaments = Filaments.of(structure)
        beads = filaments.vertices
        bond_nm = _bonds_nm(y, x, structure.filament.values, filaments)
        persistence_nm = self._persistence_length_nm(structure, bond_nm)
        thermal_pn_nm = BOLTZMANN_PN_NM_PER_K * self.temperature_k
        drag_pn_s_per_nm = self._drag_pn_s_per_nm2(bond_nm * (beads - 1)) * bond_nm
        bend_per_s = persistence_nm * thermal_pn_nm / (drag_pn_s_per_nm * bond_nm**3)
        stretch_per_s = 4 * bend_per_s
        if self.stretch_pn_per_nm is not None:
            stretch_per_s = self.stretch_pn_per_nm / drag_pn_s_per_nm
        diffusion_per_s = thermal_pn_nm / (drag_pn_s_per_nm * bond_nm**2)
        return _Chains(y, x, filaments, bond_nm, stretch_per_s, bend_per_s, diffusion_per_s)

    def _persistence_length_nm(self, structure: xr.Dataset, bond_nm: Floats) -> float:
        found = self.persistence_length_nm or structure.attrs.get("persistence_length_nm")
        if found is None:
            raise ValueError("the structure has no attribute persistence_length_nm; give it to Brownian")
        excess = bond_nm.max() / (LONGEST_BOND * found)
        if excess > 1:
            raise ValueError(
                f"bonds of {bond_nm.max():g} nm are not short beside the persistence length of {found:g} nm; "
                f"use {excess:.2g} times as many vertices"
            )
        return float(found)

    def _drag_pn_s_per_nm2(self, length_nm: Floats) -> Floats:
        """Drag per length on a rod that moves across its axis, shape (filament,)."""
        slenderness = np.log(length_nm / self.diameter_nm) + 0.84
        if slenderness.min() <= 0:
            raise ValueError(
                f"a filament {length_nm.min():g} nm long and {self.diameter_nm:g} nm thick is not a rod; "
                "choose a smaller diameter_nm"
            )
        return np.asarray(4 * np.pi * self.viscosity_pa_s * PN_S_PER_NM2_PER_PA_S / slenderness)

    def _steps(self, intervals_s: Floats, chains: _Chains) -> Integers:
        """The number of time steps in every interval."""
        if (intervals_s <= 0).any():
            raise ValueError(
                "the times of a Brownian path must increase; sort them and leave out repeated ones"
            )
        safe_s = SAFE * chains.stable_step_s
        step_s = self.time_step_s or safe_s
        if step_s > chains.stable_step_s:
            raise ValueError(
                f"a time step of {step_s:g} s is unstable with these filaments: it has to stay below "
                f"{chains.stable_step_s:.3g} s; {safe_s:.3g} s would do"
            )
        steps = np.ceil(intervals_s / step_s * (1 - 1e-9))
        bead_steps = chains.y_nm.size * steps.sum()
        if bead_steps > self.most_bead_steps:
            duration_s = intervals_s.sum()
            raise ValueError(
                f"{duration_s:g} s of {chains.y_nm.size} beads in steps of {step_s:.3g} s are "
                f"{bead_steps:.2g} bead-steps, {bead_steps / BEAD_STEPS_PER_HOUR:.2g} hours of a core, and "
                f"most_bead_steps is {self.most_bead_steps:.2g}; "
                f"{duration_s * self.most_bead_steps / bead_steps:.2g} s would do, or half as many vertices "
                "for a 32nd of the cost, or the motion polymer, whose steps may have any length"
            )
        return np.maximum(steps, 1).astype(np.int64)


@dataclass(frozen=True)
class _Chains:
    """The vertices, their chains, and the dynamics of each chain in units of its bond length at rest."""

    y_nm: Floats
    x_nm: Floats
    filaments: Filaments
    bond_nm: Floats
    stretch_per_s: Floats
    bend_per_s: Floats
    diffusion_per_s: Floats

    @property
    def stable_step_s(self) -> float:
        """The largest stable time step: 2 over the fastest relaxation rate, 4 stretches or 16 bends."""
        return float(1 / np.maximum(2 * self.stretch_per_s, 8 * self.bend_per_s).max())

    def of_vertices(self, values: Floats) -> Floats:
        """Repeat a value per chain for each of its vertices: (..., chain) becomes (..., vertex)."""
        return self.filaments.of_vertices(values)

    def walk(
        self, intervals_s: Floats, steps: Integers, seed: np.uint64, dtype: np.dtype[Any]
    ) -> tuple[Floats, Floats]:
        """Simulate the beads through the intervals; return their positions y and x in nm, each (time, vertex)."""
        start = self.filaments.first
        lanes = _Lanes.of(*self.filaments)
        unit_nm, first_y, first_x = (
            self.of_vertices(a) for a in (self.bond_nm, self.y_nm[start], self.x_nm[start])
        )
        at_y, at_x = lanes.apart(dtype)
        at_y[lanes.lane], at_x[lanes.lane] = (self.y_nm - first_y) / unit_nm, (self.x_nm - first_x) / unit_nm
        y, x = np.empty((2, steps.size + 1, self.y_nm.size))
        y[0], x[0] = self.y_nm, self.x_nm
        taken = 0
        for row, count in enumerate(steps.tolist()):
            step_s = float(intervals_s[row]) / count
            stretch, bend, kick = (lanes.spread(a, dtype) for a in self._coefficients(step_s))
            lanes.advance(at_y, at_x, stretch, bend, kick, seed, taken, count)
            taken += count
            y[row + 1] = first_y + unit_nm * at_y[lanes.lane]
            x[row + 1] = first_x + unit_nm * at_x[lanes.lane]
        return y, x

    def _coefficients(self, step_s: float) -> tuple[Floats, Floats, Floats]:
        """The kernel arguments stretch, bend and kick for every vertex."""
        stretch = self.of_vertices(self.stretch_per_s * step_s)
        bend = self.of_vertices(self.bend_per_s * step_s)
        kick = self.of_vertices(np.sqrt(2 * self.diffusion_per_s * step_s) / KICK_RMS)
        last = self.filaments.last
        stretch[last] = bend[last] = bend[self.filaments.first] = 0
        return stretch, bend, kick


@dataclass(frozen=True)
class _Lanes:
    """The kernel lane of each vertex; a block of lanes fits into the first-level cache."""

    lane: Integers
    index: npt.NDArray[np.uint64]
    filament: npt.NDArray[np.uint64]
    edges: list[int]

    @classmethod
    def of(cls, start: Integers, beads: Integers) -> Self:
        """Lay whole filaments end to end, each from a lane at which a new random-number counter begins."""
        taken = _rounded_up(beads, LANES_PER_COUNTER)
        edges, end, first = [0], 0, []
        for lanes in taken.tolist():
            if end > edges[-1] and end + lanes - edges[-1] > LANES_PER_BLOCK:
                end = int(_rounded_up(end, LANES_PER_VECTOR))
                edges.append(end)
            first.append(end)
            end += lanes
        edges.append(int(_rounded_up(end, LANES_PER_VECTOR)))
        lane = np.repeat(np.array(first) - start, beads) + np.arange(beads.sum())
        index, filament = np.zeros((2, edges[-1] // LANES_PER_COUNTER), dtype=np.uint64)
        filament[lane // LANES_PER_COUNTER] = np.repeat(np.arange(beads.size), beads)
        index[lane // LANES_PER_COUNTER] = (lane - np.repeat(first, beads)) // LANES_PER_COUNTER
        return cls(lane, index, filament, edges)

    def apart(self, dtype: np.dtype[Any]) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        """Distinct positions for all lanes, used or not; the kernel reads one lane beyond the last."""
        places = np.arange(self.edges[-1] + 1, dtype=dtype)
        return np.zeros_like(places), places

    def spread(self, values: Floats, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
        """Copy values of the vertices to their lanes; the other lanes hold 0."""
        lanes = np.zeros(self.edges[-1], dtype=dtype)
        lanes[self.lane] = values
        return lanes

    def advance(
        self,
        y: npt.NDArray[Any],
        x: npt.NDArray[Any],
        stretch: npt.NDArray[Any],
        bend: npt.NDArray[Any],
        kick: npt.NDArray[Any],
        seed: np.uint64,
        first_step: int,
        steps: int,
    ) -> None:
        """Move the beads of one block after the other."""
        for start, stop in itertools.pairwise(self.edges):
            block, beyond = slice(start, stop), slice(start, stop + 1)
            counters = slice(start // LANES_PER_COUNTER, stop // LANES_PER_COUNTER)
            advance(
                y[beyond], x[beyond], stretch[block], bend[block], kick[block],
                self.index[counters], self.filament[counters], seed, first_step, steps,
            )  # fmt: skip


def _bonds_nm(y: Floats, x: Floats, filament: Integers, filaments: Filaments) -> Floats:
    """The bond length of every chain, whose bonds must be equally long."""
    start, beads = filaments
    if (beads < 2).any():
        raise ValueError(f"filament {np.argmax(beads < 2)} has one vertex; a chain has two or more")
    lengths = np.hypot(np.diff(y), np.diff(x))[bonds(filament)]
    first = start - np.arange(start.size)
    mean = np.add.reduceat(lengths, first) / (beads - 1)
    shortest, longest = np.minimum.reduceat(lengths, first), np.maximum.reduceat(lengths, first)
    if (unequal := longest - shortest > UNEQUAL_BONDS * mean).any():
        worst = np.argmax(unequal)
        raise ValueError(
            f"filament {worst} has bonds of {shortest[worst]:g} to {longest[worst]:g} nm; "
            "space its vertices equally"
        )
    return np.asarray(mean)


def _rounded_up(lanes: Any, multiple: int) -> Any:
    return -(-lanes // multiple) * multiple
