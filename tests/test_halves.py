"""Two random halves: each has half the rate, and a molecule is in one of them if that is asked for."""

import numpy as np

from smlmsim import schema
from smlmsim.halves import halves
from smlmsim.linking import link, molecules

NUMBER = 4000


def _table(rng):
    """Molecules that are localized in three successive frames each, in a shuffled order."""
    frame = np.arange(NUMBER) // 3 * 3 + np.arange(NUMBER) % 3
    place = np.repeat(rng.uniform(0, 1e5, (2, NUMBER // 3 + 1)), 3, axis=1)[:, :NUMBER]
    order = rng.permutation(NUMBER)
    y, x = place + rng.normal(0, 5, place.shape)
    return schema.dataset(loc_frame=frame[order], loc_y=y[order], loc_x=x[order]), (np.arange(NUMBER) // 3)[
        order
    ]


def test_a_half_has_half_the_rate_and_nothing_is_lost():
    rng = np.random.default_rng(0)
    table, _ = _table(rng)
    first, second = halves(table, rng)
    assert first.sizes["localization"] + second.sizes["localization"] == NUMBER
    assert abs(first.sizes["localization"] - NUMBER / 2) < 4 * np.sqrt(NUMBER / 4)
    early = [int((half.loc_frame < NUMBER / 2).sum()) for half in (first, second)]
    assert abs(early[0] - early[1]) < 4 * np.sqrt(NUMBER / 2)
    assert set(np.concatenate([first.loc_x, second.loc_x])) == set(table.loc_x.values)


def test_numbers_of_halves_scatter_like_independent_poisson_numbers():
    table, _ = _table(np.random.default_rng(0))
    table = table.isel(localization=slice(100))
    numbers = [halves(table, np.random.default_rng(seed))[0].sizes["localization"] for seed in range(300)]
    assert 0.7 < np.var(numbers) / 25 < 1.35  # the variance of 100 coins; its relative error is sqrt(2 / 300)


def test_a_molecule_is_in_one_half():
    rng = np.random.default_rng(0)
    table, molecule = _table(rng)
    table = table.assign_coords(molecule=("localization", molecule))
    together = halves(table, rng, distance_nm=50)
    assert not set(together[0].molecule.values) & set(together[1].molecule.values)
    apart = halves(table, rng)
    assert len(set(apart[0].molecule.values) & set(apart[1].molecule.values)) > NUMBER / 6


def test_molecules_are_those_that_linking_joins_in_the_order_of_the_table():
    table, molecule = _table(np.random.default_rng(0))
    found = molecules(table, distance_nm=50)
    assert np.unique(found).size == link(table, distance_nm=50).sizes["localization"]
    pairs = set(zip(found.tolist(), molecule.tolist(), strict=True))
    assert len(pairs) == np.unique(molecule).size
