"""The command line turns a stack into a table that the other commands read."""

import re
import sys

import numpy as np
import pytest
import tifffile
from spots_on_frames import events
from typer.testing import CliRunner

from smlmsim import cli, io
from smlmsim.acquisition import Acquisition
from smlmsim.cli.app import app
from smlmsim.field import FieldOfView
from smlmsim.frames import Imaging
from smlmsim.io.frames import write_blocks
from smlmsim.metrics.localizations import score_localizations
from smlmsim.sparse import bin_localizations
from smlmsim.testing import make_frames

CAMERA = ("--camera", "scmos", "--camera-pixel-nm", 100, "--exposure-s", 0.02)


@pytest.fixture(scope="module")
def molecules():
    rng = np.random.default_rng(0)
    frame = np.sort(rng.integers(0, 20, 40))
    return events(frame, *rng.uniform(300, 2900, (2, 40)), 2000)


@pytest.fixture(scope="module")
def stack(molecules, tmp_path_factory):
    path = tmp_path_factory.mktemp("stack") / "stack.tif"
    frames = make_frames(molecules, (20, 32, 32), imaging=Imaging(camera="scmos"))
    tifffile.imwrite(path, frames.frames.values, photometric="minisblack")
    return path


@pytest.fixture
def run(monkeypatch, capsys):
    """A function that runs the command and returns its exit code, its output and what it says besides."""

    def command(*arguments):
        monkeypatch.setattr(sys, "argv", ["smlmsim", "localize", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        return ended.value.code or 0, said.out, said.err

    return command


@pytest.mark.parametrize("name", ["mle", "phasor"])
@pytest.mark.parametrize("ending", ["csv", "smlm", "hdf5"])
def test_a_stack_becomes_a_table_of_its_molecules(run, stack, molecules, tmp_path, name, ending):
    out = tmp_path / f"table.{ending}"
    code, output, _ = run(stack, "--with", name, "--out", out, *CAMERA)
    assert code == 0
    table = io.read(out)
    assert f"{table.sizes['localization']} localizations in 20 frames are in {out}" in output
    assert float(score_localizations(table, molecules).jaccard) > 0.9
    assert table.attrs["exposure_s"] == pytest.approx(0.02)
    assert {"loc_uncertainty", "loc_intensity", "loc_background", "loc_sigma"} <= set(table)


def test_what_is_assumed_is_printed_as_options(run, stack, tmp_path):
    _, _, said = run(stack, "--out", tmp_path / "a.csv", "--camera-pixel-nm", 100)
    assert "--offset 0, --electrons-per-level 1" in said
    assert "--exposure-s 0.01, say" in said
    assert "as in --offset 9" in said


def test_frames_are_counted_on_from_those_before_the_stack(run, stack, tmp_path):
    run(stack, "--out", tmp_path / "a.csv", *CAMERA, "--first-frame", 1000)
    assert int(io.read(tmp_path / "a.csv").loc_frame.min()) >= 1000


def test_a_higher_threshold_finds_fewer(run, stack, tmp_path):
    numbers = []
    for threshold in (4, 60):
        run(stack, "--out", tmp_path / "a.csv", *CAMERA, "--threshold", threshold)
        numbers.append(io.read(tmp_path / "a.csv").sizes["localization"])
    assert numbers[0] > numbers[1] > 0


REFUSED = {
    "no spot": (
        ("--threshold", 1e6, *CAMERA),
        "no molecule stands out of the noise in 20 frames of .*--threshold 4",
    ),
    "no pixel": ((), "give --camera-pixel-nm 100"),
    "a wrong localizer": (("--with", "mel", *CAMERA), "no localizer 'mel'; did you mean 'mle'"),
    "a wrong camera": (("--camera", "ccd", "--camera-pixel-nm", 100), "no typical camera 'ccd'"),
    "a wrong efficiency": (
        (*CAMERA, "--quantum-efficiency", 90),
        "--quantum-efficiency: .*less than or equal to 1",
    ),
    "a width that is none": ((*CAMERA, "--sigma-nm", 0), "sigma_nm|--sigma-nm"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_localized_is_told_in_one_line_and_nothing_is_written(run, stack, tmp_path, kind):
    options, reason = REFUSED[kind]
    code, _, said = run(stack, "--out", tmp_path / "a.csv", *options)
    errors = [line for line in said.splitlines() if line.startswith("error: ")]
    assert code == 1
    assert len(errors) == 1
    assert re.search(reason, errors[0]), errors[0]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("y0_nm", "x0_nm"), [(0.0, 0.0), (1000.0, -500.0)])
def test_a_molecule_in_the_middle_of_a_pixel_is_there_in_every_format(run, tmp_path, y0_nm, x0_nm):
    imaging, frame = Imaging(), np.arange(40)
    field = FieldOfView(height_nm=1000, width_nm=1400, pixel_nm=20, origin_y_nm=y0_nm, origin_x_nm=x0_nm)
    y_nm, x_nm = y0_nm + 350, x0_nm + 550  # the middle of the camera's pixel (3, 5)
    shining = events(frame, np.full(40, y_nm), np.full(40, x_nm), 5000)
    acquisition = Acquisition(time_points=4, frames_per_point=10)
    frames = imaging.blocks(shining, field, acquisition, np.random.default_rng(0))
    write_blocks(frames, 40, tmp_path / "frames.ome.tif")
    assert run(tmp_path / "frames.ome.tif", "--out", tmp_path / "a.csv")[0] == 0
    io.write(io.read(tmp_path / "a.csv"), tmp_path / "a.hdf5")
    for name in ("a.csv", "a.hdf5"):
        table = io.read(tmp_path / name)
        # The mean of 40 localizations with a precision of 2.2 nm has a standard deviation of 0.35 nm.
        assert float(table.loc_y.mean()) == pytest.approx(y_nm, abs=1.5)
        assert float(table.loc_x.mean()) == pytest.approx(x_nm, abs=1.5)
        assert table.attrs["field_nm"] == [y0_nm, x0_nm, 1000.0, 1400.0]
        counts = bin_localizations(table, field.replace({"pixel_nm": 100}), acquisition).counts.sum("time")
        assert np.argwhere(counts.values).tolist() == [[3, 5]]


def test_a_table_is_written_in_a_format_of_tables(run, stack, tmp_path):
    code, _, said = run(stack, "--out", tmp_path / "a.tif", *CAMERA)
    assert code == 1
    assert "tables are written as .csv, .smlm, .hdf5, .h5" in said


def test_installed_localizers_are_listed():
    found = CliRunner().invoke(app, ["list"])
    assert re.search(r"^localizers: .*mle.*phasor", found.output, re.MULTILINE)


def test_a_new_localizer_is_written_and_says_what_to_do_next(tmp_path):
    found = CliRunner().invoke(app, ["new-localizer", "bright_spots", "--out", str(tmp_path)])
    assert found.exit_code == 0
    assert (tmp_path / "bright_spots" / "src" / "bright_spots" / "localize.py").is_file()
    assert "pip install -e" in found.output
