"""Text tables are read whole, and a damaged one is refused in words."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smlmsim import io, schema
from smlmsim.io import Reading

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
def test_a_measured_table_is_read_whole(real_tables, name):
    rows, last_frame, optional = REAL[name]
    (path,) = (path for path in real_tables if path.name == name)
    found = io.read(path)
    assert found.sizes["localization"] == rows
    assert found.loc_frame.max() == last_frame - 1
    assert set(found) == {"loc_frame", "loc_y", "loc_x"} | optional
    assert (np.diff(found.loc_frame) >= 0).all()


def test_a_table_is_read_in_nm_with_frames_from_0(table):
    found = io.read(table(TABLE))
    wanted = schema.dataset(
        {"first_frame": 1},
        loc_frame=np.array([0, 2], np.int32),
        loc_x=np.array([10.5, -5], np.float32),
        loc_y=np.array([20.25, 6], np.float32),
        loc_uncertainty=np.array([12, 8.5], np.float32),
    )
    xr.testing.assert_identical(found, wanted)


def test_columns_may_stand_in_any_order(table):
    wanted = io.read(table(TABLE))
    rows = [line.split(",") for line in TABLE.splitlines()]
    for order in itertools.permutations(range(5)):
        text = "\n".join(",".join(row[place] for place in order) for row in rows)
        assert io.read(table(text)).equals(wanted)


def test_localizations_are_sorted_by_frame_and_keep_their_order_within_one(table):
    found = io.read(table("frame,x,y\n3,1,0\n1,2,0\n3,3,0\n1,4,0\n2,5,0\n"))
    assert found.loc_x.values.tolist() == [2, 4, 5, 1, 3]


@pytest.mark.parametrize(
    ("unit", "factor"), [("nm", 1), ("um", 1e3), ("µm", 1e3), ("μm", 1e3), ("m", 1e9), ("px", 160)]
)
def test_lengths_are_converted_to_nm(table, unit, factor):
    names = ("x", "y", "z", "sigma", "uncertainty")
    header = ",".join(f'"{name} [{unit}]"' for name in names)
    found = io.read(table(f"frame,{header}\n1,1,2,3,4,5\n"), Reading(camera_pixel_nm=160))
    lengths = [float(found[f"loc_{name}"][0]) for name in names]
    assert lengths == [factor, 2 * factor, 3 * factor, 4 * factor, 5 * factor]


def test_a_micro_sign_of_an_old_encoding_is_understood(table):
    found = io.read(table('"frame","x [µm]","y [µm]"\n1,1,2\n'.encode("latin-1")))
    assert (found.loc_x, found.loc_y) == (1000, 2000)


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_line_endings_byte_order_marks_and_blank_lines_do_not_matter(table, ending):
    wanted = io.read(table(TABLE))
    text = "\N{BYTE ORDER MARK}" + TABLE.replace("\n", ending).replace(f"{ending}2,", f"{ending}{ending}2,")
    for tail in ("", ending, ending * 3):
        assert io.read(table(text + tail)).equals(wanted)


def test_columns_that_are_not_known_may_hold_anything(table):
    found = io.read(table("frame,x,note,y,,chi2\n1,10,a b,20,,\n2,30,,40,,7\n"))
    assert set(found) == {"loc_frame", "loc_x", "loc_y"}
    assert found.loc_y.values.tolist() == [20, 40]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "there are no localizations in it"),
        ("\n\n", "there are no localizations in it"),
        ("<html><table><tr><td>frame</td></tr></table></html>\n", "this is a web page; save it as CSV"),
        (
            "First Frame\tPosition X [nm]\tPosition Y [nm]\n\0\nVoxelSizeX : 0.1\n",
            "a header, but no localizations",
        ),
        ('"id","frame","x [nm]"\n1,1,2\n', r"no column y; the header names 'id', 'frame', 'x \[nm\]'"),
        ("frame,x [px],y [px]\n1,2,3\n", r"'x \[px\]' is in camera pixels; say .* camera_pixel_nm=100"),
        ("frame,x [ft],y\n1,2,3\n", r"'x \[ft\]' has the unit 'ft'; known for it: nm, "),
        ("frame [s],x,y\n1,2,3\n", "the unit 's'; known for it: 1, frame"),
        ("frame,x,y\n", "a header, but no localizations"),
        ("frame,x,y\n\n\n", "a header, but no localizations"),
        (
            "frame,x,y\n1,2,3\n\n2,nan,3\n3,4,\n",
            "2 rows without a usable position or frame, the first in line 4: "
            "found 'nan' in the column 'x'; drop_bad_rows",
        ),
        ("frame,x,y\n1,2,-Infinity\n", "1 row without .* in line 2: found '-Infinity' in the column 'y'"),
        ("frame,x [m],y\n1,1e300,2\n", "1 row without .* in line 2: found '1e300' in the column"),
        ("frame,x,y\n1,2,3\n2,three,3\n", "1 row without .* in line 3: found 'three' in the column 'x'"),
        ("frame,x,y\none,two,three\n", "1 row without .* in line 2: found 'one' in the column 'frame'"),
        ("frame,x,y\n1,,\n1,2,3\n", "1 row without .* in line 2"),
        ("frame,x,y\n1,2,3\n2,2\n3,3,3\n", "1 row without .* in line 3: found '' in the column 'y'"),
        ("frame,x,y\n1,2,3\n2,2,3,4\n", "in line 3, which holds 4 values where the header names 3"),
        (
            "frame,x,y\n1,2,3,4\n2,2,3,4\n",
            "2 rows .* in line 2, which holds 4 values where the header names 3",
        ),
        ("frame,x,y\n-1,2,3\n", "1 row without .* in line 2: found -1 in the column 'frame'"),
        ("frame,x,y\n1,2,3\n\n1.5,2,3\n", r"1 row without .* in line 4: found '1\.5' in the column 'frame'"),
        ("frame,x,y\n3e9,2,3\n", r"1 row without .* in line 2: found 3e\+09 in the column 'frame'"),
        (
            "frame,x,y,channel\n1,2,3,\n2,2,3,1\n",
            "1 row without .* in line 2: found nan in the column 'channel'",
        ),
        ("frame,x,y\n1,2,3\n1,2\0,3\n", "found a NUL byte in line 3; the file is damaged"),
        (
            "1,2,3\n4,5,6\n",
            "no header with x and y, the first line holds 1, 2, 3; .* columns=frame=1,x=2,y=3",
        ),
        ("frame~x~y\n1~2~3\n4~5~6\n", "the header names 'frame~x~y'; .* in a first line, as in sep=~"),
        (
            "Bild;Rechts;Hoch [nm]\n1;2;3\n",
            r"names 'Bild', 'Rechts', 'Hoch \[nm\]'; .* columns=frame=Bild,x=Rechts,y=3",
        ),
        (",frame,,x\n1,2,3,4\n2,3,4,5\n", "no column y; the header names 'frame', 'x', 2 without a name; "),
        *(
            (
                f"frame;x;y\n{rows}",
                f"1 row .* in line {line}: found '{value}' in .*without separators of thousands",
            )
            for rows, line, value in (
                ("1;234,50;34,5\n2;1.234,50;34,5\n", 3, "1.234,50"),
                ("1;234,50;34,5\n2;1.234;34,5\n", 3, "1.234"),
                ("1;234,50;34,5\n2;1.234.567,5;34,5\n", 3, r"1\.234\.567,5"),
                ("1;1,234.50;34.5\n2;234.5;34.5\n", 2, "1,234.50"),
            )
        ),
        (
            "frame;x;y\n1;12.5;3.5\n2;12,5;3.5\n",
            "line 3: found '12,5' .*a decimal comma where a decimal point is expected",
        ),
        ("\xd0\xcf\x11\xe0...", "this is of no known format|an Excel workbook"),
    ],
)
def test_what_is_wrong_with_a_table_is_said_with_its_place(table, text, words):
    with pytest.raises(ValueError, match=rf"table\.csv: .*({words})") as caught:
        io.read(table(text.encode("latin-1")))
    assert len(str(caught.value)) < 500


def test_numbers_that_are_columns_are_not_taken_for_headings(table):
    columns = {"frame": "1", "x": "2", "y": "3"}
    found = io.read(table("1,100.5,200.5\n2,3,1\n"), Reading(columns=columns))
    assert found.loc_x.values.tolist() == [100.5, 3]


def test_a_pixel_has_a_positive_size():
    with pytest.raises(ValueError, match="camera_pixel_nm"):
        Reading(camera_pixel_nm=0)


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
    with pytest.raises(ValueError, match="in line 3, which holds 4 values where the header names 5"):
        io.read(table(TABLE[: -len(",8.5\n")]))


def _read_or_refuse(path):
    try:
        found = io.read(path)
    except ValueError as error:
        assert "table.csv: " in str(error)  # noqa: PT017
    else:
        schema.check(found, "loc_y", "loc_x")


@pytest.mark.parametrize("ends", ["\n \r \r", "\r \r \r", "\r\n \r \r", "\r \r \n", "\r\n \r\n \r\n"])
def test_lines_may_end_in_a_return_alone_below_any_header(tmp_path, ends):
    lines = ["frame,x [nm],y [nm],note", '1,10,20,"a, b"', "2,30,40,c", "3,50,60,d"]
    path = tmp_path / "a.csv"
    path.write_bytes("".join(map("".join, zip(lines, [*ends.split(" "), ""], strict=True))).encode())
    assert io.read(path).loc_x.values.tolist() == [10, 30, 50]


def test_a_return_within_quotes_ends_no_line(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b'frame,x [nm],y [nm],note\n1,10,20,"a\rb"\n2,30,40,c\n')
    assert io.read(path).loc_x.values.tolist() == [10, 30]
