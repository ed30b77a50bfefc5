import numpy as np
import pydantic
import pytest

from baselines.classic.moving_window import MovingWindow
from smlmsim.testing import make_observation


def test_moving_window_is_the_mean_over_the_time_points_in_it():
    counts = np.random.default_rng(0).poisson(0.3, (9, 5, 6))
    density = MovingWindow(window_s=4.5).reconstruct(make_observation(counts, point_s=1.5)).density
    np.testing.assert_allclose(density[4], counts[3:6].mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(density[0], counts[:2].mean(axis=0), atol=1e-6)


def test_a_window_is_a_time_whatever_the_time_points():
    """The same localizations cut into time points of half the length: the window takes twice as many."""
    counts = np.random.default_rng(0).poisson(0.3, (40, 5, 6))
    fine = MovingWindow(window_s=5.0).reconstruct(make_observation(counts, point_s=0.5)).density
    np.testing.assert_allclose(
        fine[20], 0.1 * counts[15:26].sum(axis=0) - 0.05 * (counts[15] + counts[25]), atol=1e-6
    )


def test_a_window_of_one_time_point_gives_the_counts():
    counts = np.random.default_rng(0).poisson(0.3, (9, 5, 6))
    density = MovingWindow(window_s=1.5).reconstruct(make_observation(counts, point_s=1.5)).density
    np.testing.assert_array_equal(density, counts)


def test_a_window_longer_than_the_movie_gives_its_mean():
    counts = np.random.default_rng(0).poisson(0.3, (9, 5, 6))
    density = MovingWindow(window_s=1e4).reconstruct(make_observation(counts)).density
    np.testing.assert_allclose(density, np.broadcast_to(counts.mean(axis=0), (9, 5, 6)), rtol=1e-2)


@pytest.mark.parametrize("window_s", [0.0, -1.0, float("inf"), float("nan")])
def test_a_window_is_positive_and_finite(window_s):
    with pytest.raises(pydantic.ValidationError):
        MovingWindow(window_s=window_s)
