"""Random streams are named, independent and reproducible."""

import numpy as np
import pytest

from smlmsim.rng import key, stream


def test_same_seed_and_name_give_the_same_numbers():
    np.testing.assert_array_equal(stream(3, "motion").random(5), stream(3, "motion").random(5))


def test_streams_of_other_names_and_seeds_are_uncorrelated():
    n = 100_000
    streams = np.stack(
        [stream(s, name).standard_normal(n) for s in (0, 1) for name in ("motion", "structure")]
    )
    correlations = np.corrcoef(streams)[np.triu_indices(4, 1)]
    assert np.abs(correlations).max() < 5 / np.sqrt(n)


def test_a_key_is_a_64_bit_word():
    found = key(stream(0, "a"))
    assert found.dtype == np.uint64
    assert found != key(stream(0, "b"))


@pytest.mark.parametrize("seed", [-1, 1.5, True, "0"])
def test_a_seed_that_is_no_count_is_refused(seed):
    with pytest.raises(ValueError, match="non-negative integer"):
        stream(seed, "motion")
