"""Tables of all dialects are read as what they are, whatever separates columns and decimals."""

import codecs
import gzip
import logging

import numpy as np
import pytest

from smlmsim import io
from smlmsim.io import Reading, dialects, limits, text_table
from smlmsim.io.dialects import Dialect

FRAMES = np.array([1, 4, 5, 12, 12, 100])  # counted from 1
X, Y = np.array(
    [[1393.1, 844.5, 325.9, 723.3, 1822.5, 741.3], [383.7, 2227.7, 1329.0, 1504.8, 1008.8, 1952.9]]
)
PRECISION = np.array([14.68, 8.62, 12.09, 18.37, 11.26, 15.95])
PIXEL_NM = 160.0


def _text(headings, *columns, separator=",", quoted=False, end="\n", point="."):
    """A table; what a column holds is written as Python does it."""
    names = [f'"{name}"' if quoted else name for name in headings]
    rows = [[str(value).replace(".", point) for value in row] for row in zip(*columns, strict=True)]
    return "".join(separator.join(row) + end for row in [names, *rows])


def _plain(**settings):
    headings = ("id", "frame", "x [nm]", "y [nm]", "uncertainty_xy [nm]")
    return _text(headings, range(1, 7), FRAMES, X, Y, PRECISION, **settings)


@pytest.fixture
def table(tmp_path):
    """A function that writes a table and gives its path."""

    def write(content, name="table.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.fixture
def said(caplog):
    """A function that gives what was logged since."""
    caplog.set_level(logging.INFO, "smlmsim")

    def lines():
        found = [record.getMessage() for record in caplog.records]
        caplog.clear()
        return found

    return lines


def _assert_as_written(found, frames=FRAMES - 1):
    np.testing.assert_allclose(found.loc_x, X, rtol=1e-6)
    np.testing.assert_allclose(found.loc_y, Y, rtol=1e-6)
    np.testing.assert_array_equal(found.loc_frame, frames)


LAYOUTS = {
    "comma": _plain(quoted=True),
    "tab": _plain(separator="\t", quoted=True),
    "bar": _plain(separator="|"),
    "bars all around": "".join(f"| {line} |\n" for line in _plain(separator=" | ").splitlines()),
    "semicolon, decimal comma": _plain(separator=";", point=","),
    "semicolon, decimal point": _plain(separator=";"),
    "tab, decimal comma": _plain(separator="\t", point=",", end="\r\n"),
    "quoted header, decimal comma": _plain(separator=";", point=",", quoted=True),
    "commas, quoted decimal commas": "\n".join(
        ",".join(f'"{value}"' for value in line.split(";"))
        for line in _plain(separator=";", point=",").splitlines()
    ),
    "blanks": _plain(separator=" ").replace(" [nm]", "[nm]"),
    "blanks, units apart": _plain(separator="  "),
    "blanks behind commas": _plain(separator=", "),
    "sep line": "sep=;\n" + _plain(separator=";"),
    "sep line with a comma": "sep=,\r\n" + _plain(end="\r\n"),
    "quoted sep line": '"sep=;"\n' + _plain(separator=";", point=","),
    "comments": "# made by someone\n# pixel size 100 nm\n" + _plain(),
    "percent comments": "% a, b, c\n%\n" + _plain(),
    "slashed comments": "// one\n\n// two\n" + _plain(),
    "comment in front of the header": "#" + _plain(),
    "comment and a blank in front of the header": "# one\n# " + _plain(),
    "comments among the rows": _plain().replace("\n3,", '\n# 5" half way\n3,'),
    "a title": "Localizations of cell 3\n" + _plain(),
    "a title with numbers": "Version 1.2, build 34, made 2024\n\n" + _plain(),
    "carriage returns": _plain(end="\r"),
    "every value quoted": "\n".join(
        ",".join(f'"{value}"' for value in line.split(",")) for line in _plain().splitlines()
    ),
    "a comma too many": _plain(end=",\n"),
    "empty columns behind": _plain().replace("\n", ",,,\n"),
    "empty rows behind": _plain() + ",,,,\n\n,,,,\n",
    "units in parentheses": _plain().replace("[", "(").replace("]", ")"),
    "units as suffix": _plain().replace(" [nm]", "_nm"),
    "units as a last word": _plain().replace(" [nm]", " nm"),
    "upper case": _plain().replace("nm", "NM").replace("frame", "FRAME").replace("x [", "X ["),
    "capitals": _plain()
    .replace("nm", "Nm")
    .replace("frame", "Frame")
    .replace("x [", "X [")
    .replace("y [", "Y ["),
    "as R makes them": _plain().replace(" [nm]", "..nm."),
    "no blank before the unit": _plain().replace(" [nm]", "[nm]"),
    "nanometers": _plain().replace("[nm]", "[nanometers]"),
    "other names": _plain()
    .replace("x [", "Position X [")
    .replace("y [", "Position-Y [")
    .replace("frame", "Frame Number"),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_same_table_is_read_however_it_is_laid_out(table, layout):
    found = io.read(table(LAYOUTS[layout]))
    _assert_as_written(found)
    assert found.attrs["first_frame"] == 1


@pytest.mark.parametrize("rows", [1, 4])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_pieces_of_any_size_make_the_same_table(table, layout, rows):
    path = table(LAYOUTS[layout])
    pieces = list(io.chunks(path, rows=rows))
    assert max(piece.sizes["localization"] for piece in pieces) <= rows
    np.testing.assert_array_equal(np.concatenate([piece.loc_x for piece in pieces]), io.read(path).loc_x)


@pytest.mark.parametrize("layout", ["comma", "semicolon, decimal comma"])
@pytest.mark.parametrize(
    ("encoding", "mark"),
    [
        ("utf-8", codecs.BOM_UTF8), ("utf-16-le", codecs.BOM_UTF16_LE), ("utf-16-be", codecs.BOM_UTF16_BE),
        ("utf-16-le", b""), ("utf-16-be", b""), ("utf-32-le", codecs.BOM_UTF32_LE),
    ],
)  # fmt: skip
@pytest.mark.parametrize("packed", [bytes, gzip.compress])
def test_the_same_table_is_read_however_it_is_stored(table, layout, encoding, mark, packed):
    content = packed(mark + LAYOUTS[layout].encode(encoding))
    _assert_as_written(io.read(table(content, "table.csv.gz")))


def test_text_that_is_called_a_workbook_is_read_and_a_workbook_is_refused(table):
    _assert_as_written(io.read(table(LAYOUTS["tab"], "table.xls")))
    with pytest.raises(ValueError, match=r"a\.xls: this is an Excel workbook .*save it as CSV"):
        io.read(table(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512), "a.xls"))


def test_a_gzip_file_that_is_damaged_or_unpacks_without_end_is_refused(table, monkeypatch):
    with pytest.raises(ValueError, match=r"table\.csv: not a gzip file, or a damaged one"):
        io.read(table(gzip.compress(_plain().encode() * 100)[:-30]))
    monkeypatch.setattr(limits, "FREE_BYTES", 2**16)
    content = gzip.compress(_plain().encode() + b"7,100,1.5,2.5,3.5\n" * 2**17)
    with pytest.raises(ValueError, match="the gzip file claims to hold"):
        io.read(table(content))


@pytest.mark.parametrize(
    ("unit", "factor"),
    [
        ("um", 1e3),
        ("µm", 1e3),
        ("micron", 1e3),
        ("UM", 1e3),
        ("m", 1e9),
        ("mm", 1e6),
        ("px", PIXEL_NM),
        ("Pixel", PIXEL_NM),
    ],
)
@pytest.mark.parametrize("form", ["{} [{}]", "{} ({})", "{}[{}]"])
def test_coordinates_in_another_unit_become_nm(table, unit, factor, form):
    content = _text(("frame", form.format("x", unit), form.format("y", unit)), FRAMES, X / factor, Y / factor)
    _assert_as_written(io.read(table(content), Reading(camera_pixel_nm=PIXEL_NM)))


def test_coordinates_without_a_unit_are_in_nm_or_in_the_pixels_that_are_given(table, said):
    path = table(_text(("frame", "x", "y", "sigma", "z"), FRAMES, X, Y, PRECISION, PRECISION))
    _assert_as_written(io.read(path))
    assert (
        "x and y have no unit and are taken to be in nm; if they are in pixels, give camera_pixel_nm="
        in said()[0]
    )
    path = table(
        _text(("frame", "x", "y", "sigma", "z"), FRAMES, X / PIXEL_NM, Y / PIXEL_NM, PRECISION, PRECISION)
    )
    found = io.read(path, Reading(camera_pixel_nm=PIXEL_NM))
    _assert_as_written(found)
    np.testing.assert_allclose(found.loc_sigma, PRECISION * PIXEL_NM, rtol=1e-6)
    np.testing.assert_allclose(found.loc_z, PRECISION, rtol=1e-6)
    assert "taken to be in camera pixels of 160 nm" in said()[0]


def test_whatever_is_assumed_is_said_once_on_one_line(table, said):
    path = table(_text(("frame", "x", "y"), *(list(column) * 50 for column in (FRAMES, X, Y))))
    assert len(list(io.chunks(path, rows=10))) == 30
    (line,) = said()
    assert "x and y have no unit" in line
    assert "frames are taken to be counted from 1, as most do; if not, give first_frame=0" in line
    io.read(table(_plain(quoted=True)))
    assert said() == []  # ThunderSTORM says it all


@pytest.mark.parametrize(
    ("least", "given", "first"),
    [(0, None, 0), (1, None, 1), (5, None, 1), (1, 0, 0), (5, 0, 0), (100, 100, 100)],
)
def test_frames_are_counted_from_what_is_given_or_from_0_if_there_is_one(table, least, given, first):
    content = _text(("frame", "x [nm]", "y [nm]"), FRAMES - 1 + least, X, Y)
    found = io.read(table(content), Reading(first_frame=given))
    _assert_as_written(found, FRAMES - 1 + least - first)
    assert found.attrs["first_frame"] == first


def test_a_frame_0_far_down_decides_for_the_whole_table(table, said, monkeypatch):
    monkeypatch.setattr(text_table.text, "LARGEST_BLOCK", 2**14)
    frames = np.arange(9999, -1, -1)  # longer than what is read at first
    path = table(_text(("frame", "x [nm]", "y [nm]"), frames, *np.ones((2, 10_000))))
    with pytest.raises(ValueError, match=r"found the frame 0, though .* counted from 1; give first_frame=0"):
        list(io.chunks(path))
    assert io.read(path).loc_frame.values.tolist() == frames[::-1].tolist()
    assert any("there is a frame 0 further down" in line for line in said())


ONES, WHOLE = np.ones(6), np.ones(6, int)
PICASSO = [
    "id", "frame", "x [nm]", "y [nm]", "sigma [nm]", "intensity [photon]", "offset [photon]",
    "bkgstd [photon]", "uncertainty_xy [nm]",
]  # fmt: skip
ASTIGMATIC = (*PICASSO[:4], "z [nm]", "sigma1 [nm]", "sigma2 [nm]", *PICASSO[5:])
ZEISS = [
    "Index", "First Frame", "Number Frames", "Frames Missing", "Position X [nm]", "Position Y [nm]",
    "Precision [nm]", "Number Photons", "Background variance", "Chi square", "PSF half width [nm]",
    "Channel", "Z Slice",
]  # fmt: skip
ZEISS_COLUMNS = (
    WHOLE, FRAMES, WHOLE, WHOLE, X, Y, PRECISION, WHOLE * 900, ONES, ONES, ONES, WHOLE, WHOLE,
)  # fmt: skip
ZEISS_ROWS = _text(ZEISS, *ZEISS_COLUMNS, separator="\t", end="\r\n")
ZEISS_TAIL = "VoxelSizeX : 0.1\r\nVoxelSizeY : 0.1\r\n\r\nROI List : \r\n"
NIKON = [
    "Channel Name", "X", "Y", "Xc", "Yc", "Height", "Area", "Width", "Phi", "Ax", "BG", "I", "Frame",
    "Length", "Link", "Valid", "Z", "Zc", "Photons", "Lateral Localization Accuracy", "Xw", "Yw", "Xwc",
    "Ywc",
]  # fmt: skip
NIKON_COLUMNS = (
    ["647"] * 3 + ["Z Rejected"] * 3, X - 70, Y - 70, X, Y, *[ONES] * 7, FRAMES, WHOLE, -WHOLE, WHOLE, ONES, 2 * ONES,
    900 * ONES, PRECISION, *[X] * 4,
)  # fmt: skip
NIKON_ROWS = _text(NIKON, *NIKON_COLUMNS, separator="\t")
ONI = [
    "Channel", "Frame", "X (nm)", "Y (nm)", "Z (nm)", "X precision (nm)", "Y precision (nm)", "X (pix)",
    "Y (pix)", "Photons", "Background",
]  # fmt: skip
ONI_COLUMNS = (
    0 * WHOLE, FRAMES, X, Y, ONES, PRECISION, 2 * PRECISION, X / 117, Y / 117, ONES, ONES,
)  # fmt: skip
RAPIDSTORM = (
    '# <localizations insequence="true" repetitions="variable">'
    '<field identifier="Position-0-0" syntax="floating point" semantic="position in X" unit="nanometer" />'
    '<field identifier="Position-1-0" syntax="floating point" semantic="position in Y" unit="nanometer" />'
    '<field identifier="ImageNumber-0-0" syntax="integer" semantic="frame number" unit="frame" min="0 fr" />'
    '<field identifier="Amplitude-0-0" syntax="floating point" semantic="emission" unit="A/D count" />'
    "</localizations>"
)
TRACKMATE = "LABEL,ID,TRACK_ID,QUALITY,POSITION_X,POSITION_Y,POSITION_Z,POSITION_T,FRAME,RADIUS"
TRACKMATE_HEAD = (
    f"{TRACKMATE}\nLabel,Spot ID,Track ID,Quality,X,Y,Z,T,Frame,Radius\n"
    "Label,Spot ID,Track ID,Quality,X,Y,Z,T,Frame,R\n,,,(quality),(micron),(micron),(micron),(sec),,(micron)"
)
TRACKMATE_COLUMNS = (
    [f"ID{number}" for number in range(6)], WHOLE, WHOLE, ONES, X / 1e3, Y / 1e3, ONES, ONES, FRAMES, ONES,
)  # fmt: skip
DECODE = ("x", "y", "z", "phot", "frame_ix", "x_sig", "y_sig")
DECODE_COLUMNS = X / PIXEL_NM, Y / PIXEL_NM, ONES, ONES, FRAMES, PRECISION / PIXEL_NM, PRECISION / PIXEL_NM
SMAP = ("frame", "xnm", "ynm", "locprecnm", "phot", "bg", "PSFxnm", "channel")
SMAP_COLUMNS = FRAMES, X, Y, PRECISION, ONES, ONES, 130 * ONES, WHOLE
PEAKFIT = [
    "#Frame",
    "origX",
    "origY",
    "origValue",
    "Error",
    "Noise",
    "X (px)",
    "Y (px)",
    "S (px)",
    "Precision (nm)",
]
PEAKFIT_COLUMNS = (
    FRAMES, WHOLE, WHOLE, ONES, ONES, ONES, X / PIXEL_NM, Y / PIXEL_NM, ONES, PRECISION,
)  # fmt: skip
CHALLENGE = ("Ground-truth", "frame", "xnano", "ynano", "znano", "intensity")
DEEP_STORM = ("frame", "x [nm]", "y [nm]", "confidence [a.u]")
ABBELIGHT = (*ASTIGMATIC, "uncertainty_z [nm]", "ratio_SAF [photon]", "z_SAF [nm]", "z_Astigm [nm]")
ABBELIGHT_COLUMNS = (
    WHOLE, FRAMES, X, Y, ONES, 120 * ONES, 130 * ONES, 900 * ONES, ONES, ONES, PRECISION, 2 * PRECISION,
    ONES, 2 * ONES, 3 * ONES,
)  # fmt: skip
DIALECTS = {
    "Abbelight NEO": (
        _text(ABBELIGHT, *ABBELIGHT_COLUMNS),
        1,
        {
            "loc_uncertainty": PRECISION,
            "loc_uncertainty_z": 2 * PRECISION,
            "loc_z": ONES,
            "loc_sigma_y": 130 * ONES,
        },
    ),
    "ThunderSTORM": (_plain(quoted=True), 1, {"loc_uncertainty": PRECISION}),
    "Picasso's export for ThunderSTORM": (
        _text(PICASSO, WHOLE, FRAMES, X, Y, PRECISION, WHOLE, WHOLE, WHOLE, PRECISION),
        0,
        {"loc_sigma": PRECISION},
    ),
    "rapidSTORM": (_text((RAPIDSTORM,), X, Y, FRAMES, ONES, separator=" "), 0, {}),
    "Zeiss Elyra": (
        ZEISS_ROWS + "\0\r\n" + ZEISS_TAIL,
        1,
        {"loc_uncertainty": PRECISION, "loc_intensity": 900 * ONES},
    ),
    "Nikon N-STORM": (
        NIKON_ROWS,
        1,
        {"loc_uncertainty": PRECISION, "loc_z": 2 * ONES, "loc_channel": [0, 0, 0, 1, 1, 1]},
    ),
    "ONI Nanoimager": (
        _text(ONI, *ONI_COLUMNS),
        1,
        {"loc_uncertainty_x": PRECISION, "loc_uncertainty_y": 2 * PRECISION},
    ),
    "SMAP": (_text(SMAP, *SMAP_COLUMNS), 1, {"loc_uncertainty": PRECISION, "loc_sigma": 130 * ONES}),
    "DECODE": (
        '# {"xy_unit": "px", "px_size": [160.0, 160.0]}\n' + _text(DECODE, *DECODE_COLUMNS),
        0,
        {"loc_uncertainty": PRECISION},
    ),
    "PeakFit (GDSC SMLM)": (
        '#Localisation Results File\n#Calibration {"nmPerPixel": 160.0}\n'
        + _text(PEAKFIT, *PEAKFIT_COLUMNS, separator="\t"),
        1,
        {"loc_uncertainty": PRECISION, "loc_sigma": PIXEL_NM * ONES},
    ),
    "TrackMate": (_text((TRACKMATE_HEAD,), *TRACKMATE_COLUMNS), 0, {"loc_z": 1000 * ONES}),
    "SMLM challenge": (_text(CHALLENGE, WHOLE, FRAMES, X, Y, ONES, ONES), 1, {"loc_z": ONES}),
    "Deep-STORM (ZeroCostDL4Mic)": (_text(DEEP_STORM, FRAMES, X, Y, ONES), 0, {}),
}


@pytest.mark.parametrize("name", DIALECTS)
def test_a_dialect_is_recognised_and_read(table, name):
    content, first_frame, columns = DIALECTS[name]
    path = table(content)
    found = io.read(path)
    assert io.format_name(path) == f"{name} text"
    assert found.attrs["first_frame"] == first_frame
    _assert_as_written(found, FRAMES - first_frame)
    for column, values in columns.items():
        np.testing.assert_allclose(found[column], values, rtol=1e-6)


def test_a_camera_pixel_that_is_not_square_is_refused_where_it_is_the_unit(table, said):
    def decode(unit, sizes="[100.0, 160.0]"):
        return table(f'# {{"xy_unit": "{unit}", "px_size": {sizes}}}\n' + _text(DECODE, *DECODE_COLUMNS))

    with pytest.raises(
        ValueError, match=r"pixel is 100 by 160 nm along x and y, .* give camera_pixel_nm=100"
    ):
        io.read(decode("px"))
    assert "camera_pixel_nm" not in io.read(decode("nm")).attrs
    assert "100 by 160 nm along x and y and is not kept" in said()[0]
    _assert_as_written(io.read(decode("px"), Reading(camera_pixel_nm=PIXEL_NM)), FRAMES)
    assert "100 by 160 nm along x and y, but camera_pixel_nm=160 goes before" in said()[0]
    for square in ("[160, 160.0]", "160.0", '160, "seed": 5'):
        _assert_as_written(io.read(decode("px", square)), FRAMES)


@pytest.mark.parametrize(
    "comment",
    [
        '{"distanceCalibration":{"nmPerPixel":160.0},"timeCalibration":{"exposureTime":20.0,"unit":"FRAME"}}',
        '{"nmPerPixel": "160.0", "exposureTime": "2.0e1"}',
        "<nmPerPixel>160.0</nmPerPixel><exposureTime>20.0</exposureTime>",
    ],
)
def test_the_pixel_and_the_exposure_of_peakfit_are_read(table, comment):
    path = table(f"#Calibration {comment}\n" + _text(PEAKFIT, *PEAKFIT_COLUMNS, separator="\t"))
    found = io.read(path)
    _assert_as_written(found)
    assert found.attrs["exposure_s"] == 0.02
    assert found.attrs["camera_pixel_nm"] == PIXEL_NM


@pytest.mark.parametrize(
    ("headings", "given", "factors", "words"),
    [
        (
            "x [nm],y [nm],uncertainty,z",
            None,
            (1, 1, 1),
            ["'uncertainty' and 'z' have no unit and are taken to be in nm"],
        ),
        (
            "x,y,sigma,uncertainty",
            None,
            (1, 1, 1),
            ["x and y have no", "'sigma' and 'uncertainty' have no unit"],
        ),
        (
            "x [px],y [px],sigma,z",
            100,
            (100, 100, 1),
            [
                "'sigma' has no unit and is taken to be in camera pixels of 100 nm",
                "'z' has no unit and is taken to be in nm",
            ],
        ),
        (
            "x,y,sigma,uncertainty [nm]",
            100,
            (100, 100, 1),
            ["'sigma' has no unit and is taken to be in camera pixels"],
        ),
        ("x [nm],y [nm],sigma,z [nm]", 100, (1, 1, 1), ["'sigma' has no unit and is taken to be in nm"]),
        (
            "x [um],y,sigma [nm],z",
            None,
            (1000, 1, 1),
            ["'y' has no unit and is taken to be in um", "'z' has no unit and is taken to be in nm"],
        ),
    ],
)
def test_lengths_without_a_unit_are_in_pixels_where_x_is_and_that_is_said(
    table, said, headings, given, factors, words
):
    found = io.read(
        table(_text(("frame", *headings.split(",")), FRAMES, X, Y, ONES, ONES)),
        Reading(camera_pixel_nm=given),
    )
    names = [f"loc_{heading.split()[0]}" for heading in headings.split(",")]
    np.testing.assert_allclose(found.loc_x, X * factors[0], rtol=1e-6)
    np.testing.assert_allclose(found.loc_y, Y * factors[0], rtol=1e-6)
    assert [found[name].values[0] for name in names[2:]] == list(factors[1:])
    (line,) = said()
    assert all(text in line for text in words)


def test_a_frame_in_another_language_can_be_named_as_the_note_says(table, said):
    path = table(_text(("Bild", "x [nm]", "y [nm]"), FRAMES, X, Y))
    assert "loc_frame" not in io.read(path)
    assert "columns=frame=Bild" in said()[0]
    _assert_as_written(io.read(path, Reading(columns={"frame": "Bild"})))


def test_times_do_not_stand_for_frames(table, said):
    content = _text(
        ("vld", "tid", "tim", "x", "y", "z"), WHOLE, WHOLE, ONES * 0.01, X * 1e-9, Y * 1e-9, ONES * 1e-9
    )
    found = io.read(table(content))
    assert "loc_frame" not in found
    np.testing.assert_allclose(found.loc_x, X, rtol=1e-6)
    assert "there is no column of frames, so the localizations have no time" in said()[0]


@pytest.mark.parametrize(
    "tail", ["\0\r\n" + ZEISS_TAIL, "\0" + ZEISS_TAIL, "\r\n" + ZEISS_TAIL, ZEISS_TAIL, "\0", ""]
)
def test_what_follows_a_table_of_zeiss_is_passed_over(table, tail, said):
    _assert_as_written(io.read(table(ZEISS_ROWS + tail)))
    assert ("line 8 and those behind it are no rows" in " ".join(said())) == bool(tail)


def test_two_widths_are_kept_and_make_one(table):
    columns = (WHOLE, FRAMES, X, Y, ONES, 100 * ONES, 144 * ONES, WHOLE, WHOLE, WHOLE, PRECISION)
    found = io.read(table(_text(ASTIGMATIC, *columns)))
    assert (found.loc_sigma_x == 100).all()
    assert (found.loc_sigma_y == 144).all()
    np.testing.assert_allclose(found.loc_sigma, 120)  # the geometric mean


def test_channels_are_named_or_counted_and_can_be_chosen(table):
    named = table(NIKON_ROWS)
    found = io.read(named)
    assert found.attrs["channels"] == ["647", "Z Rejected"]
    assert (
        io.read(named, Reading(channel="Z Rejected")).loc_x.values.tolist() == found.loc_x.values[3:].tolist()
    )
    assert io.read(named, Reading(channel="647")).sizes["localization"] == 3
    with pytest.raises(ValueError, match="no channel '561'; the channels are 647, Z Rejected"):
        io.read(named, Reading(channel="561"))
    assert (
        sum(map(len, (chunk.loc_x for chunk in io.chunks(named, Reading(channel="Z Rejected"), rows=1)))) == 3
    )
    waves = table(
        _text(("frame", "x [nm]", "y [nm]", "channel"), FRAMES, X, Y, [647, 561, 647, 405, 405, 561])
    )
    for pieces in (list(io.chunks(waves)), list(io.chunks(waves, rows=1))):
        assert pieces[-1].attrs["channels"] == ["647", "561", "405"]
        assert [number for piece in pieces for number in piece.loc_channel.values] == [0, 1, 0, 2, 2, 1]
    counted = table(_text(("frame", "x [nm]", "y [nm]", "channel"), FRAMES, X, Y, [1, 2, 1, 2, 1, 2]))
    assert io.read(counted).loc_channel.values.tolist() == [1, 2, 1, 2, 1, 2]
    assert io.read(counted, Reading(channel="2")).sizes["localization"] == 3


@pytest.mark.parametrize(
    ("headings", "columns", "words"),
    [
        (
            ("x [px]", "y [px]", "x [nm]", "y [nm]"),
            (X / 160, Y / 160, X, Y),
            "'x [nm]' is taken for x, not 'x [px]'",
        ),
        (("x", "y", "x [nm]", "y [nm]"), (X, Y, X, Y), "'x [nm]' is taken for x, not 'x'"),
        (("x_um", "y_um", "x_px", "y_px"), (X / 1e3, Y / 1e3, X, Y), "'x_um' is taken for x, not 'x_px'"),
        (
            ("x [nm]", "y [nm]", "precision [nm]", "uncertainty_xy [nm]"),
            (X, Y, ONES, PRECISION),
            "'uncertainty_xy [nm]' is taken for uncertainty, not 'precision [nm]'",
        ),
        *(
            (
                ("x [nm]", "y [nm]", heading),
                (X, Y, ONES),
                f"{heading!r} is not read as {name}, since its unit is not known, {unit!r}",
            )
            for heading, name, unit in (
                ("intensity [ADU]", "photons", "ADU"),
                ("Intensity (a.u.)", "photons", "a.u."),
                ("offset [e-]", "background", "e-"),
            )
        ),
    ],
)
@pytest.mark.parametrize("given", [None, 160])
def test_a_second_column_and_an_odd_unit_are_said_and_no_reason_to_refuse(
    table, said, headings, columns, words, given
):
    found = io.read(table(_text(("frame", *headings), FRAMES, *columns)), Reading(camera_pixel_nm=given))
    _assert_as_written(found)
    assert words in said()[0]


def test_a_column_in_pixels_of_unknown_size_is_said_to_be_left_out(table, said):
    found = io.read(table(_text(("frame", "x [nm]", "y [nm]", "sigma [px]"), FRAMES, X, Y, ONES)))
    _assert_as_written(found)
    assert (
        "'sigma [px]' is not read as sigma, since its unit is the camera pixel, whose size is not known"
        in said()[0]
    )


def test_columns_can_be_named_by_the_user(table):
    content = _text(("when", "horizontal", "x [um]", "y [um]"), FRAMES, X, ONES, Y / 1e3)
    columns = {"frame": "when", "x": "horizontal", "y": "y [um]"}
    _assert_as_written(io.read(table(content), Reading(columns=columns)))
    with pytest.raises(ValueError, match=r"there is no column 'vertical'; the columns are 'when'"):
        io.read(table(content), Reading(columns={"x": "vertical"}))


@pytest.mark.parametrize("separator", [",", ";", "\t", " "])
def test_a_table_without_a_header_is_read_by_the_numbers_of_its_columns(table, separator):
    content = _text(("",) * 4, 2 * WHOLE, FRAMES, Y, X, separator=separator).split("\n", 1)[1]
    for comment in ("", "# made by someone\n"):
        reading = Reading(columns={"frame": "2", "x": "4", "y": "3"})
        _assert_as_written(io.read(table(comment + content), reading))


@pytest.mark.parametrize("bad", ["NaN", "nan", "", "Infinity", "-inf", "∞", "abc", "n/a", "1e400", "-5"])
@pytest.mark.parametrize("last", [True, False])
def test_a_value_that_is_missing_where_none_is_needed_is_nan_and_counted(table, said, bad, last):
    values = [str(value) for value in PRECISION]
    values[1] = values[4] = bad
    names, columns = ("frame", "x [nm]", "y [nm]", "uncertainty [nm]"), (FRAMES, X, Y, values)
    order = range(4) if last else (3, 0, 1, 2)
    content = _text([names[i] for i in order], *(columns[i] for i in order))
    found = io.read(table(content))
    _assert_as_written(found)
    assert np.isnan(found.loc_uncertainty).values.tolist() == [False, True, False, False, True, False]
    assert "2 values of 'uncertainty [nm]' kept as NaN, the first in line 3" in said()[-1]
    summary = io.read(table(content))
    assert summary.sizes["localization"] == 6


def test_a_short_row_that_has_all_that_is_needed_is_read(table):
    content = _plain().replace(",8.62\n", "\n")
    found = io.read(table(content))
    _assert_as_written(found)
    assert np.isnan(found.loc_uncertainty).sum() == 1


def test_rows_without_a_position_or_a_frame_can_be_left_out(table, said):
    content = _plain(quoted=True).replace("844.5", "nan").replace(",5,325.9", ",,325.9")
    with pytest.raises(
        ValueError, match=r"2 rows without .* in line 3: .*drop_bad_rows=True leaves them out"
    ):
        io.read(table(content))
    found = io.read(table(content), Reading(drop_bad_rows=True))
    assert found.loc_frame.values.tolist() == [0, 11, 11, 99]
    assert "2 rows left out, the first in line 3: found nan in the column 'x [nm]'" in said()[-1]


@pytest.mark.parametrize(
    "column", [["", "", "1", "2", "", "3"], ["NaN"] * 6, [""] * 6, ["1", "", "", "", "", ""]]
)
@pytest.mark.parametrize("target", [".csv", ".smlm", ".hdf5"])
def test_a_column_that_is_not_known_is_converted_with_its_gaps(table, tmp_path, column, target):
    content = _text(("frame", "x [nm]", "y [nm]", "flag"), FRAMES, X, Y, column)
    found = io.convert(table(content), tmp_path / f"b{target}")
    assert found.lost == ()
    wanted = [float(value or "nan") for value in column]
    again = io.convert(tmp_path / f"b{target}", tmp_path / "again.csv").data
    np.testing.assert_array_equal(again.other_flag, wanted)
    _assert_as_written(io.read(tmp_path / "again.csv"))


def test_columns_of_text_are_named_when_a_table_is_converted(table, tmp_path, said):
    cells = ["cell_0", "cell_1", "", "cell_0", "7", "cell_2"]
    content = _text(
        ("frame", "x [nm]", "y [nm]", "cell", "quality"),
        FRAMES,
        X,
        Y,
        cells,
        ["1", "oops", "3", "", "5", "6"],
    )
    found = io.convert(table(content), tmp_path / "b.csv")
    assert found.lost == ("cell",)
    assert "columns of text are left out: 'cell'" in said()[0]
    np.testing.assert_array_equal(found.data.other_quality, [1, np.nan, 3, np.nan, 5, 6])
    assert "left_out" not in io.read(table(content)).attrs


@pytest.mark.parametrize("target", [".csv", ".smlm", ".hdf5"])
def test_a_single_channel_is_not_lost_with_its_column(table, tmp_path, target):
    content = _text(("frame", "x [nm]", "y [nm]", "channel"), FRAMES, X, Y, ["647"] * 6)
    assert io.convert(table(content), tmp_path / f"b{target}").lost == ()
    assert io.read(tmp_path / f"b{target}").attrs["channels"] == ["647"]


def test_a_new_dialect_is_some_lines_of_data(table, monkeypatch):
    columns = {"frame": ("t",), "x": ("east [um]",), "y": ("north [um]",)}
    new = Dialect(name="Ours", verified="nothing", headings=("t", "east"), first_frame=7, columns=columns)
    known = dialects.dialects()
    monkeypatch.setattr(dialects, "dialects", lambda: (new, *known))
    path = table(_text(("t", "east", "north"), FRAMES + 6, X / 1e3, Y / 1e3))
    _assert_as_written(io.read(path))
    assert io.format_name(path) == "Ours text"


def test_every_dialect_is_described_whole():
    for dialect in dialects.dialects():
        assert dialect.verified
        assert dialect.headings or dialect.comment or dialect == dialects.ANY()
        for names in dialect.columns.values():
            assert len(set(names)) == len(names)
