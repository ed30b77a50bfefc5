"""Memory is bounded while a file is looked at, and free again afterwards."""

import sys

import numpy as np
import pytest

from smlmsim.io.limits import MOST_MORE_BYTES, bounded_memory

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="memory is bounded on Linux only")
TOO_MUCH = 2 * MOST_MORE_BYTES  # far more, since others may free some memory meanwhile


def test_no_more_is_granted_than_the_bound():
    with bounded_memory(), pytest.raises(MemoryError):
        np.empty(TOO_MUCH, np.uint8)


def test_what_is_claimed_is_granted_besides():
    with bounded_memory(TOO_MUCH):
        assert np.empty(TOO_MUCH, np.uint8).size == TOO_MUCH


def test_the_bound_goes_with_the_block_even_if_that_fails():
    with pytest.raises(KeyError), bounded_memory():
        raise KeyError
    assert np.empty(TOO_MUCH, np.uint8).size == TOO_MUCH
