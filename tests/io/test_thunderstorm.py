"""What is written as ThunderSTORM does it comes back as it went out."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smlmsim import io, schema
from smlmsim.io import thunderstorm

in_one_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def _places(**columns):
    places = {"loc_frame": np.array([0, 1], np.int32), "loc_x": np.zeros(2, "f4"), "loc_y": np.ones(2, "f4")}
    return schema.dataset(**places, **columns)


def test_measured_tables_come_back(real_tables, tmp_path):
    for path in real_tables:
        found = io.read(path)
        thunderstorm.write(found, tmp_path / "again.csv")
        assert io.read(tmp_path / "again.csv").identical(found)


def test_only_localizations_can_be_written_as_a_table(tmp_path):
    with pytest.raises(schema.SchemaError, match="no 'loc_x' in the dataset; it holds loc_frame"):
        thunderstorm.write(schema.dataset(loc_frame=np.zeros(2, np.int32)), tmp_path / "a.csv")
    with pytest.raises(schema.SchemaError, match="found the array 'counts'"):
        thunderstorm.write(xr.DataArray(np.zeros((1, 2, 2)), name="counts"), tmp_path / "a.csv")
    broken = schema.dataset(loc_frame=[0], loc_x=[np.nan], loc_y=[0.0])
    with pytest.raises(schema.SchemaError, match="loc_x holds 1 values that are NaN or infinite"):
        thunderstorm.write(broken, tmp_path / "a.csv")
    with pytest.raises(schema.SchemaError, match="loc_z holds 1 values that are infinite"):
        thunderstorm.write(_places(loc_z=[np.inf, np.nan]), tmp_path / "a.csv")
    assert not list(tmp_path.iterdir())


def test_what_a_table_cannot_hold_is_left_out(tmp_path):
    more = _places().assign(loc_time=schema.variable("loc_time", [0.015, 0.045]))
    thunderstorm.write(more, tmp_path / "a.csv")
    assert io.read(tmp_path / "a.csv").identical(_places().assign_attrs(first_frame=1))
    assert (tmp_path / "a.csv").read_text().splitlines()[:2] == [
        '"id","frame","x [nm]","y [nm]"',
        "1,1,0.0,1.0",
    ]


@pytest.mark.parametrize("first_frame", [0, 1, 100])
def test_frames_are_written_as_the_source_called_them(tmp_path, first_frame):
    table = _places().assign_attrs(first_frame=first_frame)
    thunderstorm.write(table, tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_text().splitlines()[1].startswith(f"1,{first_frame},")
    assert io.read(tmp_path / "a.csv").identical(table)


@pytest.mark.parametrize("missing", [[np.nan, 3], [3, np.nan], [np.nan, np.nan]])
@pytest.mark.parametrize("name", ["loc_uncertainty", "loc_z", "loc_sigma"])
def test_a_missing_value_comes_back_as_one(tmp_path, name, missing):
    table = _places(**{name: np.array(missing, "f4")}).assign_attrs(first_frame=1)
    thunderstorm.write(table, tmp_path / "a.csv")
    assert io.read(tmp_path / "a.csv").identical(table)


@pytest.mark.parametrize(
    "heading", ["chi2", "BG", "X", "intensity", "Width", "precision", "drift x", 'quoted "a", b']
)
def test_a_column_that_was_not_known_does_not_become_known(tmp_path, heading):
    column = xr.Variable("localization", [0.5, np.nan], {"units": "1", "heading": heading})
    table = _places().assign(other_a=column)
    thunderstorm.write(table, tmp_path / "a.csv")
    found = io.read(tmp_path / "a.csv", others=True)
    (name,) = set(found) - set(_places())
    assert found[name].attrs["heading"] == heading
    np.testing.assert_array_equal(found[name], [0.5, np.nan])


@in_one_folder
@given(data=st.data())
def test_what_is_written_is_read_back_to_the_last_bit(tmp_path, localizations, data):
    written = data.draw(localizations(last_frame=2**31 - 2))
    thunderstorm.write(written, tmp_path / "a.csv")
    assert io.read(tmp_path / "a.csv").identical(written.assign_attrs(first_frame=1))
