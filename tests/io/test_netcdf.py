"""NetCDF files come back as they were written, and reach neither beyond themselves nor into an endless loop."""

import h5py
import numpy as np
import pytest
import xarray as xr

from smlmsim.io import netcdf


@pytest.fixture
def scores():
    return xr.Dataset(
        {"score": (("time", "name"), np.array([[1.0, np.nan], [3.0, 4.0]]), {"units": "1"})},
        {"time": ("time", [0.0, 1.5], {"units": "s"}), "name": np.array(["a", "b"], object)},
        {"grid": "seeds = [0]"},
    )


@pytest.fixture
def path(scores, tmp_path):
    scores.to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    return tmp_path / "a.nc"


def test_a_dataset_comes_back_with_its_times_as_numbers(scores, path):
    assert netcdf.read(path).identical(scores)


def test_no_other_file_is_read(path, tmp_path):
    with h5py.File(tmp_path / "other.nc", "w") as file:
        file["a"] = np.zeros(3)
    with h5py.File(path, "a") as file:
        file["more"] = h5py.ExternalLink(str(tmp_path / "other.nc"), "a")
    with pytest.raises(ValueError, match=r"a\.nc: 'more' refers to another file"):
        netcdf.read(path)


def test_variables_that_no_file_could_hold_are_refused(path):
    with h5py.File(path, "a") as file:
        for name in range(300):
            file.create_dataset(f"v{name}", (10**5, 10), "f8", chunks=(100, 10))
    with pytest.raises(ValueError, match=r"a\.nc: the file claims to hold 2\.4e\+09 bytes"):
        netcdf.read(path)


def test_a_heap_that_leads_nowhere_is_refused(path):
    """HDF5 2.0 looks for ever for the end of a heap with a part of no size."""
    content = bytearray(path.read_bytes())
    place = content.index(b"GCOL") + 16
    while int.from_bytes(content[place : place + 2], "little"):
        place += 16 + -(-int.from_bytes(content[place + 8 : place + 16], "little") // 8) * 8
    content[place + 8 : place + 16] = bytes(8)
    path.write_bytes(content)
    with pytest.raises(
        ValueError, match=r"a\.nc: .* a damaged one \(a heap whose parts do not follow each other\)"
    ):
        netcdf.read(path)
