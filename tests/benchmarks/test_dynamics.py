"""The judge of learned motion measures what it says, on motions whose statistics are known."""

import json

import dynamics
import numpy as np
import pytest
from dynamics import EDGES_NM, REFERENCE, Shifts, distances, judged, measured, moved


def shifts(shift, seed=0):
    """Shifts (time, yx, point) of points anywhere in the field, along normals in y."""
    rng = np.random.default_rng(seed)
    place = rng.uniform(0, 2560, (len(shift), 2, shift.shape[2]))
    seen = np.ones((len(shift), shift.shape[2]), bool)
    return Shifts(place, shift, shift[:, 0], seen, np.ones(shift.shape[2]), 0.0)


def test_a_shift_of_all_points_alike_is_correlated_over_all_distances_and_times():
    found = measured(shifts(np.broadcast_to(np.array([30.0, -40.0])[:, None], (12, 2, 80))))
    np.testing.assert_allclose(found.over_distance, 1)
    np.testing.assert_allclose(found.over_time, 1)
    np.testing.assert_allclose(found.speed_nm_per_s, 20)


def test_independent_shifts_are_correlated_over_no_distance_and_no_time():
    """The mean of n products of independent Gaussian shifts has the error 1 / sqrt(2 n): four times it."""
    rng = np.random.default_rng(1)
    found = measured(shifts(rng.standard_normal((40, 2, 100))))
    pairs = 40 * 100 * 99 / 2 * np.pi * np.diff(EDGES_NM**2) / 2560**2
    assert (np.abs(found.over_distance) < 5 / np.sqrt(2 * pairs) + 0.01).all()
    assert (np.abs(found.over_time) < 4 / np.sqrt(2 * 30 * 100)).all()


def test_the_distance_of_a_movie_from_itself_is_zero_and_that_of_a_faster_one_the_difference():
    rng = np.random.default_rng(2)
    slow = measured(shifts(np.ones((8, 2, 50)) * rng.uniform(10, 20, (8, 1, 50))))
    fast = slow._replace(speed_nm_per_s=slow.speed_nm_per_s + 7.0)
    assert distances(slow, [slow]) == {
        "velocity_nm_per_s": 0,
        "over_distance": 0,
        "over_time": 0,
        "stretch": 0,
    }
    assert distances(fast, [slow])["velocity_nm_per_s"] == pytest.approx(7)


def test_the_shifts_of_a_motion_have_its_velocity_and_those_of_polymers_no_stretch():
    """The velocity of a movie of few filaments scatters by a fifth."""
    found = moved(REFERENCE, 75.0, 0, 30)
    weight = np.broadcast_to(found.weight, found.seen.shape)[found.seen]
    velocity = np.average(np.abs(found.normal[found.seen]), weights=weight) / 1.5
    assert velocity == pytest.approx(75, rel=0.4)
    assert found.stretch < 1e-3
    assert moved("deformation", 75.0, 0, 30).stretch > 0.01


def test_all_motions_are_judged_in_the_same_movies(tmp_path):
    table, found = judged(75.0, (0, 1), 4)
    assert set(found) == {"polymer", "polymer, other seeds", "deformation", "wandering", "learned"}
    assert len(table) == 2 * 4
    assert np.isfinite(table.drop(columns="motion").to_numpy()).all()
    assert "learned" in dynamics.in_words(table)
    assert dynamics.drawn(found).axes[1].get_xlabel() == "distance of two points (nm)"


def test_the_difference_of_two_trainings_is_paired_over_the_movies():
    import pandas as pd

    rows = [
        {"motion": motion, "training_seed": 0, "velocity": 75, "rate": 200, "seed": seed, "ms_ssim": level + seed / 10,
         "pearson": 0.5}
        for motion, level in (("deformation", 0.3), ("learned", 0.25)) for seed in range(4)
    ]  # fmt: skip
    said = dynamics.difference_in_words(pd.DataFrame(rows))
    assert "learned - deformation = -0.050 (-0.050 to -0.050)" in said


def test_the_command_runs_without_trainings(tmp_path):
    from typer.testing import CliRunner

    words = ["--out", str(tmp_path), "--preset", "tiny", "--steps", "0", "--seeds", "0-1"]
    result = CliRunner().invoke(dynamics.app, words, catch_exceptions=False)
    assert result.exit_code == 0
    assert len(json.loads((tmp_path / "motions.json").read_text())) == 8
    assert (tmp_path / "dynamics.png").stat().st_size > 1000
