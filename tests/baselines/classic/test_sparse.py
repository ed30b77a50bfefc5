import numpy as np

from baselines.classic.sparse import Sparse
from smlmsim.testing import make_observation


def test_sparse_is_the_counts():
    counts = np.random.default_rng(0).poisson(0.3, (4, 5, 6))
    np.testing.assert_array_equal(Sparse().reconstruct(make_observation(counts)).density, counts)
