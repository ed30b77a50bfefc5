"""Whatever of a table is not in the file that was made of it is listed."""

from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray as xr

from smlmsim import io, schema
from smlmsim.io import Reading, losses, smlm
from smlmsim.io.formats import extensions


def _table(**attrs):
    places = {"loc_frame": np.int32([0, 6]), "loc_y": np.float32([50, 450]), "loc_x": np.float32([150, 250])}
    return schema.dataset(attrs, **places)


def _with(table, name, values, heading):
    table[name] = xr.Variable("localization", np.array(values), {"units": "1", "heading": heading})
    return table


def _converted(tmp_path, table, source, target):
    io.write(table, tmp_path / f"a{source}")
    return io.convert(tmp_path / f"a{source}", tmp_path / f"b{target}")


@pytest.mark.parametrize("target", [".csv", ".smlm", ".hdf5"])
@pytest.mark.parametrize("source", [".csv", ".smlm", ".hdf5"])
def test_nothing_is_lost_of_what_every_format_has_a_place_for(tmp_path, source, target):
    table = _with(_table(camera_pixel_nm=108.0, modality="PALM"), "other_chi", [0.5, 1.5], "chi")
    found = _converted(tmp_path, table, source, target)
    assert found.lost == ()
    frames = {".csv": 1, ".smlm": 1, ".hdf5": 0}
    words = "frames were counted from 1, Picasso HDF5 counts them from 0"
    assert found.changed == ((words,) if (frames[source], target) == (1, ".hdf5") else ())


def test_a_number_that_float32_does_not_hold_is_said_to_change(tmp_path):
    found = _converted(tmp_path, _with(_table(), "other_id", [2**24 + 1, 3], "id number"), ".csv", ".smlm")
    assert found.changed == ("id number differs by up to 1",)
    found = _converted(tmp_path, _with(_table(), "other_id", [2**24 + 1, 3], "id number"), ".csv", ".hdf5")
    assert not any("id number" in sentence for sentence in found.changed)


def test_a_unit_without_a_place_is_said_to_be_lost(tmp_path):
    table = _with(_table(), "other_drift", [0.5, 1.5], "drift")
    table["other_drift"].attrs["units"] = "um"
    assert _converted(tmp_path, table, ".smlm", ".csv").changed == ()
    assert "drift loses its unit, um" in _converted(tmp_path, table, ".csv", ".hdf5").changed


def test_a_table_without_camera_frames_goes_everywhere(tmp_path):
    table = _with(_table().drop_vars("loc_frame"), "other_mean_frame", [0.5, 7.0], "mean_frame")
    for source in (".csv", ".smlm", ".hdf5"):
        for target in (".csv", ".smlm", ".hdf5"):
            found = _converted(tmp_path, table, source, target)
            assert found.lost == ()
            assert "loc_frame" not in io.read(tmp_path / f"b{target}")


def test_images_and_metadata_without_a_place_are_named(tmp_path):
    smlm.write(_table(), tmp_path / "a.smlm", images={"widefield": np.zeros((3, 4), np.uint16)})
    assert io.convert(tmp_path / "a.smlm", tmp_path / "b.hdf5").lost == ("widefield.raw",)
    found = _converted(
        tmp_path, _table(field_nm=[0.0, 0.0, 3200.0, 3200.0], picasso='[{"Box Size": 7}]'), ".csv", ".smlm"
    )
    assert found.lost == ("field_nm", "further keys of the YAML file")


def test_channels_are_compared_in_the_order_of_their_tables(tmp_path):
    table = _table(channels=["green", "red"]).assign(loc_channel=("localization", np.int32([1, 0])))
    table["loc_channel"].attrs = schema.variable("loc_channel", [1, 0]).attrs
    for suffix in (".smlm", ".csv", ".hdf5"):
        found = _converted(tmp_path, table, ".csv", suffix)
        assert found.lost == ()
        assert not any("loc_" in sentence for sentence in found.changed)


def test_a_missing_value_that_became_a_number_is_a_loss(tmp_path):
    table = _with(_table(), "other_chi", [0.5, np.nan], "chi")
    io.write(table, tmp_path / "a.smlm")
    other = table.assign(other_chi=table.other_chi.fillna(0))
    assert losses.of(other, tmp_path / "a.smlm", extensions()[".smlm"]).changed == [
        "chi differs by up to inf"
    ]


def test_the_pixel_that_is_given_is_written(tmp_path):
    io.write(_table(), tmp_path / "a.csv")
    found = io.convert(tmp_path / "a.csv", tmp_path / "b.hdf5", Reading(camera_pixel_nm=160))
    assert found.lost == ()
    assert io.read(tmp_path / "b.hdf5").attrs["camera_pixel_nm"] == 160
    np.testing.assert_allclose(io.read(tmp_path / "b.hdf5").loc_x, [150, 250], rtol=2**-23)


@pytest.mark.parametrize("suffix", [".csv", ".hdf5"])
def test_a_writer_that_dies_leaves_no_new_table_with_the_metadata_of_the_old_one(
    tmp_path, monkeypatch, suffix
):
    path = tmp_path / f"a{suffix}"
    io.write(_table(camera_pixel_nm=100.0, exposure_s=0.01, first_frame=0), path)
    new = _table(camera_pixel_nm=160.0, exposure_s=0.05)
    new["loc_x"] = new.loc_x * 2
    replace = Path.replace

    class Killed(BaseException):
        """Ends the process where it stands."""

    def die(self, target):
        replace(self, target)
        if target == path:
            raise Killed

    monkeypatch.setattr(Path, "replace", die)
    with pytest.raises(Killed):
        io.write(new, path)
    if suffix == ".hdf5":
        with pytest.raises(ValueError, match=r"there is no a\.yaml beside it"):
            io.read(path)
    else:
        assert "exposure_s" not in io.read(path).attrs
        np.testing.assert_array_equal(io.read(path).loc_x, new.loc_x)


@pytest.mark.parametrize(
    "names", [("1234567", "1234568"), ("1234567.0", "far red 1234567"), ("640.25", "488")]
)
def test_channels_that_are_numbers_keep_all_digits(tmp_path, names):
    rows = [f"{index + 1},{index},{index},{names[index % 2]}" for index in range(4)]
    (tmp_path / "a.csv").write_text("\n".join(["frame,x [nm],y [nm],channel", *rows]))
    found = io.read(tmp_path / "a.csv")
    assert found.attrs["channels"] == [name.removesuffix(".0") for name in names]
    assert found.loc_channel.values.tolist() == [0, 1, 0, 1]


@pytest.mark.parametrize("target", [".csv", ".smlm", ".hdf5"])
def test_columns_whose_headings_are_alike_are_all_kept(tmp_path, target):
    headings = ["width [nm]", "width [px]", "chi-a", "chi_a", "chi_a", "chi_a_2", "width_2"]
    table = np.arange(4 * len(headings)).reshape(4, -1) + 0.5
    rows = [f"{n + 1},{n},{n}," + ",".join(map(str, row)) for n, row in enumerate(table.tolist())]
    (tmp_path / "a.csv").write_text("\n".join([",".join(["frame,x [nm],y [nm]", *headings]), *rows]))
    path = tmp_path / f"b{target}"
    found = io.convert(tmp_path / "a.csv", path)
    assert found.lost == ()
    assert not [words for words in found.changed if "differs" in words and "loc_" not in words]
    for file, copy in ((path, tmp_path / "c.csv"), (tmp_path / "c.csv", tmp_path / "d.csv")):
        kept = io.convert(file, copy).data
        columns = [kept[name] for name in kept.data_vars if str(name).startswith("other_")]
        np.testing.assert_array_equal(np.transpose(columns), table)
    if target == ".csv":
        assert path.read_text().partition("\n")[0].count('"width [') == 2


def test_fields_of_texts_and_of_several_values_are_said_to_be_lost(tmp_path, caplog):
    kinds = [("frame", "u4"), ("x", "f4"), ("y", "f4"), ("fit", "f4", 2), ("dye", "S4"), ("chi", "f4")]
    with h5py.File(tmp_path / "a.hdf5", "w") as file:
        file["locs"] = np.ones(3, kinds)
    with caplog.at_level("INFO", "smlmsim"):
        found = io.convert(tmp_path / "a.hdf5", tmp_path / "b.csv", Reading(camera_pixel_nm=100))
    assert found.lost == ("fit", "dye")
    assert "left out: 'fit', 'dye'" in caplog.text
