import itertools
import math

import numpy as np
import pytest

from baselines.frames import _cumulant_kernels as kernels
from baselines.frames._cumulants import combinations, cumulant_image, spread_of_light

ORDERS = (2, 3, 4)


def partitions(items):
    """All ways to divide items into groups."""
    if not items:
        yield []
        return
    first, *rest = items
    for size in range(len(rest) + 1):
        for others in itertools.combinations(rest, size):
            for groups in partitions([item for item in rest if item not in others]):
                yield [(first, *others), *groups]


def joint_cumulant(traces):
    """The joint cumulant of traces (k, frame), as the sum over all partitions of products of moments."""
    return sum(
        (-1) ** (len(groups) - 1)
        * math.factorial(len(groups) - 1)
        * math.prod(traces[list(group)].prod(axis=0).mean() for group in groups)
        for groups in partitions(list(range(len(traces))))
    )


def blinking(sigma_px, y, x, shape=(12, 14), share=0.1, frames=200, seed=0):
    """Frames of one emitter without noise, and the trace of its brightness."""
    on = (np.random.default_rng(seed).random(frames) < share).astype(float)
    rows, columns = np.indices(shape)
    spot = np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * sigma_px**2))
    return (100 * on[:, None, None] * spot).astype(np.float32), on


@pytest.mark.parametrize("order", ORDERS)
def test_the_kernel_adds_the_sum_over_all_partitions(order):
    frames = np.random.default_rng(order).gamma(1.0, 1.0, (50, 5, 6)).astype(np.float32)
    pixels = np.array([(0, 0), (1, -1), (0, 2), (1, 0)])[:order]
    total, number = np.zeros((5, 6)), np.zeros((5, 6), np.int64)
    kernels.add_cumulants(frames - frames.mean(axis=0), pixels, total, number)
    for y, x in itertools.product(range(5), range(6)):
        places = [(y + dy, x + dx) for dy, dx in pixels]
        if all(0 <= row < 5 and 0 <= column < 6 for row, column in places):
            expected = joint_cumulant(np.array([frames[:, row, column] for row, column in places], float))
            assert total[y, x] == pytest.approx(expected, abs=2e-5)
            assert number[y, x] == 1
        else:
            assert total[y, x] == number[y, x] == 0


@pytest.mark.parametrize("order", ORDERS)
def test_different_pixels_are_combined_around_every_place(order):
    for place in itertools.product(range(order), repeat=2):
        levels = combinations(order, *place)
        assert [level[0].spread for level in levels] == sorted(level[0].spread for level in levels)
        for pixels, spread in (one for level in levels for one in level):
            assert len(set(pixels)) == order
            assert np.array_equal(np.mean(pixels, axis=0), np.array(place) / order)
            assert spread == pytest.approx(((np.array(pixels) - np.mean(pixels, axis=0)) ** 2).sum())


@pytest.mark.parametrize("order", ORDERS)
def test_cumulants_of_an_emitter_are_its_spot_narrower_by_the_root_of_the_order(order):
    frames, on = blinking(1.4, 5.3, 6.8)
    image = cumulant_image(frames, order, sigma_px=1.4)
    assert image.shape == (order * 11 + 1, order * 13 + 1)
    rows, columns = np.indices(image.shape) / order
    narrow = np.exp(-order * ((rows - 5.3) ** 2 + (columns - 6.8) ** 2) / (2 * 1.4**2))
    cumulant = joint_cumulant(np.tile(on, (order, 1)))
    inside = image != 0
    assert inside.mean() > 0.9
    expected = 100**order * cumulant * narrow
    np.testing.assert_allclose(image[inside], expected[inside], atol=1e-3 * expected.max())


def test_cumulants_of_independent_emitters_add_up():
    one, other = (blinking(1.4, 5.3, x, frames=2000, seed=x)[0] for x in (4, 8))
    together = cumulant_image(one + other, 2, 1.4)
    apart = cumulant_image(one, 2, 1.4) + cumulant_image(other, 2, 1.4)
    # The covariance of independent traces is about 1 / sqrt(frames) of their variance; spots overlap by a quarter.
    assert np.abs(together - apart).max() < 0.05 * apart.max()


@pytest.mark.parametrize("order", ORDERS)
def test_noise_on_a_constant_background_has_no_cumulants_on_average(order):
    mean, frames = 20.0, 1000
    noise = np.random.default_rng(7).poisson(mean, (frames, 8, 8)).astype(np.float32)
    image = cumulant_image(noise, order, sigma_px=100.0)
    # A product of n independent pixels has the variance mean^n; less if several combinations are averaged.
    assert np.abs(image).max() < 5 * math.sqrt(mean**order / frames)
    assert abs(image.mean()) < math.sqrt(mean**order / frames)


@pytest.mark.parametrize("sigma_px", [0.8, 1.3, 2.0])
def test_the_width_of_spots_is_found_from_pixels_one_and_two_apart(sigma_px):
    frames, _ = blinking(sigma_px, 11.3, 12.6, shape=(24, 26))
    assert spread_of_light(frames) == pytest.approx(sigma_px, rel=0.01)


def test_the_width_of_spots_is_not_found_from_noise_or_from_two_rows():
    flat = np.ones((9, 12, 12), np.float32)
    assert math.isnan(spread_of_light(flat))
    assert math.isnan(spread_of_light(np.random.default_rng(0).random((9, 2, 12)).astype(np.float32)))
