"""Tables of Insight3 are read as storm-analysis lays them out."""

import numpy as np
import pytest

from smlmsim import io
from smlmsim.io import Reading, insight3
from smlmsim.io.formats import recognised

PIXEL = Reading(camera_pixel_nm=160)


def _file(path, number=3, frames=10, status=6, more=b"", **changes):
    records = np.zeros(3, insight3.RECORD)
    records["x"], records["xc"], records["yc"] = 99, [1, 2, 3], [4, 5, 6.5]
    records["zc"], records["frame"], records["bg"] = [-100, 0, 100], [7, 1, 3], 12
    for name, values in changes.items():
        records[name] = values
    head = b"M425" + np.array([frames, status, number], "<i4").tobytes()
    path.write_bytes(head + records.tobytes() + more)
    return path


def test_a_record_is_18_numbers_of_4_bytes():
    assert insight3.RECORD.itemsize == 18 * 4
    assert insight3.RECORD.fields["frame"][1] == 13 * 4
    assert insight3.RECORD.fields["zc"][1] == 17 * 4


@pytest.mark.parametrize("rows", [2, 100])
def test_positions_corrected_for_drift_become_nm(tmp_path, rows):
    path = _file(tmp_path / "a.bin", more=b"<settings/>")
    assert recognised(path).name == "Insight3 .bin"
    found = io.read(path, PIXEL)
    assert found.loc_frame.values.tolist() == [0, 2, 6]
    assert found.loc_x.values.tolist() == [320, 480, 160]
    assert found.loc_y.values.tolist() == [800, 1040, 640]
    assert found.loc_z.values.tolist() == [0, 100, -100]
    assert found.attrs == {"first_frame": 1, "frames": 10, "camera_pixel_nm": 160}
    assert io.read(path, PIXEL, others=True).other_bg.values.tolist() == [12, 12, 12]
    pieces = list(io.chunks(path, PIXEL, rows=rows))
    assert [piece.sizes["localization"] for piece in pieces] == ([2, 1] if rows == 2 else [3])


def test_a_pixel_that_nobody_knows_is_asked_for(tmp_path):
    with pytest.raises(
        ValueError, match=r"a\.bin: .* does not say how large a camera pixel is; give camera_pixel_nm=160"
    ):
        io.read(_file(tmp_path / "a.bin"))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"number": 4}, "says that it holds 4 localizations; it is too short for them"),
        ({"number": -1}, "says that it holds -1 localizations"),
        ({"number": 0}, "says that it holds 0 localizations"),
        ({"number": 2**31 - 1}, "too short for them"),
        ({"xc": [1, np.nan, 3]}, "in record 1: found nan in the field 'xc'"),
        ({"frame": [1, 2, -3]}, "in record 2: found -3 in the field 'frame'"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(tmp_path, changes, words):
    with pytest.raises(ValueError, match=rf"a\.bin: .*{words}"):
        io.read(_file(tmp_path / "a.bin", **changes), PIXEL)


def test_a_file_that_ends_in_its_head_is_refused(tmp_path):
    (tmp_path / "a.bin").write_bytes(b"M425\0\0")
    with pytest.raises(ValueError, match=r"a\.bin: the file does not begin as \.bin files of Insight3 do"):
        io.read(tmp_path / "a.bin", PIXEL)
