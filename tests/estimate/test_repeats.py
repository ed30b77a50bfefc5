"""Repeats: the share of localizations followed by another of their molecule, without those there by chance."""

import numpy as np
import pytest

from smlmsim import schema
from smlmsim.estimate.repeats import repeats

NUMBER = 4000


def table(lasting, rng, *, width_nm=5000.0, frames=2000):
    """Molecules that are lit in successive frames, at random places in a square."""
    molecules = NUMBER // lasting
    frame = np.repeat(rng.integers(0, frames, molecules), lasting) + np.tile(np.arange(lasting), molecules)
    place = np.repeat(rng.uniform(0, width_nm, (2, molecules)), lasting, axis=1)
    y, x = place + rng.normal(0, 5, place.shape)
    return schema.dataset(loc_frame=frame, loc_y=y, loc_x=x)


@pytest.mark.parametrize("lasting", [1, 2, 4])
def test_a_molecule_of_n_frames_is_followed_in_all_but_one(lasting):
    found = repeats(table(lasting, np.random.default_rng(0)), distance_nm=30)
    wanted = 1 - 1 / lasting
    assert abs(found.share - wanted) < 4 * np.sqrt(wanted * (1 - wanted) / NUMBER) + 0.005
    assert found.is_seen == (lasting > 1)


def test_neighbours_by_chance_are_not_counted():
    """In a square of 300 nm with two molecules a frame, one of five localizations has a neighbour within 50 nm."""
    found = repeats(table(1, np.random.default_rng(1), width_nm=300.0), distance_nm=50)
    assert not found.is_seen
    assert found.share < 3 * found.error


def _returning(dark, rng, *, width_nm):
    """Molecules that are seen twice in successive frames and, after some dark ones, twice again."""
    molecules, after = 1000, np.array([0, 1, dark + 2, dark + 3])
    frame = np.repeat(rng.integers(0, 4000, molecules), 4) + np.tile(after, molecules)
    place = np.repeat(rng.uniform(0, width_nm, (2, molecules)), 4, axis=1)
    y, x = place + rng.normal(0, 5, place.shape)
    return schema.dataset(loc_frame=frame, loc_y=y, loc_x=x)


def test_molecules_that_return_are_known_by_the_time_for_which_they_were_dark():
    seldom = repeats(_returning(0, np.random.default_rng(0), width_nm=5000.0), distance_nm=30)
    assert (seldom.dark_frames, seldom.returns_later) == (2, False)
    rng = np.random.default_rng(1)
    later = repeats(_returning(28, rng, width_nm=5000.0), distance_nm=30)
    assert 20 <= later.dark_frames <= 30
    assert not later.returns_later


def test_in_a_dense_spot_molecules_that_return_late_cannot_be_told_from_others():
    found = repeats(_returning(118, np.random.default_rng(2), width_nm=400.0), distance_nm=30)
    assert found.dark_frames < 118
    assert found.returns_later
