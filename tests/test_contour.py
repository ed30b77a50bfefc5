"""Contours: where a box repeats, what a filament is, which part of it counts, and where it is between two steps."""

import numpy as np
import pytest
import xarray as xr

from smlmsim import contour, schema
from smlmsim._contour_kernels import entered, nearest
from smlmsim.acquisition import Acquisition
from smlmsim.contour import Box, Filaments
from smlmsim.field import FieldOfView
from smlmsim.rng import stream

BOX = Box(-300.0, 100.0, 1000.0, 2500.0)
FIELD = FieldOfView(height_nm=800, width_nm=1200, origin_y_nm=-300, origin_x_nm=100)


def scene(vertex_y, vertex_x, filament, box_nm=None, **coords):
    attrs = {} if box_nm is None else {"box_nm": box_nm}
    return schema.dataset(
        attrs, vertex_y=vertex_y, vertex_x=vertex_x, filament=np.array(filament, np.int32), **coords
    )


def of_filaments(*filament):
    return scene(np.zeros(len(filament)), np.zeros(len(filament)), filament)


def test_a_box_is_read_back_from_the_attribute_it_writes():
    structure = scene([0.0], [0.0], [0]).assign_attrs(BOX.attrs)
    assert structure.attrs == {"box_nm": [-300.0, 100.0, 1000.0, 2500.0]}
    assert Box.of(structure) == BOX
    assert Box.of(structure).repeats


def test_a_box_is_read_from_the_array_that_a_file_makes_of_it(tmp_path):
    structure = scene([0.0], [0.0], [0]).assign_attrs(BOX.attrs)
    structure.to_netcdf(tmp_path / "structure.nc", engine="h5netcdf")
    with xr.open_dataset(tmp_path / "structure.nc", engine="h5netcdf") as read:
        assert Box.of(read) == BOX


@pytest.mark.parametrize(
    "box_nm",
    [
        [0.0],
        [0, 0, 1000],
        [0, 0, 1000, 0],
        [0, 0, -1, 1000],
        [0, np.nan, 1, 1],
        [0, 0, np.inf, 1],
        7.0,
        "four",
    ],
)
def test_what_is_no_box_is_refused_and_named(box_nm):
    with pytest.raises(
        schema.SchemaError, match=r"box_nm=.* is not a box: .* y0, x0, height and width in nm"
    ):
        Box.of(scene([0.0], [0.0], [0], box_nm))


def test_a_box_around_a_field_exceeds_it_on_every_side():
    assert Box.around(FIELD) == (-300, 100, 800, 1200)
    assert Box.around(FIELD, 50.0) == (-350, 50, 900, 1300)
    assert Box.around(FIELD, 400.0, 600.0) == (-700, -500, 1600, 2400)


def test_what_leaves_the_box_enters_on_the_other_side():
    rng = np.random.default_rng(0)
    positions = rng.uniform(-9000, 9000, (2, 50, 3))
    entering = positions + BOX.reentry_nm(positions)
    origin, size = BOX.origin_nm[:, None, None], BOX.size_nm[:, None, None]
    assert ((entering >= origin) & (entering < origin + size)).all()
    np.testing.assert_allclose(entering, origin + (positions - origin) % size, atol=1e-9)
    assert not BOX.reentry_nm(entering).any()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_nearest_image_is_at_most_half_a_period_away(dtype):
    rng = np.random.default_rng(1)
    shifts = rng.uniform(-9000, 9000, (2, 400)).astype(dtype)
    shortest = BOX.nearest_nm(shifts)
    assert shortest.dtype == dtype
    assert (np.abs(shortest) <= BOX.size_nm[:, None] / 2 + 1e-3).all()
    turns = (shifts.astype(float) - shortest) / BOX.size_nm[:, None]
    np.testing.assert_allclose(turns, np.round(turns), atol=1e-5)


def test_without_a_box_nothing_enters_and_every_way_is_the_shortest():
    never = Box.of(scene([0.0], [0.0], [0]))
    places = np.random.default_rng(2).uniform(-1e9, 1e9, (2, 100))
    assert not never.repeats
    assert never.attrs == {}
    assert not never.reentry_nm(places).any()
    for dtype in (np.float32, np.float64):
        np.testing.assert_array_equal(never.nearest_nm(places.astype(dtype)), places.astype(dtype))


@pytest.mark.parametrize("box", [BOX, Box.of(scene([0.0], [0.0], [0]))])
def test_kernels_find_the_images_that_numpy_finds(box):
    places = np.random.default_rng(3).uniform(-9000, 9000, (2, 200))
    reentries, shortest = box.reentry_nm(places), box.nearest_nm(places)
    for axis in range(2):
        origin, period = box[axis], box[axis + 2]
        found = [entered(place, origin, period) for place in places[axis]]
        np.testing.assert_allclose(found, places[axis] + reentries[axis], atol=1e-9)
        np.testing.assert_array_equal([nearest(place, period) for place in places[axis]], shortest[axis])
        single = nearest(np.float32(places[axis, 0]), box.period[axis])
        assert single == pytest.approx(shortest[axis, 0], abs=1e-2)


def test_filaments_are_the_runs_of_a_number_whatever_the_numbers():
    filaments = Filaments.of(of_filaments(7, 7, 7, 2, 9, 9))
    assert filaments.first.tolist() == [0, 3, 4]
    assert filaments.vertices.tolist() == [3, 1, 2]
    assert filaments.last.tolist() == [2, 3, 5]
    assert filaments.along.tolist() == [0, 0.5, 1, 0, 0, 1]
    assert filaments.of_vertices(np.array([[1, 2, 3]])).tolist() == [[1, 1, 1, 2, 3, 3]]
    assert filaments.centres(np.arange(12.0).reshape(2, 6)).tolist() == [[1, 3, 4.5], [7, 9, 10.5]]
    number = np.array([7, 7, 7, 2, 9, 9])
    assert contour.starts(number).tolist() == [0, 3, 4, 6]
    assert contour.bonds(number).tolist() == [0, 1, 4]


def test_what_is_no_row_of_filaments_is_refused():
    with pytest.raises(ValueError, match="not contiguous; sort the structure by filament"):
        Filaments.of(of_filaments(0, 1, 0))
    with pytest.raises(ValueError, match="no filament to move; make it denser"):
        Filaments.of(of_filaments())


@pytest.mark.parametrize("vertices", [3, 4, 5, 10, 11, 21, 31, 41, 60, 100, 101, 1001])
def test_the_central_part_is_four_fifths_of_a_contour_ends_included(vertices):
    """In whole numbers: vertex i of n is central if |2 i - (n - 1)| is at most 0.8 (n - 1)."""
    number = np.arange(vertices)
    expected = 10 * np.abs(2 * number - (vertices - 1)) <= 8 * (vertices - 1)
    filaments = Filaments.of(of_filaments(*[0] * vertices))
    assert filaments.central.tolist() == expected.tolist()


def test_each_filament_weighs_one_shared_by_its_central_vertices():
    central, weights = contour.central_vertices(of_filaments(*[0] * 11, *[1] * 2, *[2] * 5, 3))
    assert central.tolist() == [*range(1, 10), 14, 15, 16]
    np.testing.assert_array_equal(weights, [1 / 9] * 9 + [1 / 3] * 3)


def test_contours_of_two_vertices_have_no_central_part():
    with pytest.raises(ValueError, match="two vertices has no central part; at least three are needed"):
        contour.central_vertices(of_filaments(0, 0, 1, 1))


@pytest.mark.parametrize("angle", [0.0, 0.4, 2.0, -3.0])
def test_a_shift_along_a_line_has_no_part_across_it_and_one_across_is_all(angle):
    along = np.array([np.sin(angle), np.cos(angle)])
    normal = np.array([along[1], -along[0]])
    line = along[:, None] * np.linspace(0, 700, 8)
    inner = np.arange(1, 7)
    shifts = 5 * along[:, None] + np.outer(normal, inner)
    np.testing.assert_allclose(contour.across(line, shifts, inner), inner, atol=1e-12)
    np.testing.assert_allclose(contour.across(line, 5 * normal[:, None], inner), 5, atol=1e-12)


def test_specks_are_a_nanometre_long_around_their_points_in_a_plane_of_mirrors():
    y, x = np.array([10.0, 250.0, 3.0]), np.array([5.0, -40.0, 900.0])
    built = contour.specks(y, x, FIELD, stream(0, "structure"))
    ends = np.stack([built.vertex_y.values, built.vertex_x.values]).reshape(2, 3, 2)
    np.testing.assert_allclose(ends.mean(axis=2), [y, x], atol=1e-12)
    np.testing.assert_allclose(np.hypot(*(ends[..., 1] - ends[..., 0])), 1, atol=1e-12)
    assert built.filament.values.tolist() == [0, 0, 1, 1, 2, 2]
    assert built.attrs == {"box_nm": [-700, -500, 1600, 2400], "field_nm": [-300, 100, 800, 1200]}


def test_a_moving_structure_keeps_what_it_was_and_says_what_it_does():
    structure = scene([0.0, 1.0], [0.0, 0.0], [4, 4], [0, 0, 9, 9])
    moved = contour.moving(structure, [0.5, 1.0], np.zeros((2, 2)), np.ones((2, 2)), velocity_nm_per_s=3.0)
    assert moved.attrs == {"box_nm": [0, 0, 9, 9], "velocity_nm_per_s": 3.0}
    assert moved.filament.values.tolist() == [4, 4]
    contour.check_at_rest(structure)
    with pytest.raises(schema.SchemaError, match="moves already"):
        contour.check_at_rest(moved)


@pytest.mark.parametrize(("frames", "steps"), [(50, 5), (7, 3), (1, 1), (4, 1)])
def test_frames_lie_between_the_steps_around_their_middles(frames, steps):
    acquisition = Acquisition(time_points=3, frames_per_point=frames, steps_per_point=steps)
    before, blend = contour.frames_between_steps(acquisition)
    known_s = acquisition.step_times_s
    after = np.minimum(before + 1, known_s.size - 1)
    found_s = known_s[before] + blend * (known_s[after] - known_s[before])
    wanted_s = acquisition.frame_times_s(np.arange(acquisition.frames))
    np.testing.assert_allclose(found_s, np.clip(wanted_s, known_s[0], known_s[-1]), atol=1e-12)
    assert ((blend >= 0) & (blend <= 1)).all()


def test_a_structure_with_other_steps_than_the_acquisition_is_refused():
    acquisition = Acquisition(time_points=2, steps_per_point=3)
    still = scene(np.zeros((6, 4)), np.zeros((6, 4)), [0] * 4)
    assert contour.steps(still, acquisition)[0].shape == (6, 4)
    with pytest.raises(ValueError, match=r"shape \(5, 4\) .* 2 time points of 3 steps are 6 steps"):
        contour.steps(still.isel(time=slice(5)), acquisition)
    with pytest.raises(schema.SchemaError, match="no 'vertex_x'"):
        contour.steps(still.drop_vars("vertex_x"), acquisition)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_between_two_times_a_structure_goes_straight_also_across_its_box(dtype):
    times_s = np.arange(8) * 0.3
    free = 900.0 + 100.0 * times_s[:, None] + np.array([0.0, 40.0])
    moving = scene(
        np.where(free.mean(axis=1, keepdims=True) < 1000, free, free - 1000).astype(dtype),
        np.zeros((8, 2), dtype),
        [0, 0],
        [0.0, 0.0, 1000.0, 1000.0],
        time=times_s,
    )
    wanted_s = np.array([0.1, 0.8, 0.95, 1.0, 2.05, 2.4])
    found = contour.snapshots(moving, wanted_s).vertex_y.values
    expected = 900.0 + 100.0 * wanted_s[:, None] + np.array([0.0, 40.0])
    off = found - expected
    np.testing.assert_allclose(off - 1000 * np.round(off / 1000), 0, atol=1e-3)


def test_a_structure_known_once_stays_where_it_is():
    once = scene([[1.0, 2.0]], [[0.0, 0.0]], [0, 0], time=[0.5])
    found = contour.snapshots(once, np.array([0.1, 3.0]))
    assert found.vertex_y.values.tolist() == [[1, 2], [1, 2]]


def test_the_edges_of_a_field_move_outwards_by_the_margin():
    assert FIELD.edges() == (-300, 500, 100, 1300)
    assert FIELD.edges(25.0) == (-325, 525, 75, 1325)
