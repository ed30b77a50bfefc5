import numpy as np
import pytest

from smlmsim.metrics import _kernels
from smlmsim.metrics.window import gaussian_window


@pytest.fixture
def flat():
    rng = np.random.default_rng(0)
    return rng.random(10_001, np.float32), rng.normal(size=10_001).astype(np.float32)


def test_sums_are_those_of_numpy_in_float64(flat):
    a, b = (values.astype(float) for values in flat)
    assert _kernels.total(flat[1]) == pytest.approx(b.sum(), abs=1e-9)
    assert _kernels.squared_error(*flat) == pytest.approx(((a - b) ** 2).sum(), rel=1e-12)
    expected = ((a - 0.5) ** 2).sum(), ((a - 0.5) * (b + 2)).sum(), ((b + 2) ** 2).sum()
    assert _kernels.products(*flat, 0.5, -2.0) == pytest.approx(expected, rel=1e-12)


def test_scaling_rounds_once(flat):
    found = _kernels.scaled(flat[1], 1 / 3)
    np.testing.assert_array_equal(found, (flat[1].astype(float) * (1 / 3)).astype(np.float32))


@pytest.mark.parametrize("shape", [(8, 8), (7, 7), (8, 7), (7, 8), (1, 1), (2, 3), (97, 50)])
def test_halving_takes_two_by_two_means_after_zeros_before_an_odd_extent(shape):
    image = np.random.default_rng(1).random(shape, np.float32)
    padded = np.pad(image, [(side % 2, 0) for side in shape])
    expected = padded.reshape(padded.shape[0] // 2, 2, padded.shape[1] // 2, 2).mean(axis=(1, 3))
    flat = image.ravel().copy()
    found_shape = _kernels.halve(flat, *shape, np.empty(shape[1] + 1, np.float32))
    assert found_shape == expected.shape
    np.testing.assert_allclose(flat[: expected.size].reshape(expected.shape), expected, rtol=1e-6)


def test_window_is_a_gaussian_that_sums_to_one():
    window = np.array(gaussian_window(11, 1.5), float)
    assert window.sum() == pytest.approx(1, abs=1e-7)
    np.testing.assert_allclose(window[5] / window[6], np.exp(0.5 / 1.5**2), rtol=1e-6)
    np.testing.assert_array_equal(window, window[::-1])


def test_local_similarity_of_a_flat_bright_image_with_itself_is_exactly_one():
    flat = np.full((20, 20), 1.9, np.float32)
    scratch = np.empty((2, 4, 20), np.float32)
    assert _kernels.similarity(flat, 0 * flat, gaussian_window(7, 1.5), scratch) == (1.0, 1.0)


def test_local_similarity_stays_in_range_where_float32_loses_the_variance():
    """At 3000 the squares are known to 0.5, five hundred times the contrast floor."""
    rng = np.random.default_rng(2)
    scratch = np.empty((2, 4, 20), np.float32)
    for _ in range(20):
        s, d = (rng.uniform(1000, 3000) + 1e-3 * rng.random((20, 20), np.float32) for _ in range(2))
        found = _kernels.similarity(
            s.astype(np.float32), d.astype(np.float32), gaussian_window(7, 1.5), scratch
        )
        assert np.all(np.abs(found) <= 1)
