"""Networks see localizations on one scale at every rate."""

import numpy as np
import pytest
import torch

from baselines._scale import BLOCK_PX, noise, unit_variance


def poisson(mean, *shape, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).poisson(mean, shape).astype(np.float32))


@pytest.mark.parametrize("mean", [0.003, 0.05, 1.0, 40.0, 3000.0])
def test_poisson_movies_of_any_rate_have_unit_variance(mean):
    """The sample variance of n Poisson numbers spreads by sqrt((2 + 1 / mean) / n) of itself; 5 of these are allowed.

    The mean itself is found over blocks, each weighted with its n_b localizations, which adds 1 / n_b to it.
    """
    counts = poisson(mean, 1, 1, 40, 64, 96)
    bias = 1 / (mean * 40 * BLOCK_PX**2)
    spread = np.sqrt((2 + 1 / mean) / counts.numel())
    assert float(unit_variance(counts).var()) == pytest.approx(1, abs=5 * spread + 2 * bias)


def test_empty_surroundings_make_no_difference():
    counts = poisson(0.2, 1, 1, 7, 64, 64)
    field = torch.zeros(1, 1, 7, 256, 320)
    field[..., 96:160, 128:192] = counts
    torch.testing.assert_close(unit_variance(field)[..., 96:160, 128:192], unit_variance(counts))


def test_movies_of_a_batch_are_scaled_each_by_itself():
    batch = torch.cat([poisson(0.1, 1, 1, 9, 40, 33), poisson(30, 1, 1, 9, 40, 33)])
    alone = torch.cat([unit_variance(movie[None]) for movie in batch])
    torch.testing.assert_close(unit_variance(batch), alone)


def test_a_longer_movie_of_the_same_rate_has_the_same_scale():
    still = poisson(0.2, 1, 1, 40, 40) * 64
    assert float(noise(2 * still, 20)) == pytest.approx(float(noise(still, 10)))


def test_an_empty_movie_stays_empty():
    found = unit_variance(torch.zeros(2, 1, 3, 5, 7))
    assert not found.any()
    assert bool(torch.isfinite(found).all())


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (33, 31)])
def test_fields_of_any_size_are_scaled(shape):
    """Every pixel of every time point has four localizations, so their noise is 2."""
    found = noise(torch.full((1, 1, *shape), 4.0 * 6), 6)
    assert float(found) == pytest.approx(2)
