"""HDF5 files that reach beyond themselves, or claim what they cannot hold, are refused before they are read."""

import h5py
import numpy as np
import pytest

from smlmsim.io import hdf5


@pytest.fixture
def made(tmp_path):
    """A file of the test's choice, which is open for writing."""
    (tmp_path / "secret").write_bytes(bytes(1000))
    with h5py.File(tmp_path / "other.hdf5", "w") as file:
        file["data"] = np.zeros(3)
    with h5py.File(tmp_path / "a.hdf5", "w") as file:
        file["own"] = np.arange(3.0)
        yield file


def virtual(path):
    layout = h5py.VirtualLayout((3,), "f8")
    layout[:] = h5py.VirtualSource(str(path / "other.hdf5"), "data", (3,))
    return layout


OUTSIDE = {
    "link": lambda group, path: group.__setitem__("a", h5py.ExternalLink(str(path / "other.hdf5"), "data")),
    "storage": lambda group, path: group.create_dataset(
        "a", (3,), "f8", external=[(str(path / "secret"), 0, 1000)]
    ),
    "virtual": lambda group, path: group.create_virtual_dataset("a", virtual(path)),
}


@pytest.mark.parametrize("depth", ["/", "deep/below"])
@pytest.mark.parametrize("kind", OUTSIDE)
def test_what_lies_in_another_file_is_refused(made, tmp_path, kind, depth):
    OUTSIDE[kind](made.require_group(depth), tmp_path)
    made.close()
    with (
        pytest.raises(ValueError, match=r"a\.hdf5: 'a' refers to another file$"),
        hdf5.opened(tmp_path / "a.hdf5"),
    ):
        pass


def test_groups_within_each_other_are_gone_through_once(made, tmp_path):
    made["group/again"] = made["/"]
    made["group/soft"] = h5py.SoftLink("/group")
    made.close()
    with hdf5.opened(tmp_path / "a.hdf5") as file:
        assert file["group/again/own"][2] == 2.0


def test_more_objects_than_anyone_needs_are_refused(made, tmp_path, monkeypatch):
    monkeypatch.setattr(hdf5, "MOST_OBJECTS", 10)
    for index in range(11):
        made.create_group(str(index))
    made.close()
    with (
        pytest.raises(ValueError, match="more than 10 groups and datasets"),
        hdf5.opened(tmp_path / "a.hdf5"),
    ):
        pass


@pytest.mark.parametrize(
    ("shape", "chunks", "words"),
    [
        ((10**12,), (1000,), r"'a' claims to hold 8e\+12 bytes"),
        ((3000, 3000), (1, 1), r"'a' claims to consist of 9e\+06 chunks"),
    ],
)
def test_absurd_claims_are_refused(made, tmp_path, shape, chunks, words):
    made.create_dataset("a", shape, "f8", chunks=chunks)
    made.close()
    with hdf5.opened(tmp_path / "a.hdf5") as file:
        hdf5.require_readable(file["own"])
    with pytest.raises(ValueError, match=words), hdf5.opened(tmp_path / "a.hdf5") as file:
        hdf5.require_readable(file["a"])


def test_a_file_cut_short_ends_in_one_line(made, tmp_path):
    made["more"] = np.arange(10_000.0)
    made.close()
    whole = (tmp_path / "a.hdf5").read_bytes()
    for length in (0, 8, 100, len(whole) // 2, len(whole) - 1):
        (tmp_path / "a.hdf5").write_bytes(whole[:length])
        with (
            pytest.raises(ValueError, match=r"a\.hdf5: not an HDF5 file, or a damaged one") as raised,
            hdf5.opened(tmp_path / "a.hdf5"),
        ):
            pass
        assert "\n" not in str(raised.value)
