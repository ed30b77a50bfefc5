"""The command line leaves what it promises, and says in one line what is wrong."""

import errno
import hashlib
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import tifffile
import xarray as xr

from smlmsim import cli

TABLE = '"frame","x [nm]","y [nm]"\n' + "".join(
    f"{i // 3 + 1},{i % 50 * 40},{i % 7 * 90}\n" for i in range(900)
)

SWEEP = """
seeds = [0]
reconstructors = ["sparse", "static_sum"]
[[axes]]
setting = "motion.velocity_nm_per_s"
values = [0, 100]
[[axes]]
setting = "photophysics.rate_hz"
values = [100, 1600]
[study.acquisition]
time_points = 4
[study.field]
height_nm = 800
width_nm = 640
"""


@pytest.fixture
def smlmsim(monkeypatch, capsys):
    """A function that runs a command in this process, and returns what it said."""

    def run(*arguments, code=0):
        monkeypatch.setattr(sys, "argv", ["smlmsim", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        assert (ended.value.code or 0) == code, said.err
        return said

    return run


def names(folder):
    return {file.name for file in folder.iterdir()}


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text(TABLE)
    return path


def test_help_teaches_every_command(smlmsim):
    found = smlmsim("--help").out
    for command in ("simulate", "reconstruct", "grid", "list"):
        assert command in found
        assert "--help" in smlmsim(command, "--help").out


@pytest.mark.slow
def test_list_names_reconstructors_metrics_and_presets():
    command = [sys.executable, "-m", "smlmsim", "list"]
    found = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    for word in ("gaussian_time", "moving_window", "sparse", "static_sum", "ms_ssim", "quick", "thesis"):
        assert word in found


@pytest.mark.slow
def test_reconstruct_leaves_a_stack_at_its_scale_and_pictures(smlmsim, table, tmp_path):
    out = tmp_path / "out"
    smlmsim("reconstruct", table, "--out", out, "--frames-per-point", 30, "--exposure-s", 0.02)
    pictures = {"montage.png", "kymograph.png", "movie.png"}
    assert names(out) == {"gaussian_time.tif", "counts.tif", "summary.json"} | pictures
    with tifffile.TiffFile(out / "gaussian_time.tif") as stack:
        assert stack.series[0].axes == "TYX"
        assert stack.series[0].shape[0] == 10
        assert stack.imagej_metadata["finterval"] == pytest.approx(0.6)
        numerator, denominator = stack.pages[0].tags["XResolution"].value
        assert numerator / denominator == pytest.approx(50)


def test_simulate_from_camera_frames_tells_of_how_many_molecules_and_writes_the_frames_that_are_kept(
    smlmsim, tmp_path
):
    study = tmp_path / "study.toml"
    study.write_text(
        "[field]\nheight_nm = 800\nwidth_nm = 640\n[acquisition]\ntime_points = 2\n"
        '[localization]\nkind = "imaged"\nkeep_frames = true\n'
    )
    said = smlmsim("simulate", study, "--out", tmp_path / "movie")
    assert re.search(r" localizations in .*; [\d.]+ per s, of [\d.]+ events per s\n", said.out)
    assert "molecules send photons=1000 per frame" in said.err
    assert tifffile.imread(tmp_path / "movie" / "frames.ome.tif").shape == (100, 8, 7)
    assert len(pd.read_csv(tmp_path / "movie" / "localizations.csv")) > 0


def test_simulate_writes_a_movie_and_the_study_that_makes_it_again(smlmsim, tmp_path):
    (tmp_path / "study.toml").write_text('kind = "simulated_dynamic"\n[acquisition]\ntime_points = 3\n')
    smlmsim("simulate", tmp_path / "study.toml", "--out", tmp_path / "a", "--seed", 3)
    smlmsim("simulate", tmp_path / "a" / "study.toml", "--out", tmp_path / "b", "--seed", 3)
    assert names(tmp_path / "a") == {
        "localizations.csv",
        "localizations.csv.json",
        "counts.tif",
        "truth.tif",
        "overview.png",
        "study.toml",
    }
    for name in ("localizations.csv", "truth.tif"):
        first, second = (hashlib.sha256((tmp_path / out / name).read_bytes()).digest() for out in "ab")
        assert first == second


def test_no_widefield_image_is_taken_of_a_measured_table(smlmsim, tmp_path):
    (tmp_path / "study.toml").write_text('kind = "experimental"\ntable = "table.csv"\n')
    command = ("simulate", tmp_path / "study.toml", "--out", tmp_path / "a", "--widefield")
    said = smlmsim(*command, code=1).err
    assert "of a measured table, of which no images can be taken; leave out --widefield" in said
    assert not (tmp_path / "a").exists()


@pytest.mark.slow
def test_grid_leaves_the_heatmap_and_the_scores_and_resumes(smlmsim, tmp_path):
    (tmp_path / "sweep.toml").write_text(SWEEP)
    out = tmp_path / "out"
    for _ in range(2):
        smlmsim("grid", tmp_path / "sweep.toml", "--out", out, "--workers", 1)
    assert names(out) == {"heatmap.png", "heatmap.pdf", "scores.nc", "scores.csv", "scores.zarr", "clips"}
    scores = xr.open_dataset(out / "scores.nc")
    assert scores.ms_ssim.dims == (
        "motion.velocity_nm_per_s",
        "photophysics.rate_hz",
        "seed",
        "reconstructor",
    )
    assert scores.ms_ssim.notnull().all()
    assert len(pd.read_csv(out / "scores.csv")) == scores.ms_ssim.size


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('"frame","x [nm]"\n1,2\n', "y"),
        ('"frame","x [nm]","y [nm]"\n', "no localization"),
        ('"frame","x [nm]","y [nm]"\n1,nan,2\n', "nan"),
        ('"frame","x [furlong]","y [nm]"\n1,2,3\n', "furlong"),
    ],
)
def test_a_bad_table_gives_one_line_and_leaves_nothing(smlmsim, tmp_path, content, message):
    (tmp_path / "bad.csv").write_text(content)
    found = smlmsim("reconstruct", tmp_path / "bad.csv", "--out", tmp_path / "out", code=1)
    assert found.err.startswith("error: ")
    assert len(found.err.splitlines()) == 1
    assert message in found.err
    assert names(tmp_path) == {"bad.csv"}


def test_wrong_choices_are_named_with_those_there_are(smlmsim, table, tmp_path):
    out = tmp_path / "out"
    assert "installed: " in smlmsim("reconstruct", table, "--with", "nope", "--out", out, code=1).err
    assert (
        "there are: cells, frames, quick, reference, thesis"
        in smlmsim("grid", "--preset", "nope", "--out", out, code=1).err
    )
    assert "--exposure-s: " in smlmsim("reconstruct", table, "--exposure-s", -1, "--out", out, code=1).err
    assert not out.exists()


def test_a_table_that_is_not_there_is_named(smlmsim, tmp_path):
    found = smlmsim("reconstruct", tmp_path / "nope.csv", "--out", tmp_path / "out", code=1)
    assert found.err == f"error: {tmp_path / 'nope.csv'}: No such file or directory\n"


def test_a_folder_that_cannot_be_written_is_named(table, tmp_path, monkeypatch, capsys):
    def refuse(self, *_, **__):
        raise PermissionError(errno.EACCES, "Permission denied", str(self))

    monkeypatch.setattr(Path, "mkdir", refuse)
    monkeypatch.setattr(
        sys, "argv", ["smlmsim", "--quiet", "reconstruct", str(table), "--out", str(tmp_path / "out")]
    )
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 1
    expected = f"error: cannot make the folder {tmp_path / 'out'}: Permission denied; choose another one with --out\n"
    assert capsys.readouterr().err == expected
    assert not (tmp_path / "out").exists()
