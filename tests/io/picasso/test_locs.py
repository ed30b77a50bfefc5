"""Data frames that pandas has stored are read, and nothing of them is unpickled."""

import pickle

import h5py
import numpy as np
import pytest

from smlmsim import io
from smlmsim.io import Reading

COLUMNS = {
    "frame": np.arange(5, dtype=np.uint32),
    "x": np.linspace(1, 2, 5, dtype=np.float32),
    "y": np.linspace(3, 4, 5, dtype=np.float32),
    "lpx": np.full(5, 0.1),
}
BLOCKS = (("frame",), ("x", "y"), ("lpx",))
PIXEL = Reading(camera_pixel_nm=100)


def _fixed(path, texts=True):
    with h5py.File(path, "w") as file:
        group = file.create_group("locs")
        group.attrs["pandas_type"], group.attrs["nblocks"] = np.bytes_("frame"), len(BLOCKS) + texts
        for number, names in enumerate(BLOCKS):
            group[f"block{number}_items"] = np.array(names, "S")
            group[f"block{number}_values"] = np.stack([COLUMNS[name] for name in names], axis=1)
        if texts:
            group[f"block{len(BLOCKS)}_items"] = np.array(["name"], "S")
            pickled = group.create_dataset(f"block{len(BLOCKS)}_values", 1, h5py.vlen_dtype(np.uint8))
            pickled[0] = np.frombuffer(pickle.dumps(["a"] * 5), np.uint8)
    return path


def _table(path, protocol=0, kinds=None):
    record = [("index", "i8")] + [
        (f"values_block_{number}", COLUMNS[names[0]].dtype, (len(names),))
        for number, names in enumerate(BLOCKS)
    ]
    records = np.empty(5, record)
    for number, names in enumerate(BLOCKS):
        records[f"values_block_{number}"] = np.stack([COLUMNS[name] for name in names], axis=1)
    with h5py.File(path, "w") as file:
        group = file.create_group("locs")
        group.attrs["pandas_type"] = np.bytes_("frame_table")
        data = group.create_dataset("table", data=records)
        for number, names in enumerate(kinds or BLOCKS):
            content = pickle.dumps(list(names), protocol) if isinstance(names, tuple) else names
            data.attrs[f"values_block_{number}_kind"] = np.void(content) if protocol else np.bytes_(content)
    return path


def _single(path):
    """The table format with ``data_columns``: a field for each column."""
    records = np.empty(5, [("index", "i8"), *((name, values.dtype) for name, values in COLUMNS.items())])
    for name, values in COLUMNS.items():
        records[name] = values
    with h5py.File(path, "w") as file:
        group = file.create_group("locs")
        group.attrs["pandas_type"] = np.bytes_("frame_table")
        group["table"] = records
    return path


@pytest.mark.parametrize("make", [_fixed, _table, _single])
@pytest.mark.parametrize("rows", [2, 100])
def test_all_columns_of_a_data_frame_are_read(tmp_path, make, rows):
    pieces = list(io.chunks(make(tmp_path / "a.hdf5"), PIXEL, rows=rows, others=True))
    assert [piece.sizes["localization"] for piece in pieces] == ([2, 2, 1] if rows == 2 else [5])
    assert set(pieces[0]) == {"loc_frame", "loc_x", "loc_y", "loc_uncertainty", "loc_uncertainty_x"}
    assert np.concatenate([piece.loc_frame for piece in pieces]).tolist() == [0, 1, 2, 3, 4]
    np.testing.assert_allclose(
        np.concatenate([piece.loc_x for piece in pieces]), 100 * COLUMNS["x"], rtol=1e-6
    )
    np.testing.assert_allclose(
        np.concatenate([piece.loc_y for piece in pieces]), 100 * COLUMNS["y"], rtol=1e-6
    )
    np.testing.assert_allclose(np.concatenate([piece.loc_uncertainty for piece in pieces]), 10, rtol=1e-6)


class _Trap:
    def __reduce__(self):
        return exec, ("raise AssertionError('executed')",)


@pytest.mark.parametrize("names", [pickle.dumps(_Trap(), 0), b"(lp0", b"\xff", b""])
def test_names_that_are_no_list_of_texts_are_refused(tmp_path, names):
    path = _table(tmp_path / "a.hdf5", kinds=(("frame",), names, ("lpx",)))
    with pytest.raises(
        ValueError, match=r"a\.hdf5: the field 'values_block_1' .* is not laid out as pandas does"
    ):
        io.read(path, PIXEL)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda group: group.__delitem__("block1_items"), "lacks its block 1"),
        (lambda group: group.__delitem__("block1_values"), "lacks its block 1"),
        (lambda group: group.attrs.__setitem__("nblocks", 1), "no field x nor y; found frame"),
        (lambda group: group.attrs.__delitem__("pandas_type"), "is a group, neither a list of records nor"),
        (lambda group: _replace(group, "block1_items", np.array(["x"], "S")), "the block 1 .* is not laid out"),
        (lambda group: _replace(group, "block1_values", np.zeros((3, 2))), r"of different lengths: \[3, 5\]"),
    ],
)  # fmt: skip
def test_a_data_frame_of_another_layout_is_refused(tmp_path, change, words):
    path = _fixed(tmp_path / "a.hdf5", texts=False)
    with h5py.File(path, "a") as file:
        change(file["locs"])
    with pytest.raises(ValueError, match=rf"a\.hdf5: .*{words}"):
        io.read(path, PIXEL)


def _replace(group, name, values):
    del group[name]
    group[name] = values
