"""Filaments in a small periodic cell have the density of those scattered around it, and no ends where they are cut."""

import numpy as np
import pytest

from smlmsim import schema
from smlmsim.field import FieldOfView
from smlmsim.rng import stream
from smlmsim.structures import Microtubules, periodic

CELL = FieldOfView(height_nm=3000, width_nm=4000, origin_y_nm=-700)


def length_nm(structure):
    y, x, filament = (structure[name].values for name in ("vertex_y", "vertex_x", "filament"))
    return (np.hypot(np.diff(y), np.diff(x)) * (np.diff(filament) == 0)).sum()


def test_the_density_is_that_of_the_filaments_around():
    tubules, scenes = Microtubules(density_per_um=2.0), 200
    found = [
        length_nm(periodic(tubules.build(CELL, stream(seed, "s")), CELL, piece_nm=500))
        for seed in range(scenes)
    ]
    mean_nm, square_nm2 = 5000.0, 5000.0**2 + 5000.0**2 / 12
    expected = 2e-3 * CELL.height_nm * CELL.width_nm
    spread = np.sqrt(expected / mean_nm * square_nm2 / scenes)
    assert abs(np.mean(found) - expected) < 5 * spread


def test_pieces_are_short_and_hang_together():
    scattered = Microtubules().build(CELL, stream(0, "s"))
    structure = periodic(scattered, CELL, piece_nm=500)
    y, x, filament = (structure[name].values for name in ("vertex_y", "vertex_x", "filament"))
    bonded = np.diff(filament) == 0
    bonds = np.hypot(np.diff(y), np.diff(x))
    lengths = np.bincount(filament[:-1][bonded], bonds[bonded])
    assert lengths.max() < 500 + bonds[bonded].max()
    assert lengths.min() > 200
    ends = np.count_nonzero(bonds[~bonded] > 0) + 1
    centres = [scattered[name].groupby("filament").mean().values for name in ("vertex_y", "vertex_x")]
    assert ends == CELL.contains(*centres).sum()


def test_a_cell_without_a_centre_gets_the_nearest_filament():
    far = schema.dataset(
        vertex_y=[9e3, 9e3, 5e3, 5e3], vertex_x=[0.0, 99.0, 0.0, 99.0], filament=[0, 0, 1, 1]
    )
    assert periodic(far, CELL, piece_nm=500).vertex_y.values.tolist() == [5e3, 5e3]


@pytest.mark.parametrize("piece_nm", [1.0, 1e6])
def test_a_piece_is_at_least_a_bond_and_at_most_a_filament(piece_nm):
    one = schema.dataset(vertex_y=[0.0, 10.0, 20.0], vertex_x=[0.0, 0.0, 0.0], filament=[0, 0, 0])
    pieces = periodic(one, CELL, piece_nm=piece_nm)
    assert pieces.filament.values.tolist() == ([0, 0, 1, 1] if piece_nm == 1.0 else [0, 0, 0])
    assert length_nm(pieces) == 20
