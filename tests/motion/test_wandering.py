"""Wandering filaments move at the wanted velocity, persistently, each on its own, and keep their lengths."""

import math

import numpy as np
import pytest

from smlmsim import schema
from smlmsim.motion.wandering import Wandering, integrated_square_s2, swaying_square

SIGMAS = 5
LAG_S = 1.5
BOX_NM = [-1000.0, -500.0, 6000.0, 5000.0]
F32_NM = 8000 * 2.0**-23
DRIFT = {"turn_share": 0.0, "bend_share": 0.0}
BEND = {"turn_share": 0.0, "bend_share": 1.0, "largest_bend_deg": 90.0}


def moved(motion, structure, times_s, seed=1):
    """Positions (yx, time, filament, vertex) in float64, and the dataset."""
    moving = motion.move(structure, np.asarray(times_s, float), np.random.default_rng(seed))
    filaments = int(structure.filament.values.max()) + 1
    places = np.stack([moving.vertex_y.values, moving.vertex_x.values]).astype(np.float64)
    return places.reshape(2, len(times_s), filaments, -1), moving


def across(places):
    """Shifts along the normals from every other time to the next one, (pair, filament, central vertex)."""
    before, after = places[:, ::2], places[:, 1::2]
    along = np.gradient(before, axis=3)
    along /= np.hypot(*along)
    shifts = after - before
    position = np.linspace(0, 1, places.shape[3])
    return (shifts[0] * along[1] - shifts[1] * along[0])[..., np.abs(position - 0.5) <= 0.4]


def sampling_error(values):
    """Standard error of a mean over filaments, (..., filament, vertex)."""
    by_filament = values.mean(axis=(0, 2))
    return by_filament.std() / math.sqrt(by_filament.size)


@pytest.mark.parametrize(("wanted", "persistence"), [(5.0, 1.5), (60.0, 5.0), (220.0, 1.5), (220.0, 15.0)])
def test_the_contour_moves_at_the_wanted_velocity(worm_like_chains, wanted, persistence):
    lengths_nm = np.random.default_rng(0).uniform(2500, 7500, 600)
    structure = worm_like_chains(600, 21, length_nm=lengths_nm)
    times_s = np.repeat(np.arange(30) * 60.0, 2) + np.tile([0, LAG_S], 30)
    motion = Wandering(velocity_nm_per_s=wanted, persistence_time_s=persistence, speed_spread=0)
    places, moving = moved(motion, structure, times_s)
    speeds = np.abs(across(places)) / LAG_S
    assert sampling_error(speeds) < 0.01 * wanted
    assert abs(speeds.mean() - wanted) < 0.02 * wanted + SIGMAS * sampling_error(speeds)
    assert math.sqrt(np.mean(speeds**2)) == pytest.approx(moving.velocity_rms_nm_per_s, rel=0.05)


@pytest.mark.parametrize("shares", [DRIFT, {"turn_share": 1.0, "bend_share": 0.0}, BEND])
def test_every_part_alone_has_the_velocity_too(worm_like_chains, shares):
    structure = worm_like_chains(1000, 11, length_nm=5000.0)
    places, _ = moved(Wandering(velocity_nm_per_s=10.0, **shares), structure, [0, LAG_S])
    speeds = np.abs(across(places)) / LAG_S
    assert abs(speeds.mean() - 10) < SIGMAS * sampling_error(speeds)
    assert sampling_error(speeds) < 0.3


def test_the_parts_share_the_mean_square_shift(worm_like_chains):
    structure = worm_like_chains(1500, 12, length_nm=4000.0)
    motion = Wandering(velocity_nm_per_s=10, turn_share=0.5, bend_share=0.2, speed_spread=0)
    places, moving = moved(motion, structure, [0, LAG_S])
    whole = (moving.velocity_rms_nm_per_s * LAG_S) ** 2
    drift = np.diff(places.mean(axis=3), axis=1) ** 2
    assert abs(drift.mean() / whole - 0.3) < SIGMAS * 0.3 * math.sqrt(2 / drift.size)


def test_segments_keep_their_lengths(worm_like_chains):
    structure = worm_like_chains(20, 40, length_nm=np.linspace(300, 7500, 20))
    motion = Wandering(velocity_nm_per_s=220, turn_share=0.3, bend_share=0.7, largest_bend_deg=60)
    places, _ = moved(motion, structure, np.arange(0, 60, 1.5))
    assert np.ptp(places, axis=1).max() > 1000
    lengths = np.hypot(*np.diff(places, axis=3))
    np.testing.assert_allclose(lengths, lengths[:1].repeat(40, 0), rtol=0, atol=8 * F32_NM)


def test_going_on_shifts_are_correlated_as_the_gaussian_says(worm_like_chains):
    persistence, filaments = 4.0, 1000
    structure = worm_like_chains(filaments, 3)
    motion = Wandering(persistence_time_s=persistence, speed_spread=0.0, **DRIFT)
    for later_s in (0.5 * persistence, persistence, 2 * persistence):
        places, _ = moved(motion, structure, [0, LAG_S, later_s, later_s + LAG_S])
        first, second = (places[:, i + 1] - places[:, i] for i in (0, 2))
        found = np.mean(first * second) / math.sqrt(np.mean(first**2) * np.mean(second**2))
        three = [
            integrated_square_s2(lag, persistence) for lag in (later_s + LAG_S, later_s - LAG_S, later_s)
        ]
        expected = (three[0] + three[1] - 2 * three[2]) / 2 / integrated_square_s2(LAG_S, persistence)
        assert abs(found - expected) < SIGMAS / math.sqrt(2 * filaments)


def test_velocities_have_forgotten_all_but_1_over_e_after_the_persistence_time(worm_like_chains):
    persistence, filaments, step_s = 6.0, 1500, 0.1
    times_s = [0, step_s, persistence, persistence + step_s]
    structure = worm_like_chains(filaments, 9, length_nm=5000.0)
    for shares in (DRIFT, {"turn_share": 1.0, "bend_share": 0.0}, BEND):
        motion = Wandering(velocity_nm_per_s=10, persistence_time_s=persistence, speed_spread=0.0, **shares)
        first, second = across(moved(motion, structure, times_s)[0])[..., 2]
        found = np.mean(first * second) / math.sqrt(np.mean(first**2) * np.mean(second**2))
        assert abs(found - math.exp(-1)) < SIGMAS / math.sqrt(filaments)


def test_mean_squares_over_a_lag_are_those_of_the_autocorrelation():
    times = np.linspace(0, 3.0, 30001)
    correlation = np.exp(-((times / 2.0) ** 2))
    assert integrated_square_s2(3.0, 2.0) == pytest.approx(
        np.trapezoid(2 * (3.0 - times) * correlation, times)
    )
    assert swaying_square(3.0, 2.0) == pytest.approx(2 * (1 - correlation[-1]))
    assert integrated_square_s2(1e-3, 2.0) == pytest.approx(1e-6, rel=1e-5)


def test_bending_is_bounded_however_fast_and_persistent_it_is(worm_like_chains):
    structure = worm_like_chains(300, 20, length_nm=5000.0, persistence_length_nm=1e12)
    motion = Wandering(
        velocity_nm_per_s=220, persistence_time_s=15, turn_share=0, bend_share=1, largest_bend_deg=10
    )
    places, _ = moved(motion, structure, [0, 1000])
    along = np.diff(places, axis=3)
    angles = np.unwrap(np.arctan2(*along), axis=-1)
    bent = np.diff(angles - angles.mean(axis=-1, keepdims=True), axis=1)
    assert 5 < np.degrees(bent.std()) < 1.1 * math.sqrt(2) * 10


def test_zero_velocity_is_exactly_static(worm_like_chains):
    structure = worm_like_chains(10, 30, box_nm=BOX_NM)
    for spread in (0.0, 1.0):
        motion = Wandering(velocity_nm_per_s=0, speed_spread=spread)
        moving = motion.move(structure, np.arange(5) * 1.5, np.random.default_rng(0))
        free = motion.move(structure.drop_attrs(), np.arange(5) * 1.5, np.random.default_rng(0))
        for name in ("vertex_y", "vertex_x"):
            assert (moving[name].values == moving[name].values[0]).all()
            assert (free[name].values == structure[name].values.astype(np.float32)).all()
        assert moving.velocity_rms_nm_per_s == 0


def test_filaments_do_not_know_of_each_other(worm_like_chains):
    filaments = 1000
    structure = worm_like_chains(filaments, 5)
    places, _ = moved(Wandering(speed_spread=0.0), structure, [0, LAG_S])
    drift, ends = places.mean(axis=3), places[..., -1] - places[..., 0]
    turn = np.diff(np.unwrap(np.arctan2(*ends), axis=0), axis=0)[0]
    for values in (*np.diff(drift, axis=1)[:, 0], turn):
        neighbours = np.mean(values[1:] * values[:-1]) / np.mean(values**2)
        assert abs(neighbours) < SIGMAS / math.sqrt(filaments)
        assert abs(values.mean()) < SIGMAS * values.std() / math.sqrt(filaments)


def test_filaments_have_velocities_of_their_own(worm_like_chains):
    filaments = 1000
    structure = worm_like_chains(filaments, 3)
    alike, own = (
        moved(Wandering(speed_spread=spread, **DRIFT), structure, [0, LAG_S])[0] for spread in (0.0, 0.5)
    )
    ratio = np.hypot(*np.diff(own.mean(axis=3), axis=1)) / np.hypot(*np.diff(alike.mean(axis=3), axis=1))
    assert 0.499 < ratio.min() < 0.51
    assert 1.49 < ratio.max() < 1.501
    assert abs(ratio.mean() - 1) < SIGMAS * math.sqrt(1 / 12 / filaments)


def test_filaments_enter_the_box_again_as_a_whole(worm_like_chains):
    structure = worm_like_chains(30, 20, box_nm=BOX_NM)
    times_s, motion = np.arange(0, 150, 1.5), Wandering(velocity_nm_per_s=200)
    free, _ = moved(motion, structure.drop_attrs(), times_s)
    boxed, _ = moved(motion, structure, times_s)
    periods = (boxed - free) / np.reshape(BOX_NM[2:], (2, 1, 1, 1))
    whole = np.round(periods[..., :1])
    assert np.count_nonzero(whole) > 100
    np.testing.assert_allclose(periods, whole.repeat(20, -1), rtol=0, atol=1e-6)
    inside = boxed.mean(axis=3) - np.reshape(BOX_NM[:2], (2, 1, 1))
    assert inside.min() > -0.1
    assert (inside < np.reshape(BOX_NM[2:], (2, 1, 1)) + 0.1).all()


def test_a_longer_movie_starts_as_a_shorter_one_and_the_first_time_is_as_built(worm_like_chains):
    structure = worm_like_chains(10, 30)
    short, _ = moved(Wandering(), structure, 100 + np.arange(3) * 1.5)
    longer, _ = moved(Wandering(), structure, 100 + np.arange(6) * 1.5)
    np.testing.assert_allclose(longer[:, :3], short, rtol=0, atol=F32_NM)
    for places, name in zip(short, ("vertex_y", "vertex_x"), strict=True):
        np.testing.assert_array_equal(places[0].ravel(), structure[name].values.astype(np.float32))


def test_a_filament_without_a_middle_only_drifts():
    filaments = 1000
    pair = schema.dataset(
        vertex_y=np.zeros(2 * filaments),
        vertex_x=np.tile([0.0, 100.0], filaments),
        filament=np.repeat(np.arange(filaments, dtype=np.int32), 2),
    )
    places, _ = moved(Wandering(), pair, [0, LAG_S])
    shifts = np.diff(places, axis=1)
    np.testing.assert_allclose(shifts[..., 0], shifts[..., 1], rtol=0, atol=F32_NM)
    speeds = np.abs(shifts[..., :1]) / LAG_S
    assert abs(speeds[0].mean() - 60) < SIGMAS * sampling_error(speeds[0])


def test_shares_of_more_than_the_whole_are_refused():
    with pytest.raises(ValueError, match=r"turn_share=0\.7 and bend_share=0\.4 are more than the whole"):
        Wandering(turn_share=0.7, bend_share=0.4)


def test_a_structure_that_moves_already_is_refused(worm_like_chains):
    moving = moved(Wandering(), worm_like_chains(2, 5), [0, 1])[1]
    with pytest.raises(schema.SchemaError, match="moves already"):
        moved(Wandering(), moving, [0, 1])


def test_an_empty_structure_is_refused(worm_like_chains):
    with pytest.raises(ValueError, match="no filament to move"):
        Wandering().move(worm_like_chains(2, 5).isel(vertex=[]), np.arange(2), np.random.default_rng(0))
