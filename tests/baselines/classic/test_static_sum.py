import numpy as np

from baselines.classic.static_sum import StaticSum
from smlmsim.testing import make_observation


def test_static_sum_is_the_sum_over_time_at_every_time():
    counts = np.random.default_rng(0).poisson(0.3, (4, 5, 6))
    density = StaticSum().reconstruct(make_observation(counts)).density
    np.testing.assert_array_equal(density, np.broadcast_to(counts.sum(axis=0), (4, 5, 6)))


def test_static_sum_does_not_overflow():
    counts = np.full((3, 1, 1), 65535)
    assert float(StaticSum().reconstruct(make_observation(counts)).density.max()) == 3 * 65535
