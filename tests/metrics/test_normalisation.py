import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from smlmsim.metrics import normalise


def test_truth_is_divided_by_its_scale_and_not_clipped(truth, estimate):
    found, _ = normalise(truth * 0.003, estimate, 0.0015)
    np.testing.assert_allclose(found, 2 * truth, rtol=1e-6)
    assert found.max() > 1
    assert found.dtype == np.float32


def test_a_truth_without_a_scale_is_divided_by_the_999th_of_a_thousand_of_its_pixels(truth, estimate):
    sparse = np.where(truth > 0.2, truth, 0)
    found, _ = normalise(0.003 * sparse, estimate)
    lit = np.sort(found[found > 0])
    assert lit[round(0.999 * (lit.size - 1))] == pytest.approx(1, rel=1e-3)


def test_factor_of_the_estimate_is_the_one_a_numerical_search_finds(truth, estimate):
    a, b = truth.astype(float), 7 * estimate.astype(float)
    best = minimize_scalar(lambda factor: np.sum((a - factor * b) ** 2), bracket=(0, 1)).x
    np.testing.assert_allclose(normalise(truth, 7 * estimate, 1.0)[1], best * b, rtol=1e-5, atol=1e-9)


def test_factor_is_one_for_the_whole_movie_not_one_per_time_point(truth):
    flicker = np.array([1, 3, 1, 3], np.float32)[:, None, None]
    _, found = normalise(truth, truth * flicker)
    per_time_point = found.max(axis=(1, 2)) / truth.max(axis=(1, 2))
    np.testing.assert_allclose(per_time_point / per_time_point[0], flicker.ravel(), rtol=1e-5)


@pytest.mark.parametrize("scale", [1e-30, 2.0**-9, 1.7, 1e30])
def test_scale_of_the_estimate_does_not_matter(truth, estimate, scale):
    expected = normalise(truth, estimate)[1]
    scaled = normalise(truth, (estimate.astype(float) * scale).astype(np.float32))[1]
    np.testing.assert_allclose(scaled, expected, rtol=4 * np.finfo(np.float32).eps)


@pytest.mark.parametrize("dtype", [np.uint16, np.int64, np.float64])
def test_any_real_dtype_is_welcome(truth, dtype):
    counts = (100 * truth).astype(dtype)
    expected = normalise(truth, counts.astype(np.float32))[1]
    found = normalise(truth, counts)[1]
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_nothing_is_clipped_and_no_offset_is_taken_away(truth):
    _, found = normalise(truth, truth - 0.1)
    assert found.min() < 0
    _, raised = normalise(truth, truth + 0.1)
    assert raised.min() > 0


@pytest.mark.parametrize("level", [0.0, 1.0, -3.0, 1e-45])
def test_constant_estimate_gets_the_factor_zero(truth, level):
    assert not normalise(truth, np.full_like(truth, level))[1].any()


def test_estimate_that_opposes_the_truth_gets_the_factor_zero(truth):
    assert not normalise(truth, -truth)[1].any()


def test_perfect_estimate_becomes_the_truth_to_the_last_bit(truth):
    found = normalise(truth * np.float32(0.37), truth * np.float32(0.37))
    np.testing.assert_array_equal(*found)


def test_inputs_are_left_alone(truth, estimate):
    before = truth.copy(), estimate.copy()
    normalise(truth, estimate)
    np.testing.assert_array_equal(truth, before[0])
    np.testing.assert_array_equal(estimate, before[1])


def test_truth_without_anything_in_it_is_refused(estimate):
    with pytest.raises(ValueError, match="the truth is zero everywhere"):
        normalise(np.zeros_like(estimate), estimate)


def test_movies_of_two_shapes_are_refused(truth):
    with pytest.raises(ValueError, match=r"the same shape, found \(4, 128, 128\) and \(3, 128, 128\)"):
        normalise(truth, truth[:3])


def test_movies_without_a_time_point_are_refused(truth):
    with pytest.raises(ValueError, match=r"found \(0, 128, 128\)"):
        normalise(truth[:0], truth[:0])


def test_negative_truth_is_refused(truth, estimate):
    with pytest.raises(ValueError, match=r"cannot be negative, found -0\.5"):
        normalise(truth - 0.5, estimate)
