"""Movies come back from OME-Zarr, other programs find their scale, and a damaged store ends in one clear error."""

import json
import shutil

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

    def make(shape=(3, 1, 4, 5), axes="tcyx", dtype=np.uint16, **changes):
        units = {"t": "millisecond", "y": "micrometer", "x": "micrometer"}
        kinds = {"t": "time", "c": "channel", "y": "space", "x": "space", "z": "space"}
        described = [{"name": axis, "type": kinds[axis]} for axis in axes]
        described = [
            axis | ({"unit": units[axis["name"]]} if axis["name"] in units else {}) for axis in described
        ]
        scale = [{"t": 500.0, "y": 0.1, "x": 0.2}.get(axis, 1.0) for axis in axes]
        levels = [
            {"path": path, "coordinateTransformations": [{"type": "scale", "scale": scale}]} for path in "01"
        ]
        group = zarr.open_group(tmp_path / "other.zarr", mode="w", zarr_format=3)
        image = {"axes": described, "datasets": levels} | changes
        group.attrs["ome"] = {"version": "0.5", "multiscales": [image]}
        group.create_array("0", data=np.arange(np.prod(shape)).reshape(shape).astype(dtype))
        return tmp_path / "other.zarr"

    return make


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
    with pytest.raises(ValueError, match=r"other\.zarr: .* how long a time point is; give point_s"):
        ome_zarr.read(path)
    with pytest.raises(ValueError, match=r"other\.zarr: .* how large a pixel is; give pixel_nm"):
        ome_zarr.read(path, point_s=1)
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
        ({"version": "0.4"}, r"not an OME-Zarr 0\.5 image: version: Input should be '0\.5'"),
        ({"multiscales": []}, r"not an OME-Zarr 0\.5 image: multiscales"),
        ({"multiscales": None}, r"multiscales: Field required"),
        ({"image": {"datasets": []}}, r"datasets"),
        ({"image": {"axes": [{"type": "time"}] * 4}}, r"axes\.0\.name: Field required"),
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
    ("shape", "axes", "dtype"),
    [((3, 2, 4, 5), "tcyx", "u2"), ((3, 4, 5), "tyx", "c8"), ((4, 5, 3), "yxt", "u2")],
)
def test_colours_and_odd_axes_are_refused(handmade, shape, axes, dtype):
    with pytest.raises(ValueError, match=r"other\.zarr: a movie of grey images is read, found"):
        ome_zarr.read(handmade(shape, axes, dtype))


def test_a_folder_that_is_no_image_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    zarr.open_group(tmp_path / "group.zarr", mode="w", zarr_format=3)
    with pytest.raises(ValueError, match=r"empty: not an OME-Zarr image: there is no zarr\.json"):
        ome_zarr.read(tmp_path / "empty")
    with pytest.raises(ValueError, match=r"group\.zarr: a Zarr group, but not .* it has no attribute 'ome'"):
        ome_zarr.read(tmp_path / "group.zarr")


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
        with pytest.raises(FileExistsError, match=rf"{name}\.zarr is there already, and is no OME-Zarr"):
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
    monkeypatch.setattr(ome_zarr, "_ome", None)
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
        schema.check(found, *found, "time", "y", "x")
    finally:
        shutil.rmtree(path)
