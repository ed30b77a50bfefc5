"""Metadata travel in the attributes of a dataset, and what is none of them is left alone."""

import pytest
import xarray as xr

from smlmsim.io import metadata
from smlmsim.io.metadata import Metadata


def test_attributes_of_other_names_are_left_alone(table):
    data = table.assign_attrs(pixel_nm=20, study="...")
    known = Metadata.of(data)
    assert known.stamped(xr.Dataset()).attrs == table.attrs
    assert known.tree() == table.attrs


@pytest.mark.parametrize(
    ("name", "value"), [("exposure_s", 0), ("exposure_s", "30 ms"), ("tags", 3), ("modality", ["PALM"])]
)
def test_an_attribute_of_another_type_is_named(name, value):
    with pytest.raises(ValueError, match=f"an attribute does not fit: {name}"):
        Metadata.of(xr.Dataset(attrs={name: value}))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"{", "the metadata are not JSON"),
        (b"[" * 100_000, "the metadata are not JSON"),
        (b"[]", r"a\.csv\.json does not fit"),
        (
            b'{"modalty": "PALM"}',
            r"a\.csv\.json does not fit: modalty: no such setting; did you mean modality",
        ),
        (b" " * (metadata.LARGEST_FILE + 1), "longer than 16777216 bytes"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(tmp_path, content, words):
    (tmp_path / "a.csv.json").write_bytes(content)
    with pytest.raises(ValueError, match=words):
        metadata.read_json(tmp_path / "a.csv.json")


def test_without_a_file_there_are_no_metadata(tmp_path):
    assert metadata.read_json(tmp_path / "a.csv.json") == Metadata()
