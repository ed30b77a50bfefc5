"""Widths of profiles and area fractions are those of shapes whose are known."""

import math

import numpy as np
import pytest

from smlmsim.metrics.area import area_fraction
from smlmsim.metrics.masks import otsu_mask
from smlmsim.metrics.profiles import across, offsets_nm, sampled, width_nm

OFFSETS = offsets_nm(20.0)


def gaussian(sigma_nm, centre_nm=0.0, background=0.0):
    return background + np.exp(-0.5 * ((OFFSETS - centre_nm) / sigma_nm) ** 2)


@pytest.mark.parametrize("sigma_nm", [20, 30, 50])
@pytest.mark.parametrize(("centre_nm", "background"), [(0, 0), (13, 0), (0, 2)])
def test_the_width_of_a_gaussian_is_2_355_times_its_standard_deviation(sigma_nm, centre_nm, background):
    found = width_nm(gaussian(sigma_nm, centre_nm, background), OFFSETS)
    assert found == pytest.approx(2 * math.sqrt(2 * math.log(2)) * sigma_nm, rel=0.02)


def test_a_brighter_neighbour_does_not_count():
    two = gaussian(20) + 3 * gaussian(20, centre_nm=180)
    assert width_nm(two, OFFSETS) == pytest.approx(2.355 * 20, rel=0.02)


def test_what_does_not_fall_to_half_on_both_sides_has_no_width():
    for profile in (np.zeros_like(OFFSETS), np.ones_like(OFFSETS), OFFSETS, -OFFSETS):
        assert math.isnan(width_nm(profile, OFFSETS))


@pytest.mark.parametrize("angle", [0.0, 0.5, 1.2])
def test_profiles_run_across_a_line_of_any_direction(angle):
    y, x = np.mgrid[:64, :64] - 31.5
    distance_nm = 20 * (np.cos(angle) * y - np.sin(angle) * x)
    movie = np.exp(-0.5 * (distance_nm / 40) ** 2).astype(np.float32)[None]
    places = across(movie[0], otsu_mask(movie)[0], 20.0)
    inside = ((places >= 0) & (places <= 63)).all(axis=(0, 2))
    widths = [width_nm(profile, OFFSETS) for profile in sampled(movie[0], places[:, inside])]
    assert len(widths) > 20
    # linear interpolation between pixels widens by at most a pixel's second moment, 20^2 / 6 nm^2
    assert np.median(widths) == pytest.approx(2.355 * 40, rel=0.04)


def test_the_area_of_a_rectangle_is_its_share_of_the_field():
    movie = np.full((2, 20, 40), 0.1, np.float32)
    movie[0, :10, :10] = 1
    movie[1, :5, :40] = 0.9
    np.testing.assert_array_equal(area_fraction(movie), [100 / 800, 200 / 800])
    np.testing.assert_array_equal(area_fraction(3 * movie), [100 / 800, 200 / 800])


def test_nothing_covers_nothing():
    np.testing.assert_array_equal(area_fraction(np.zeros((3, 8, 8), np.float32)), 0)
