"""Actin bundles: parallel filaments side by side, as many as asked."""

import numpy as np
import pytest

from smlmsim.field import FieldOfView
from smlmsim.motion import Brownian, Deformation, Polymer, Rigid, Static, Wandering
from smlmsim.rng import stream
from smlmsim.structures import ActinBundles


def bundles(**settings):
    """The vertices as (bundle, filament, vertex, yx)."""
    actin = ActinBundles(**settings)
    built = actin.build(FieldOfView(), stream(1, "structure"))
    yx = np.stack([built.vertex_y.values, built.vertex_x.values], axis=-1)
    return yx.reshape(-1, actin.filaments, actin.vertices, 2)


def test_filaments_of_a_bundle_are_copies_side_by_side():
    found = bundles(stagger_nm=0, spacing_nm=30)
    shifts = np.diff(found, axis=1)
    np.testing.assert_allclose(np.linalg.norm(shifts, axis=-1), 30, rtol=1e-9)
    ends = found[:, :, -1] - found[:, :, 0]
    np.testing.assert_allclose((shifts[:, :, 0] * ends[:, 1:]).sum(-1), 0, atol=1e-6)


def test_the_middle_of_a_bundle_is_its_axis():
    still, spread = (
        bundles(filaments=1, density_per_um=2, stagger_nm=0),
        bundles(filaments=15, density_per_um=30),
    )
    across = spread.mean(axis=1) - still[:, 0]
    ends = still[:, 0, -1] - still[:, 0, 0]
    normal = np.stack([ends[:, 1], -ends[:, 0]], axis=1) / np.linalg.norm(ends, axis=1, keepdims=True)
    np.testing.assert_allclose((across * normal[:, None]).sum(-1), 0, atol=1e-6)


def test_ends_are_staggered_along_the_bundle_by_no_more_than_asked():
    found = bundles(stagger_nm=200, spacing_nm=1e-6, density_per_um=200)
    shifts = np.linalg.norm(found[:, :, 0] - found.mean(axis=1)[:, None, 0], axis=-1)
    assert 200 < shifts.max() <= 400
    assert np.linalg.norm(found[:, 1:, 0] - found[:, :-1, 0], axis=-1).max() <= 400 + 1e-6


def test_contour_density_in_the_field_is_as_asked():
    field, density, seen = FieldOfView(), 20.0, []
    for seed in range(100):
        built = ActinBundles(density_per_um=density).build(field, stream(seed, "structure"))
        found = np.stack([built.vertex_y.values, built.vertex_x.values]).reshape(2, -1, 60)
        middles, bonds = (found[..., 1:] + found[..., :-1]) / 2, np.hypot(*np.diff(found, axis=-1))
        seen.append(bonds[field.contains(*middles)].sum() * 1e-3 / field.area_um2)
    assert abs(np.mean(seen) - density) < 5 * np.std(seen) / np.sqrt(len(seen))


@pytest.mark.parametrize(
    "motion",
    [Rigid(), Deformation(), Static(), Polymer(), Brownian(), Wandering()],
    ids=lambda m: m.kind,
)
def test_every_motion_moves_it(motion):
    built = ActinBundles(density_per_um=5).build(FieldOfView(), stream(0, "structure"))
    moved = motion.move(built, np.arange(3) * 1e-5, stream(0, "motion"))
    shift = moved.vertex_y.values - built.vertex_y.values
    height = built.box_nm[2]
    assert np.abs(shift - height * np.round(shift / height)).max() < 50


def test_lengths_upside_down_are_refused():
    with pytest.raises(ValueError, match="shortest_nm = 9000 exceeds longest_nm = 4000"):
        ActinBundles(shortest_nm=9000)
