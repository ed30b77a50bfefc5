import math

import numpy as np
import pytest
import scipy.ndimage
import scipy.optimize

from baselines.classic import _flow, _flow_kernels, _weights
from baselines.classic._flow import Carried, Events, Flow
from smlmsim.testing import make_observation

SIDE, LENGTH, PIXEL_NM, POINT_S = 64, 24, 20.0, 1.5


def sharpness(at, times, basis, terms, shape=(40, 50)):
    gradient = np.empty_like(terms)
    found = _flow_kernels.sharpness(
        at[0], at[1], times, basis, terms, _flow._taps(math.sqrt(2)), np.empty(shape, np.float32), gradient
    )
    return found, gradient


def events_in_motion(rng, number=300, terms=3):
    at = rng.uniform(12, 28, (2, number))
    return at, rng.normal(size=number), rng.normal(size=(number, terms)), rng.normal(size=(2, terms)) / 2


def uniform_flow(velocity, order=1):
    """The same velocity everywhere and always, in half fields per time point."""
    terms = np.zeros((LENGTH, 2, _flow.terms_of(order)))
    terms[:, :, 0] = velocity
    return Flow(terms)


def moving_dots(velocity_px, number=4000, seed=0):
    """Localizations of dots that shift together by so many pixels per time point, and re-enter the field."""
    rng = np.random.default_rng(seed)
    dots = rng.uniform(0, SIDE, (2, 40))
    times = np.sort(rng.uniform(-0.5, LENGTH - 0.5, number))
    pixels = dots[:, rng.integers(40, size=number)] + np.outer(velocity_px, times)
    places = 2 * ((pixels + rng.normal(0, 0.7, pixels.shape)) % SIDE) / SIDE - 1
    return Events(times, places, LENGTH, (SIDE, SIDE), (SIDE * PIXEL_NM, SIDE * PIXEL_NM))


def test_the_sharpness_is_that_of_the_blurred_image():
    at, times, basis, terms = events_in_motion(np.random.default_rng(0))
    found, _ = sharpness(at, times, basis, terms)
    y, x = at - times * (terms @ basis.T)
    image = np.zeros((40, 50))
    for row, column in ((0, 0), (0, 1), (1, 0), (1, 1)):
        share = np.abs(1 - row - y % 1) * np.abs(1 - column - x % 1)
        np.add.at(image, (y.astype(int) + row, x.astype(int) + column), share)
    taps = _flow._taps(math.sqrt(2))
    blurred = scipy.ndimage.convolve1d(image, taps, axis=0, mode="constant")
    blurred = scipy.ndimage.convolve1d(blurred, taps, axis=1, mode="constant")
    assert found == pytest.approx((image * blurred).sum(), rel=1e-5)


def test_the_gradient_is_that_of_finite_differences():
    """Within a pixel the image is linear in the places: a small step crosses the borders of few of them."""
    at, times, basis, terms = events_in_motion(np.random.default_rng(1))
    _, gradient = sharpness(at, times, basis, terms)
    step = 1e-3
    for index in np.ndindex(terms.shape):
        shift = np.zeros_like(terms)
        shift[index] = step
        after, before = (sharpness(at, times, basis, terms + sign * shift)[0] for sign in (1, -1))
        assert gradient[index] == pytest.approx(
            (after - before) / (2 * step), abs=0.02 * np.abs(gradient).max()
        )


def test_the_slopes_are_those_of_the_basis():
    places, step = np.random.default_rng(0).uniform(-1, 1, (2, 20)), 1e-6
    _, slopes = _flow._basis(places, 4)
    for axis in range(2):
        shift = np.zeros((2, 1))
        shift[axis] = step
        after, before = (_flow._basis(places + sign * shift, 4)[0] for sign in (1, -1))
        np.testing.assert_allclose(slopes[:, axis], (after - before) / (2 * step), atol=1e-7)


def test_powers_give_the_same_velocities_as_legendre_polynomials():
    rng = np.random.default_rng(0)
    terms, places = rng.normal(size=(1, 2, _flow.terms_of(4))), rng.uniform(-1, 1, (2, 30))
    powers = _flow._monomials(terms, 4)[0]
    y, x = (np.vander(at, 5, increasing=True) for at in places)
    np.testing.assert_allclose(
        np.einsum("cab,ea,eb->ce", powers, y, x), terms[0] @ _flow._basis(places, 4)[0].T, atol=1e-12
    )


@pytest.mark.parametrize("velocity_px", [(0.0, 0.0), (1.5, -4.0), (6.0, 3.0)])
def test_a_translation_is_found(velocity_px):
    flow = Flow.sharpest(moving_dots(velocity_px), 2, 0, 30.0, 1.0)
    found_px = flow.terms[:, :, 0] * SIDE / 2
    # 330 events of 0.7 px within 2 points (0.58 rms) leave 0.7 / 0.58 / sqrt(330) px per point, and more where
    # dots are near each other.
    np.testing.assert_allclose(np.median(found_px, axis=0), velocity_px, atol=5 * 0.7 / 0.58 / math.sqrt(330))


def test_what_is_carried_along_its_own_flow_rests():
    velocity_px = np.array([2.0, 0.0])
    counts = np.zeros((LENGTH, SIDE, SIDE))
    counts[10, 30, 20] = 1
    carried = Carried.along(
        Events.of(make_observation(counts, point_s=POINT_S)), uniform_flow(2 * velocity_px / SIDE)
    )
    everywhere = np.ones((LENGTH, LENGTH), np.float32)
    images, seen = carried.average(np.arange(LENGTH), everywhere)
    images *= seen
    for point in range(LENGTH):
        row = 30 + 2 * (point - 10)
        assert images[point].sum() == pytest.approx(float(0 <= row < SIDE))
        if 0 <= row < SIDE:
            assert images[point, row, 20] == pytest.approx(1)


def test_at_rest_events_are_carried_to_the_weighted_sum_of_counts():
    counts = np.random.default_rng(0).poisson(0.1, (LENGTH, SIDE, SIDE))
    carried = Carried.along(Events.of(make_observation(counts, point_s=POINT_S)), uniform_flow((0.0, 0.0)))
    weights = np.random.default_rng(1).dirichlet(np.ones(LENGTH), 5).astype(np.float32)
    points = np.array([0, 3, 4, 11, 23])
    images, seen = carried.average(points, weights)
    np.testing.assert_array_equal(carried.counts(), counts)
    np.testing.assert_allclose(images, np.tensordot(weights, counts, 1), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(seen, 1, rtol=1e-5)


@pytest.mark.parametrize("sigma_s", [0.0, POINT_S, 3 * POINT_S])
def test_what_is_far_from_the_few_time_points_that_are_averaged_counts_there(sigma_s):
    counts = np.random.default_rng(0).poisson(0.1, (LENGTH, SIDE, SIDE))
    carried = Carried.along(Events.of(make_observation(counts, point_s=POINT_S)), uniform_flow((0.0, 0.0)))
    time_s, points = POINT_S * np.arange(LENGTH), np.array([4, 17])
    weights = _weights.gaussian(time_s[points], time_s, sigma_s)
    images, _ = carried.average(points, weights)
    np.testing.assert_allclose(images, np.tensordot(weights, counts, 1), rtol=1e-4, atol=1e-6)


def test_followed_once_for_many_widths_they_are_averaged_as_anew_for_each():
    rng = np.random.default_rng(0)
    counts = rng.poisson(0.1, (LENGTH, SIDE, SIDE))
    flow = Flow(0.02 * rng.normal(size=(LENGTH, 2, _flow.terms_of(3))))
    carried, points = (
        Carried.along(Events.of(make_observation(counts, point_s=POINT_S)), flow),
        np.array([2, 9, 20]),
    )
    followed = carried.at(points)
    for sigma_s in (POINT_S, 4 * POINT_S, 0.0, math.inf):
        time_s = POINT_S * np.arange(LENGTH)
        weights = _weights.gaussian(time_s[points], time_s, sigma_s)
        for once, anew in zip(followed.average(weights), carried.average(points, weights), strict=True):
            np.testing.assert_array_equal(once, anew)


def test_a_field_that_things_flow_into_is_as_bright_at_its_border_as_in_the_middle():
    counts = np.full((LENGTH, SIDE, SIDE), 4)
    carried = Carried.along(
        Events.of(make_observation(counts, point_s=POINT_S)), uniform_flow((4 / SIDE, 0.0))
    )
    time = np.arange(LENGTH)
    weights = np.exp(-0.5 * ((time - time[:, None]) / 3) ** 2)
    weights = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    images, _ = carried.average(time, weights)
    inner = images[8:16].mean(axis=(0, 2))
    # Coverage is interpolated between places 8 pixels apart; beyond the outermost it is taken as constant.
    np.testing.assert_allclose(inner, 4, rtol=0.25)
    np.testing.assert_allclose(inner[12:-12], 4, rtol=0.05)


def test_divergence_costs_what_structureless_localizations_gain_by_it():
    """Where area shrinks by exp(t div), densities grow by as much: their mean over +-t by (t div)^2 / 2."""
    rng = np.random.default_rng(0)
    times, places, divergence = rng.uniform(-4, 4, 500), rng.uniform(-1, 1, (2, 500)), 0.05
    losses = []
    for collapse in (0.0, 1.0):
        window = _flow._Window(times, places, np.array([1280.0, 2560.0]), 60.0, collapse)
        level = _flow._Level.of(window, np.zeros((2, 3)), 60.0, 1)
        terms = np.array([[0, divergence, 0], [0, 0, 0]]) / level.scale
        losses.append(level.loss(terms.ravel())[0])
    assert losses[1] - losses[0] == pytest.approx(np.mean((times * divergence) ** 2) / 2, rel=1e-6)
