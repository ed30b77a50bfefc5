import numpy as np
import pytest

from baselines.classic import _kernels


def banded(rng, shape):
    weights = rng.random(shape, np.float32)
    weights[np.abs(np.subtract.outer(np.arange(shape[0]), np.arange(shape[1]))) > 6] = 0
    return weights


@pytest.mark.parametrize(
    ("n", "m", "p"), [(1, 1, 1), (1, 7, 30), (2, 3, 1024), (7, 7, 1025), (8, 9, 2500), (13, 4, 5)]
)
def test_weighted_sums_are_a_matrix_product(n, m, p):
    rng = np.random.default_rng(0)
    weights, rows = banded(rng, (n, m)), rng.random((m, p), np.float32)
    out = np.full((n, p), np.nan, np.float32)
    _kernels.weighted_sums(weights, _kernels.support(weights), rows, out)
    np.testing.assert_allclose(out, weights @ rows, rtol=1e-5)


def test_a_row_without_weights_sums_to_zero():
    weights, out = np.zeros((3, 4), np.float32), np.full((3, 6), np.nan, np.float32)
    _kernels.weighted_sums(weights, _kernels.support(weights), np.ones((4, 6), np.float32), out)
    np.testing.assert_array_equal(out, 0)


def test_smoothing_in_time_is_a_matrix_product_over_images():
    rng = np.random.default_rng(0)
    weights, movie = banded(rng, (5, 11)), rng.random((11, 6, 7), np.float32)
    out = np.empty((5, 6, 7), np.float32)
    _kernels.smooth_time(weights, movie, out)
    np.testing.assert_allclose(out, np.einsum("nt,tyx->nyx", weights, movie), rtol=1e-5)


@pytest.mark.parametrize("shape", [(3, 8, 8), (2, 13, 6), (4, 1, 9), (1, 5, 1)])
def test_smoothing_in_space_is_a_matrix_product_along_each_axis(shape):
    rng = np.random.default_rng(0)
    weights_y, weights_x = banded(rng, (shape[1],) * 2), banded(rng, (shape[2],) * 2)
    movie = rng.random(shape, np.float32)
    expected = np.einsum("ab,tbc,dc->tad", weights_y, movie, weights_x)
    _kernels.smooth_space(weights_y, weights_x, movie)
    np.testing.assert_allclose(movie, expected, rtol=1e-5)
