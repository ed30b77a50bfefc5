"""Tables of storm-analysis are read as its documentation lays them out."""

import h5py
import numpy as np
import pytest

from smlmsim import io
from smlmsim.io import Reading
from smlmsim.io.formats import recognised


@pytest.fixture
def handmade(tmp_path):
    """A function that writes camera frames of some localizations each."""

    def make(frames=None, path=tmp_path / "a.hdf5", **attrs):
        with h5py.File(path, "w") as file:
            file.attrs.update({"pixel_size": 100.0, "movie_x": 32, "movie_y": 16, "movie_l": 20} | attrs)
            file["metadata"] = "<settings/>"
            for number, columns in (frames or {10: _columns(2), 9: _columns(3), 0: {}}).items():
                group = file.create_group(f"fr_{number}")
                group.attrs["n_locs"] = len(columns.get("x", ()))
                group.attrs.update({"dx": 0.5, "dy": -1.0, "dz": 0.01})
                for name, values in columns.items():
                    group[name] = values
        return path

    return make


def _columns(size):
    one = np.ones(size)
    return {
        "x": np.arange(size) + 1.0, "y": one * 4, "z": one * 0.2, "sum": one * 700, "background": one * 3,
        "xsigma": one * 1.5, "ysigma": one * 1.6, "category": np.zeros(size, np.int32), "error": one * 0.1,
    }  # fmt: skip


def test_pixels_and_um_become_nm_and_the_drift_is_added(handmade):
    path = handmade()
    assert recognised(path).name == "storm-analysis HDF5"
    found = io.read(path)
    assert found.loc_frame.values.tolist() == [9, 9, 9, 10, 10]
    assert found.loc_x.values.tolist() == [150, 250, 350, 150, 250]
    assert found.loc_y.values.tolist() == [300] * 5
    np.testing.assert_allclose(found.loc_z, 210, rtol=1e-6)
    np.testing.assert_allclose(found.loc_sigma_y, 160, rtol=1e-6)
    assert found.loc_intensity.values.tolist() == [700] * 5
    assert found.attrs == {
        "camera_pixel_nm": 100,
        "first_frame": 0,
        "frames": 20,
        "field_nm": [0, 0, 1600, 3200],
    }
    assert set(io.read(path, others=True)) - set(found) == {"other_category", "other_error"}


@pytest.mark.parametrize(("rows", "sizes"), [(1, [1] * 5), (2, [2, 1, 2]), (4, [3, 2]), (100, [5])])
def test_pieces_are_of_whole_frames_where_these_fit(handmade, rows, sizes):
    assert [piece.sizes["localization"] for piece in io.chunks(handmade(), rows=rows)] == sizes


def test_the_given_pixel_goes_before_the_one_of_the_file(handmade):
    assert io.read(handmade(), Reading(camera_pixel_nm=10)).loc_x.values.tolist() == [15, 25, 35, 15, 25]


def test_more_frames_than_objects_that_are_looked_at_beforehand_are_read(handmade, monkeypatch):
    monkeypatch.setattr("smlmsim.io.hdf5.MOST_OBJECTS", 10)
    assert io.read(handmade()).sizes["localization"] == 5


@pytest.mark.parametrize(
    ("frames", "attrs", "words"),
    [
        (None, {"pixel_size": 0.0}, "does not say how large a camera pixel is; give camera_pixel_nm=160"),
        ({3: {}}, {}, "the file holds no localizations"),
        ({3: {"x": np.zeros(2)}}, {}, "the group 'fr_3' has no x and y, or columns of different lengths"),
        (
            {3: {"x": np.zeros(2), "y": np.zeros(3)}},
            {},
            "the group 'fr_3' has no x and y, or columns of different",
        ),
        ({3: {"x": np.zeros(2), "y": [0, np.nan]}}, {}, "in record 1: found nan in the field 'y'"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(handmade, frames, attrs, words):
    with pytest.raises(ValueError, match=rf"a\.hdf5: .*{words}"):
        io.read(handmade(frames, **attrs))


def test_what_lies_in_another_file_is_not_read(handmade, tmp_path):
    path = handmade({3: _columns(2)})
    (tmp_path / "secret").write_bytes(bytes(1000))
    with h5py.File(path, "a") as file:
        del file["fr_3/sum"]
        file.create_dataset("fr_3/sum", (2,), "f8", external=[(str(tmp_path / "secret"), 0, 16)])
    with pytest.raises(ValueError, match=r"a\.hdf5: 'sum' refers to another file"):
        io.read(path)
    with h5py.File(path, "a") as file:
        del file["fr_3/sum"]
        file["fr_3/sum"] = h5py.ExternalLink("other.hdf5", "a")
    assert "loc_intensity" not in io.read(path)
