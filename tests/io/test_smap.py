"""Tables of SMAP are read from files of MATLAB, old and new; what is damaged in them ends in one line."""

import h5py
import numpy as np
import pytest
import scipy.io
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smlmsim import io, schema
from smlmsim.io import Reading
from smlmsim.io.formats import recognised

few_in_one_folder = settings(
    max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
LOC = {
    "frame": [5, 1, 2], "xnm": [10.5, 20, 30], "ynm": [1, 2, 3], "znm": [-100, 0, 100], "phot": [500, 600, 700],
    "bg": [1, 2, 3], "PSFxnm": [100, 110, 120], "PSFynm": [144, 110, 120], "locprecnm": [9, 8, 7],
    "locprecznm": [20, 19, 18], "channel": [0, 0, 0], "LLrel": [-1, -2, np.nan],
}  # fmt: skip
LOC = {name: np.array(values, np.float32)[:, None] for name, values in LOC.items()}


def _old(path, loc=None, compressed=False, **more):
    info = {"cam_pixelsize_um": np.array([0.13, 0.13]), "name": "a.tif"}
    saved = {
        "loc": loc or LOC,
        "file": {"info": info, "image": np.zeros((9, 9))},
        "history": np.array([1, "a"], object),
    }
    scipy.io.savemat(path, {"before": np.arange(3.0), "saveloc": saved} | more, do_compression=compressed)
    return path


def _new(path, loc=None, pixel=(0.13, 0.13)):
    """As MATLAB lays it out: HDF5 behind 512 bytes, columns as rows."""
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, values in (loc or LOC).items():
            file[f"saveloc/loc/{name}"] = values.T
            file[f"saveloc/loc/{name}"].attrs["MATLAB_class"] = np.bytes_("single")
        file["saveloc/file/info/cam_pixelsize_um"] = np.array(pixel)[:, None]
        file["#refs#/a"] = np.zeros(3)
    with path.open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\0\2IM")
    return path


def _compressed(path, loc=None):
    return _old(path, loc, compressed=True)


KINDS = pytest.mark.parametrize("make", [_old, _compressed, _new])


@KINDS
@pytest.mark.parametrize("rows", [2, 100])
def test_a_table_is_read_in_nm_with_frames_from_0(tmp_path, make, rows):
    path = make(tmp_path / "a_sml.mat")
    assert recognised(path).name == "SMAP _sml.mat"
    found = io.read(path)
    assert found.loc_frame.values.tolist() == [0, 1, 4]
    assert found.loc_x.values.tolist() == [20, 30, 10.5]
    assert found.loc_z.values.tolist() == [0, 100, -100]
    assert found.loc_uncertainty.values.tolist() == [8, 7, 9]
    assert found.loc_sigma.values.tolist() == [110, 120, 120]
    assert found.loc_sigma_y.values.tolist() == [110, 120, 144]
    assert found.loc_intensity.values.tolist() == [600, 700, 500]
    assert "loc_channel" not in found
    assert found.attrs == {"camera_pixel_nm": 130, "first_frame": 1}
    pieces = list(io.chunks(path, rows=rows))
    assert [piece.sizes["localization"] for piece in pieces] == ([2, 1] if rows == 2 else [3])


@KINDS
def test_other_columns_are_kept_and_channels_counted(tmp_path, make):
    path = make(tmp_path / "a.mat", LOC | {"channel": np.float32([[1], [0], [2]])})
    found = io.read(path, others=True)
    np.testing.assert_array_equal(found.other_LLrel, [-2, np.nan, -1])
    assert found.loc_channel.values.tolist() == [0, 2, 1]
    assert "loc_channel" not in io.read(
        make(tmp_path / "a.mat", LOC | {"channel": np.float32([[1], [-1], [2]])})
    )


@KINDS
def test_several_recordings_in_one_table_are_said(tmp_path, make, caplog):
    io.read(make(tmp_path / "a.mat", LOC | {"filenumber": np.float32([[1], [2], [2]])}))
    assert "the table holds several recordings (filenumber)" in caplog.text


@KINDS
@pytest.mark.parametrize(
    ("loc", "words"),
    [
        ({"frame": LOC["frame"], "xnm": LOC["xnm"]}, "no column ynm in saveloc.loc; found frame, xnm"),
        (LOC | {"ynm": np.zeros((2, 1))}, "the column 'ynm' holds 2 values, 'xnm' 3"),
        (LOC | {"xnm": LOC["xnm"] * np.nan}, "in record 0: found nan in the field 'xnm'"),
        ({name: np.zeros((1, 0)) for name in LOC}, "no column|saveloc.loc holds no localizations"),
    ],
)
def test_what_is_wrong_with_a_table_is_said(tmp_path, make, loc, words):
    with pytest.raises(ValueError, match=rf"a\.mat: .*({words})"):
        io.read(make(tmp_path / "a.mat", loc))


def test_a_file_without_a_table_names_what_it_holds(tmp_path):
    scipy.io.savemat(tmp_path / "a.mat", {"one": 1, "two": 2})
    with pytest.raises(ValueError, match=r"a\.mat: no table of SMAP, saveloc\.loc, .*; it holds one, two$"):
        io.read(tmp_path / "a.mat")
    scipy.io.savemat(tmp_path / "a.mat", {"saveloc": np.arange(3)})
    with pytest.raises(ValueError, match=r"a\.mat: no table of SMAP, .*; it holds saveloc$"):
        io.read(tmp_path / "a.mat")


def test_a_pixel_that_differs_between_the_axes_is_not_taken(tmp_path):
    assert "camera_pixel_nm" not in io.read(_new(tmp_path / "a.mat", pixel=(0.13, 0.14))).attrs


def test_a_variable_that_unpacks_without_end_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("smlmsim.io.limits.FREE_BYTES", 2**16)
    path = _old(tmp_path / "a.mat", LOC | {"zeros": np.zeros((2**20, 1))}, compressed=True)
    with pytest.raises(
        ValueError, match=r"a\.mat: a variable claims to hold .* bytes in the .* that are stored"
    ):
        io.read(path)


@few_in_one_folder
@given(data=st.data())
def test_a_damaged_file_is_read_or_refused(tmp_path, data):
    make = data.draw(st.sampled_from([_old, _compressed, _new]))
    path = make(tmp_path / "a.mat")
    content = bytearray(path.read_bytes())
    used = [place for place, byte in enumerate(content) if byte]
    content = content[: data.draw(st.integers(0, len(content)) | st.just(len(content)))]
    for place in data.draw(st.lists(st.sampled_from(used), max_size=3)):
        content[place : place + 1] = data.draw(st.binary(min_size=1, max_size=1))
    path.write_bytes(content)
    try:
        found = io.read(path, Reading())
    except ValueError as error:
        assert "a.mat: " in str(error)  # noqa: PT017
    else:
        schema.check(found, "loc_frame", "loc_y", "loc_x")
