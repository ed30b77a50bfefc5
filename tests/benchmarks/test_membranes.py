"""Halves of membranes agree on lines that are not there: what a network always invents is in both halves."""

import json

import numpy as np
import pytest
from membranes import Membranes, in_words, run

from smlmsim.acquisition import Acquisition
from smlmsim.motion import Static
from smlmsim.structures import Mitochondria

LAYERS = 100


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    out = tmp_path_factory.mktemp("membranes")
    return run(out, (0,), 1), out


def test_a_membrane_in_projection_has_the_density_of_a_cylinder():
    """At three quarters of the radius, the density is 1 / sqrt(1 - 0.75^2) = 1.5 times that around the axis."""
    straight = Mitochondria(per_um2=0.5, bend_nm=1e9)
    study = Membranes(
        structure=straight, acquisition=Acquisition(time_points=1), motion=Static(), layers=LAYERS
    )
    scene = study.moving(0).isel(time=0)
    layers = np.unique(scene.filament).reshape(LAYERS, -1)
    radii = [_width_nm(scene.isel(vertex=np.flatnonzero(scene.filament == layer[0]))) / 2 for layer in layers]
    inner, outer = (np.histogram(radii, bins=edges)[0][0] for edges in ([0, 40], [140, 160]))
    assert 1.2 < (outer / 20) / (inner / 40) < 1.9  # each number of layers is right within one
    assert max(radii) < 201


def _width_nm(outline):
    """The smallest extent of an outline over all directions."""
    angles = np.linspace(0, np.pi, 720)
    along = np.outer(np.cos(angles), outline.vertex_y) + np.outer(np.sin(angles), outline.vertex_x)
    return float(np.ptp(along, axis=1).min())


def test_two_halves_of_membranes_agree_on_lines_of_which_most_are_not_true(found):
    table = found[0].set_index(["structure", "reconstructor"])
    network = table.loc[("membranes", "annapalm2d")]
    assert network.halves_lines > 0.6
    assert network.true_skeleton_precision < 0.5 * network.halves_lines
    filaments = table.loc[("filaments", "annapalm2d")]
    assert filaments.true_skeleton_precision > 0.9


def test_the_network_agrees_with_itself_on_more_lines_than_gaussians_and_is_further_from_the_truth(found):
    table = found[0].set_index(["structure", "reconstructor"])
    network, gaussians = (table.loc[("membranes", name)] for name in ("annapalm2d", "gaussian_time"))
    assert network.halves_lines > gaussians.halves_lines
    assert network.true_pearson < gaussians.true_pearson
    assert network.true_skeleton_precision < gaussians.true_skeleton_precision


def test_what_is_said_and_drawn_is_what_was_found(found):
    table, out = found
    said = in_words(table).splitlines()
    assert len(said) == 4
    row = table.iloc[2]
    assert said[2].startswith(
        f"membranes, annapalm2d: {100 * row.halves_lines:.0f} % of the centre lines of two"
    )
    assert f"{100 * row.true_skeleton_precision:.0f} % of the centre lines of the whole are true" in said[2]
    assert [kept["seed"] for kept in json.loads((out / "membranes.json").read_text())] == [0] * 4
    assert (out / "membranes.png").stat().st_size > 10_000
