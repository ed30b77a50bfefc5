"""Driven coordinates: every closed form against another, since each step and each law is known exactly."""

import numpy as np
import pytest

from smlmsim.motion._persistent_noise import DrivenCoordinates

RATES = np.array([1e-8, 1e-3, 0.1, 1 / 7.5, (1 + 1e-9) / 7.5, 0.2, 1.0, 10.0, 1e3, 1e6])
DRIVES = {"active": (0.0, 1.7), "thermal": (0.3, 0.0), "mixed": (0.3, 1.7)}


@pytest.fixture(params=[(drive, time) for drive in DRIVES for time in (0.01, 7.5, 1e4)], ids=str)
def driven(request):
    """Coordinates from almost free to stiff, slower than their force, as fast as it, and faster."""
    (diffusion, drive), persistence_s = DRIVES[request.param[0]], request.param[1]
    return coordinates(RATES, diffusion, drive, persistence_s)


def coordinates(rates, diffusion, drive, persistence_s):
    return DrivenCoordinates(rates, np.full_like(rates, diffusion), np.full_like(rates, drive), persistence_s)


def matrices(transition):
    """What multiplies (a, eta) in a step and the covariance of what it adds, shape (coordinate, 2, 2)."""
    zero = np.zeros_like(transition.decay)
    keep = [[transition.decay, transition.gain], [zero, zero + transition.persist]]
    add = [
        [transition.variance, transition.covariance],
        [transition.covariance, zero + transition.fresh],
    ]
    return np.moveaxis(np.array(keep), -1, 0), np.moveaxis(np.array(add), -1, 0)


def steady(driven):
    """The covariance of (a, eta), shape (coordinate, 2, 2), from the Lyapunov equation."""
    total = driven.rate + 1 / driven.persistence_s
    shared = driven.drive / total
    own = driven.diffusion / driven.rate + driven.drive**2 / (driven.rate * total)
    return np.moveaxis(np.array([[own, shared], [shared, np.ones_like(own)]]), -1, 0)


def scale(covariance):
    """What an entry of a covariance can be compared with."""
    spread = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2))
    return spread[:, :, None] * spread[:, None, :] + 1e-300


def autocovariance(driven, times_s):
    """Of a at some times, from the schedule, shape (coordinate, time, time)."""
    schedule, variance = driven.schedule(times_s), steady(driven)[:, 0, 0]
    a = np.zeros((driven.rate.size, times_s.size + 1))
    a[:, 0] = np.sqrt(variance)
    known = schedule.slope[:, None] * a
    known[:, 1] = schedule.spread
    rows = [a]
    for time, which in enumerate(schedule.update_of[1:], start=2):
        decay, gain, jolt, kick = schedule.update[which][:, :, None]
        a, known = decay * a + gain * known, schedule.persist[which] * known
        a[:, time : time + 1] += jolt
        known[:, time : time + 1] += kick
        rows.append(a)
    paths = np.stack(rows, axis=1)
    return paths @ np.swapaxes(paths, 1, 2)


@pytest.mark.parametrize("step_s", [1e-4, 0.3, 50.0])
def test_two_half_steps_are_one_step(driven, step_s):
    (keep, add), (half_keep, half_add) = (matrices(driven.transition(step)) for step in (step_s, step_s / 2))
    np.testing.assert_allclose(half_keep @ half_keep, keep, rtol=1e-10, atol=1e-300)
    twice = half_keep @ half_add @ np.swapaxes(half_keep, 1, 2) + half_add
    np.testing.assert_allclose(twice / scale(add), add / scale(add), rtol=0, atol=1e-10)


@pytest.mark.parametrize("step_s", [1e-4, 0.3, 50.0])
def test_the_steady_state_is_the_fixed_point_of_a_step(driven, step_s):
    keep, add = matrices(driven.transition(step_s))
    before = steady(driven)
    after = keep @ before @ np.swapaxes(keep, 1, 2) + add
    np.testing.assert_allclose(after / scale(before), before / scale(before), rtol=0, atol=1e-10)


def test_the_steady_force_given_the_coordinate_is_that_of_the_joint_gaussian(driven):
    covariance = steady(driven)
    slope, remaining = driven.drive_given_coordinate()
    own, shared = covariance[:, 0, 0], covariance[:, 0, 1]
    np.testing.assert_allclose(slope, shared / own, rtol=1e-12)
    np.testing.assert_allclose(remaining, 1 - shared**2 / own, rtol=0, atol=1e-12)


@pytest.mark.parametrize("lag_s", [0.01, 1.5, 50.0])
def test_the_mean_square_displacement_is_that_of_the_steps(driven, lag_s):
    keep, add = matrices(driven.transition(lag_s))
    moved = keep - np.eye(2)
    displaced = moved @ steady(driven) @ np.swapaxes(moved, 1, 2) + add
    rounding = 1e-14 * steady(driven)[:, 0, 0]
    difference = np.abs(driven.mean_square_displacement(lag_s) - displaced[:, 0, 0])
    assert (difference <= 1e-10 * displaced[:, 0, 0] + rounding).all()


@pytest.mark.parametrize("lag_s", [0.01, 1.5, 50.0])
def test_a_free_coordinate_drifts_and_diffuses(lag_s):
    free = coordinates(np.zeros(1), 0.3, 1.7, 7.5)
    transition = free.transition(lag_s)
    expected = 2 * 0.3 * lag_s + 2 * (1.7 * 7.5) ** 2 * (lag_s / 7.5 + np.expm1(-lag_s / 7.5))
    np.testing.assert_allclose(free.mean_square_displacement(lag_s), expected, rtol=1e-10)
    np.testing.assert_allclose(transition.gain**2 + transition.variance, expected, rtol=1e-10)


@pytest.mark.parametrize(
    "times_s",
    [np.arange(6) * 1.5, np.cumsum([0.0, 0.3, 2.0, 0.01, 40.0, 0.3]), np.arange(2) * 1e-3],
    ids=["even", "uneven", "two"],
)
def test_one_number_per_time_gives_the_law_of_the_coordinate(driven, times_s):
    found, own = autocovariance(driven, times_s), steady(driven)[:, 0, 0]
    expected = np.empty_like(found)
    for i, earlier in enumerate(times_s):
        for j, later in enumerate(times_s):
            keep, _ = matrices(driven.transition(abs(later - earlier)))
            expected[:, i, j] = (keep @ steady(driven))[:, 0, 0]
    np.testing.assert_allclose(found / own[:, None, None], expected / own[:, None, None], rtol=0, atol=1e-10)


def test_even_times_share_one_update():
    driven = coordinates(RATES, *DRIVES["active"], 7.5)
    schedule = driven.schedule((np.arange(1500) + 0.5) * 0.3)
    assert schedule.update.shape == (1, 4, RATES.size)
    assert schedule.update_of.tolist() == [-1] + [0] * 1499


def test_a_single_time_needs_no_update():
    schedule = coordinates(RATES, *DRIVES["active"], 7.5).schedule(np.array([3.0]))
    assert schedule.update.shape == (0, 4, RATES.size)
    assert schedule.update_of.tolist() == [-1]


def test_what_nothing_drives_stands_still():
    transition = coordinates(np.zeros(1), 0.0, 0.0, 7.5).transition(1.5)
    jolt, kick, hidden = transition.innovation(transition.settled())
    assert (transition.decay, transition.gain, jolt, kick, hidden) == (1, 0, 0, 0, 1)
