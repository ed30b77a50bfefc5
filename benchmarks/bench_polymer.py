"""The movie of moving filaments compared with OpenMM's CPU platform, on one thread.

The reference is the fastest explicit method: beads and springs under Langevin dynamics, with a friction so
low that inertia decays just within a camera frame, which allows steps a thousand times those of
Brownian dynamics. It makes a thousandth of the movie here, so its time is multiplied by 1000.
"""

import itertools

import numpy as np
import openmm
import pytest
from openmm import unit

from smlmsim import schema
from smlmsim.motion.polymer import Polymer
from smlmsim.rng import stream

FILAMENTS, BEADS, BOND_NM, PERSISTENCE_NM = 40, 100, 50.0, 20_000.0
POINTS, POINT_S, FRAME_S = 300, 1.5, 0.03
TEMPERATURE_K = 310.0
THERMAL_PN_NM = 1.380649e-2 * TEMPERATURE_K
BEND_PN_NM = PERSISTENCE_NM * THERMAL_PN_NM / BOND_NM
STRETCH_PN_PER_NM = 4 * BEND_PN_NM / BOND_NM**2
DRAG_PN_S_PER_NM = 4 * np.pi * 1e-7 * BOND_NM / (np.log(BOND_NM * (BEADS - 1) / 25) + 0.84)
MASS_PN_S2_PER_NM = DRAG_PN_S_PER_NM * FRAME_S
STEP_S = np.sqrt(MASS_PN_S2_PER_NM / (16 * BEND_PN_NM / BOND_NM**2 + 4 * STRETCH_PN_PER_NM))
KJ_PER_MOL_PER_PN_NM = unit.AVOGADRO_CONSTANT_NA.value_in_unit(unit.mole**-1) * 1e-24
"""Energies are in kJ / mol and lengths in nm; OpenMM's picosecond represents a second here."""


@pytest.fixture(scope="module")
def structure():
    rng = stream(1, "chains")
    bends = np.sqrt(BOND_NM / PERSISTENCE_NM) * rng.standard_normal((FILAMENTS, BEADS - 1))
    bends[:, 0] = rng.uniform(0, 2 * np.pi, FILAMENTS)
    angles = np.cumsum(bends, axis=1)
    y, x = (np.pad(np.cumsum(BOND_NM * part(angles), axis=1), ((0, 0), (1, 0))) for part in (np.sin, np.cos))
    return schema.dataset(
        {"persistence_length_nm": PERSISTENCE_NM},
        vertex_y=y.ravel(),
        vertex_x=x.ravel(),
        filament=np.repeat(np.arange(FILAMENTS, dtype=np.int32), BEADS),
    )


def langevin(structure):
    """Return the integrator and the context of OpenMM."""
    system = openmm.System()
    bonds, bends = openmm.HarmonicBondForce(), openmm.HarmonicAngleForce()
    for _ in range(FILAMENTS):
        beads = [system.addParticle(MASS_PN_S2_PER_NM * KJ_PER_MOL_PER_PN_NM) for _ in range(BEADS)]
        for one, other in itertools.pairwise(beads):
            bonds.addBond(one, other, BOND_NM, STRETCH_PN_PER_NM * KJ_PER_MOL_PER_PN_NM)
        for three in zip(beads, beads[1:], beads[2:], strict=False):
            bends.addAngle(*three, np.pi, BEND_PN_NM * KJ_PER_MOL_PER_PN_NM)
    system.addForce(bonds)
    system.addForce(bends)
    integrator = openmm.LangevinMiddleIntegrator(TEMPERATURE_K, 1 / FRAME_S, STEP_S)
    integrator.setRandomNumberSeed(1)
    platform = openmm.Platform.getPlatformByName("CPU")
    context = openmm.Context(system, integrator, platform, {"Threads": "1"})
    height = np.zeros_like(structure.vertex_y)
    context.setPositions(np.stack([structure.vertex_x, structure.vertex_y, height], axis=-1))
    context.setVelocitiesToTemperature(TEMPERATURE_K, 1)
    return integrator, context


def bends(y, x):
    """Return the angles between successive segments in the plane."""
    along = np.diff(np.reshape(x, (FILAMENTS, BEADS))) + 1j * np.diff(np.reshape(y, (FILAMENTS, BEADS)))
    return np.angle(along[:, 1:] / along[:, :-1])


def check_bends(y, x):
    """Check that bends in the plane have the variance segment / persistence length, within 5 standard errors."""
    found = bends(y, x)
    error = 5 * np.sqrt(2 / found.size)
    assert np.mean(found**2) == pytest.approx(BOND_NM / PERSISTENCE_NM, rel=error)


@pytest.mark.parametrize("steps_per_point", [1, 5])
def test_smlmsim_polymer(benchmark, structure, steps_per_point):
    benchmark.group = "motion: 450 s of 40 filaments of 100 beads"
    times_s = np.arange(POINTS * steps_per_point) * POINT_S / steps_per_point
    moving = Polymer().move(structure, times_s, stream(1, "motion"))
    check_bends(moving.vertex_y.values[-1], moving.vertex_x.values[-1])
    benchmark(lambda: Polymer().move(structure, times_s, stream(1, "motion")))
    benchmark.extra_info["time_points"] = times_s.size


def test_openmm_a_thousandth_of_it(benchmark, structure):
    benchmark.group = "motion: 450 s of 40 filaments of 100 beads"
    integrator, context = langevin(structure)
    steps = round(POINTS * POINT_S / 1000 / STEP_S)
    benchmark.pedantic(integrator.step, (steps,), rounds=2)
    x, y, _ = context.getState(getPositions=True).getPositions(asNumpy=True).value_in_unit(unit.nanometer).T
    check_bends(y, x)
    if benchmark.stats:
        benchmark.extra_info["movie_s"] = 1000 * benchmark.stats.stats.median
