"""What is written for Picasso holds what Picasso asks for, loses nothing of it, and comes back."""

import json
import logging

import h5py
import numpy as np
import pytest
import xarray as xr
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smlmsim import io, schema
from smlmsim.io import Reading, picasso, plain_yaml
from smlmsim.io.axes import AXES

few_in_one_folder = settings(
    max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
ROUNDING = 2**-23  # of two float32: x in pixels and x in nm


def _locs(path):
    with h5py.File(path) as file:
        return file["locs"][...]


def _yaml(path):
    return list(yaml.safe_load_all(path.with_suffix(".yaml").read_text(encoding="utf-8")))


def _table(x=(150, 250), y=(50, 450), **more):
    places = {"loc_frame": np.array([0, 6], np.int32), "loc_y": np.float32(y), "loc_x": np.float32(x)}
    return schema.dataset({"camera_pixel_nm": 100.0}, **places, **more)


def test_picasso_finds_what_it_asks_for(tmp_path, table):
    table["loc_x"] += 91
    picasso.write(table, tmp_path / "a.hdf5")
    locs, documents = _locs(tmp_path / "a.hdf5"), _yaml(tmp_path / "a.hdf5")
    assert locs.dtype["frame"] == np.uint32
    reals = ("x", "y", "photons", "sx", "sy", "bg", "lpx", "lpy")
    assert {locs.dtype[name] for name in reals} == {np.dtype("f4")}
    np.testing.assert_allclose(locs["x"] * 108, table.loc_x, rtol=ROUNDING)
    np.testing.assert_array_equal(locs["photons"], table.loc_intensity)
    assert documents[0]["Frames"] == table.loc_frame.max() + 1
    assert documents[0]["Pixelsize"] == 108
    assert documents[0]["Width"] == table.loc_x.max() // 108 + 1
    assert documents[0]["Height"] == table.loc_y.max() // 108 + 1
    assert documents[1]["smlmsim"]["target"] == "β-tubulin"


def test_what_is_not_positive_is_shifted_by_whole_pixels_and_comes_back(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    wanted = _table(x=(-250, 0), y=(0, 450))
    picasso.write(wanted, tmp_path / "a.hdf5")
    locs, documents = _locs(tmp_path / "a.hdf5"), _yaml(tmp_path / "a.hdf5")
    assert locs["x"].tolist() == [0.5, 3]
    assert locs["y"].tolist() == [1, 5.5]
    assert (documents[0]["Width"], documents[0]["Height"]) == (4, 6)
    assert documents[1]["as written"]["shift_px"] == [1, 3]
    assert "x and y are shifted by 3 and 1 pixels" in caplog.text
    found = io.read(tmp_path / "a.hdf5")
    assert found.loc_x.equals(wanted.loc_x)
    assert found.loc_y.equals(wanted.loc_y)


def test_a_precision_that_nobody_knows_is_written_but_not_read(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    picasso.write(_table(), tmp_path / "a.hdf5")
    locs = _locs(tmp_path / "a.hdf5")
    assert (locs["lpx"] > 0).all()
    assert (locs["lpy"] > 0).all()
    assert "no precision is known; lpx and lpy are 0.1 pixels" in caplog.text
    assert set(io.read(tmp_path / "a.hdf5")) == {"loc_frame", "loc_y", "loc_x"}


def test_a_missing_value_is_kept_and_said_to_be_left_out_by_picasso(tmp_path, caplog):
    table = _table(loc_uncertainty=np.float32([10, 20]))
    table["other_chi"] = xr.Variable("localization", [np.nan, 1.5], {"units": "1", "heading": "chi"})
    picasso.write(table, tmp_path / "a.hdf5")
    assert "1 localization with NaN in chi; Picasso leaves out such ones" in caplog.text
    np.testing.assert_array_equal(_locs(tmp_path / "a.hdf5")["chi"], np.float32([np.nan, 1.5]))


@pytest.mark.parametrize("pixel_nm", [100, 160, 107.3])
def test_a_position_in_nm_is_the_one_in_pixels_times_the_pixel_both_ways(tmp_path, pixel_nm):
    """As when Picasso itself exchanges tables with ThunderSTORM: neither adds half a pixel."""
    (tmp_path / "a.csv").write_text('"frame","x [nm]","y [nm]"\n1,1393.1,383.7\n4,844.5,2227.7\n')
    io.convert(tmp_path / "a.csv", tmp_path / "a.hdf5", Reading(camera_pixel_nm=pixel_nm))
    locs = _locs(tmp_path / "a.hdf5")
    np.testing.assert_allclose(locs["x"], [1393.1 / pixel_nm, 844.5 / pixel_nm], rtol=ROUNDING)
    np.testing.assert_allclose(locs["y"], [383.7 / pixel_nm, 2227.7 / pixel_nm], rtol=ROUNDING)
    assert _yaml(tmp_path / "a.hdf5")[0]["Pixelsize"] == pixel_nm
    assert isinstance(_yaml(tmp_path / "a.hdf5")[0]["Pixelsize"], float)
    back = io.convert(tmp_path / "a.hdf5", tmp_path / "b.csv").data
    np.testing.assert_allclose(back.loc_x, [1393.1, 844.5], rtol=ROUNDING)
    np.testing.assert_allclose(back.loc_y, [383.7, 2227.7], rtol=ROUNDING)


def test_a_pixel_that_is_taken_for_granted_is_said(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    picasso.write(_table().drop_attrs(), tmp_path / "a.hdf5")
    assert (
        "the camera pixel is not known and taken to be 100 nm; if not, give camera_pixel_nm=" in caplog.text
    )
    assert "camera_pixel_nm" not in io.read(tmp_path / "a.hdf5").attrs


def test_from_picasso_to_picasso_everything_stays(tmp_path, handmade):
    source = handmade()
    io.convert(source, tmp_path / "b.hdf5")
    wanted, found = np.sort(_locs(source), order="frame"), _locs(tmp_path / "b.hdf5")
    assert set(found.dtype.names) == set(wanted.dtype.names)
    for name in wanted.dtype.names:
        assert found.dtype[name] == wanted.dtype[name]
        np.testing.assert_allclose(found[name], wanted[name], rtol=ROUNDING)
    assert _yaml(tmp_path / "b.hdf5")[:2] == _yaml(source)
    io.convert(tmp_path / "b.hdf5", tmp_path / "c.hdf5")
    assert _yaml(tmp_path / "c.hdf5") == _yaml(tmp_path / "b.hdf5")
    assert io.convert(source, tmp_path / "d.hdf5").lost == ()


def test_a_zero_of_picasso_stays_where_it_is(tmp_path):
    table = _table(x=(0, 250)).assign_attrs(picasso='[{"Width": 3, "Height": 5, "Frames": 7}]')
    picasso.write(table, tmp_path / "a.hdf5")
    assert _locs(tmp_path / "a.hdf5")["x"].tolist() == [0, 2.5]
    assert _yaml(tmp_path / "a.hdf5")[0] == {"Width": 3, "Height": 5, "Frames": 7}


def test_sizes_of_an_earlier_file_grow_where_they_do_not_hold_all_there_is(tmp_path):
    earlier = json.dumps([{"Width": 2, "Height": 99, "Frames": 3, "Pixelsize": "100"}, {"Box Size": 7}])
    picasso.write(_table().assign_attrs(picasso=earlier), tmp_path / "a.hdf5")
    first, second, own, _ = _yaml(tmp_path / "a.hdf5")
    assert first == {"Width": 3, "Height": 99, "Frames": 7, "Pixelsize": 100}
    assert second == {"Box Size": 7}
    assert own == {"Generated by": "smlmsim", "Pixelsize": 100}


def test_where_the_camera_looked_becomes_the_size(tmp_path):
    table = _table().assign_attrs(field_nm=[0.0, 0.0, 1600.0, 3200.0], frames=50)
    picasso.write(table, tmp_path / "a.hdf5")
    first = _yaml(tmp_path / "a.hdf5")[0]
    assert (first["Height"], first["Width"], first["Frames"]) == (16, 32, 50)
    assert io.read(tmp_path / "a.hdf5").attrs == table.attrs | {"first_frame": 0}


def test_widths_of_an_astigmatic_spot_are_in_pixels(tmp_path):
    axes = {"loc_sigma_x": np.float32([110, 132.2]), "loc_sigma_y": np.float32([130, 152.2])}
    picasso.write(_table(**axes), tmp_path / "a.hdf5")
    found = _locs(tmp_path / "a.hdf5")
    np.testing.assert_allclose(found["sx"], [1.1, 1.322], rtol=ROUNDING)
    np.testing.assert_allclose(found["sy"], [1.3, 1.522], rtol=ROUNDING)


def test_a_table_without_camera_frames_is_written_without(tmp_path, caplog):
    picasso.write(_table().drop_vars("loc_frame"), tmp_path / "a.hdf5")
    assert "frame" not in _locs(tmp_path / "a.hdf5").dtype.names
    assert "there are no camera frames" in caplog.text
    assert set(io.read(tmp_path / "a.hdf5")) == {"loc_y", "loc_x"}


@few_in_one_folder
@given(data=st.data())
def test_a_table_comes_back_to_the_precision_of_pixels_in_float32(tmp_path, localizations, data):
    written = data.draw(localizations())
    picasso.write(written, tmp_path / "a.hdf5")
    found = io.read(tmp_path / "a.hdf5")
    assert set(found) == set(written)
    tiny = 100 * np.finfo(np.float32).smallest_normal  # below which float32 pixels have fewer digits
    for name in written:
        if name in ("loc_y", "loc_x"):
            room = 2**-22 * (
                np.abs(written[name]).max().item() + 100
            )  # those that are shifted, as the largest
            np.testing.assert_allclose(found[name], written[name], atol=room)
        elif name in AXES:
            np.testing.assert_allclose(found[name], written[name], rtol=ROUNDING, atol=tiny)
        else:
            assert found[name].identical(written[name])


def test_a_pixel_that_was_assumed_for_writing_is_not_taken_for_known(tmp_path, table):
    del table.attrs["camera_pixel_nm"]
    picasso.write(table, tmp_path / "a.hdf5")
    assert io.read(tmp_path / "a.hdf5").attrs == table.attrs | {"first_frame": 0}


def test_a_picture_in_an_earlier_manifest_is_left_out_where_it_is_too_long(tmp_path, table):
    picasso.write(table.assign_attrs(smlm='{"a": "' + "x" * plain_yaml.LARGEST + '"}'), tmp_path / "a.hdf5")
    assert io.read(tmp_path / "a.hdf5").attrs == table.attrs | {"first_frame": 0}
    with pytest.raises(schema.SchemaError, match="the metadata are longer than 131072 bytes"):
        picasso.write(table.assign_attrs(description="x" * plain_yaml.LARGEST), tmp_path / "a.hdf5")


def test_another_pixel_scales_the_field_as_it_scales_positions(tmp_path):
    table = schema.dataset(
        {"camera_pixel_nm": 100.0, "field_nm": (200.0, 100.0, 3200.0, 6400.0)},
        loc_frame=np.int32([0]), loc_y=np.float32([500]), loc_x=np.float32([700]),
    )  # fmt: skip
    io.write(table, tmp_path / "a.hdf5")
    found = io.read(tmp_path / "a.hdf5", Reading(camera_pixel_nm=130))
    assert found.loc_x.item() == pytest.approx(910)
    assert found.attrs["field_nm"] == pytest.approx([260, 130, 4160, 8320])
    assert io.read(tmp_path / "a.hdf5").attrs["field_nm"] == [200, 100, 3200, 6400]
