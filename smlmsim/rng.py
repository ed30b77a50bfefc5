"""Named, independent random streams."""

from __future__ import annotations

import hashlib

import numpy as np


def stream(seed: int, *names: str) -> np.random.Generator:
    """Return the random stream for a seed and a name.

    Streams of different names or seeds are independent: changing the draws of one stage leaves the others unchanged.

    Parameters
    ----------
    seed : int
        Seed, at least 0.
    *names : str
        Purpose of the stream, for example ``"structure"``.

    Raises
    ------
    ValueError
        If the seed is negative or not an integer.

    References
    ----------
    NumPy's ``SeedSequence`` mixes the words; see https://numpy.org/doc/stable/reference/random/parallel.html.

    Examples
    --------
    >>> int(stream(7, "structure").integers(100)) == int(stream(7, "structure").integers(100))
    True
    """
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise ValueError(f"a seed must be a non-negative integer, found {seed!r}")
    words = [int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little") for name in names]
    return np.random.Generator(np.random.PCG64DXSM(np.random.SeedSequence([int(seed), *words])))


def key(rng: np.random.Generator) -> np.uint64:
    """Draw the 64-bit key of a counter-based generator from a stream."""
    return rng.integers(2**64, dtype=np.uint64)
