import numpy as np
import pytest

from baselines.classic import _weights

TIMES_S = (np.arange(9) + 0.5) * 1.5


@pytest.mark.parametrize("sigma_s", [0.0, 1e-200, 0.4, 3.0, 100.0, np.inf])
def test_gaussian_weights_of_what_was_observed_sum_to_one_everywhere(sigma_s):
    weights = _weights.gaussian(TIMES_S, TIMES_S, sigma_s)
    np.testing.assert_allclose(weights.sum(axis=1), 1, rtol=1e-6)


def test_gaussian_weights_of_width_zero_keep_places_apart():
    np.testing.assert_array_equal(_weights.gaussian(TIMES_S, TIMES_S, 0.0), np.eye(9))


def test_gaussian_weights_of_infinite_width_are_all_alike():
    np.testing.assert_allclose(
        _weights.gaussian(TIMES_S[:2], TIMES_S, np.inf), np.full((2, 9), 1 / 9), rtol=1e-6
    )


def test_gaussian_weights_fall_off_with_the_distance_over_sigma():
    weights = _weights.gaussian(TIMES_S, TIMES_S, 2.0)
    assert weights[4, 6] / weights[4, 4] == pytest.approx(np.exp(-0.5 * (3.0 / 2.0) ** 2), rel=1e-6)


def test_gaussian_weights_follow_uneven_places():
    places = np.array([0.0, 1.0, 5.0])
    weights = _weights.gaussian(places, places, 2.0)
    assert weights[1, 2] / weights[1, 0] == pytest.approx(np.exp(-0.5 * (16 - 1) / 4), rel=1e-6)


@pytest.mark.parametrize(
    ("window_s", "expected"),
    [
        (0.1, [0, 0, 1, 0, 0]),
        (1.5, [0, 0, 1, 0, 0]),
        (3.0, [0, 1 / 4, 1 / 2, 1 / 4, 0]),
        (4.5, [0, 1 / 3, 1 / 3, 1 / 3, 0]),
        (7.5, [1 / 5, 1 / 5, 1 / 5, 1 / 5, 1 / 5]),
    ],
)
def test_a_box_counts_the_part_of_each_time_point_inside_the_window(window_s, expected):
    np.testing.assert_allclose(_weights.box(TIMES_S, TIMES_S, window_s)[4, 2:7], expected, atol=1e-7)


def test_a_box_at_the_end_takes_the_mean_of_what_was_observed():
    weights = _weights.box(TIMES_S, TIMES_S, 7.5)
    np.testing.assert_allclose(weights[0, :4], [1 / 3, 1 / 3, 1 / 3, 0], atol=1e-7)


@pytest.mark.parametrize("weigh", [_weights.box, _weights.gaussian])
def test_a_single_place_has_all_the_weight(weigh):
    np.testing.assert_array_equal(weigh(TIMES_S[:1], TIMES_S[:1], 7.5), [[1]])
