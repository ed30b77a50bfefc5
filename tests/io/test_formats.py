"""The extension of a file tells its format."""

import subprocess
import sys

import numpy as np
import pytest

from smlmsim import io, schema


def _data(suffix):
    if suffix == ".csv":
        return schema.dataset(
            loc_frame=np.array([0], np.int32), loc_x=np.ones(1, "f4"), loc_y=np.ones(1, "f4")
        )
    axes = {"time": [0.5, 1.5], "y": [10.0, 30.0], "x": [10.0, 30.0]}
    return schema.dataset(counts=np.arange(8, dtype=np.uint16).reshape(2, 2, 2), **axes)


@pytest.mark.parametrize("suffix", io.FORMATS)
@pytest.mark.parametrize("case", [str.lower, str.upper])
def test_every_format_gives_back_what_was_written(tmp_path, suffix, case):
    path = tmp_path / f"run 1{case(suffix)}"
    io.write(_data(suffix), path)
    assert io.read(path).equals(_data(suffix))
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("suffix", io.FORMATS)
def test_no_format_leaves_half_a_file_where_the_folder_is_missing(tmp_path, suffix):
    with pytest.raises(FileNotFoundError, match=r"there is no folder .*nowhere; make it first"):
        io.write(_data(suffix), tmp_path / "nowhere" / f"a{suffix}")


@pytest.mark.parametrize("suffix", io.FORMATS)
def test_a_missing_file_is_an_os_error(tmp_path, suffix):
    with pytest.raises(FileNotFoundError, match=f"nowhere{suffix}"):
        io.read(tmp_path / f"nowhere{suffix}")


@pytest.mark.parametrize("name", ["a.xlsx", "a"])
def test_an_unknown_extension_lists_the_known_ones(tmp_path, name):
    for act in (lambda: io.read(tmp_path / name), lambda: io.write(_data(".csv"), tmp_path / name)):
        with pytest.raises(ValueError, match=r"known are \.csv, \.tif, \.tiff"):
            act()


def test_no_format_is_imported_before_it_is_used():
    code = "import sys, smlmsim.io; sys.exit(not sys.modules.keys().isdisjoint(smlmsim.io.FORMATS.values()))"
    subprocess.run([sys.executable, "-c", code], check=True)
