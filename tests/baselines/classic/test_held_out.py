import itertools

import numpy as np
import pytest

from baselines.classic import _held_out, _weights
from baselines.classic._held_out import HeldOut
from smlmsim.testing import make_observation


def estimate(counts, sigmas, observation):
    along = (
        _weights.gaussian(observation[axis].values, observation[axis].values, sigma).astype(np.float64)
        for axis, sigma in zip(("time", "y", "x"), sigmas, strict=True)
    )
    return np.einsum("at,by,cx,tyx->abc", *along, counts)


def test_each_localization_is_predicted_by_all_the_others():
    """Take every localization out of the counts in turn and estimate anew."""
    rng = np.random.default_rng(1)
    counts = rng.poisson(0.2, (7, 6, 9))
    observation = make_observation(counts)
    held_out = HeldOut.of(observation, displacement_nm=20.0)
    time_s, space_nm, share = 1.2, 25.0, _held_out.BACKGROUND_SHARE

    whole = estimate(counts, (time_s, space_nm, space_nm), observation)
    expected = -(1 - share) * whole.sum()
    places = [(t, i) for t, (a, b) in enumerate(itertools.pairwise(held_out.firsts)) for i in range(a, b)]
    for t, i in places:
        without = counts.copy()
        without[t, *held_out.homes[i]] -= 1
        others = estimate(without, (time_s, space_nm, space_nm), observation)[t, *held_out.targets[i]]
        expected += held_out.numbers[i] * np.log((1 - share) * others + share * counts.mean())

    assert held_out.points.size == 7
    assert held_out.log_likelihoods([time_s], [space_nm])[0, 0] == pytest.approx(expected, rel=1e-5)


def test_localizations_are_looked_for_at_the_given_distance():
    counts = np.ones((24, 64, 64))
    held_out = HeldOut.of(make_observation(counts), displacement_nm=30.0)
    inner = np.all((held_out.homes > 8) & (held_out.homes < 55), axis=1)
    moved_nm = 20.0 * (held_out.targets - held_out.homes)[inner]
    rounding_nm2 = 20.0**2 / 12
    relative_error = 5 / np.sqrt(2 * moved_nm.shape[0])
    np.testing.assert_allclose(moved_nm.var(axis=0), 30.0**2 + rounding_nm2, rtol=relative_error)
    np.testing.assert_allclose(moved_nm.mean(axis=0), 0, atol=5 * 30.0 / np.sqrt(moved_nm.shape[0]))


def test_without_displacement_localizations_are_looked_for_where_they_are():
    held_out = HeldOut.of(make_observation(np.eye(8)[None]), displacement_nm=0.0)
    np.testing.assert_array_equal(held_out.targets, held_out.homes)


def test_displaced_localizations_stay_in_the_field():
    held_out = HeldOut.of(make_observation(np.ones((3, 4, 5))), displacement_nm=500.0)
    assert held_out.targets.min() == 0
    assert tuple(held_out.targets.max(axis=0)) == (3, 4)


@pytest.mark.parametrize(("per_point", "points"), [(0, 24), (20, 150), (1000, 24), (2, 300)])
def test_enough_localizations_are_held_out(per_point, points):
    counts = np.zeros((300, 4, 4))
    counts[:, 1, 2] = per_point
    found = HeldOut.of(make_observation(counts), displacement_nm=0.0).points
    assert found.size == points
    assert np.all(np.diff(found) > 0)


def test_without_localizations_every_width_is_as_likely():
    held_out = HeldOut.of(make_observation(np.zeros((4, 5, 6))), displacement_nm=10.0)
    np.testing.assert_array_equal(held_out.log_likelihoods([0.0, 1.0, np.inf], [0.0, 30.0]), np.zeros((3, 2)))


@pytest.mark.parametrize("velocity_px", [0.0, 0.5, 3.0])
def test_climbing_finds_the_likeliest_of_all_widths(velocity_px):
    rng = np.random.default_rng(5)
    times_s, spaces_nm = [0.0, *(0.75 * 2.0 ** np.arange(5)), np.inf], [20.0, 40.0, 80.0]
    at = np.arange(48)
    for per_pixel in (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0):
        centre = 10 + velocity_px * np.arange(24) % 28
        line = np.exp(-0.5 * ((at - centre[:, None]) / 1.5) ** 2)[:, :, None] * (rng.random(48) < 0.8)
        held_out = HeldOut.of(make_observation(rng.poisson(per_pixel * line)), displacement_nm=20.0)
        grid = held_out.log_likelihoods(times_s, spaces_nm)
        *place, found = held_out.likeliest(times_s, spaces_nm)
        assert tuple(place) == np.unravel_index(np.argmax(grid), grid.shape)
        assert found == grid.max()


def test_widths_that_were_tried_are_not_tried_again(monkeypatch):
    tried, likelihood = [], _held_out._kernels.held_out_log_likelihood
    monkeypatch.setattr(
        _held_out._kernels, "held_out_log_likelihood", lambda *args: tried.append(1) or likelihood(*args)
    )
    held_out = HeldOut.of(make_observation(np.random.default_rng(6).poisson(0.2, (9, 8, 7))), 20.0)
    first = held_out.likeliest([0.0, 1.5, 3.0], [20.0, 40.0])
    number = len(tried)
    assert held_out.likeliest([0.0, 1.5, 3.0], [20.0, 40.0]) == first
    assert len(tried) == number
    held_out.likeliest([0.0, 1.5, 2.0, 3.0], [20.0])
    assert len(tried) == number + 1


def test_widths_in_a_large_movie_are_as_likely_however_few_images_are_kept(monkeypatch):
    observation = make_observation(np.random.default_rng(7).poisson(0.2, (9, 8, 7)))
    kept = HeldOut.of(observation, 20.0).likeliest([0.0, 1.5, 3.0, 6.0], [20.0, 40.0])
    monkeypatch.setattr(_held_out, "KEPT_BYTES", 1)
    held_out = HeldOut.of(observation, 20.0)
    assert held_out.likeliest([0.0, 1.5, 3.0, 6.0], [20.0, 40.0]) == kept
    assert len(held_out._averages) == 1
