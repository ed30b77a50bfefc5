"""Movies come back from OME-Zarr, other programs find their scale, and a damaged store ends in one clear error."""

import errno
import json
import logging
import os
import pickle
import shutil
from pathlib import Path

import numcodecs
import numpy as np
import pytest
import xarray as xr
import zarr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from smlmsim import schema
from smlmsim.io import ome_zarr

few_in_one_folder = settings(
    max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)


def _movie(name="counts", dtype=np.uint16):
    values = np.arange(5 * 4 * 6).reshape(5, 4, 6).astype(dtype)
    axes = {"time": 0.75 + 1.5 * np.arange(5), "y": 110 + 20.0 * np.arange(4), "x": 10 + 20.0 * np.arange(6)}
    return schema.dataset(**{name: values}, **axes)


@pytest.mark.parametrize(
    ("name", "dtype"),
    [("counts", np.uint16), ("density", np.float32), ("counts", np.uint8), ("uncertainty", np.float32)],
)
def test_a_movie_comes_back_with_its_name_precision_and_scale(tmp_path, name, dtype):
    ome_zarr.write(_movie(name, dtype), tmp_path / "a.zarr")
    found = ome_zarr.read(tmp_path / "a.zarr")
    xr.testing.assert_identical(found, _movie(name, dtype))
    assert found[name].dtype == dtype


def test_the_metadata_are_what_the_specification_asks_for(tmp_path):
    ome_zarr.write(_movie(), tmp_path / "a.ome.zarr")
    group = json.loads((tmp_path / "a.ome.zarr" / "zarr.json").read_text())
    assert (group["zarr_format"], group["node_type"]) == (3, "group")
    ome = group["attributes"]["ome"]
    assert ome["version"] == "0.5"
    (image,) = ome["multiscales"]
    assert image["axes"] == [
        {"name": "t", "type": "time", "unit": "second"},
        {"name": "y", "type": "space", "unit": "nanometer"},
        {"name": "x", "type": "space", "unit": "nanometer"},
    ]
    (level,) = image["datasets"]
    scale, translation = level["coordinateTransformations"]
    assert scale == {"type": "scale", "scale": [1.5, 20, 20]}
    assert translation == {"type": "translation", "translation": [0.75, 110, 10]}
    array = json.loads((tmp_path / "a.ome.zarr" / level["path"] / "zarr.json").read_text())
    assert (array["zarr_format"], array["node_type"]) == (3, "array")
    assert array["shape"] == [5, 4, 6]
    assert array["dimension_names"] == ["t", "y", "x"]


@few_in_one_folder
@given(
    arrays(
        np.float32, st.tuples(*[st.integers(2, 40)] * 3), elements=st.floats(-(2.0**99), 2.0**99, width=32)
    ),
    st.tuples(st.floats(0, 1e4), st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)),
    st.tuples(st.floats(1e-3, 1e3), st.floats(0.5, 500), st.floats(0.5, 500)),
)
def test_any_movie_comes_back(tmp_path, values, starts, steps):
    axes = [
        start + step * np.arange(size) for start, step, size in zip(starts, steps, values.shape, strict=True)
    ]
    movie = schema.dataset(density=values, **dict(zip(("time", "y", "x"), axes, strict=True)))
    ome_zarr.write(movie, tmp_path / "a.zarr")
    found = ome_zarr.read(tmp_path / "a.zarr")
    np.testing.assert_array_equal(found.density, movie.density)
    for dim, axis, step in zip(("time", "y", "x"), axes, steps, strict=True):
        np.testing.assert_allclose(found[dim], axis, rtol=1e-9, atol=1e-9 * step)


@pytest.fixture
def handmade(tmp_path):
    """A function that makes an image as other programs do."""

    def make(shape=(3, 1, 4, 5), axes="tcyx", dtype=np.uint16, values=None, zarr_format=3, **changes):
        units = {"t": "millisecond", "y": "micrometer", "x": "micrometer"}
        kinds = {"t": "time", "c": "channel", "y": "space", "x": "space", "z": "space"}
        described = [{"name": axis, "type": kinds[axis.lower()]} for axis in axes]
        described = [axis | {"unit": units.get(axis["name"].lower())} for axis in described]
        scale = [{"t": 500.0, "y": 0.1, "x": 0.2}.get(axis.lower(), 1.0) for axis in axes]
        levels = [
            {"path": path, "coordinateTransformations": [{"type": "scale", "scale": scale}]} for path in "01"
        ]
        group = zarr.open_group(tmp_path / "other.zarr", mode="w", zarr_format=zarr_format)
        image = {"axes": described, "datasets": levels} | changes
        said = {"ome": {"version": "0.5", "multiscales": [image]}}
        group.attrs.update(said if zarr_format == 3 else {"multiscales": [image | {"version": "0.4"}]})
        values = np.arange(np.prod(shape)).reshape(shape).astype(dtype) if values is None else values
        group.create_array("0", data=values)
        return tmp_path / "other.zarr"

    return make


def test_channels_have_their_own_axis_with_names_and_come_back_exactly(tmp_path, coloured):
    ome_zarr.write(coloured, tmp_path / "a.zarr")
    group = json.loads((tmp_path / "a.zarr" / "zarr.json").read_text())["attributes"]["ome"]
    (image,) = group["multiscales"]
    assert image["axes"][:2] == [
        {"name": "t", "type": "time", "unit": "second"},
        {"name": "c", "type": "channel"},
    ]
    scale, translation = image["datasets"][0]["coordinateTransformations"]
    assert scale["scale"] == [1.5, 1, 20, 20]
    assert translation["translation"] == [0.75, 0, 110, 10]
    assert [shown["label"] for shown in group["omero"]["channels"]] == ["Alexa 647", "Cy3B"]
    array = zarr.open_array(tmp_path / "a.zarr" / "0", mode="r")
    assert (array.shape, array.chunks) == ((3, 2, 4, 6), (3, 1, 4, 6))
    xr.testing.assert_identical(ome_zarr.read(tmp_path / "a.zarr"), coloured)


@pytest.mark.parametrize("axes", ["tcyx", "ctyx", "cyx"])
def test_channels_of_other_programs_lead(handmade, axes):
    sizes = {"t": 3, "c": 2, "y": 4, "x": 5}
    shape = tuple(sizes[axis] for axis in axes)
    found = ome_zarr.read(handmade(shape, axes))
    wanted = np.arange(np.prod(shape)).reshape(shape)
    wanted = wanted.swapaxes(0, 1) if axes == "tcyx" else wanted.reshape(2, -1, 4, 5)
    np.testing.assert_array_equal(found.counts, wanted)
    assert found.channel.values.tolist() == ["0", "1"]


@pytest.mark.parametrize(
    "said", [3, {"channels": "ab"}, {"channels": [3, {"label": 7}]}, {"channels": [{}, {}]}]
)
def test_damaged_names_of_channels_are_passed_over(tmp_path, coloured, said):
    ome_zarr.write(coloured, tmp_path / "a.zarr")
    about = json.loads((tmp_path / "a.zarr" / "zarr.json").read_text())
    about["attributes"]["ome"]["omero"] = said
    (tmp_path / "a.zarr" / "zarr.json").write_text(json.dumps(about))
    assert ome_zarr.read(tmp_path / "a.zarr").channel.values.tolist() == ["0", "1"]


def test_units_and_single_channels_of_other_programs_are_understood(handmade):
    found = ome_zarr.read(handmade())
    assert found.counts.shape == (3, 4, 5)
    np.testing.assert_allclose(found.time, [0, 0.5, 1])
    np.testing.assert_allclose(found.y, [0, 100, 200, 300])
    np.testing.assert_allclose(found.x, [0, 200, 400, 600, 800])


def test_a_scale_for_all_levels_comes_on_top(handmade):
    whole = [{"type": "scale", "scale": [2.0, 1.0, 3.0, 3.0]}]
    found = ome_zarr.read(handmade(coordinateTransformations=whole))
    np.testing.assert_allclose(found.time, [0, 1, 2])
    np.testing.assert_allclose(found.y, [0, 300, 600, 900])


def test_what_a_file_does_not_say_is_asked_for(handmade):
    axes = [{"name": name} for name in "tyx"]
    path = _spoil(handmade((3, 4, 5), "tyx"), image={"axes": axes})
    with pytest.raises(ValueError, match=r"other\.zarr: .* how large a pixel is; give pixel_nm=100, say"):
        ome_zarr.read(path, point_s=1)
    without = ome_zarr.read(path, pixel_nm=20)
    assert "time" not in without.coords
    assert without.sizes["time"] == 3
    with pytest.raises(schema.SchemaError, match=r"it is not known how long a time point is; give point_s="):
        ome_zarr.write(without, path.with_name("again.zarr"))
    assert ome_zarr.read(path, point_s=1, pixel_nm=20).x.values.tolist() == [10, 30, 50, 70, 90]


def _spoil(path, **changes):
    group = zarr.open_group(path, mode="r+")
    ome = group.attrs["ome"]
    ome["multiscales"][0] |= changes.pop("image", {})
    ome |= changes
    group.attrs["ome"] = {name: value for name, value in ome.items() if value is not None}
    return path


SCALE = {"type": "scale", "scale": [1, 1, 1, 1]}
HUGE = {"type": "scale", "scale": [1e308] * 4}


def _level(path="0", *transformations):
    return {
        "image": {"datasets": [{"path": path, "coordinateTransformations": list(transformations) or [SCALE]}]}
    }


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"version": "0.2"}, r"OME-Zarr 0\.2 is not read; 0\.4 and 0\.5 are"),
        ({"multiscales": []}, r"not an OME-Zarr image: 'multiscales' lists no image"),
        ({"multiscales": [1]}, r"'multiscales' lists no image"),
        ({"multiscales": None}, r"it has no attribute 'multiscales'"),
        ({"image": {"datasets": []}}, r"datasets"),
        ({"image": {"axes": [{"type": "time"}] * 4}}, r"axes\.0\.name: is missing"),
        (_level("../../etc"), r"'\.\./\.\./etc' is not the path of an array in the group"),
        (_level("/etc"), r"'/etc' is not the path of an array in the group"),
        (_level(""), "'' is not the path of an array in the group"),
        (_level("9"), "not an OME-Zarr image, or a damaged one"),
        (_level("0", {"type": "scale", "scale": [1, 1]}), "one number per axis"),
        (_level("0", {"type": "translation", "translation": [1] * 4}), "a scale comes first"),
        (_level("0", {"type": "affine"}), "Input should be 'scale' or 'translation'"),
        (_level("0", SCALE | {"scale": [0, 1, 0, 0]}), "the scale is not positive"),
        (_level("0", SCALE | {"scale": [1, 1, -1, 1]}), "the scale is not positive"),
        (_level("0", HUGE, HUGE), "the scale is not finite"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_the_metadata_is_said(handmade, changes, words):
    with pytest.raises(ValueError, match=rf"other\.zarr: .*{words}"):
        ome_zarr.read(_spoil(handmade(), **changes))


@pytest.mark.parametrize(
    ("shape", "axes", "dtype", "words"),
    [
        ((3, 7, 4, 5), "tzyx", "u2", r"a movie of one slice is read, found 7 slices \(z\)"),
        ((2, 7, 4, 5), "czyx", "u2", r"found 2 channels x 7 slices \(z\)"),
        ((3, 4, 5), "tyx", "c8", r"a movie of grey images is read, found complex64"),
    ],
)
def test_what_is_not_one_grey_movie_is_refused_with_what_was_found(handmade, shape, axes, dtype, words):
    with pytest.raises(ValueError, match=rf"other\.zarr: .*{words}"):
        ome_zarr.read(handmade(shape, axes, dtype))


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize("axes", ["tyx", "TYX", "ytx", "xyt", "tczyx", "xzyct"])
def test_axes_in_capitals_and_in_any_order_mean_the_same(handmade, axes, zarr_format):
    sizes = {"t": 3, "y": 4, "x": 5}
    wanted = np.arange(60, dtype=np.uint16).reshape(3, 4, 5)
    placed = np.einsum(f"tyx->{''.join(name for name in axes.lower() if name in sizes)}", wanted)
    shape = [sizes.get(name.lower(), 1) for name in axes]
    found = ome_zarr.read(handmade(shape, axes, values=placed.reshape(shape), zarr_format=zarr_format))
    np.testing.assert_array_equal(found.counts, wanted)
    np.testing.assert_allclose(found.time, [0, 0.5, 1])
    np.testing.assert_allclose(found.y, [0, 100, 200, 300])
    np.testing.assert_allclose(found.x, [0, 200, 400, 600, 800])


@pytest.mark.parametrize(("shape", "axes"), [((4, 5), "yx"), ((1, 4, 5), "cyx"), ((1, 1, 4, 5), "tzyx")])
def test_a_single_image_is_a_movie_of_one(handmade, shape, axes):
    found = ome_zarr.read(handmade(shape, axes))
    assert found.counts.shape == (1, 4, 5)
    assert found.counts.values.ravel().tolist() == list(range(20))


@pytest.mark.parametrize("unit", ["micrometer", "Micrometer", "um", "\u00b5m", "\u03bcm", "micron"])
def test_units_are_understood_however_they_are_spelled(handmade, unit):
    path = _spoil(handmade((4, 5), "yx"), image={"axes": [{"name": name, "unit": unit} for name in "yx"]})
    assert ome_zarr.read(path).y.values[1] == pytest.approx(100)


@pytest.mark.parametrize("compressor", ["blosc", "zlib", "gzip", None])
@pytest.mark.parametrize("separator", [".", "/"])
@pytest.mark.parametrize("dtype", ["<u2", ">u2", "<f4", ">f8", "|u1", "<i4", "|b1", "<f2"])
def test_version_0_4_is_read_as_other_programs_write_it(tmp_path, compressor, separator, dtype):
    values = (np.arange(60).reshape(3, 4, 5) % 2).astype(dtype)
    packed = {"id": compressor} if compressor else None
    path = _plain_zarr_2(tmp_path / "v4.zarr", values, packed, separator)
    found = next(iter(ome_zarr.read(path).data_vars.values()))
    np.testing.assert_array_equal(found, values)
    assert found.dtype.isnative
    assert found.dtype.kind in "uif"
    np.testing.assert_allclose(found.time, [0, 0.05, 0.1])
    np.testing.assert_allclose(found.x, [0, 100, 200, 300, 400])


def _plain_zarr_2(path, values, compressor, separator="."):
    """A store of version 0.4 made of nothing but JSON and packed bytes."""
    (path / "0").mkdir(parents=True)
    axes = [{"name": "t", "type": "time", "unit": "second"}]
    axes += [{"name": name, "type": "space", "unit": "micrometer"} for name in "yx"]
    scale = [{"type": "scale", "scale": [0.05, 0.1, 0.1]}]
    image = {"version": "0.4", "axes": axes, "datasets": [{"path": "0", "coordinateTransformations": scale}]}
    (path / ".zgroup").write_text('{"zarr_format": 2}')
    (path / ".zattrs").write_text(json.dumps({"multiscales": [image]}))
    array = {"zarr_format": 2, "shape": values.shape, "chunks": values.shape, "dtype": values.dtype.str}
    array |= {"fill_value": 0, "order": "C", "filters": None, "compressor": compressor}
    (path / "0" / ".zarray").write_text(json.dumps(array | {"dimension_separator": separator}))
    packed = numcodecs.get_codec(compressor).encode(values) if compressor else values.tobytes()
    chunk = path / "0" / separator.join("000")
    chunk.parent.mkdir(parents=True, exist_ok=True)
    chunk.write_bytes(packed)
    return path


def test_nothing_is_unpickled_that_a_store_names_as_its_packing(tmp_path):
    path = _plain_zarr_2(tmp_path / "v4.zarr", np.zeros((3, 4, 5), np.uint16), None)
    mark = tmp_path / "was run"

    class Evil:
        def __reduce__(self):
            return (Path.touch, (mark,))

    for key, value in (("filters", [{"id": "pickle"}]), ("compressor", {"id": "pickle"})):
        array = json.loads((path / "0" / ".zarray").read_text()) | {
            "filters": None,
            "compressor": None,
            key: value,
        }
        (path / "0" / ".zarray").write_text(json.dumps(array))
        (path / "0" / "0.0.0").write_bytes(pickle.dumps(Evil()))
        with pytest.raises(
            ValueError, match=r"v4\.zarr: its chunks are packed by 'pickle'; known are blosc, "
        ):
            ome_zarr.read(path)
    assert not mark.exists()


def test_a_codec_within_a_shard_is_looked_at_too(tmp_path):
    path = tmp_path / "a.zarr"
    ome_zarr.write(_movie(), path)
    array = json.loads((path / "0" / "zarr.json").read_text())
    array["codecs"] = [
        {"name": "sharding_indexed", "configuration": {"codecs": [{"name": "numcodecs.pickle"}]}}
    ]
    (path / "0" / "zarr.json").write_text(json.dumps(array))
    with pytest.raises(ValueError, match=r"packed by 'numcodecs\.pickle'"):
        ome_zarr.read(path)


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_the_single_image_of_bioformats2raw_is_found_in_its_folder(tmp_path, handmade, zarr_format, caplog):
    folder = _bioformats2raw(
        tmp_path / "b.zarr", [handmade((3, 4, 5), "tyx", zarr_format=zarr_format)], zarr_format
    )
    with caplog.at_level(logging.INFO):
        found = ome_zarr.read(folder)
    xr.testing.assert_identical(found, ome_zarr.read(folder / "0"))
    assert "the image 0 of the folder is read" in caplog.text


def _bioformats2raw(folder, images, zarr_format):
    group = zarr.open_group(folder, mode="w", zarr_format=zarr_format)
    group.attrs.update(
        {"bioformats2raw.layout": 3} if zarr_format == 2 else {"ome": {"bioformats2raw.layout": 3}}
    )
    for number, image in enumerate(images):
        shutil.copytree(image, folder / str(number))
    return folder


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize("listed", [True, False])
def test_several_images_of_bioformats2raw_are_named(tmp_path, handmade, zarr_format, listed):
    image = handmade((3, 4, 5), "tyx", zarr_format=zarr_format)
    folder = _bioformats2raw(tmp_path / "b.zarr", [image] * 11, zarr_format)
    if listed:
        series = {"series": [str(number) for number in range(11)]}
        ome = zarr.open_group(folder / "OME", mode="w", zarr_format=zarr_format)
        ome.attrs.update(series if zarr_format == 2 else {"ome": series})
    with pytest.raises(
        ValueError, match=r"b\.zarr: it holds 11 images: 0, 1, 2, .* 7, \.\.\.; give the folder of one"
    ):
        ome_zarr.read(folder)
    assert ome_zarr.read(folder / "10").counts.shape == (3, 4, 5)


def test_a_series_is_not_looked_for_outside(tmp_path, handmade):
    handmade((3, 4, 5), "tyx")
    folder = _bioformats2raw(tmp_path / "b.zarr", [], 3)
    zarr.open_group(folder / "OME", mode="w", zarr_format=3).attrs["ome"] = {"series": ["../other.zarr"]}
    with pytest.raises(ValueError, match=r"'\.\./other\.zarr' is not the path"):
        ome_zarr.read(folder)


@pytest.mark.parametrize("kind", ["plate", "well"])
def test_plates_and_wells_are_said_to_be_such(tmp_path, kind):
    zarr.open_group(tmp_path / "p.zarr", mode="w", zarr_format=2).attrs[kind] = {"wells": []}
    with pytest.raises(ValueError, match=rf"p\.zarr: an OME-Zarr {kind} of .*; give the folder of one"):
        ome_zarr.read(tmp_path / "p.zarr")


def test_the_choice_of_the_finest_resolution_is_said(handmade, caplog):
    with caplog.at_level(logging.INFO):
        ome_zarr.read(handmade())
    assert "the finest of 2 resolutions is read" in caplog.text


def test_what_is_given_goes_before_what_the_file_says_and_that_is_said(handmade, caplog):
    with caplog.at_level(logging.INFO):
        found = ome_zarr.read(handmade((3, 4, 5), "tyx"), pixel_nm=20, point_s=0.5)
    np.testing.assert_allclose(found.y, [10, 30, 50, 70])
    assert "pixel_nm = 20 as given; the file says 100" in caplog.text
    assert "point_s" not in caplog.text
    with pytest.raises(ValueError, match="pixel_nm is positive, found pixel_nm=-1"):
        ome_zarr.read(handmade((3, 4, 5), "tyx"), pixel_nm=-1)


def test_a_folder_that_is_no_image_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    zarr.open_group(tmp_path / "group.zarr", mode="w", zarr_format=3)
    zarr.create_array(tmp_path / "array.zarr", shape=(2, 2), dtype="u2", zarr_format=2)
    for name, words in (
        ("empty", r"not an OME-Zarr image: there is neither zarr\.json nor \.zgroup in it"),
        ("group.zarr", r"a Zarr group, but not an OME-Zarr image: it has no attribute 'multiscales'"),
        ("array.zarr", r"a bare Zarr array, and not an OME-Zarr image"),
    ):
        with pytest.raises(ValueError, match=rf"{name}: {words}"):
            ome_zarr.read(tmp_path / name)


@pytest.mark.parametrize("place", ["0/c/0/0/0", "0/zarr.json", "zarr.json", "0"])
def test_a_link_out_of_a_store_is_not_followed(tmp_path, place):
    for name in ("secret.zarr", "a.zarr"):
        ome_zarr.write(_movie(), tmp_path / name)
    inside = tmp_path / "a.zarr" / place
    shutil.rmtree(inside) if inside.is_dir() else inside.unlink()
    inside.symlink_to(tmp_path / "secret.zarr" / place)
    with pytest.raises(ValueError, match=r"a\.zarr: .* is a link that leads out of the folder"):
        ome_zarr.read(tmp_path / "a.zarr")


def test_missing_chunks_are_said(tmp_path, caplog):
    ome_zarr.write(_movie(), tmp_path / "a.zarr")
    (tmp_path / "a.zarr" / "0" / "c" / "0" / "0" / "0").unlink()
    assert not ome_zarr.read(tmp_path / "a.zarr").counts.any()
    assert "1 of the 1 chunks are not stored, and read as 0" in caplog.text


def test_a_number_of_chunks_beyond_all_that_is_stored_is_refused(tmp_path):
    path = _plain_zarr_2(tmp_path / "v4.zarr", np.zeros((3, 4, 5), np.uint8), None)
    array = json.loads((path / "0" / ".zarray").read_text()) | {
        "shape": [100, 1000, 1000],
        "chunks": [1, 1, 1],
    }
    (path / "0" / ".zarray").write_text(json.dumps(array))
    with pytest.raises(ValueError, match=r"claims to be in 100000000 chunks, in the 1 files that are stored"):
        ome_zarr.read(path)


def test_metadata_of_absurd_length_are_not_parsed(tmp_path):
    path = _plain_zarr_2(tmp_path / "v4.zarr", np.zeros((3, 4, 5), np.uint8), None)
    (path / "0" / ".zattrs").write_text(" " * (ome_zarr.LARGEST_JSON + 1))
    with pytest.raises(ValueError, match=r"\.zattrs is longer than 4194304 bytes"):
        ome_zarr.read(path)


def test_an_image_of_absurd_size_is_refused(handmade):
    path = handmade()
    for key, value in (("shape", [10**6, 1, 10**6, 10**6]), ("shape", [3, 1, 4, 5])):
        array = json.loads((path / "0" / "zarr.json").read_text())
        array[key] = value
        if value[0] == 3:
            array["chunk_grid"]["configuration"]["chunk_shape"] = [10**6, 1, 10**6, 10**6]
        (path / "0" / "zarr.json").write_text(json.dumps(array))
        with pytest.raises(
            ValueError, match=r"the image claims to hold 2e\+18 bytes in the .* that are stored"
        ):
            ome_zarr.read(path)


def test_nothing_but_an_image_is_replaced(tmp_path):
    (tmp_path / "folder.zarr").mkdir()
    (tmp_path / "file.zarr").write_text("mine")
    zarr.open_group(tmp_path / "corpus.zarr", mode="w", zarr_format=3).attrs["corpus"] = 1
    for name in ("folder", "file", "corpus"):
        with pytest.raises(FileExistsError, match=rf"{name}\.zarr exists already, and is not an OME-Zarr"):
            ome_zarr.write(_movie(), tmp_path / f"{name}.zarr")
    assert (tmp_path / "file.zarr").read_text() == "mine"
    assert {path.name for path in tmp_path.iterdir()} == {"folder.zarr", "file.zarr", "corpus.zarr"}


def test_a_failure_leaves_the_old_image_and_nothing_else(tmp_path, tree, monkeypatch):
    ome_zarr.write(_movie(), tmp_path / "a.zarr")
    before = tree(tmp_path)
    broken = _movie("density", np.float32)
    broken.density[0, 0, 0] = np.nan
    with pytest.raises(schema.SchemaError, match="density holds 1 NaN"):
        ome_zarr.write(broken, tmp_path / "a.zarr")
    monkeypatch.setattr(ome_zarr, "ome_attributes", None)
    with pytest.raises(TypeError):
        ome_zarr.write(_movie(), tmp_path / "a.zarr")
    assert tree(tmp_path) == before
    assert [path.name for path in tmp_path.iterdir()] == ["a.zarr"]


@few_in_one_folder
@given(data=st.data())
def test_a_damaged_store_is_read_or_refused(tmp_path, data):
    path = tmp_path / "a.zarr"
    ome_zarr.write(_movie(), path)
    file = data.draw(
        st.sampled_from([*sorted(path.rglob("*.json")), path / "0" / "c" / "0" / "0" / "0"]), label="file"
    )
    content = bytearray(file.read_bytes())
    content = content[: data.draw(st.integers(0, len(content)) | st.just(len(content)), label="length")]
    for place in data.draw(st.lists(st.integers(0, max(len(content) - 1, 0)), max_size=3), label="places"):
        content[place : place + 1] = data.draw(st.binary(min_size=1, max_size=1))
    file.write_bytes(content)
    try:
        found = ome_zarr.read(path)
    except ValueError as error:
        assert "a.zarr: " in str(error)  # noqa: PT017
    else:
        schema.check(found, *found, "y", "x", *({"time"} & set(found.coords)))
    finally:
        shutil.rmtree(path)


def test_a_full_disk_is_named(tmp_path, monkeypatch):
    def refuse(*_args, **_keys):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(zarr.Array, "__setitem__", refuse)
    with pytest.raises(OSError, match=rf"cannot write a\.zarr: the disk that holds {tmp_path} is full; free"):
        ome_zarr.write(_movie(), tmp_path / "a.zarr")
    assert not list(tmp_path.iterdir())
