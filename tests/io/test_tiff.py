"""Movies come back from a TIFF file as they went out, and ImageJ reads their scale."""

import logging

import numpy as np
import pytest
import tifffile
import xarray as xr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from smlmsim import schema
from smlmsim.acquisition import Acquisition
from smlmsim.field import FieldOfView
from smlmsim.io import tiff

in_one_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def _movie(name="counts", dtype=np.uint16, *, times=5, first=0, **field):
    field = FieldOfView(**{"height_nm": 80, "width_nm": 120, "pixel_nm": 20, **field})
    values = np.arange(times * np.prod(field.shape)).reshape(times, *field.shape).astype(dtype)
    seconds = Acquisition(time_points=first + times).times_s[first:]
    return schema.dataset(**{name: values}, time=seconds, y=field.y_nm, x=field.x_nm)[name]


@pytest.mark.parametrize(
    ("name", "dtype"), [("counts", np.uint16), ("density", np.float32), ("counts", np.uint8)]
)
@pytest.mark.parametrize("times", [1, 2, 5])
def test_a_movie_comes_back_with_its_name_precision_and_scale(tmp_path, name, dtype, times):
    movie = _movie(
        name,
        dtype,
        times=times,
        first=3,
        height_nm=94.8,
        width_nm=142.2,
        pixel_nm=23.7,
        origin_y_nm=-9e4,
        origin_x_nm=1e4,
    )
    tiff.write(movie, tmp_path / "a.tif")
    found = tiff.read(tmp_path / "a.tif")
    assert list(found) == [name]
    assert found[name].dtype == dtype
    assert found[name].attrs == movie.attrs
    np.testing.assert_array_equal(found[name], movie)
    for dim in movie.dims:
        np.testing.assert_allclose(found[dim], movie[dim], rtol=1e-9)
        assert found[dim].attrs == movie[dim].attrs


def test_imagej_finds_the_scale_in_space_and_time(tmp_path):
    movie = _movie("density", np.float32, pixel_nm=10, origin_x_nm=300)
    tiff.write(movie, tmp_path / "a.tif")
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        described, tags = file.imagej_metadata, file.pages.first.tags
        assert file.series[0].axes == "TYX"
    assert (described["unit"], described["finterval"], described["frames"]) == ("um", 1.5, 5)
    assert (described["min"], described["max"]) == (movie.min(), movie.max())
    assert described["xorigin"] == pytest.approx(-30)
    assert tags.valueof("XResolution") == tags.valueof("YResolution") == (100, 1)


def test_a_dataset_with_one_movie_is_that_movie(tmp_path):
    movie = _movie()
    tiff.write(movie.to_dataset().assign(loc_x=schema.variable("loc_x", [1.0])), tmp_path / "a.tif")
    np.testing.assert_array_equal(tiff.read(tmp_path / "a.tif").counts, movie)


@pytest.mark.parametrize("unit", ["micron", "\\u00B5m", "um", "nm", "mm"])
def test_the_units_of_other_programs_are_understood(tmp_path, unit):
    per_unit = {"nm": 0.05, "mm": 5e4}.get(unit, 50)
    tifffile.imwrite(
        tmp_path / "a.tif", np.ones((3, 4, 5), np.float32), imagej=True, resolution=(per_unit, per_unit),
        metadata={"axes": "ZYX", "unit": unit, "finterval": 250, "tunit": "ms"},
    )  # fmt: skip
    found = tiff.read(tmp_path / "a.tif").density
    assert found.time.values == pytest.approx([0.125, 0.375, 0.625])
    assert found.y.values == pytest.approx([10, 30, 50, 70])


def test_big_endian_whole_numbers_of_imagej_are_counts(tmp_path):
    tifffile.imwrite(
        tmp_path / "a.tif", np.full((3, 4, 5), 7, ">u2"), byteorder=">", imagej=True, metadata={"axes": "TYX"}
    )
    found = tiff.read(tmp_path / "a.tif", pixel_nm=20, point_s=1.5)
    assert found.counts.dtype == np.dtype("=u2")
    assert (found.counts == 7).all()
    assert found.time.values == pytest.approx([0.75, 2.25, 3.75])


def test_what_a_file_does_not_say_is_asked_for(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.ones((3, 4, 5), np.float32), photometric="minisblack")
    with pytest.raises(
        ValueError, match=r"a\.tif: the file does not say how large a pixel is; give pixel_nm"
    ):
        tiff.read(tmp_path / "a.tif")
    without = tiff.read(tmp_path / "a.tif", pixel_nm=20)
    assert "time" not in without.coords
    assert without.sizes == {"time": 3, "y": 4, "x": 5}
    with pytest.raises(
        schema.SchemaError, match=r"it is not known how long a time point is; give point_s=0\.05"
    ):
        tiff.write(without, tmp_path / "b.tif")


def test_colours_and_many_slices_are_refused(tmp_path):
    tifffile.imwrite(tmp_path / "rgb.tif", np.zeros((8, 8, 3), np.uint8), photometric="rgb")
    tifffile.imwrite(
        tmp_path / "slices.tif", np.zeros((3, 2, 8, 8), np.uint8), imagej=True, metadata={"axes": "TZYX"}
    )
    for name, words in (
        ("rgb", "a movie of grey images is read, found colours: 3 samples in a pixel"),
        ("slices", r"a movie of one slice is read, found 3 time points x 2 slices \(z\)"),
    ):
        with pytest.raises(ValueError, match=rf"{name}\.tif: {words}"):
            tiff.read(tmp_path / f"{name}.tif", pixel_nm=20, point_s=1)


def test_channels_are_an_imagej_composite_with_their_names_and_come_back_exactly(tmp_path, coloured):
    tiff.write(coloured, tmp_path / "a.tif")
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        assert (file.series[0].axes, file.series[0].shape) == ("TCYX", (3, 2, 4, 6))
        about = file.imagej_metadata
        assert (about["channels"], about["frames"], about["mode"]) == (2, 3, "composite")
        assert about["Labels"] == ["Alexa 647", "Cy3B"] * 3
        assert about["Ranges"] == (0, 71, 72, 143)
    found = tiff.read(tmp_path / "a.tif")
    xr.testing.assert_allclose(found, coloured)
    assert found.counts.dtype == np.uint16
    assert found.channel.values.tolist() == ["Alexa 647", "Cy3B"]


def test_labels_that_time_points_do_not_share_are_no_names_of_channels(tmp_path, coloured):
    tiff.write(coloured, tmp_path / "a.tif")
    content = (tmp_path / "a.tif").read_bytes()
    last = content.rindex("Cy3B".encode("utf-16-le"))
    (tmp_path / "b.tif").write_bytes(content[:last] + "Cy5B".encode("utf-16-le") + content[last + 8 :])
    found = tiff.read(tmp_path / "b.tif")
    assert found.channel.values.tolist() == ["0", "1"]
    np.testing.assert_array_equal(found.counts, coloured.counts)


def test_a_single_channel_is_written_without_its_name_and_that_is_said(tmp_path, coloured, caplog):
    with caplog.at_level(logging.INFO):
        tiff.write(coloured.isel(channel=[1]), tmp_path / "a.tif")
    assert "a stack of one channel has no place for its name, Cy3B" in caplog.text
    np.testing.assert_array_equal(tiff.read(tmp_path / "a.tif").counts, coloured.counts[1])


def _uneven(movie):
    return movie.assign_coords(time=[0.0, 1, 2, 3, 9])


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda movie: movie[0], r"a stack is a movie .* found \{'y': 4, 'x': 6\}"),
        (lambda movie: movie[:, :1], "of at least 2 x 2 pixels"),
        (lambda movie: movie[:0], "found .*'time': 0"),
        (lambda movie: movie / 3, "found float64 values that none of them holds exactly; round them"),
        (
            lambda movie: movie.astype(np.int32) * 999_999,
            "found int32 values that none of them holds exactly",
        ),
        (lambda movie: movie.astype("c8"), "found complex64 values that none"),
        (lambda movie: movie.drop_vars("y"), "no coordinate 'y', in nm"),
        (lambda movie: movie[:, ::-1], "'y' does not rise, from 70 to 10"),
        (_uneven, "'time' is not evenly spaced"),
        (lambda movie: (movie / 0 * 0).astype("f4"), "counts holds 120 NaN or infinite values"),
        (
            lambda movie: movie.to_dataset().assign(density=movie),
            "found 'counts', 'density'; write one of them",
        ),
        (lambda movie: xr.Dataset(), "found none"),
        (
            lambda movie: schema.dataset(loc_x=[1.0]),
            "a table of localizations: `smlmsim reconstruct TABLE --out DIR`",
        ),
    ],
)
def test_what_a_stack_cannot_hold_is_refused(tmp_path, spoil, words):
    with np.errstate(all="ignore"):
        spoiled = spoil(_movie())
    with pytest.raises(schema.SchemaError, match=words):
        tiff.write(spoiled, tmp_path / "a.tif")
    assert not list(tmp_path.iterdir())


def test_a_movie_of_another_name_is_named_by_what_it_holds(tmp_path):
    for movie, name in ((_movie("density", np.float32), "density"), (_movie(), "counts")):
        tiff.write(movie.rename("géométrie\nx=1"), tmp_path / "a.tif")
        assert list(tiff.read(tmp_path / "a.tif")) == [name]


def test_a_missing_file_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.tif"):
        tiff.read(tmp_path / "nowhere.tif")


shapes = st.tuples(*[st.integers(2, 6)] * 3)
finite = st.floats(width=32, allow_nan=False, allow_infinity=False)


@in_one_folder
@given(
    arrays(np.uint16, shapes) | arrays(np.float32, shapes, elements=finite),
    st.tuples(st.floats(0, 1e4), st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)),
    st.tuples(st.floats(1e-3, 1e3), st.floats(0.5, 500), st.floats(0.5, 500)),
)
def test_any_movie_comes_back(tmp_path, values, starts, steps):
    axes = [
        start + step * np.arange(size) for start, step, size in zip(starts, steps, values.shape, strict=True)
    ]
    movie = schema.dataset(density=values, **dict(zip(tiff.DIMS, axes, strict=True))).density
    tiff.write(movie, tmp_path / "a.tif")
    found = tiff.read(tmp_path / "a.tif").density
    np.testing.assert_array_equal(found, movie)
    for dim, axis, step in zip(tiff.DIMS, axes, steps, strict=True):
        np.testing.assert_allclose(found[dim], axis, rtol=1e-6, atol=1e-6 * step)


@pytest.fixture(scope="module")
def intact(tmp_path_factory):
    """The bytes of a valid file."""
    path = tmp_path_factory.mktemp("tiff") / "a.tif"
    tiff.write(_movie(), path)
    return path.read_bytes()


@in_one_folder
@given(st.binary())
def test_random_bytes_are_refused_as_a_value_error(tmp_path, content):
    (tmp_path / "a.tif").write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.tif: not a TIFF file, or a damaged one"):
        tiff.read(tmp_path / "a.tif")


@in_one_folder
@given(data=st.data())
def test_a_damaged_file_is_read_or_refused_as_a_value_error(tmp_path, intact, data):
    content = bytearray(intact[: data.draw(st.integers(0, len(intact)), label="length")])
    for place in data.draw(st.lists(st.integers(0, max(len(content) - 1, 0)), max_size=3), label="places"):
        content[place : place + 1] = data.draw(st.binary(min_size=1, max_size=1))
    (tmp_path / "a.tif").write_bytes(content)
    try:
        found = tiff.read(tmp_path / "a.tif")
    except ValueError as error:
        assert "a.tif: " in str(error)  # noqa: PT017
    else:
        schema.check(found, *found, *(set(tiff.DIMS) & set(found.coords)))


@pytest.mark.parametrize(
    ("dtype", "written"),
    [
        ("i4", "u1"),
        ("u4", "u1"),
        ("i2", "u1"),
        ("i8", "u1"),
        ("f8", "f4"),
        ("f2", "f4"),
        ("?", "u1"),
        (">u2", "u2"),
    ],
)
def test_values_of_other_types_are_written_as_the_smallest_type_that_holds_them_exactly(
    tmp_path, dtype, written
):
    movie = (_movie() % 2).astype(dtype)
    tiff.write(movie, tmp_path / "a.tif")
    found = tiff.read(tmp_path / "a.tif").counts
    np.testing.assert_array_equal(found, movie)
    assert found.dtype == written


def test_whole_numbers_beyond_16_bits_are_written_as_float_if_that_is_exact(tmp_path):
    movie = _movie().astype("u4") + 2**16
    tiff.write(movie, tmp_path / "a.tif")
    np.testing.assert_array_equal(tiff.read(tmp_path / "a.tif").counts, movie)
    with pytest.raises(schema.SchemaError, match="found uint32 values that none of them holds exactly"):
        tiff.write(movie + 2**24, tmp_path / "a.tif")
