"""The commands of the report, of new reconstructors and of napari."""

import importlib.util
import subprocess
import sys

import pytest

from smlmsim.grid import Axis, Grid
from smlmsim.grid.store import GridStore
from smlmsim.regions import RATE, VELOCITY


def smlmsim(*arguments, code=0):
    done = subprocess.run(
        [sys.executable, "-m", "smlmsim", *map(str, arguments)], capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stderr
    return done


def test_new_reconstructor_says_what_to_do_next(tmp_path):
    found = smlmsim("new-reconstructor", "made_by_a_test", "--out", tmp_path).stdout
    assert f"pip install -e '{tmp_path / 'made_by_a_test'}[test]'" in found
    assert (tmp_path / "made_by_a_test" / "pyproject.toml").exists()


def test_a_report_of_nothing_gives_one_line(tmp_path):
    found = smlmsim("report", tmp_path, "--out", tmp_path / "out", code=1).stderr
    assert found.startswith("error: ")
    assert len(found.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_a_grid_of_three_axes_is_refused_with_the_option_that_cuts_it(run, small_study, tmp_path):
    axes = {"motion.kind": ("rigid",), VELOCITY: (0, 75), RATE: (100, 400)}
    grid = Grid(
        study=small_study, axes=tuple(Axis(setting=name, values=axes[name]) for name in axes), seeds=(0,)
    )
    GridStore(tmp_path / "scores.zarr", grid)
    out = ("--out", tmp_path / "out")
    code, said = run("report", tmp_path, *out)
    assert code == 1
    assert said.endswith("at a value of 1 of them, as in --at photophysics.rate_hz=100\n")
    assert "has no value 'fast' in the grid" in run("report", tmp_path, *out, "--at", f"{VELOCITY}=fast")[1]
    assert "--at takes a setting and its value" in run("report", tmp_path, *out, "--at", VELOCITY)[1]
    assert (
        "--at has two values of motion.kind"
        in run("report", tmp_path, *out, *["--at", "motion.kind=a"] * 2)[1]
    )


@pytest.mark.skipif(importlib.util.find_spec("napari") is not None, reason="napari is installed")
def test_view_without_napari_says_how_to_get_it(tmp_path):
    found = smlmsim("view", tmp_path, code=1).stderr
    assert (
        found
        == "error: napari is not installed; pip install 'smlmsim[napari]' adds it, and --browser needs none\n"
    )
