"""Picasso's tables come back, and a hostile or damaged file ends in one clear error."""

import json
import logging
import sys

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smlmsim import io, schema
from smlmsim.io import Reading, limits, picasso, plain_yaml

few_in_one_folder = settings(
    max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
REALS = ("x", "y", "photons", "sx", "sy", "bg", "lpx", "lpy", "ellipticity", "net_gradient")
LOCS = np.dtype([("frame", "u4"), *((name, "f4") for name in REALS), ("group", "i4")])


def test_pixels_become_nm_and_two_axes_one_value(handmade):
    found = io.read(handmade())
    assert found.loc_frame.values.tolist() == [2, 4]
    assert found.loc_x.values.tolist() == [260, 130]
    assert found.loc_y.values.tolist() == [520, 390]
    assert found.loc_intensity.values.tolist() == [600, 500]
    assert found.loc_background.values.tolist() == [7, 7]
    assert found.loc_sigma.values.tolist() == [4 * 130, 2 * 130]
    np.testing.assert_allclose(found.loc_uncertainty, [0.5 * 130, 0.1 * 130], rtol=1e-6)
    assert found.loc_sigma_x.values.tolist() == [2 * 130, 2 * 130]
    assert found.loc_sigma_y.values.tolist() == [8 * 130, 2 * 130]
    kept = json.loads(found.attrs.pop("picasso"))
    assert kept[1] == {"Box Size": 7, "Pixelsize": 130}
    assert kept[0]["Data Type"] == "uint16"
    assert found.attrs == {
        "camera_pixel_nm": 130, "first_frame": 0, "frames": 10, "field_nm": [0, 0, 32 * 130, 32 * 130],
    }  # fmt: skip


def test_a_pixel_that_nobody_knows_is_asked_for(handmade):
    with pytest.raises(ValueError, match=r"there is no a_locs\.yaml beside it, .*; give camera_pixel_nm=130"):
        io.read(handmade(text=None))
    with pytest.raises(ValueError, match=r"a_locs\.yaml has no Pixelsize in nm; give camera_pixel_nm=130"):
        io.read(handmade(text="Width: 3"))
    with pytest.raises(ValueError, match=r"but 'Camera\.Pixelsize': 160; .*, give camera_pixel_nm=160"):
        io.read(handmade(text="Camera.Pixelsize: 160"))
    assert io.read(handmade(text="Width: 3\n"), Reading(camera_pixel_nm=10)).loc_x.values.tolist() == [
        20,
        10,
    ]


def _records(**changes):
    records = np.zeros(3, LOCS)
    for name, values in changes.items():
        records[name] = values
    return records


@pytest.mark.parametrize(
    ("records", "words"),
    [
        (_records(x=[0, np.nan, 1]), "in record 1: found nan in the field 'x'"),
        (_records(frame=[0, 2**31, 1]), r"in record 1: found 2\.14748e\+09 in the field 'frame'"),
        (_records()[:0], "'locs' holds no localizations"),
        (np.zeros(3), "'locs' is no list of records"),
        (np.zeros((3, 3), LOCS), "'locs' is no list of records"),
        (np.zeros(3, [("x", "f4"), ("z", "f4")]), "no field y; found x, z"),
        (np.zeros(3, [("frame", "i4"), ("x", "S3"), ("y", "f4")]), r"the field 'x' holds \|S3, not numbers"),
        (np.zeros(3, [("frame", "i4"), ("x", "f4", (2,)), ("y", "f4")]), "the field 'x' holds"),
    ],
)
def test_what_is_wrong_with_the_records_is_said(handmade, records, words):
    with pytest.raises(ValueError, match=rf"a_locs\.hdf5: .*{words}"):
        io.read(handmade(records))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [", "is not YAML"),
        ("\0", "is not YAML"),
        ("a: " + "9" * 5000, "is not YAML"),
        ("? [a]\n: 1", "is not YAML"),
        ("[" * 100_000, "more than 32 nested levels"),
        ("- " * 60_000, "more than 32 nested levels"),
        ("{a: " * 30_000, "more than 32 nested levels"),
        (
            "a: &a {b: 1}\nc:\n  <<: [*a, *a]",
            "merge keys are not read",
        ),
        ("#" * (plain_yaml.LARGEST + 1), "longer than 131072 bytes"),
        ("Pixelsize: -3", "no Pixelsize in nm"),
        ("Pixelsize: .nan", "no Pixelsize in nm"),
        ("Pixelsize: {a: 1}", "no Pixelsize in nm"),
        ("Pixelsize: 100\nsmlmsim: {exposure_s: -1}", "'smlmsim' in a_locs.yaml does not fit: exposure_s"),
        ("Pixelsize: 100\nsmlmsim: 3", "does not fit"),
    ],
)
def test_what_is_wrong_with_the_yaml_is_said(handmade, text, words):
    with pytest.raises(ValueError, match=rf"a_locs\.hdf5: .*{words}"):
        io.read(handmade(text=text))


def test_a_file_that_points_outside_of_itself_is_refused(handmade, tmp_path):
    (tmp_path / "secret").write_bytes(bytes(1000))
    path = handmade().rename(tmp_path / "other.hdf5")
    with h5py.File(tmp_path / "link.hdf5", "w") as file:
        file["locs"] = h5py.ExternalLink(str(path), "locs")
    with h5py.File(tmp_path / "soft.hdf5", "w") as file:
        file["locs"] = h5py.SoftLink("/else")
    with h5py.File(tmp_path / "raw.hdf5", "w") as file:
        file.create_dataset("locs", (3,), LOCS, external=[(str(tmp_path / "secret"), 0, h5py.h5f.UNLIMITED)])
    layout = h5py.VirtualLayout((2,), LOCS)
    layout[:] = h5py.VirtualSource(str(path), "locs", (2,))
    with h5py.File(tmp_path / "virtual.hdf5", "w") as file:
        file.create_virtual_dataset("locs", layout)
    with pytest.raises(
        ValueError, match=r"soft.hdf5: none of the tables in HDF5 .*Picasso.*; at its top it holds locs"
    ):
        io.read(tmp_path / "soft.hdf5", Reading(camera_pixel_nm=100))
    for name in ("link", "raw", "virtual"):
        with pytest.raises(ValueError, match=f"{name}.hdf5: 'locs' refers to another file"):
            io.read(tmp_path / f"{name}.hdf5", Reading(camera_pixel_nm=100))


def test_records_of_absurd_number_are_refused(tmp_path, monkeypatch):
    with h5py.File(tmp_path / "a.hdf5", "w") as file:
        file.create_dataset("locs", (10**12,), LOCS, chunks=(1000,))
    with pytest.raises(ValueError, match=r"'locs' claims to hold 4\.8e\+13 bytes in the .* that are stored"):
        io.read(tmp_path / "a.hdf5", Reading(camera_pixel_nm=100))
    monkeypatch.setattr(limits, "FREE_BYTES", 2**20)
    with h5py.File(tmp_path / "b.hdf5", "w") as file:
        file.create_dataset("locs", data=np.zeros(2**18, LOCS), chunks=True, compression="gzip")
    with pytest.raises(ValueError, match="'locs' claims to hold"):
        io.read(tmp_path / "b.hdf5", Reading(camera_pixel_nm=100))


def test_numbers_of_no_usual_format_are_refused(handmade):
    """HDF5 2.0 would write beyond the memory that it converts them in."""
    path = handmade()
    exponent_of_float32 = bytes(
        [23, 8, 0, 23, 127]
    )  # where it lies, how long it is, the mantissa's, its bias
    first, rest = path.read_bytes().split(exponent_of_float32, 1)
    path.write_bytes(first + exponent_of_float32[:-1] + bytes([126]) + rest)
    with pytest.raises(ValueError, match="the field 'x' holds numbers of no usual format"):
        io.read(path)


@pytest.mark.skipif(sys.platform != "linux", reason="memory is bounded on Linux only")
def test_a_file_that_sends_hdf5_round_in_circles_is_refused(handmade):
    path = handmade()
    name, last, itself = b"locs\0\0\0\0", (1).to_bytes(8, "little"), (16).to_bytes(8, "little")
    content = path.read_bytes()
    assert content.count(name + last) == 1
    path.write_bytes(
        content.replace(name + last, name + itself)
    )  # of the free places between names, each next one
    with pytest.raises(ValueError, match=r"a_locs\.hdf5: not an HDF5 file, or a damaged one"):
        io.read(path)


@few_in_one_folder
@given(st.binary() | st.binary().map(lambda tail: b"\x89HDF\r\n\x1a\n" + tail))
def test_random_bytes_are_refused(tmp_path, content):
    (tmp_path / "a.hdf5").write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.hdf5: "):
        io.read(tmp_path / "a.hdf5", Reading(camera_pixel_nm=100))


@settings(few_in_one_folder, max_examples=100)
@given(data=st.data())
def test_a_damaged_file_is_read_or_refused(tmp_path, handmade, data):
    content = bytearray(handmade().read_bytes())
    used = [place for place, byte in enumerate(content) if byte]
    content = content[: data.draw(st.integers(0, len(content)) | st.just(len(content)), label="length")]
    for place in data.draw(st.lists(st.sampled_from(used), max_size=3), label="places"):
        content[place : place + 1] = data.draw(st.binary(min_size=1, max_size=1))
    (tmp_path / "a.hdf5").write_bytes(content)
    try:
        found = io.read(tmp_path / "a.hdf5", Reading(camera_pixel_nm=100))
    except ValueError as error:
        assert "a.hdf5: " in str(error)  # noqa: PT017
    else:
        schema.check(found, "loc_y", "loc_x")


def test_a_pixel_that_is_not_square_is_refused(handmade):
    words = r"has two pixel sizes, Pixelsize: \[100, 160\], and only square .* give camera_pixel_nm=100"
    with pytest.raises(ValueError, match=words):
        io.read(handmade(text="Pixelsize: [100, 160]\n"))
    with pytest.raises(
        ValueError, match=r"no Pixelsize in nm that is one .*, but Pixelsize: \[100, abc\]; give"
    ):
        io.read(handmade(text="Pixelsize: '[100, abc]'\n"))


@pytest.mark.parametrize("size", ["'130'", "130.0", "'130 nm'", "1.3e+2", "' 130 '", "[130, 130.0]"])
def test_a_size_in_quotes_or_with_its_unit_is_taken(handmade, size):
    found = io.read(handmade(text=f"Pixelsize: {size}\n"))
    assert found.attrs["camera_pixel_nm"] == 130
    assert found.loc_x.values.tolist() == [260, 130]


def test_what_later_versions_say_within_the_file_is_read_where_there_is_no_yaml(handmade):
    path = handmade(text=None)
    with h5py.File(path, "a") as file:
        file["metadata"] = json.dumps([{"Width": 20, "Height": 10, "Frames": 100, "Pixelsize": 130}])
    found = io.read(path)
    assert found.attrs["field_nm"] == [0, 0, 1300, 2600]
    assert found.attrs["frames"] == 100
    path.with_suffix(".yaml").write_text("Pixelsize: 100\n")
    assert io.read(path).attrs["camera_pixel_nm"] == 100


@pytest.mark.parametrize("content", ["[", "3", "[3]", "{}", "[" * 100_000])
def test_other_things_within_the_file_say_nothing(handmade, content):
    path = handmade(text=None)
    with h5py.File(path, "a") as file:
        file["metadata"] = content
    with pytest.raises(
        ValueError, match=r"a_locs\.hdf5: (there is no a_locs\.yaml|the metadata are not JSON)"
    ):
        io.read(path)


def test_a_table_of_molecules_has_no_camera_frames(handmade, caplog):
    caplog.set_level(logging.INFO)
    records = np.zeros(3, [("frame", "f4"), ("x", "f4"), ("y", "f4"), ("std_frame", "f4")])
    records["frame"], records["x"] = [3, 27.5, 4], [1, 2, 3]
    path = handmade(records)
    found = io.read(path, others=True)
    assert "loc_frame" not in found
    assert found.loc_x.values.tolist() == [130, 260, 390]
    assert found.other_mean_frame.values.tolist() == [3, 27.5, 4]
    assert "the field 'frame' holds means, as of molecules, that lie between camera frames" in caplog.text
    picasso.write(found, path.with_name("b.hdf5"))
    with h5py.File(path.with_name("b.hdf5")) as file:
        assert file["locs"]["frame"].tolist() == [3, 27.5, 4]
    records["frame"] = [3, 27, 4]
    assert io.read(handmade(records)).loc_frame.values.tolist() == [3, 4, 27]


@pytest.mark.parametrize("as_written", ["3", "{shift_px: 3}", "{shift_px: [a, b]}"])
def test_a_shift_that_cannot_be_is_refused(handmade, as_written):
    with pytest.raises(ValueError, match=r"'as written' in a_locs\.yaml does not fit"):
        io.read(handmade(text=f"Pixelsize: 100\nsmlmsim: {{}}\nas written: {as_written}\n"))
