"""Temporal jitter: the second difference of the error, 0 for what errs evenly and 1 for what could not hop more."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d

from smlmsim.metrics import METRICS, normalise
from smlmsim.metrics.temporal_jitter import temporal_jitter


@pytest.fixture(scope="module")
def moving(scene):
    """A scene that shifts by one pixel in each of sixteen time points, (time, y, x)."""
    still = scene(np.random.default_rng(8), size=160).sum(0)
    movie = np.stack([still[16:144, 32 - t : 160 - t] for t in range(16)])
    return (movie / movie.max()).astype(np.float32)


def jitter(truth, estimate):
    return METRICS["temporal_jitter"](*normalise(truth, estimate))


def test_it_is_numpys_second_difference_of_the_error(truth, estimate):
    a, b = truth.astype(float), estimate.astype(float)
    weights = np.array([1.0, 3.0, 3.0, 1.0])[:, None, None]
    expected = np.abs(np.diff(b - a, n=2, axis=0)).sum() / (weights * (np.abs(a) + np.abs(b))).sum()
    assert temporal_jitter(truth, estimate) == pytest.approx(expected, rel=1e-5)


def test_one_flash_of_nothing_else_costs_all_there_is():
    dark = np.zeros((3, 4, 4), np.float32)
    flash = dark.copy()
    flash[1, 2, 2] = 0.7
    assert temporal_jitter(dark, flash) == pytest.approx(1)
    assert temporal_jitter(dark, dark) == 0


def test_an_error_that_stays_or_grows_evenly_costs_nothing(truth):
    ramp = np.linspace(0, 1, len(truth), dtype=np.float32)[:, None, None]
    assert temporal_jitter(truth, truth + 0.3) < 1e-6
    assert temporal_jitter(truth, truth + ramp) < 1e-6


@pytest.mark.parametrize("kind", ["at rest", "moving"])
def test_flicker_costs_in_proportion_whether_things_move_or_not(moving, kind):
    truth = moving if kind == "moving" else np.broadcast_to(moving[:1], moving.shape)
    rng = np.random.default_rng(9)
    brightness = rng.uniform(-1, 1, (len(truth), 1, 1)).astype(np.float32)
    found = [temporal_jitter(truth, truth * (1 + depth * brightness)) for depth in (0.0, 0.1, 0.2)]
    assert found[0] == 0
    assert found[2] == pytest.approx(2 * found[1], rel=0.05)


def test_lagging_behind_what_moves_costs_and_more_with_the_lag(moving):
    found = [jitter(moving[3:], moving[3 - lag : len(moving) - lag]) for lag in (0, 1, 2, 3)]
    assert np.all(np.diff(found) > 0)


def test_averaging_over_time_costs_while_things_move(moving):
    found = [jitter(moving, gaussian_filter1d(moving, width, axis=0)) for width in (0.3, 1, 2)]
    assert np.all(np.diff(found) > 0)


def test_a_place_that_hops_costs_more_than_one_that_is_wrong_for_good(moving):
    still = np.broadcast_to(moving[:1], moving.shape)
    hops = np.where(np.arange(len(moving)) % 2, 1, -1)
    hopping = np.stack([np.roll(frame, hop, axis=1) for frame, hop in zip(still, hops, strict=True)])
    assert jitter(still, np.roll(still, 1, axis=2)) < 1e-6
    assert jitter(still, hopping) > 0.1


def test_two_time_points_have_no_second_difference(truth):
    with pytest.raises(ValueError, match="temporal_jitter needs movies of 3 time points, found 2"):
        temporal_jitter(truth[:2], truth[:2])
