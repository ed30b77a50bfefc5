"""Networks see localizations on one scale at every rate."""

import numpy as np
import pytest

from baselines._scale import BLOCK_PX, noise


def poisson(mean, *shape, seed=0):
    return np.random.default_rng(seed).poisson(mean, shape).astype(np.float32)


def noise_of(counts):
    return float(noise(counts.sum(axis=0), len(counts)))


@pytest.mark.parametrize("mean", [0.003, 0.05, 1.0, 40.0, 3000.0])
def test_poisson_movies_of_any_rate_have_unit_variance(mean):
    """The sample variance of n Poisson numbers spreads by sqrt((2 + 1 / mean) / n) of itself; 5 of these are allowed.

    The mean itself is found over blocks, each weighted with its n_b localizations, which adds 1 / n_b to it.
    """
    counts = poisson(mean, 40, 64, 96)
    bias = 1 / (mean * 40 * BLOCK_PX**2)
    spread = np.sqrt((2 + 1 / mean) / counts.size)
    assert (counts / noise_of(counts)).var() == pytest.approx(1, abs=5 * spread + 2 * bias)


def test_empty_surroundings_make_no_difference():
    counts = poisson(0.2, 7, 64, 64)
    field = np.zeros((7, 256, 320), np.float32)
    field[:, 96:160, 128:192] = counts
    assert noise_of(field) == pytest.approx(noise_of(counts))


def test_a_longer_movie_of_the_same_rate_has_the_same_scale():
    still = poisson(0.2, 40, 40) * 64
    assert float(noise(2 * still, 20)) == pytest.approx(float(noise(still, 10)))


def test_an_empty_movie_has_the_scale_of_single_localizations():
    assert noise_of(np.zeros((3, 5, 7), np.float32)) == 1


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (33, 31)])
def test_fields_of_any_size_are_scaled(shape):
    """Every pixel of every time point has four localizations, so their noise is 2."""
    assert float(noise(np.full(shape, 4.0 * 6, np.float32), 6)) == pytest.approx(2)
