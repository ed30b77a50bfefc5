"""Widefield images are brought to the pixels and time points of the localizations."""

import numpy as np
from widefield_observation import observed

from baselines._widefield import on_pixels


def test_a_linear_image_is_the_same_on_finer_pixels():
    images = np.broadcast_to(np.arange(12) * 10, (1, 8, 12))
    shown = on_pixels(observed(images))
    assert shown.shape == (5, 40, 60)
    x_nm = (np.arange(60) + 0.5) * 20
    expected = np.clip((x_nm - 50) / 100, 0, 11) / 11
    np.testing.assert_allclose(shown, np.broadcast_to(expected, shown.shape), atol=1e-6)


def test_each_time_point_gets_the_image_nearest_in_time():
    images = np.arange(4)[:, None, None] * np.ones((4, 8, 12))
    shown = on_pixels(observed(images))
    taken_s, points_s = np.arange(1, 5) * 1.5, (np.arange(5) + 0.5) * 1.5
    nearest = [np.abs(taken_s - time_s).argmin() for time_s in points_s]
    np.testing.assert_allclose(shown[:, 0, 0], np.array(nearest) / 3, atol=1e-6)


def test_a_constant_image_says_nothing():
    assert not on_pixels(observed(np.full((1, 8, 12), 7))).any()
