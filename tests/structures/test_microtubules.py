"""Microtubules are worm-like chains of a stationary density."""

import numpy as np
import pytest

from smlmsim.field import FieldOfView
from smlmsim.rng import stream
from smlmsim.structures.microtubules import Microtubules


def chains(structure):
    """The vertices as (filament, vertex, yx)."""
    yx = np.stack([structure.vertex_y.values, structure.vertex_x.values], axis=-1)
    return yx.reshape(int(structure.filament.max()) + 1, -1, 2)


def many(**settings):
    return chains(Microtubules(density_per_um=400.0, **settings).build(FieldOfView(), stream(1, "structure")))


@pytest.mark.parametrize("lag", [1, 5, 20, 50])
def test_tangent_correlation_decays_with_twice_the_persistence_length(lag):
    persistence_nm = 8000.0
    bonds = np.diff(many(persistence_length_nm=persistence_nm, shortest_nm=5000, longest_nm=5000), axis=1)
    angles = np.unwrap(np.arctan2(bonds[..., 0], bonds[..., 1]), axis=1)
    cosines = np.cos(angles[:, lag] - angles[:, 0])
    expected = np.exp(-lag * (5000 / 99) / (2 * persistence_nm))
    assert abs(cosines.mean() - expected) < 5 * cosines.std() / np.sqrt(cosines.size)


def test_end_to_end_distance_is_that_of_the_discrete_chain():
    length, persistence, bonds = 5000.0, 20_000.0, 99
    squares = ((found := many(shortest_nm=length, longest_nm=length))[:, -1] - found[:, 0]) ** 2
    squares = squares.sum(axis=1)
    b, c = length / bonds, np.exp(-length / bonds / (2 * persistence))
    expected = b**2 * (bonds * (1 + c) / (1 - c) - 2 * c * (1 - c**bonds) / (1 - c) ** 2)
    assert abs(squares.mean() - expected) < 5 * squares.std() / np.sqrt(squares.size)


def test_bonds_are_equal_and_lengths_in_range():
    found = many(shortest_nm=3000, longest_nm=4000)
    bonds = np.linalg.norm(np.diff(found, axis=1), axis=2)
    np.testing.assert_allclose(bonds, np.broadcast_to(bonds[:, :1], bonds.shape), rtol=1e-9)
    lengths = bonds.sum(axis=1)
    assert lengths.min() >= 3000
    assert lengths.max() <= 4000


def test_contour_density_in_the_field_is_as_asked_up_to_its_corners():
    field, density, scenes = FieldOfView(), 3.0, 300
    seen = []
    for seed in range(scenes):
        found = chains(Microtubules(density_per_um=density).build(field, stream(seed, "structure")))
        middles, bonds = (found[:, 1:] + found[:, :-1]) / 2, np.linalg.norm(np.diff(found, axis=1), axis=2)
        seen.append(bonds[field.contains(middles[..., 0], middles[..., 1])].sum())
    found_density = np.array(seen) * 1e-3 / field.area_um2
    assert abs(found_density.mean() - density) < 5 * found_density.std() / np.sqrt(scenes)


def test_no_point_of_a_filament_is_farther_than_half_its_length_from_its_centre_of_mass():
    found = many(persistence_length_nm=500.0, shortest_nm=5000, longest_nm=5000)
    centres = found.mean(axis=1, keepdims=True)
    assert np.linalg.norm(found - centres, axis=2).max() <= 2500.0 * (1 + 1e-12)


def test_lengths_upside_down_are_refused():
    with pytest.raises(ValueError, match="shortest_nm = 9000 exceeds longest_nm = 7500"):
        Microtubules(shortest_nm=9000)


def test_zero_density_is_refused():
    with pytest.raises(ValueError, match="density_per_um"):
        Microtubules(density_per_um=0)
