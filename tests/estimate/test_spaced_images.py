"""The velocity of filaments is told from images that are too far apart to follow them."""

import numpy as np
import pytest
from moving_lines import Lines

from smlmsim.estimate import spaced_images

STEPS, LINES = 40, 24


def _told(images, *, sigma_nm=90.0, lag=1):
    return spaced_images.spaced_velocity(images, step_s=3.0, pixel_nm=100.0, sigma_nm=sigma_nm, lag=lag)


@pytest.mark.parametrize("rms_nm", [60.0, 180.0, 400.0])
def test_displacements_of_up_to_four_resolutions_are_told_within_the_stated_error(rms_nm):
    rng = np.random.default_rng(0)
    steps_nm = rng.normal(0, rms_nm, (STEPS, LINES))
    found = _told(Lines.walking(steps_nm, rng).images(rng))
    true = np.abs(steps_nm).mean() / 3.0
    assert abs(found.velocity_nm_per_s - true) < 2 * found.error_nm_per_s < 0.4 * true + 4
    assert found.velocity_nm_per_s == pytest.approx(true, rel=0.15)
    assert found.lag_s == 3.0


def test_one_speed_for_all_is_told_from_a_spread_of_speeds():
    """Of equal root mean squares, the mean of one speed is 1.25 times that of Gaussian displacements."""
    rng = np.random.default_rng(0)
    steps_nm = 250.0 * rng.choice([-1, 1], (STEPS, LINES))
    found = _told(Lines.walking(steps_nm, rng).images(rng))
    assert found.velocity_nm_per_s == pytest.approx(250 / 3, rel=0.1)


def test_bleaching_is_no_motion():
    rng = np.random.default_rng(0)
    images = Lines.walking(np.zeros((STEPS, LINES)), rng).images(rng)
    bleached = images * np.exp(-np.arange(STEPS + 1) / 20)[:, None, None]
    for movie in (images, bleached):
        found = _told(movie)
        assert found.velocity_nm_per_s < 2 * found.error_nm_per_s < 12


def test_a_longer_lag_tells_slow_motion_more_precisely():
    rng = np.random.default_rng(0)
    steps_nm = np.tile(rng.normal(0, 15.0, LINES), (STEPS, 1))
    images = Lines.walking(steps_nm, rng).images(rng)
    short, long = _told(images), _told(images, lag=8)
    assert long.error_nm_per_s < 0.5 * short.error_nm_per_s
    assert long.velocity_nm_per_s == pytest.approx(np.abs(steps_nm).mean() / 3.0, rel=0.15)


def test_too_far_a_way_between_images_is_refused_with_the_interval_that_would_do():
    rng = np.random.default_rng(0)
    images = Lines.walking(rng.normal(0, 1500.0, (STEPS, LINES)), rng).images(rng)
    with pytest.raises(
        ValueError, match=r"in the 3 s between widefield images .* one image every [\d.]+ s would do"
    ):
        _told(images)


def test_noise_and_uneven_light_are_refused():
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:52, :52]
    for uneven in (0 * x, 3 * x, 200 * np.exp(-((x - 30) ** 2 + (y - 20) ** 2) / 1000)):
        with pytest.raises(ValueError, match="no structure beyond noise and uneven light"):
            _told(rng.normal(100, 5, (STEPS, 52, 52)) + uneven)


def test_too_few_images_are_refused():
    with pytest.raises(ValueError, match="there are 9 widefield images; a velocity over 3 s needs 11"):
        _told(np.zeros((9, 52, 52)))
