"""The command that reconstructs a table uses what the table says, and refuses what would be wrong."""

import json
import re

import numpy as np
import pytest
import tifffile
from PIL import Image

from smlmsim import Experimental, io
from smlmsim.io import Reading


def _rows(number=600, frames=300, unit="nm", size=1000.0, more=""):
    rng = np.random.default_rng(4)
    frame = np.sort(rng.integers(1, frames + 1, number))
    x, y = rng.uniform(0, size, (2, number))
    header = f"frame,x [{unit}],y [{unit}]" + (",channel" if more else "")
    lines = [
        f"{f},{a:.3f},{b:.3f}" + (f",{i % 2}" if more else "")
        for i, (f, a, b) in enumerate(zip(frame, x, y, strict=True))
    ]
    return "\n".join([header, *lines]) + "\n"


def test_what_the_table_says_of_its_exposure_counts_and_an_option_goes_before_it(run, tmp_path):
    (tmp_path / "t.csv").write_text(_rows())
    (tmp_path / "t.csv.json").write_text('{"exposure_s": 0.01}')
    code, said = run("reconstruct", tmp_path / "t.csv", "--with", "sparse", "--out", tmp_path / "a")
    assert code == 0
    assert "rate: 200 " in said  # 600 in 300 frames of 10 ms
    assert float(np.diff(io.read(tmp_path / "a" / "sparse.tif").time)[0]) == pytest.approx(0.5)
    made = json.loads((tmp_path / "a" / "summary.json").read_text())
    assert made["reconstructor"] == "sparse"
    assert made["attributes"]["exposure_s"] == 0.01
    assert made["rate"]["rate_hz"] == pytest.approx(200)
    code, said = run(
        "reconstruct", tmp_path / "t.csv", "--with", "sparse", "--out", tmp_path / "b", "--exposure-s", 0.02
    )
    assert code == 0
    assert "--exposure-s = 0.02 as given; the file says 0.01" in said
    assert float(np.diff(io.read(tmp_path / "b" / "sparse.tif").time)[0]) == pytest.approx(1.0)


def test_an_exposure_that_nobody_says_is_taken_to_be_30_ms_and_that_is_said(run, tmp_path):
    (tmp_path / "t.csv").write_text(_rows())
    code, said = run("reconstruct", tmp_path / "t.csv", "--with", "sparse", "--out", tmp_path / "a")
    assert code == 0
    assert "the exposure is taken to be 0.03 s" in said


def test_camera_pixels_are_not_those_of_the_images(run, tmp_path):
    (tmp_path / "t.csv").write_text(_rows(unit="px", size=10))
    out = tmp_path / "a"
    code, said = run("reconstruct", tmp_path / "t.csv", "--with", "sparse", "--pixel-nm", 50, "--out", out)
    assert code == 1
    assert "give --camera-pixel-nm 100" in said or "as in --camera-pixel-nm 100" in said
    code, _ = run(
        "reconstruct",
        tmp_path / "t.csv",
        "--with",
        "sparse",
        "--pixel-nm",
        50,
        "--camera-pixel-nm",
        100,
        "--out",
        out,
    )
    assert code == 0
    stack = io.read(out / "sparse.tif")
    assert (stack.sizes["y"], stack.sizes["x"]) == (20, 20)


def test_channels_are_never_counted_together_unasked(run, tmp_path):
    (tmp_path / "t.csv").write_text(_rows(more="channel"))
    arguments = ("reconstruct", tmp_path / "t.csv", "--with", "sparse", "--movie", "none", "--out")
    code, said = run(*arguments, tmp_path / "a")
    assert code == 1
    assert (
        "holds 2 channels, 0, 1; choose one, as in --channel 0, or take each by itself with --channel all"
        in said
    )
    for channel, number in (("1", 300), ("all", [300, 300])):
        code, said = run(*arguments, tmp_path / channel, "--channel", channel)
        assert code == 0, said
        assert (
            io.read(tmp_path / channel / "counts.tif").counts.sum(("time", "y", "x")).values.tolist()
            == number
        )
    said = run("info", tmp_path / "t.csv", "--exposure-s", "0.03")[1]
    assert "0, 1; --channel chooses one" in said
    assert re.search(r"rate +(\S+) ± \S+ Hz of all channels together\n", said)
    together, *each = (
        float(re.search(pattern, said)[1])
        for pattern in (r"rate +(\S+) ±", r"by channel +(\S+) Hz of 0", r"(\S+) Hz of 1")
    )
    assert each == pytest.approx([together / 2, together / 2], rel=1e-3)


def _coloured(folder):
    """A table of three bars along x that one dye labels, and three along y that another does, 1 s each time point."""
    rng = np.random.default_rng(5)
    frame, along, bar = (
        np.sort(rng.integers(1, 201, 2000)),
        rng.uniform(0, 1000, 2000),
        rng.integers(1, 4, 2000),
    )
    across, dye = 250 * bar + rng.normal(0, 10, 2000), rng.integers(0, 2, 2000)
    rows = [
        f"{f},{a if d else b:.2f},{b if d else a:.2f},{('Cy3B', 'Alexa 647')[d]}"
        for f, a, b, d in zip(frame, along, across, dye, strict=True)
    ]
    (folder / "t.csv").write_text("\n".join(["frame,x [nm],y [nm],channel", *rows]) + "\n")
    return folder / "t.csv", np.bincount(dye)


def test_every_channel_of_a_table_is_reconstructed_by_itself(run, tmp_path):
    table, numbers = _coloured(tmp_path)
    arguments = ("reconstruct", table, "--exposure-s", 0.02, "--movie", "none", "--out")
    code, said = run(*arguments, tmp_path / "refused")
    assert code == 1
    assert "choose one, as in --channel" in said
    code, said = run(*arguments, tmp_path / "all", "--channel", "all")
    assert code == 0, said
    found = io.read(tmp_path / "all" / "gaussian_time.tif").density
    counts = io.read(tmp_path / "all" / "counts.tif").counts
    assert found.dims == counts.dims == ("channel", "time", "y", "x")
    for dye, number in zip(("Cy3B", "Alexa 647"), numbers, strict=True):
        assert int(counts.sel(channel=dye).sum()) == number
        assert f"rate {dye}: {number / 4:.4g} " in said  # 200 frames of 20 ms
        across = "x" if dye == "Cy3B" else "y"
        lines = found.sel(channel=dye).sum(("time", "x" if across == "y" else "y"))
        assert (
            lines.sel({across: [250, 500, 750]}, method="nearest").min()
            > 10 * lines.sel({across: [125, 375, 625]}, method="nearest").max()
        )
    with tifffile.TiffFile(tmp_path / "all" / "gaussian_time.tif") as file:
        assert file.series[0].axes == "TCYX"
        assert set(file.imagej_metadata["Labels"]) == {"Alexa 647", "Cy3B"}
    made = json.loads((tmp_path / "all" / "summary.json").read_text())
    assert made["movie"]["channel"] == 2
    assert made["rate"]["Cy3B"]["rate_hz"] == pytest.approx(numbers[0] / 4)
    code, said = run("info", tmp_path / "all" / "gaussian_time.tif")
    assert code == 0
    assert "4 images of" in said
    assert "in each channel" in said
    code, said = run("convert", tmp_path / "all" / "gaussian_time.tif", tmp_path / "a.zarr")
    assert code == 0
    assert "in each of 2 channels" in said
    np.testing.assert_array_equal(io.read(tmp_path / "a.zarr").density, found)


def test_widefield_images_judge_each_channel_by_its_own(run, tmp_path):
    table, _ = _coloured(tmp_path)
    study = Experimental(table=table, exposure_s=0.02, reading=Reading(channel="all"))
    counts = study.movie().observation.counts.isel(y=slice(0, 50), x=slice(0, 50))
    seen = counts.mean("time").coarsen(y=5, x=5).mean().expand_dims(time=[2.0], axis=1).astype(np.float32)
    io.write(seen, tmp_path / "w.tif")
    io.write(seen[0], tmp_path / "one.tif")
    arguments = (
        "reconstruct",
        table,
        "--exposure-s",
        0.02,
        "--movie",
        "none",
        "--channel",
        "all",
        "--widefield",
    )
    code, said = run(*arguments, tmp_path / "one.tif", "--out", tmp_path / "a")
    assert code == 1
    assert re.search(
        "one.tif: the reconstruction has 2 channels, .*choose one channel of the table, --channel", said
    )
    code, said = run(*arguments, tmp_path / "w.tif", "--out", tmp_path / "a")
    assert code == 0, said
    found = json.loads((tmp_path / "a" / "summary.json").read_text())["widefield"]
    assert min(found[dye]["rsp"] for dye in ("Cy3B", "Alexa 647")) > 0.8
    assert "Cy3B: against widefield: RSP" in said
    assert io.read(tmp_path / "a" / "error.tif").sizes["channel"] == 2


def test_a_stray_localization_is_named_and_can_be_left_out(run, tmp_path):
    (tmp_path / "t.csv").write_text(_rows() + "300,25000000,500\n")
    arguments = ("reconstruct", tmp_path / "t.csv", "--with", "sparse", "--out", tmp_path / "a")
    code, said = run(*arguments)
    assert code == 1
    assert "since 1 of 601 lie far outside" in said
    assert "one at x = 2.5e+07 nm" in said
    assert "leave them out with --coverage 0.999" in said
    code, said = run(*arguments, "--coverage", 0.999)
    assert code == 0
    assert max(io.read(tmp_path / "a" / "sparse.tif").sizes.values()) <= 51


def test_a_recording_that_begins_late_has_no_empty_time_points_in_front(run, tmp_path):
    rows = _rows().splitlines()
    later = [rows[0], *(f"{int(row.split(',', 1)[0]) + 100_000},{row.split(',', 1)[1]}" for row in rows[1:])]
    (tmp_path / "t.csv").write_text("\n".join(later) + "\n")
    code, said = run(
        "reconstruct", tmp_path / "t.csv", "--with", "sparse", "--exposure-s", 0.01, "--out", tmp_path / "a"
    )
    assert code == 0
    assert "the movie begins with frame 100001" in said
    assert io.read(tmp_path / "a" / "counts.tif").sizes["time"] == 6
    assert "rate: 200 " in said


def test_one_frame_far_off_is_said_and_what_would_not_fit_is_refused_before_it_is_tried(run, tmp_path):
    (tmp_path / "t.csv").write_text(_rows() + "1000000001,500,500\n")
    arguments = ("reconstruct", tmp_path / "t.csv", "--with", "sparse", "--out", tmp_path / "a")
    code, said = run(*arguments)
    assert code == 1
    assert "20000001 time points of" in said
    assert "are available; ask for more --frames-per-point" in said
    assert "--to-frame" in run("info", tmp_path / "t.csv")[1]
    assert run(*arguments, "--to-frame", 300)[0] == 0


def test_the_movie_plays_and_the_line_of_the_kymograph_can_be_chosen(run, tmp_path):
    (tmp_path / "t.csv").write_text(_rows())
    arguments = ("reconstruct", tmp_path / "t.csv", "--with", "sparse", "--movie")
    for kind in ("png", "gif"):
        code, _ = run(*arguments, kind, "--out", tmp_path / kind, "--line", "100,100,900,700")
        assert code == 0
        with Image.open(tmp_path / kind / f"movie.{kind}") as movie:
            assert movie.n_frames == 6
        made = json.loads((tmp_path / kind / "summary.json").read_text())
        assert made["line_nm"] == {"start_y_nm": 100, "start_x_nm": 100, "end_y_nm": 700, "end_x_nm": 900}
    assert "found 'avi'; choose one with --movie png" in run(*arguments, "avi", "--out", tmp_path / "c")[1]


def test_a_movie_that_cannot_be_written_is_refused_before_anything_is_computed(run, tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    (tmp_path / "t.csv").write_text(_rows())
    code, said = run("reconstruct", tmp_path / "t.csv", "--movie", "mp4", "--out", tmp_path / "a")
    assert code == 1
    assert "smlmsim[movie]" in said
    assert not (tmp_path / "a").exists()


def test_a_channel_that_is_not_there_is_answered_by_those_that_are(run, tmp_path):
    (tmp_path / "t.csv").write_text(_rows(more="channel"))
    code, said = run("reconstruct", tmp_path / "t.csv", "--channel", 7, "--out", tmp_path / "a")
    assert code == 1
    assert "there is no channel '7'; the channels are 0, 1" in said
