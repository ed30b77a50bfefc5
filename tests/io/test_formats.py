"""What a file holds tells its format when it is read, its extension when it is written."""

import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
import xarray as xr

from smlmsim import io, schema
from smlmsim.io.columns import gathered

TABLES = (".csv", ".smlm", ".hdf5", ".h5")
FIRST_FRAME = {".csv": 1, ".smlm": 1, ".hdf5": 0, ".h5": 0}  # as each format calls it, unless told otherwise
PIXEL_ROUNDING = 2**-23  # two roundings to float32, of x in pixels and of x in nm
LARGEST_NM = 11_000  # of the measured tables and half a pixel, by which Picasso counts otherwise


def _data(suffix):
    if suffix in TABLES:
        return schema.dataset(
            loc_frame=np.array([0], np.int32), loc_y=np.ones(1, "f4"), loc_x=np.full(1, 2, "f4")
        )
    axes = {"time": [0.5, 1.5], "y": [10.0, 30.0], "x": [10.0, 30.0]}
    return schema.dataset(counts=np.arange(8, dtype=np.uint16).reshape(2, 2, 2), **axes)


def _assert_equal(found, wanted, suffix):
    """Equal to the last bit, except for the lengths in pixels of a Picasso file."""
    wanted = _as_read(wanted, suffix)
    assert found.attrs == wanted.attrs
    if suffix not in (".hdf5", ".h5"):
        xr.testing.assert_identical(found, wanted)
    xr.testing.assert_allclose(found, wanted, rtol=PIXEL_ROUNDING, atol=PIXEL_ROUNDING * LARGEST_NM)
    assert [found[name].attrs for name in found] == [wanted[name].attrs for name in wanted]


def _as_read(table, suffix):
    """A table with what its file calls the first frame."""
    if suffix not in TABLES:
        return table
    kept = suffix in (".csv", ".smlm") and "first_frame" in table.attrs
    return table if kept else table.assign_attrs(first_frame=FIRST_FRAME[suffix])


@pytest.mark.parametrize("suffix", io.extensions())
@pytest.mark.parametrize("case", [str.lower, str.upper])
def test_every_format_gives_back_what_was_written_whatever_the_file_is_called(tmp_path, suffix, case):
    path = tmp_path / f"run 1{case(suffix)}"
    io.write(_data(suffix), path)
    _assert_equal(io.read(path), _data(suffix), suffix)
    _assert_equal(io.read(path.rename(path.with_suffix(".backup"))), _data(suffix), suffix)


@pytest.mark.parametrize("suffix", io.extensions())
def test_writing_again_replaces_the_file_and_leaves_nothing_else(tmp_path, suffix):
    for _ in range(2):
        io.write(_data(suffix), tmp_path / f"a{suffix}")
        names = {path.name for path in tmp_path.iterdir()}
        assert names == {f"a{suffix}"} | ({"a.yaml"} if suffix in (".hdf5", ".h5") else set())


@pytest.mark.parametrize("suffix", io.extensions())
def test_no_format_leaves_half_a_file_where_the_folder_is_missing(tmp_path, suffix):
    with pytest.raises(FileNotFoundError, match=r"there is no folder .*nowhere; make it first"):
        io.write(_data(suffix), tmp_path / "nowhere" / f"a{suffix}")


@pytest.mark.parametrize("suffix", io.extensions())
def test_a_missing_file_is_an_os_error(tmp_path, suffix):
    for act in (io.read, io.chunks, io.format_name):
        with pytest.raises(FileNotFoundError, match=f"nowhere{suffix}"):
            act(tmp_path / f"nowhere{suffix}")


@pytest.mark.parametrize("name", ["a.xlsx", "a"])
def test_an_unknown_extension_lists_the_known_ones(tmp_path, name):
    with pytest.raises(
        ValueError,
        match=r"known are \.csv, \.smlm, \.hdf5, \.h5, \.tif, \.tiff, \.ome\.tif, \.ome\.tiff, \.zarr",
    ):
        io.write(_data(".csv"), tmp_path / name)


def test_a_file_of_no_known_format_is_refused_with_its_first_bytes(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"\x7fELF\0\1")
    with pytest.raises(
        ValueError, match=r"a\.csv: this is of no known format, it begins with b'\\x7fELF\\x00\\x01'"
    ):
        io.read(tmp_path / "a.csv")


def test_images_are_not_read_as_a_table(tmp_path):
    io.write(_data(".tif"), tmp_path / "a.tif")
    with pytest.raises(ValueError, match=r"a\.tif is TIFF .*, which holds images"):
        io.chunks(tmp_path / "a.tif")


@pytest.mark.parametrize("suffix", TABLES)
def test_all_columns_and_metadata_go_through_every_format_of_tables(tmp_path, table, suffix):
    io.write(table, tmp_path / f"a{suffix}")
    _assert_equal(io.read(tmp_path / f"a{suffix}"), table, suffix)


def test_metadata_survive_a_tour_of_all_formats(tmp_path, table):
    found = table
    for step, suffix in enumerate((".smlm", ".csv", ".hdf5", ".smlm", ".hdf5", ".csv")):
        io.write(found, tmp_path / f"{step}{suffix}")
        found = io.read(tmp_path / f"{step}{suffix}")
    assert found.attrs == table.attrs | {"first_frame": 0}  # as the .hdf5 file on the way counts
    assert found.loc_channel.equals(table.loc_channel)


@pytest.mark.parametrize("suffix", [".tif", ".zarr"])
def test_metadata_go_with_movies_too(tmp_path, table, suffix):
    movie = _data(suffix).assign_attrs(table.attrs)
    io.write(movie, tmp_path / f"a{suffix}")
    assert io.read(tmp_path / f"a{suffix}").attrs == table.attrs


def test_metadata_of_an_older_table_do_not_stay_beside_a_new_one(tmp_path, table):
    io.write(table, tmp_path / "a.csv")
    assert (tmp_path / "a.csv.json").is_file()
    io.write(_data(".csv"), tmp_path / "a.csv")
    assert io.read(tmp_path / "a.csv").attrs == {"first_frame": 1}


@pytest.mark.parametrize("suffix", TABLES)
@pytest.mark.parametrize("rows", [1, 7, 500, 10_000])
def test_the_pieces_of_a_table_make_the_whole(tmp_path, table, suffix, rows):
    io.write(table, tmp_path / f"a{suffix}")
    pieces = list(io.chunks(tmp_path / f"a{suffix}", rows=rows))
    assert max(piece.sizes["localization"] for piece in pieces) <= rows
    xr.testing.assert_identical(gathered(pieces), io.read(tmp_path / f"a{suffix}"))


def test_a_piece_holds_at_least_one_row():
    with pytest.raises(ValueError, match="rows must be positive, found 0"):
        io.chunks("a.csv", rows=0)


@pytest.mark.parametrize("suffix", TABLES[:3])
def test_a_table_is_read_piece_by_piece_in_less_memory_than_it_fills(tmp_path, suffix):
    rows, piece = 400_000, 10_000
    rng = np.random.default_rng(0)
    frame = np.sort(rng.integers(0, 10_000, rows)).astype(np.int32)
    x, y = rng.uniform(0, 2560, (2, rows)).astype("f4")
    table = schema.dataset(loc_frame=frame, loc_y=y, loc_x=x)
    io.write(table, tmp_path / f"a{suffix}")
    tracemalloc.start()
    read = sum(chunk.sizes["localization"] for chunk in io.chunks(tmp_path / f"a{suffix}", rows=piece))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert read == rows
    assert peak < table.nbytes / 2  # 4.8 MB; a piece of 10,000 rows of 8 bytes in 5 columns is 0.4 MB


@pytest.mark.parametrize("suffix", TABLES[:3])
def test_measured_tables_go_through_every_format_and_back(real_tables, tmp_path, suffix):
    for path in real_tables:
        wanted = io.read(path)
        io.write(wanted, tmp_path / f"a{suffix}")
        _assert_equal(io.read(tmp_path / f"a{suffix}"), wanted, suffix)


def test_no_format_is_imported_before_it_is_used():
    code = "import sys, smlmsim.io; modules = {'smlmsim.io.' + form.module for form in smlmsim.io.FORMATS}; "
    code += "sys.exit(len(modules & sys.modules.keys()))"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_overview_has_a_row_for_every_format_and_dialect():
    rows = {row.name: row for row in io.overview()}
    assert {"Nikon N-STORM", "Zeiss Elyra", "ThunderSTORM", ".smlm", "Picasso HDF5"} <= rows.keys()
    assert all(row.verified for row in rows.values())
    written = {row.name: row.written for row in rows.values() if row.written and row.holds == "table"}
    assert written == {"ThunderSTORM": ".csv", ".smlm": ".smlm", "Picasso HDF5": ".hdf5, .h5"}


@pytest.mark.parametrize("suffix", [".tif", ".zarr"])
def test_an_estimate_keeps_the_units_that_it_is_in(tmp_path, suffix):
    axes = {"time": [0.5, 1.5], "y": [10.0, 30.0], "x": [10.0, 30.0]}
    meaning = "localizations per pixel and time point"
    estimate = schema.estimate(units="1", meaning=meaning, density=np.ones((2, 2, 2), np.float32), **axes)
    io.write(estimate, tmp_path / f"a{suffix}")
    found = io.read(tmp_path / f"a{suffix}").density
    assert (found.attrs["units"], found.attrs["long_name"]) == ("1", meaning)


@pytest.mark.parametrize("suffix", [".hdf5", ".smlm"])
def test_headings_are_refused_for_formats_whose_columns_have_fixed_names(tmp_path, suffix):
    path = tmp_path / f"table{suffix}"
    io.write(_data(suffix), path)
    with pytest.raises(ValueError, match="whose columns have fixed names; leave out columns="):
        io.read(path, io.Reading(columns={"x": "y", "y": "x"}))
