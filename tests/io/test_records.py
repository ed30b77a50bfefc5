"""Of binary tables, what is not needed may be missing; rows without a position are refused or left out."""

import logging

import h5py
import numpy as np
import pytest

from smlmsim import io
from smlmsim.io import Reading, picasso, records

KNOWN = {
    "loc_frame": records.Known("frame"),
    "loc_x": records.Known("x", 100, -1),
    "loc_y": records.Known("y"),
    "loc_uncertainty": records.Known("p"),
}


def _pieces(**changes):
    columns = {
        "frame": np.arange(6),
        "x": np.arange(6.0),
        "y": np.arange(6.0),
        "p": np.ones(6),
        "n": np.arange(6),
    }
    for name, values in changes.items():
        columns[name] = np.array(values)
    return [
        {name: values[:4] for name, values in columns.items()},
        {name: values[4:] for name, values in columns.items()},
    ]


def _tables(pieces, drop=False, others=False):
    return list(records.tables(pieces, KNOWN, {"a": 1}, "a.bin", Reading(drop_bad_rows=drop), others=others))


def test_fields_become_columns_shifted_and_scaled():
    first, second = _tables(_pieces(), others=True)
    assert first.loc_x.values.tolist() == [-100, 0, 100, 200]
    assert second.loc_x.values.tolist() == [300, 400]
    assert second.other_n.attrs == {"units": "1", "heading": "n", "whole": "<i8"}
    assert first.attrs == {"a": 1}
    assert "other_n" not in _tables(_pieces())[0]


def test_missing_values_of_what_is_not_needed_are_kept_and_counted(caplog):
    caplog.set_level(logging.INFO)
    found = np.concatenate(
        [table.loc_uncertainty for table in _tables(_pieces(p=[1, np.nan, 1, 1, -2, np.inf]))]
    )
    np.testing.assert_array_equal(found, np.float32([1, np.nan, 1, 1, np.nan, np.nan]))
    assert caplog.messages == ["a.bin: 3 values of 'p' kept as NaN, the first in record 1"]


def test_rows_without_a_position_are_left_out_if_they_may_be(caplog):
    caplog.set_level(logging.INFO)
    bad = {"x": [0, 1, 2, np.nan, np.nan, np.nan], "frame": [0, -1, 2, 3, 4, 5]}
    with pytest.raises(
        ValueError, match=r"4 rows without .* the first in record 1: found -1 in the field 'frame'; drop"
    ):
        _tables(_pieces(**bad))
    (left,) = _tables(_pieces(**bad), drop=True)
    assert left.loc_frame.values.tolist() == [0, 2]
    assert "4 rows left out, the first in record 1" in caplog.text
    with pytest.raises(ValueError, match="no localizations with a position and a frame"):
        _tables(_pieces(x=np.full(6, np.nan)), drop=True)


def test_a_field_of_texts_is_refused_where_it_is_needed():
    with pytest.raises(ValueError, match="the field 'x' holds <U1, not numbers"):
        _tables(_pieces(x=list("abcdef")))


@pytest.mark.parametrize("field", ["lpx", "z"])
def test_a_missing_value_of_picasso_goes_through_to_picasso(tmp_path, field, caplog):
    found = np.ones(3, [("frame", "u4"), *((name, "f4") for name in ("x", "y", "z", "lpx", "lpy"))])
    found[field][1] = np.nan
    with h5py.File(tmp_path / "a.hdf5", "w") as file:
        file["locs"] = found
    (tmp_path / "a.yaml").write_text("Pixelsize: 130\n")
    picasso.write(io.read(tmp_path / "a.hdf5"), tmp_path / "b.hdf5")
    with h5py.File(tmp_path / "b.hdf5") as file:
        np.testing.assert_allclose(file["locs"][field], found[field], rtol=2**-23)
    assert f"1 localization with NaN in {field}" in caplog.text
