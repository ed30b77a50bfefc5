"""The vocabulary gives every variable its dims, units and meaning, and notices what is wrong."""

import numpy as np
import pytest

from smlmsim import schema


def test_units_are_stamped():
    assert schema.variable("counts", np.zeros((2, 3, 4))).attrs == {
        "units": "1",
        "long_name": "localizations per pixel and time point",
    }


def test_leading_dims_may_be_absent():
    assert schema.variable("vertex_y", np.zeros(5)).dims == ("vertex",)
    assert schema.variable("vertex_y", np.zeros((2, 5))).dims == ("time", "vertex")


def test_too_many_dims_are_refused():
    with pytest.raises(schema.SchemaError, match=r"loc_x has the dims .* shape \(2, 2\)"):
        schema.variable("loc_x", np.zeros((2, 2)))


def test_a_dataset_knows_its_coordinates():
    made = schema.dataset({"box_nm": [0.0]}, time=[0.5], vertex_y=np.zeros((1, 3)), filament=[0, 0, 1])
    assert set(made.coords) == {"time", "filament"}
    assert made.attrs == {"box_nm": [0.0]}


def test_a_missing_variable_is_named_with_those_present():
    with pytest.raises(schema.SchemaError, match="no 'loc_y' in the dataset; it holds loc_x"):
        schema.check(schema.dataset(loc_x=[1.0]), "loc_x", "loc_y")


def test_nan_is_counted():
    with pytest.raises(schema.SchemaError, match="loc_x holds 2 values that are NaN or infinite"):
        schema.check(schema.dataset(loc_x=[1.0, np.nan, np.inf]), "loc_x")


def test_wrong_dims_are_shown():
    turned = schema.dataset(counts=np.zeros((2, 3, 4))).transpose("x", "y", "time")
    with pytest.raises(schema.SchemaError, match=r"counts has the dims \('x', 'y', 'time'\)"):
        schema.check(turned, "counts")


def test_the_times_of_a_movie_are_its_own_or_none():
    movie = schema.dataset(density=np.zeros((3, 2, 2)), time=[0.5, 1.5, 2.5]).density
    assert schema.times_s(movie).tolist() == [0.5, 1.5, 2.5]
    with pytest.raises(
        schema.SchemaError, match=r"not known how long a time point is; give point_s=0\.05, say"
    ):
        schema.times_s(movie.drop_vars("time"))


FRAMES_ATTRS = {
    "camera_pixel_nm": 100.0,
    "exposure_s": 0.03,
    "first_frame": 0,
    "offset": 100.0,
    "electrons_per_level": 45.0,
    "quantum_efficiency": 0.9,
    "em_gain": 300.0,
    "read_noise_e": 74.0,
}


def some_frames(**changed):
    return schema.dataset(
        FRAMES_ATTRS | changed,
        frames=np.zeros((2, 3, 4), np.uint16),
        camera_y=np.arange(3) * 100.0 + 50,
        camera_x=np.arange(4) * 100.0 + 50,
    )


def test_frames_are_grey_levels_with_the_calibration_of_their_camera():
    schema.check_frames(some_frames())
    assert set(some_frames().coords) == {"camera_y", "camera_x"}
    assert set(FRAMES_ATTRS) == set(schema.FRAMES_ATTRS)


@pytest.mark.parametrize(
    ("attrs", "said"),
    [({"em_gain": None}, "no number 'em_gain'"), ({"offset": np.nan}, "'offset' of the frames is nan")],
)
def test_frames_without_a_calibration_are_refused(attrs, said):
    with pytest.raises(schema.SchemaError, match=said):
        schema.check_frames(some_frames(**attrs))


def test_frames_of_another_type_are_refused():
    with pytest.raises(schema.SchemaError, match=r"frames is float64 of the dims .* expected uint16"):
        schema.check_frames(some_frames().astype(float))
