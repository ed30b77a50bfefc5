"""What the tests of several motions share."""

import numpy as np
import pytest

from smlmsim import schema


@pytest.fixture(scope="session")
def worm_like_chains():
    """A function that makes filaments in equilibrium around the origin."""

    def make(filaments, vertices, *, length_nm=2500.0, persistence_length_nm=20_000.0, seed=0, **attrs):
        rng = np.random.default_rng(seed)
        bond_nm = np.broadcast_to(length_nm, filaments)[:, None] / (vertices - 1)
        bends = rng.standard_normal((filaments, vertices - 1)) * np.sqrt(bond_nm / persistence_length_nm)
        bends[:, 0] = rng.uniform(0, 2 * np.pi, filaments)
        angles = np.cumsum(bends, axis=1)
        y, x = (
            np.pad(np.cumsum(bond_nm * part(angles), axis=1), ((0, 0), (1, 0))) for part in (np.sin, np.cos)
        )
        return schema.dataset(
            {"persistence_length_nm": persistence_length_nm, **attrs},
            vertex_y=(y - y.mean(axis=1, keepdims=True)).ravel(),
            vertex_x=(x - x.mean(axis=1, keepdims=True)).ravel(),
            filament=np.repeat(np.arange(filaments, dtype=np.int32), vertices),
        )

    return make
