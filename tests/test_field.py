"""A field of view is a whole number of pixels, anywhere in the plane."""

import numpy as np
import pytest

from smlmsim.field import FieldOfView


def test_the_default_is_128_pixels_of_20_nm():
    assert FieldOfView().shape == (128, 128)
    assert FieldOfView().area_um2 == pytest.approx(6.5536)


def test_pixel_centres_start_half_a_pixel_from_the_origin():
    field = FieldOfView(height_nm=100, width_nm=60, origin_y_nm=1000, origin_x_nm=-40)
    np.testing.assert_allclose(field.y_nm, [1010, 1030, 1050, 1070, 1090])
    np.testing.assert_allclose(field.x_nm, [-30, -10, 10])


def test_upper_left_edges_belong_to_the_field_and_the_others_do_not():
    y, x = np.array([0.0, 0.0, 2560.0, 10.0, -1e-9]), np.array([0.0, 2559.9, 5.0, 2560.0, 5.0])
    np.testing.assert_array_equal(FieldOfView().contains(y, x), [True, True, False, False, False])


def test_a_field_smaller_than_a_pixel_is_refused():
    with pytest.raises(ValueError, match=r"width_nm = 15 is smaller than one pixel of 20 nm"):
        FieldOfView(width_nm=15)


def test_a_broken_pixel_is_refused_with_the_nearest_whole_field():
    with pytest.raises(ValueError, match=r"2550 is 127\.500 pixels of 20 nm; 2560 nm would be 128"):
        FieldOfView(height_nm=2550)
