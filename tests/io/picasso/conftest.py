"""A Picasso file made by hand."""

import h5py
import numpy as np
import pytest

REALS = ("x", "y", "photons", "sx", "sy", "bg", "lpx", "lpy", "ellipticity", "net_gradient")
LOCS = np.dtype([("frame", "u4"), *((name, "f4") for name in REALS), ("group", "i4")])
INFO = (
    "Byte Order: <\nData Type: uint16\nFrames: 10\nHeight: 32\nWidth: 32\n---\nBox Size: 7\nPixelsize: 130\n"
)


@pytest.fixture
def handmade(tmp_path):
    """A function that writes records and a YAML text as Picasso does."""

    def make(records=None, text=INFO):
        path = tmp_path / "a_locs.hdf5"
        if records is None:
            records = np.zeros(2, LOCS)
            records["frame"], records["x"], records["y"] = [4, 2], [1, 2], [3, 4]
            records["sx"], records["sy"] = 2, [2, 8]
            records["lpx"], records["lpy"] = 0.1, [0.1, 0.7]
            records["photons"], records["bg"] = [500, 600], 7
        with h5py.File(path, "w") as file:
            file.create_dataset("locs", data=records)
        if text is not None:
            path.with_suffix(".yaml").write_text(text)
        return path

    return make
