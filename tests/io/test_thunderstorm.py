"""ThunderSTORM tables come back as they went out, and a damaged one is refused in words."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smlmsim import schema
from smlmsim.io import Reading, thunderstorm

REAL = {
    "fixed_microtubules_luckyprofiler_10um.csv": (40_411, 16_930, set()),
    "fixed_microtubules_decodestorm_2.9um.csv": (
        4_000,
        1_800,
        {"loc_sigma", "loc_intensity", "loc_background", "loc_uncertainty"},
    ),
    "fixed_mitochondria_tom22_2.56um.csv": (
        9_890,
        9_999,
        {"loc_z", "loc_intensity", "loc_background", "loc_uncertainty", "loc_uncertainty_z"},
    ),
    "live_ftsz_dendra2_5um.csv": (7_933, 8_000, {"loc_z"}),
}
TABLE = '"id","frame","x [nm]","y [nm]","uncertainty_xy [nm]"\n1,1,10.5,20.25,12\n2,3,-5,6,8.5\n'
in_one_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@pytest.fixture
def table(tmp_path):
    """A function that writes a table and gives its path."""

    def write(text: str | bytes) -> Path:
        path = tmp_path / "table.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


@pytest.mark.parametrize("name", REAL)
def test_a_measured_table_is_read_whole(real_tables, tmp_path, name):
    rows, last_frame, optional = REAL[name]
    (path,) = (path for path in real_tables if path.name == name)
    found = thunderstorm.read(path)
    assert found.sizes["localization"] == rows
    assert found.loc_frame.max() == last_frame - 1
    assert set(found) == {"loc_frame", "loc_y", "loc_x"} | optional
    assert (np.diff(found.loc_frame) >= 0).all()
    thunderstorm.write(found, tmp_path / "again.csv")
    assert thunderstorm.read(tmp_path / "again.csv").identical(found)


def test_a_table_is_read_in_nm_with_frames_from_0(table):
    found = thunderstorm.read(table(TABLE))
    wanted = schema.dataset(
        loc_frame=np.array([0, 2], np.int32),
        loc_x=np.array([10.5, -5], np.float32),
        loc_y=np.array([20.25, 6], np.float32),
        loc_uncertainty=np.array([12, 8.5], np.float32),
    )
    xr.testing.assert_identical(found, wanted)


def test_columns_may_stand_in_any_order(table):
    wanted = thunderstorm.read(table(TABLE))
    rows = [line.split(",") for line in TABLE.splitlines()]
    for order in itertools.permutations(range(5)):
        text = "\n".join(",".join(row[place] for place in order) for row in rows)
        assert thunderstorm.read(table(text)).equals(wanted)


def test_localizations_are_sorted_by_frame_and_keep_their_order_within_one(table):
    found = thunderstorm.read(table("frame,x,y\n3,1,0\n1,2,0\n3,3,0\n1,4,0\n2,5,0\n"))
    assert found.loc_x.values.tolist() == [2, 4, 5, 1, 3]


@pytest.mark.parametrize(
    ("unit", "factor"), [("nm", 1), ("um", 1e3), ("µm", 1e3), ("μm", 1e3), ("m", 1e9), ("px", 160)]
)
def test_lengths_are_converted_to_nm(table, unit, factor):
    names = ("x", "y", "z", "sigma", "uncertainty")
    header = ",".join(f'"{name} [{unit}]"' for name in names)
    found = thunderstorm.read(table(f"frame,{header}\n1,1,2,3,4,5\n"), Reading(camera_pixel_nm=160))
    lengths = [float(found[f"loc_{name}"][0]) for name in names]
    assert lengths == [factor, 2 * factor, 3 * factor, 4 * factor, 5 * factor]


def test_a_micro_sign_of_an_old_encoding_is_understood(table):
    found = thunderstorm.read(table('"frame","x [µm]","y [µm]"\n1,1,2\n'.encode("latin-1")))
    assert (found.loc_x, found.loc_y) == (1000, 2000)


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_line_endings_byte_order_marks_and_blank_lines_do_not_matter(table, ending):
    wanted = thunderstorm.read(table(TABLE))
    text = "\N{BYTE ORDER MARK}" + TABLE.replace("\n", ending).replace(f"{ending}2,", f"{ending}{ending}2,")
    for tail in ("", ending, ending * 3):
        assert thunderstorm.read(table(text + tail)).equals(wanted)


def test_columns_that_are_not_known_may_hold_anything(table):
    found = thunderstorm.read(table("frame,x,note,y,,chi2\n1,10,a b,20,,\n2,30,,40,,7\n"))
    assert set(found) == {"loc_frame", "loc_x", "loc_y"}
    assert found.loc_y.values.tolist() == [20, 40]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no column frame nor x nor y; the first line names nothing"),
        ('"id","frame","x [nm]"\n1,1,2\n', r"no column y; the first line names 'id', 'frame', 'x \[nm\]'"),
        ("frame;x;y\n1;2;3\n", "no column frame nor x nor y; the first line names 'frame;x;y'"),
        (
            "frame,x [px],y [px]\n1,2,3\n",
            r"'x \[px\]' is in camera pixels; say how large one is.* pixel_nm=100",
        ),
        ("frame,x [ft],y\n1,2,3\n", r"'x \[ft\]' has the unit 'ft'; known for it: nm, um, m"),
        ("frame,x,y,intensity [ADU]\n1,2,3,4\n", "the unit 'ADU'; known for it: photon, photons"),
        ("frame [s],x,y\n1,2,3\n", "the unit 's'; known for it: 1"),
        ("frame,x [nm],X [um],y\n1,2,3,4\n", r"'x \[nm\]' and 'X \[um\]' mean the same; keep one"),
        ("frame,x,y\n", "a header, but no localizations"),
        ("frame,x,y\n\n\n", "a header, but no localizations"),
        (
            "frame,x,y\n1,2,3\n\n2,nan,3\n3,4,\n",
            "2 values are missing, NaN or infinite, the first 'nan' in line 4",
        ),
        (
            "frame,x,y\n1,2,-Infinity\n",
            "1 values are missing, NaN or infinite, the first '-Infinity' in line 2",
        ),
        ("frame,x [m],y\n1,1e300,2\n", "1 values are missing, NaN or infinite, the first '1e300' in line 2"),
        ("frame,x,y\n1,2,3\n2,three,3\n", "found 'three' in line 3, column 'x', where a number should be"),
        ("frame,x,y\n1,2,3\n2,2\n", "line 3 holds 2 values, the first line names 3"),
        ("frame,x,y\n1,2,3\n2,2,3,4\n", "line 3 holds 4 values, the first line names 3"),
        ("frame,x,y\n1,2,3,4\n2,2,3,4\n", "line 2 holds 4 values, the first line names 3"),
        ("frame,x,y\n1,2,3,4,5\n2,2,3\n", "line 2 holds 5 values, the first line names 3"),
        ("frame,x,y,chi2\n1,2,3,4\n2,5,6\n", "line 3 holds 3 values, the first line names 4"),
        ("frame,x,y\n0,2,3\n", r"frames are counted 1, 2, 3, \.\.\.; found 0 in line 2, column 'frame'"),
        ("frame,x,y\n1,2,3\n\n1.5,2,3\n", r"frames are counted 1, 2, 3, \.\.\.; found 1\.5 in line 4"),
        ("frame,x,y\n3e9,2,3\n", r"frames are counted 1, 2, 3, \.\.\.; found 3e\+09 in line 2"),
        (
            "frame,x,y,uncertainty_xy\n1,2,3,-4\n",
            "an uncertainty is not negative; found -4 in line 2, column 'uncertainty_xy'",
        ),
    ],
)
def test_what_is_wrong_with_a_table_is_said_with_its_place(table, text, words):
    with pytest.raises(ValueError, match=rf"table\.csv: .*{words}"):
        thunderstorm.read(table(text))


def test_a_pixel_has_a_positive_size(table):
    with pytest.raises(ValueError, match="pixel_nm is a positive length, found 0"):
        thunderstorm.read(table(TABLE), Reading(camera_pixel_nm=0))


def test_only_localizations_can_be_written_as_a_table(tmp_path):
    with pytest.raises(schema.SchemaError, match="no 'loc_x' in the dataset; it holds loc_frame"):
        thunderstorm.write(schema.dataset(loc_frame=np.zeros(2, np.int32)), tmp_path / "a.csv")
    with pytest.raises(schema.SchemaError, match="found the array 'counts'"):
        thunderstorm.write(xr.DataArray(np.zeros((1, 2, 2)), name="counts"), tmp_path / "a.csv")
    broken = schema.dataset(loc_frame=[0], loc_x=[np.nan], loc_y=[0.0])
    with pytest.raises(schema.SchemaError, match="loc_x holds 1 values that are NaN or infinite"):
        thunderstorm.write(broken, tmp_path / "a.csv")
    assert not list(tmp_path.iterdir())


def test_what_a_table_cannot_hold_is_left_out(tmp_path):
    known = schema.dataset(
        loc_frame=np.array([0, 1], np.int32), loc_x=np.zeros(2, "f4"), loc_y=np.ones(2, "f4")
    )
    more = known.assign(loc_time=schema.variable("loc_time", [0.015, 0.045]))
    thunderstorm.write(more, tmp_path / "a.csv")
    assert thunderstorm.read(tmp_path / "a.csv").identical(known)
    assert (tmp_path / "a.csv").read_text().splitlines()[:2] == [
        '"id","frame","x [nm]","y [nm]"',
        "1,1,0.0,1.0",
    ]


@in_one_folder
@given(data=st.data())
def test_what_is_written_is_read_back_to_the_last_bit(tmp_path, localizations, data):
    written = data.draw(localizations())
    thunderstorm.write(written, tmp_path / "a.csv")
    assert thunderstorm.read(tmp_path / "a.csv").identical(written)


@in_one_folder
@given(st.binary() | st.binary().map(lambda tail: TABLE.encode() + tail))
def test_random_bytes_are_read_or_refused_as_a_value_error(table, content):
    _read_or_refuse(table(content))


@in_one_folder
@given(st.integers(0, len(TABLE) - 1), st.integers(0, 127))
def test_a_changed_byte_is_read_or_refused_as_a_value_error(table, place, byte):
    content = bytearray(TABLE.encode())
    content[place] = byte
    _read_or_refuse(table(bytes(content)))


def test_a_table_cut_short_is_read_or_refused_as_a_value_error(table):
    for length in range(len(TABLE)):
        _read_or_refuse(table(TABLE[:length]))
    with pytest.raises(ValueError, match="line 3 holds 4 values, the first line names 5"):
        thunderstorm.read(table(TABLE[: -len(",8.5\n")]))


def _read_or_refuse(path):
    try:
        found = thunderstorm.read(path)
    except ValueError as error:
        assert "table.csv: " in str(error)  # noqa: PT017
    else:
        schema.check(found, "loc_frame", "loc_y", "loc_x")
