"""The velocity that is asked for is the one that the vertices have."""

import math

import numpy as np
import pytest

from smlmsim.motion.polymer import Polymer

SIGMAS = 5
FILAMENTS, POINTS, POINT_S = 4000, 50, 1.5
TIMES_S = np.arange(POINTS) * POINT_S
VERTICES = 36
CENTRAL = slice(4, -4)
"""28 of 35 parts of the contour, each with a vertex in its middle: 80 %."""


@pytest.fixture(scope="module")
def structure(worm_like_chains):
    lengths_nm = np.random.default_rng(0).uniform(2500, 7500, FILAMENTS)
    return worm_like_chains(FILAMENTS, VERTICES, length_nm=lengths_nm)


def shifts(moving):
    """To the next time point, along the normal and in full, shape (time, filament, place)."""
    place = np.stack([moving.vertex_y.values, moving.vertex_x.values]).reshape(2, -1, FILAMENTS, VERTICES)
    along = np.gradient(place, axis=3)
    along /= np.hypot(*along)
    moved = np.diff(place, axis=1)
    across = moved[0] * along[1, :-1] - moved[1] * along[0, :-1]
    return across[..., CENTRAL], np.hypot(*moved)[..., CENTRAL]


def sampling_error(values):
    """Of the mean over filaments, which are independent of each other."""
    by_filament = values.mean(axis=(0, 2))
    return SIGMAS * by_filament.std() / math.sqrt(by_filament.size)


@pytest.mark.parametrize("wanted", [5.0, 20.0, 60.0, 120.0, 220.0])
def test_the_contour_moves_at_the_wanted_velocity(structure, wanted):
    moving = Polymer(velocity_nm_per_s=wanted).move(structure, TIMES_S, np.random.default_rng(1))
    across, full = (np.abs(part) / POINT_S for part in shifts(moving))
    assert sampling_error(across) < 0.03 * wanted
    assert across.mean() == pytest.approx(wanted, rel=0.03)
    assert np.sqrt(np.mean(across**2)) == pytest.approx(moving.attrs["velocity_rms_nm_per_s"], rel=0.03)
    assert full.mean() == pytest.approx(moving.attrs["speed_nm_per_s"], rel=0.04)


@pytest.mark.parametrize("thermal", [0.3, 1.0])
def test_thermal_motion_has_the_wanted_velocity_too(structure, thermal):
    polymer = Polymer(velocity_nm_per_s=60.0, thermal_fraction=thermal)
    moving = polymer.move(structure, TIMES_S, np.random.default_rng(1))
    across = np.abs(shifts(moving)[0]) / POINT_S
    assert sampling_error(across) < 0.03 * 60
    assert across.mean() == pytest.approx(60.0, rel=0.03)


def test_the_velocity_is_that_over_its_lag(structure):
    polymer = Polymer(velocity_lag_s=3 * POINT_S, thermal_fraction=0.5)
    moving = polymer.move(structure, TIMES_S, np.random.default_rng(1))
    across, _ = shifts(moving.isel(time=slice(None, None, 3)))
    assert np.abs(across).mean() / (3 * POINT_S) == pytest.approx(60.0, rel=0.03)
    across, _ = shifts(moving)
    assert np.abs(across).mean() / POINT_S > 1.2 * 60


@pytest.mark.parametrize("wanted", [60.0, 120.0, 220.0])
def test_active_motion_is_smooth(structure, wanted):
    moving = Polymer(velocity_nm_per_s=wanted).move(structure, TIMES_S, np.random.default_rng(1))
    across, _ = shifts(moving)
    assert np.corrcoef(across[1:].ravel(), across[:-1].ravel())[0, 1] >= 0.8


def test_thermal_motion_is_not(structure):
    moving = Polymer(thermal_fraction=1.0).move(structure, TIMES_S, np.random.default_rng(1))
    across, _ = shifts(moving)
    assert np.corrcoef(across[1:].ravel(), across[:-1].ravel())[0, 1] < 0.0


def test_without_velocity_nothing_moves(structure):
    moving = Polymer(velocity_nm_per_s=0.0).move(structure, TIMES_S, np.random.default_rng(1))
    for name in ("vertex_y", "vertex_x"):
        assert (moving[name].values == moving[name].values[0]).all()
    assert moving.attrs["activity"] == moving.attrs["speed_nm_per_s"] == 0


def test_the_activity_rises_with_the_velocity(worm_like_chains):
    structure = worm_like_chains(10, 100)
    velocities = np.geomspace(0.01, 1e4, 60)
    for polymer in (Polymer(), Polymer(thermal_fraction=1.0), Polymer(drive_nm_per_s=1.0)):
        activities = [
            polymer.replace({"velocity_nm_per_s": v})
            .move(structure, TIMES_S[:1], np.random.default_rng(1))
            .attrs["activity"]
            for v in velocities
        ]
        assert (np.diff(activities) > 0).all()
