"""Pores, pits and mitochondria: closed contours of known size and density, that every motion moves or refuses."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from smlmsim.acquisition import Acquisition
from smlmsim.density import Density
from smlmsim.field import FieldOfView
from smlmsim.motion import Brownian, Deformation, Polymer, Rigid, Static, Wandering
from smlmsim.pipeline import SimulatedDynamic, simulate
from smlmsim.rng import stream
from smlmsim.structures import Clathrin, Mitochondria, NuclearPores

CLOSED = pytest.mark.parametrize(
    "structure", [NuclearPores(), Clathrin(), Mitochondria()], ids=lambda s: s.kind
)
WIDE = FieldOfView(height_nm=10_000, width_nm=10_000)


def contours(structure):
    """The vertices as (contour, vertex, yx)."""
    yx = np.stack([structure.vertex_y.values, structure.vertex_x.values], axis=-1)
    return yx.reshape(int(structure.filament.max()) + 1, -1, 2)


def built(structure, field=WIDE, seed=0):
    return contours(structure.build(field, stream(seed, "structure")))


@CLOSED
def test_every_contour_ends_where_it_begins_with_equal_bonds(structure):
    found = built(structure)
    np.testing.assert_array_equal(found[:, 0], found[:, -1])
    bonds = np.linalg.norm(np.diff(found, axis=1), axis=2)
    np.testing.assert_allclose(bonds, np.broadcast_to(bonds[:, :1], bonds.shape), rtol=0.01)


@CLOSED
def test_there_are_as_many_per_area_as_asked(structure):
    parts = 8 if structure.kind == "nuclear_pores" else 1
    box_um2 = np.prod(structure.build(WIDE, stream(0, "structure")).box_nm[2:]) * 1e-6
    assert len(built(structure)) / parts == pytest.approx(structure.per_um2 * box_um2, abs=0.5)


@CLOSED
def test_the_field_is_filled_up_to_its_corners(structure):
    """The contour in the field, over all, is the field's share of the box, within five standard errors."""
    field = FieldOfView()
    shares = []
    for seed in range(60):
        scene = structure.build(field, stream(seed, "structure"))
        shares.append(field.contains(scene.vertex_y.values, scene.vertex_x.values).mean())
    expected = field.area_um2 / (np.prod(scene.box_nm[2:]) * 1e-6)
    assert abs(np.mean(shares) - expected) < 5 * np.std(shares) / np.sqrt(len(shares))


def test_a_pore_has_eight_subunits_on_a_circle_of_107_nm():
    centres = built(NuclearPores())[:, :-1].mean(axis=1).reshape(-1, 8, 2)
    spokes = centres - centres.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(np.linalg.norm(spokes, axis=2), 107 / 2, rtol=1e-9)
    angles = np.unwrap(np.arctan2(spokes[..., 0], spokes[..., 1]), axis=1)
    np.testing.assert_allclose(np.diff(angles, axis=1), 2 * np.pi / 8, rtol=1e-9)


def test_subunits_are_small_rings_of_their_own_diameter():
    rings = built(NuclearPores(subunit_nm=14))[:, :-1]
    np.testing.assert_allclose(
        np.linalg.norm(rings - rings.mean(axis=1, keepdims=True), axis=2), 7, rtol=1e-6
    )


@pytest.mark.parametrize(("structure", "parts"), [(NuclearPores(), 8), (Clathrin(), 1)])
def test_pores_and_pits_keep_apart_in_a_box_that_repeats(structure, parts):
    structure = structure.replace({"per_um2": 8.0})
    scene = structure.build(WIDE, stream(0, "structure"))
    centres = contours(scene)[:, :-1].mean(axis=1).reshape(-1, parts, 2).mean(axis=1)
    height, width = scene.box_nm[2:]
    images = [[y, x] for y in (-height, 0, height) for x in (-width, 0, width)]
    nearest = np.sort(cdist(centres, np.concatenate([centres + image for image in images])), axis=1)[:, 1]
    assert nearest.min() >= structure.apart_nm - 1e-6
    assert nearest.min() < structure.apart_nm + 5


def test_pits_have_uniform_diameters():
    rings = built(Clathrin(per_um2=5))[:, :-1]
    diameters = 2 * np.linalg.norm(rings - rings.mean(axis=1, keepdims=True), axis=2)
    assert np.ptp(diameters, axis=1).max() < 1e-6
    assert diameters.min() >= 100
    assert diameters.max() <= 200
    assert abs(diameters[:, 0].mean() - 150) < 5 * 100 / np.sqrt(12 * len(rings))


def test_a_straight_mitochondrion_has_the_outline_and_area_of_a_stadium():
    outlines = built(Mitochondria(shortest_nm=1500, longest_nm=1500, bend_nm=1e9, corners=400))
    length = np.linalg.norm(np.diff(outlines, axis=1), axis=2).sum(axis=1)
    np.testing.assert_allclose(length, 2 * 1500 + np.pi * 400, rtol=1e-3)
    np.testing.assert_allclose(area(outlines), 1500 * 400 + np.pi * 200**2, rtol=1e-3)


def test_a_bent_mitochondrion_keeps_its_width():
    """By the theorem of Pappus bending leaves the area: that of the stadium."""
    outlines = built(Mitochondria(shortest_nm=1500, longest_nm=1500, bend_nm=500, corners=400))
    np.testing.assert_allclose(area(outlines), 1500 * 400 + np.pi * 200**2, rtol=2e-3)


def area(outlines):
    y, x = np.moveaxis(outlines, -1, 0)
    return np.abs((y[:, :-1] * x[:, 1:] - y[:, 1:] * x[:, :-1]).sum(axis=1)) / 2


@CLOSED
@pytest.mark.parametrize("motion", [Rigid(), Deformation(), Static()], ids=lambda m: m.kind)
def test_contours_stay_closed_while_they_move_and_their_length_stays_in_view(structure, motion):
    field, times_s = FieldOfView(), np.arange(0, 90, 1.5)
    moving = motion.move(structure.build(field, stream(1, "structure")), times_s, stream(1, "motion"))
    ends = moving.vertex_y.values.reshape(len(times_s), -1, built(structure, field).shape[1])[:, :, [0, -1]]
    assert np.abs(ends[..., 0] - ends[..., 1]).max() <= 1e-3
    seen = Density().render(moving.isel(time=[0, -1]), field).density.values.sum(axis=(1, 2))
    assert (seen > 0).all()
    if motion.kind == "rigid":
        rest = moving.vertex_y.values[0].reshape(-1, built(structure, field).shape[1])
        later = moving.vertex_y.values[-1].reshape(rest.shape)
        np.testing.assert_allclose(np.diff(later, axis=1), np.diff(rest, axis=1), atol=2e-3)


@CLOSED
@pytest.mark.parametrize(
    "motion", [Polymer(), Brownian(persistence_length_nm=2e4), Wandering()], ids=lambda m: m.kind
)
def test_motions_of_free_chains_refuse_closed_contours(structure, motion):
    rest = structure.build(FieldOfView(), stream(1, "structure"))
    with pytest.raises(ValueError, match=r"filament 0 is closed, .* rigid, deformation and static"):
        motion.move(rest, np.array([0.0, 1e-6]), stream(1, "motion"))


@CLOSED
def test_it_makes_a_movie(structure):
    study = SimulatedDynamic(structure=structure, motion=Rigid(), acquisition=Acquisition(time_points=4))
    movie = simulate(SimulatedDynamic.model_validate(study.model_dump()), 0)
    expected = study.photophysics.rate_hz * study.acquisition.recorded_s
    assert abs(movie.observation.sizes["localization"] - 1.04 * expected) < 5 * np.sqrt(1.04 * expected)


def test_pores_without_room_are_refused():
    with pytest.raises(ValueError, match=r"no room for 100 per um\^2 that are 130 nm apart"):
        NuclearPores(per_um2=100).build(FieldOfView(), stream(0, "structure"))


@pytest.mark.parametrize(
    ("kind", "settings", "message"),
    [
        (Clathrin, {"smallest_nm": 300.0}, "smallest_nm = 300 exceeds largest_nm = 200"),
        (Mitochondria, {"shortest_nm": 9000.0}, "shortest_nm = 9000 exceeds longest_nm = 2500"),
        (
            Mitochondria,
            {"bend_nm": 100.0},
            "a tube of width_nm = 400 folds at bend_nm = 100; set bend_nm to 400 or more",
        ),
    ],
)
def test_impossible_shapes_are_refused(kind, settings, message):
    with pytest.raises(ValueError, match=message):
        kind(**settings)
