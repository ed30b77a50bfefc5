"""Emitters of DECODE are read as its documentation lays them out."""

import h5py
import numpy as np
import pytest

from smlmsim import io
from smlmsim.io import Reading
from smlmsim.io.formats import recognised

DATA = {
    "xyz": np.float32([[1, 2, 300], [3, 4, -300], [5, 6, 0]]), "frame_ix": np.array([4, 0, 2]),
    "phot": np.float32([500, 600, 700]), "bg": np.float32([5, 6, 7]), "id": np.array([-1, -1, -1]),
    "prob": np.float32([0.9, 0.8, 1]), "xyz_sig": np.float32([[0.1, 0.1, 40], [0.1, 0.7, 30], [0.2, 0.2, 20]]),
    "xyz_cr": np.full((3, 3), np.nan, np.float32), "phot_cr": np.full(3, np.nan, np.float32),
}  # fmt: skip


@pytest.fixture
def handmade(tmp_path):
    """A function that writes emitters."""

    def make(unit="px", pixel=(100.0, 120.0), **changes):
        with h5py.File(tmp_path / "a.h5", "w") as file:
            for name, values in (DATA | changes).items():
                if values is not None:
                    file[f"data/{name}"] = values
            meta = file.create_group("meta")
            if unit is not None:
                meta.attrs["xy_unit"] = unit
            if pixel is not None:
                meta.attrs["px_size"] = np.float32(pixel)
            file.create_group("decode").attrs["version"] = "0.10.1"
        return tmp_path / "a.h5"

    return make


def test_pixels_become_nm_along_either_axis(handmade):
    path = handmade()
    assert recognised(path).name == "DECODE HDF5"
    found = io.read(path)
    assert found.loc_frame.values.tolist() == [0, 2, 4]
    assert found.loc_x.values.tolist() == [300, 500, 100]
    assert found.loc_y.values.tolist() == [480, 720, 240]
    assert found.loc_z.values.tolist() == [-300, 0, 300]
    np.testing.assert_allclose(found.loc_uncertainty_y, [84, 24, 12], rtol=1e-6)
    np.testing.assert_allclose(found.loc_uncertainty_z, [30, 20, 40], rtol=1e-6)
    assert found.loc_intensity.values.tolist() == [600, 700, 500]
    assert found.attrs == {"first_frame": 0}
    assert set(io.read(path, others=True)) - set(found) == {"other_prob"}


def test_nm_stay_and_the_given_pixel_goes_before_the_one_of_the_file(handmade):
    assert io.read(handmade("nm", (100, 100))).loc_x.values.tolist() == [3, 5, 1]
    assert io.read(handmade("nm", (100, 100))).attrs["camera_pixel_nm"] == 100
    assert io.read(handmade(), Reading(camera_pixel_nm=10)).loc_y.values.tolist() == [40, 60, 20]


def test_pieces_make_the_whole(handmade):
    pieces = list(io.chunks(handmade(), rows=2))
    assert [piece.loc_frame.values.tolist() for piece in pieces] == [[4, 0], [2]]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"pixel": None}, "does not say how large a camera pixel is; give camera_pixel_nm=100"),
        ({"pixel": (0, 1)}, "does not say how large a camera pixel is"),
        ({"unit": None}, "does not say how large a camera pixel is"),
        ({"unit": "mm"}, "positions are in 'mm'; known are 'px' and 'nm'"),
        ({"xyz": np.zeros((3, 2))}, r"'data/xyz' has the shape \(3, 2\), not one of three columns"),
        ({"xyz": np.zeros((0, 3))}, "the file holds no emitters"),
        ({"frame_ix": np.zeros(2, int)}, r"'data/frame_ix' has the shape \(2,\), for 3 emitters"),
        ({"frame_ix": np.array([0, -1, 1])}, "in record 1: found -1 in the field 'frame_ix'"),
        ({"xyz": np.float32([[0, np.nan, 0]] * 3)}, "in record 0: found nan in the field 'y'"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(handmade, changes, words):
    with pytest.raises(ValueError, match=rf"a\.h5: .*{words}"):
        io.read(handmade(**changes))


def test_a_link_to_another_file_is_refused(handmade, tmp_path):
    path = handmade(phot=None)
    with h5py.File(path, "a") as file:
        file["data/phot"] = h5py.ExternalLink("other.h5", "a")
    with pytest.raises(ValueError, match=r"a\.h5: 'phot' refers to another file"):
        io.read(path)
