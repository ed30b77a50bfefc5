"""What is written follows the format to the letter, and is read back identically."""

import hashlib
import json
import zipfile

import numpy as np
import pytest
import xarray as xr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smlmsim import io, schema
from smlmsim.io import smlm

in_one_folder = settings(
    max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)


@in_one_folder
@given(data=st.data())
def test_a_table_is_read_back_to_the_last_bit(tmp_path, localizations, data):
    written = data.draw(localizations(last_frame=2**24 - 1))
    smlm.write(written, tmp_path / "a.smlm")
    xr.testing.assert_identical(io.read(tmp_path / "a.smlm"), written.assign_attrs(first_frame=1))
    assert all(smlm.hashes(tmp_path / "a.smlm").values())


def test_every_reader_finds_what_it_expects(tmp_path, table):
    smlm.write(table, tmp_path / "a.smlm")
    with zipfile.ZipFile(tmp_path / "a.smlm") as archive:
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_DEFLATED}
        manifest = json.loads(archive.read("manifest.json"))
        content = {entry["name"]: archive.read(entry["name"]) for entry in manifest["files"]}
    assert manifest["format_version"] == "0.2"
    assert list(manifest["formats"]) == ["smlm-table(binary)-0"]
    form = manifest["formats"]["smlm-table(binary)-0"]
    assert form["headers"][:4] == ["frame", "x", "y", "z"]
    assert set(form["dtype"]) == {"float32"}
    assert set(form["shape"]) == {1}
    assert form["columns"] == len(form["headers"]) == len(form["units"])
    assert [entry["channel"] for entry in manifest["files"]] == ["647", "561"]
    for channel, entry in enumerate(manifest["files"]):
        rows = np.frombuffer(content[entry["name"]], "<f4").reshape(-1, form["columns"])
        wanted = table.isel(localization=table.loc_channel == channel)
        assert entry["rows"] == len(rows) == wanted.sizes["localization"]
        np.testing.assert_array_equal(rows[:, 1], wanted.loc_x)
        assert entry["max"]["x"] == wanted.loc_x.max()
        assert entry["avg"]["y"] == pytest.approx(wanted.loc_y.values.mean(dtype=float), rel=1e-12)
        assert entry["offset"] == {}
        assert entry["hash"] == hashlib.md5(rows[:, :3].T.tobytes()).hexdigest()
    joined = "".join(entry["hash"] for entry in manifest["files"])
    assert manifest["hash"] == hashlib.md5(joined.encode()).hexdigest()
    assert "modality:dSTORM" in manifest["tags"]
    assert "cell line:COS-7" in manifest["tags"]


def test_the_same_data_make_the_same_bytes(tmp_path, table):
    for name in "ab":
        smlm.write(table, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, ">u2", np.float32, np.float64])
def test_images_come_back(tmp_path, table, dtype):
    image = np.arange(24).reshape(2, 3, 4).astype(dtype)
    smlm.write(table, tmp_path / "a.smlm", images={"widefield": image})
    np.testing.assert_array_equal(smlm.read_images(tmp_path / "a.smlm")["widefield"], image)
    assert io.read(tmp_path / "a.smlm").identical(table.assign_attrs(first_frame=1))


def test_an_image_that_the_format_does_not_know_is_refused(tmp_path, table):
    with pytest.raises(ValueError, match=r"the image 'w' holds .* pixels of complex128; written are int"):
        smlm.write(table, tmp_path / "a.smlm", images={"w": np.zeros((2, 2), complex)})
    assert not list(tmp_path.iterdir())


def test_channels_without_a_name_or_with_odd_ones_get_files_of_their_own(tmp_path, table):
    for names in (["../../up", "a/b"], ["ä", "ö"], ["same", "same"], []):
        smlm.write(table.assign_attrs(channels=names), tmp_path / "a.smlm")
        with zipfile.ZipFile(tmp_path / "a.smlm") as archive:
            files = archive.namelist()
        assert len(set(files)) == 3
        assert not any("/" in file or ".." in file for file in files)


def test_a_frame_that_float32_cannot_count_to_is_refused(tmp_path):
    table = schema.dataset(loc_frame=[2**24 + 1], loc_y=[0.0], loc_x=[0.0])
    with pytest.raises(schema.SchemaError, match=r"found the frame 16777218; .* counts up to 16777216"):
        smlm.write(table, tmp_path / "a.smlm")
    assert not list(tmp_path.iterdir())


def test_an_attribute_that_no_smlm_file_left_is_refused(tmp_path, table):
    for text in ("[]", "{", '{"manifest": 1, "tables": []}'):
        with pytest.raises(ValueError, match="not"):
            smlm.write(table.assign_attrs(smlm=text), tmp_path / "a.smlm")
    assert not list(tmp_path.iterdir())


def test_a_table_without_camera_frames_is_written_without(tmp_path):
    table = schema.dataset(loc_y=np.float32([1, 2]), loc_x=np.float32([3, 4]), loc_sigma=np.float32([5, 6]))
    smlm.write(table, tmp_path / "a.smlm")
    assert io.read(tmp_path / "a.smlm").drop_attrs(deep=False).identical(table)
    assert smlm.hashes(tmp_path / "a.smlm") == {}


def test_what_is_missing_is_not_counted_in_the_manifest(tmp_path):
    table = schema.dataset(
        loc_frame=np.int32([0, 1]), loc_y=np.float32([1, 2]), loc_x=np.float32([3, 4])
    ).assign(
        other_a=xr.Variable("localization", [np.nan, 2], {"units": "1", "heading": "a"}),
        other_b=xr.Variable("localization", [np.nan, np.nan], {"units": "1", "heading": "b"}),
    )
    smlm.write(table, tmp_path / "a.smlm")
    with zipfile.ZipFile(tmp_path / "a.smlm") as archive:
        (entry,) = json.loads(archive.read("manifest.json"), parse_constant=pytest.fail)["files"]
    assert entry["min"] == {"frame": 1, "x": 3, "y": 1, "a": 2}
    assert entry["avg"]["a"] == 2
