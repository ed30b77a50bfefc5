"""How a polymer moves: the diffusion, the rotation and the bending of a free filament in a viscous fluid."""

import math

import numpy as np
import pytest

from smlmsim.motion._polymer_chains import chains
from smlmsim.motion.polymer import Polymer

SIGMAS = 5
THERMAL_PN_NM = 1.380649e-2 * 310.0
THERMAL = Polymer(thermal_fraction=1.0)


def drag_pn_s_per_nm2(length_nm, viscosity_pa_s=0.1, diameter_nm=25.0):
    """Per length: 1 Pa s is 1e-6 pN s / nm^2."""
    return 4 * np.pi * viscosity_pa_s * 1e-6 / (math.log(length_nm / diameter_nm) + 0.84)


def within_sampling_error(found, expected, samples):
    """Whether a variance of Gaussian samples lies within 5 of its standard errors of what is expected."""
    return abs(found / expected - 1) < SIGMAS * math.sqrt(2 / samples)


@pytest.fixture(scope="module")
def diffusing(worm_like_chains):
    """Short thermal filaments and their drag each, over three steps."""
    structure = worm_like_chains(20_000, 8, length_nm=700.0)
    moving = THERMAL.move(structure, np.array([0.0, 1.5, 3.0, 4.5]), np.random.default_rng(2))
    bond_nm = 100.0
    return moving, 8 * bond_nm * drag_pn_s_per_nm2(700.0) / moving.attrs["activity"]


def reshaped(moving, vertices):
    """Shape (axis, time, filament, vertex)."""
    place = np.stack([moving.vertex_y.values, moving.vertex_x.values]).astype(np.float64)
    return place.reshape(2, place.shape[1], -1, vertices)


def test_a_free_chain_diffuses_as_thermal_energy_over_drag(diffusing):
    moving, drag = diffusing
    steps = np.diff(reshaped(moving, 8).mean(axis=3), axis=1)
    expected = 2 * THERMAL_PN_NM / drag * 1.5
    assert within_sampling_error(steps.var(), expected, steps.size)
    assert abs(steps.var() / expected - 1) < 0.03


def test_a_short_chain_turns_as_a_rod(diffusing):
    moving, drag = diffusing
    ends = reshaped(moving, 8)[..., -1] - reshaped(moving, 8)[..., 0]
    angle = np.unwrap(np.arctan2(ends[0], ends[1]), axis=0)
    steps = np.diff(angle, axis=0)
    expected = 2 * 1.5 * 12 * THERMAL_PN_NM / (drag / 8 * 100.0**2 * 8 * 63)
    assert within_sampling_error(steps.var(), expected, steps.size)


@pytest.mark.parametrize("vertices", [3, 20, 100])
def test_rotational_diffusion_is_exactly_that_of_a_row_of_beads(worm_like_chains, vertices):
    (group,) = chains(worm_like_chains(1, vertices))
    driven = THERMAL._driven(group, activity=1.0)
    bond_nm = 2500 / (vertices - 1)
    zeta = drag_pn_s_per_nm2(2500.0) * bond_nm
    expected = 12 * THERMAL_PN_NM / (zeta * bond_nm**2 * vertices * (vertices**2 - 1))
    np.testing.assert_allclose(driven.diffusion[0, 0] * group.modes.angles[:, 0] ** 2, expected, rtol=1e-8)


@pytest.fixture(scope="module")
def long_filament(worm_like_chains):
    """A passive filament of 400 vertices: its bending rates, and its transverse mean square displacement."""
    (group,) = chains(worm_like_chains(1, 400, length_nm=10_000.0, persistence_length_nm=20_000.0))
    driven = THERMAL._driven(group, activity=1.0)
    middle = group.modes.displacement[200]

    def displacement(lag_s):
        moved = driven.mean_square_displacement(lag_s)[0]
        return moved[-1] + group.bond_nm[0] ** 2 * (moved[:-1] @ middle**2)

    return driven.rate[0, 1:-1], displacement


def between_the_fastest_and_the_slowest_mode(rates):
    """Lags at which neither the discrete bonds nor the ends are felt, to 1 %."""
    assert rates[-1] / rates[0] > 5e8
    return np.geomspace(1e4 / rates[-1], 0.01 / rates[0], 30)


def test_the_middle_of_a_filament_moves_with_the_power_three_quarters_of_time(long_filament):
    rates, displacement = long_filament
    lags = between_the_fastest_and_the_slowest_mode(rates)
    slopes = np.diff(np.log([displacement(lag) for lag in lags])) / np.diff(np.log(lags))
    np.testing.assert_allclose(slopes, 0.75, rtol=0, atol=0.005)


def test_the_middle_of_a_filament_moves_as_far_as_a_semiflexible_polymer(long_filament):
    rates, displacement = long_filament
    kappa, zeta = 20_000.0 * THERMAL_PN_NM, drag_pn_s_per_nm2(10_000.0)
    prefactor = 2 * THERMAL_PN_NM * math.gamma(0.25) / (3 * math.pi * kappa)
    for lag in between_the_fastest_and_the_slowest_mode(rates):
        assert displacement(lag) == pytest.approx(prefactor * (kappa * lag / zeta) ** 0.75, rel=0.01)


@pytest.mark.parametrize("thermal", [0.0, 0.5, 1.0])
def test_the_drives_share_the_variance_of_every_mode(worm_like_chains, thermal):
    (group,) = chains(worm_like_chains(3, 100, length_nm=np.array([2500.0, 5000.0, 7500.0])))
    driven = Polymer(thermal_fraction=thermal)._driven(group, activity=0.7)
    rate, diffusion, drive = (a[:, 1:-1] for a in (driven.rate, driven.diffusion, driven.drive))
    active = drive**2 / (rate * (rate + 1 / driven.persistence_s))
    variance = group.bond_nm[:, None] / (20_000.0 * group.modes.stiffness[1:])
    np.testing.assert_allclose(diffusion / rate, thermal * variance, rtol=1e-10)
    np.testing.assert_allclose(active, (1 - thermal) * variance, rtol=1e-10)


def test_active_filaments_drift_at_the_drive_and_turn_at_half_of_it(worm_like_chains):
    (group,) = chains(worm_like_chains(2, 100, length_nm=np.array([2500.0, 7500.0])))
    driven = Polymer(drive_nm_per_s=80.0)._driven(group, activity=0.5)
    turn_per_s = driven.drive[:, 0] * group.modes.angles[0, 0]
    np.testing.assert_allclose(driven.drive[:, -1], 40.0)
    np.testing.assert_allclose(turn_per_s * group.length_nm / 2, 20.0)


def test_the_modes_of_a_movie_have_the_autocovariance_of_the_model(worm_like_chains):
    structure = worm_like_chains(6000, 12, length_nm=5000.0)
    polymer = Polymer()
    moving = polymer.move(structure, np.arange(5) * 1.5, np.random.default_rng(3))
    amplitudes = []
    for time in range(5):
        (group,) = chains(moving.isel(time=time))
        amplitudes.append(group.modes.amplitudes(group.angles)[:, 1:])
    driven = polymer._driven(group, moving.attrs["activity"])
    variance = group.bond_nm[0] / (20_000.0 * group.modes.stiffness[1:])
    for lag in (1, 2, 4):
        moved = np.square(amplitudes[lag] - amplitudes[0]) / variance
        expected = driven.mean_square_displacement(1.5 * lag)[0, 1:-1] / variance
        error = moved.std(axis=0) / math.sqrt(len(moved))
        assert (np.abs(moved.mean(axis=0) - expected) < SIGMAS * error).all()
