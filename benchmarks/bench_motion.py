"""Explicit Brownian dynamics compared with OpenMM's CPU platform: the same chains and steps, on one thread.

OpenMM moves beads in three dimensions, smlmsim in the plane; both have the same energy, and quantities in the plane
are compared. The bending force is written in the faster of OpenMM's two ways; a CustomAngleForce gives the same path.
"""

import itertools

import numpy as np
import openmm
import pytest
from openmm import unit

from smlmsim import schema
from smlmsim.motion.brownian import Brownian
from smlmsim.rng import stream

FILAMENTS, BEADS, BOND_NM, PERSISTENCE_NM = 64, 32, 25.0, 6500.0
STEPS, LOOKS = 3000, 5
TEMPERATURE_K = 310.0
THERMAL_PN_NM = 1.380649e-2 * TEMPERATURE_K
BEND_PN_NM = PERSISTENCE_NM * THERMAL_PN_NM / BOND_NM
STRETCH_PN_PER_NM = 4 * BEND_PN_NM / BOND_NM**2
DRAG_PN_S_PER_NM = 4 * np.pi * 1e-7 * BOND_NM / (np.log(BOND_NM * (BEADS - 1) / 25) + 0.84)
STEP_S = 0.1 * DRAG_PN_S_PER_NM / (2 * STRETCH_PN_PER_NM)
KJ_PER_MOL_PER_PN_NM = unit.AVOGADRO_CONSTANT_NA.value_in_unit(unit.mole**-1) * 1e-24
DALTON_PER_PS_PER_PN_S_PER_NM = KJ_PER_MOL_PER_PN_NM * 1e12


def straight_nm():
    """Return straight filaments along x, 1 um apart: (filament, bead, yx)."""
    places = np.zeros((FILAMENTS, BEADS, 2))
    places[..., 0] = 1000.0 * np.arange(FILAMENTS)[:, None]
    places[..., 1] = BOND_NM * np.arange(BEADS)
    return places


class OpenMM:
    """Brownian dynamics of OpenMM, in which the mass of a bead has no effect."""

    def __init__(self):
        system = openmm.System()
        bonds, bends = openmm.HarmonicBondForce(), openmm.HarmonicAngleForce()
        for _ in range(FILAMENTS):
            beads = [system.addParticle(1.0) for _ in range(BEADS)]
            for one, other in itertools.pairwise(beads):
                bonds.addBond(one, other, BOND_NM, STRETCH_PN_PER_NM * KJ_PER_MOL_PER_PN_NM)
            for three in zip(beads, beads[1:], beads[2:], strict=False):
                bends.addAngle(*three, np.pi, BEND_PN_NM * KJ_PER_MOL_PER_PN_NM)
        system.addForce(bonds)
        system.addForce(bends)
        friction_per_ps = DRAG_PN_S_PER_NM * DALTON_PER_PS_PER_PN_S_PER_NM
        self.integrator = openmm.BrownianIntegrator(TEMPERATURE_K, friction_per_ps, STEP_S * 1e12)
        self.integrator.setRandomNumberSeed(1)
        platform = openmm.Platform.getPlatformByName("CPU")
        self.context = openmm.Context(system, self.integrator, platform, {"Threads": "1"})
        places = np.zeros((FILAMENTS, BEADS, 3))
        places[..., :2] = straight_nm()[..., ::-1]
        self.context.setPositions(places.reshape(-1, 3))

    def __call__(self):
        self.integrator.step(STEPS)
        return self.context.getState(getPositions=True)

    def positions_nm(self):
        places = self().getPositions(asNumpy=True).value_in_unit(unit.nanometer)
        return places.reshape(FILAMENTS, BEADS, 3)[..., 1::-1]


class Ours:
    def __init__(self, precision):
        self.motion = Brownian(
            persistence_length_nm=PERSISTENCE_NM,
            stretch_pn_per_nm=STRETCH_PN_PER_NM,
            temperature_k=TEMPERATURE_K,
            time_step_s=STEP_S,
            precision=precision,
        )
        y, x = straight_nm().reshape(-1, 2).T
        filament = np.repeat(np.arange(FILAMENTS, dtype=np.int32), BEADS)
        self.structure = schema.dataset(vertex_y=y, vertex_x=x, filament=filament)

    def __call__(self, looks=1):
        times_s = np.arange(looks + 1) * STEPS * STEP_S
        return self.motion.move(self.structure, times_s, stream(1, "motion"))

    def positions_nm(self):
        moving = self(LOOKS)
        places = np.stack([moving.vertex_y.values, moving.vertex_x.values], axis=-1)
        return places[1:].reshape(LOOKS, FILAMENTS, BEADS, 2).astype(np.float64)


def spreads(places):
    """Return the variances of the bends and of the segment lengths in the plane, and the number of values in each."""
    bends = np.diff(places[..., 0], n=2, axis=-1) / BOND_NM
    lengths = np.diff(places[..., 1], axis=-1) / BOND_NM
    return np.mean(bends**2), np.var(lengths), bends.size


@pytest.fixture(scope="module")
def openmm_chains():
    chains = OpenMM()
    chains.spreads = spreads(np.stack([chains.positions_nm() for _ in range(LOOKS)]))
    return chains


@pytest.mark.parametrize("engine", ["smlmsim-float32", "smlmsim-float64", "openmm"])
def test_explicit_brownian_dynamics(benchmark, openmm_chains, engine):
    benchmark.group = f"motion: {STEPS} Brownian steps of {FILAMENTS} chains of {BEADS} beads"
    chains = openmm_chains
    if engine != "openmm":
        chains = Ours(engine.removeprefix("smlmsim-"))
        *theirs, size = openmm_chains.spreads
        *ours, _ = spreads(chains.positions_nm())
        assert ours == pytest.approx(theirs, rel=5 * np.sqrt(2 * 2 / size))
    benchmark.pedantic(chains, rounds=2 if engine == "openmm" else 30, warmup_rounds=1)
    if benchmark.stats:
        bead_steps = FILAMENTS * BEADS * STEPS
        benchmark.extra_info["bead_steps_per_s"] = bead_steps / benchmark.stats.stats.median
