"""What cannot well be as a table says is said in plain words, and what can be is not."""

import numpy as np
import pytest

from smlmsim import schema
from smlmsim.estimate import implausible, shown_frames, summarise


def _summary(size_nm=(2560.0, 2560.0), number=3000, frames=(1, 3000), first_frame=1, more=()):
    rng = np.random.default_rng(0)
    frame = np.sort(rng.integers(frames[0], frames[1] + 1, number)) - first_frame
    y, x = (rng.uniform(0, side, number) for side in size_nm)
    for extra_frame, extra_y, extra_x in more:
        frame, y, x = (
            np.append(array, value) for array, value in ((frame, extra_frame), (y, extra_y), (x, extra_x))
        )
    columns = {"loc_frame": frame.astype(np.int32), "loc_y": y.astype("f4"), "loc_x": x.astype("f4")}
    return summarise([schema.dataset({"first_frame": first_frame}, **columns)])


def test_an_ordinary_table_raises_no_doubt():
    usual = {"exposure_s": 0.03, "frames_per_point": 50, "field_nm": (0.0, 0.0, 2560.0, 5120.0)}
    assert implausible(_summary(), **usual) == []
    assert implausible(_summary(number=60, frames=(1, 100)), exposure_s=0.01) == []


def test_molecules_at_one_place_of_a_field_that_is_known_raise_no_doubt():
    columns = {"loc_frame": np.arange(50, dtype=np.int32), "loc_y": np.linspace(748, 751, 50)}
    summary = summarise([schema.dataset(**columns, loc_x=columns["loc_y"] + 400)])
    assert "look like pixels" in implausible(summary, exposure_s=0.02)[0]
    assert implausible(summary, exposure_s=0.02, field_nm=(0.0, 0.0, 1600.0, 2400.0)) == []


@pytest.mark.parametrize(
    ("table", "settings", "doubt"),
    [
        ({"size_nm": (29.0, 29.0)}, {}, "look like pixels; if so, give camera_pixel_nm=100"),
        ({"size_nm": (400.0, 400.0)}, {"exposure_s": 0.001}, "more than can be distinguished"),
        ({"size_nm": (2e6, 2000.0)}, {}, "cover 2 x 0.002 mm"),
        ({"size_nm": (4900.0, 2500.0)}, {"field_nm": (0.0, 0.0, 2560.0, 5120.0)}, "x and y look exchanged"),
        ({}, {"exposure_s": 30.0}, "a camera frame of 30 s: 30 ms may be meant, exposure_s=0.03"),
        ({}, {"exposure_s": 5e-5}, "a camera frame of 5e-05 s: 50 ms may be meant, exposure_s=0.05"),
        ({}, {"frames_per_point": 100_000}, "holds all 3000 frames of the recording"),
        ({"frames": (1, 10**6)}, {"frames_per_point": 50_000}, "a time point of 50000 frames lasts 1500 s"),
        ({"frames": (1_000_001, 1_003_000)}, {}, "the first localization is in frame 100"),
        ({"more": [(10**9, 5, 5)]}, {}, "the last one is in frame 1000000001; to_frame="),
        ({"frames": (7, 7)}, {}, "all localizations are in one frame, 7"),
        ({"number": 1}, {}, "a single localization"),
    ],
)  # fmt: skip
def test_a_doubt_names_what_was_found_and_what_helps(table, settings, doubt):
    found = implausible(_summary(**table), **settings)
    assert any(doubt in line for line in found), found
    assert all("\n" not in line for line in found)


def test_rows_that_stand_twice_are_counted():
    rng = np.random.default_rng(1)
    columns = {
        "loc_frame": np.arange(100, dtype=np.int32),
        "loc_y": rng.uniform(0, 2560, 100),
        "loc_x": rng.uniform(0, 2560, 100),
    }
    twice = {name: np.tile(values, 2).astype(np.asarray(values).dtype) for name, values in columns.items()}
    found = implausible(summarise([schema.dataset(**twice)]))
    assert found == [
        "100 of 200 rows repeat the frame and position of an earlier one: the table may have been written twice"
    ]


def test_frames_are_shown_as_the_file_counts_them():
    assert shown_frames(_summary(frames=(1, 273), number=5000)) == "273 frames, 1 to 273, counted from 1"
    assert (
        shown_frames(_summary(frames=(0, 99), number=5000, first_frame=0))
        == "100 frames, 0 to 99, counted from 0"
    )
