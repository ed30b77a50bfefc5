"""The command that scores a grid: sweeps, what is given instead, and what is added."""

import subprocess
import sys

import pytest

from smlmsim.cli.app import grid_command
from smlmsim.cli.presets import preset_path
from smlmsim.cli.sweep import seeds_of, sweep_of
from smlmsim.grid import Axis, Grid, stored_grid
from smlmsim.grid.store import GridStore, StoreError

QUICK = preset_path("grid", "quick")


@pytest.fixture
def store(small_study, tmp_path):
    rates = Axis(setting="photophysics.rate_hz", values=(1600,))
    grid = Grid(study=small_study, axes=(rates,), seeds=(3,), reconstructors=("sparse",), metrics=("nrmse",))
    GridStore(tmp_path / "scores.zarr", grid)
    return tmp_path / "scores.zarr"


@pytest.mark.parametrize(
    ("text", "seeds"), [("0-3", (0, 1, 2, 3)), ("7", (7,)), ("5, 0-2,1", (5, 0, 1, 2)), (None, None)]
)
def test_seeds_are_numbers_and_ranges(text, seeds):
    assert seeds_of(text, "--seeds") == seeds


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "--again needs the names of what has changed, as in --reconstructor mine --again"),
        (
            ("--reconstructor", "sparse", "--seeds", "0-1"),
            "all seeds by all metrics of the grid; leave out --seeds",
        ),
        (("--reconstructor", "sparse", "--metric", "psnr"), "by all metrics of the grid; leave out --metric"),
        (
            ("--reconstructor", "static_sum"),
            "no reconstructor 'static_sum' to score again; it has sparse; --add in",
        ),
        (
            ("--reconstructor", "sparse", "--preset", "quick"),
            "to score again; it has 3; --add in place of --again",
        ),
    ],
)
def test_scoring_again_is_of_whole_reconstructors_of_the_grid(store, tree, run, options, words):
    before = tree(store.parent)
    code, said = run("grid", "--out", store.parent, "--again", *options)
    assert (code, len(said.splitlines())) == (1, 1)
    assert words in said
    assert tree(store.parent) == before


@pytest.mark.parametrize("sweep", [(), ("--preset", "quick")])
@pytest.mark.parametrize(("option", "purpose"), [("--again", "score again"), ("--add", "add to")])
def test_without_a_grid_the_option_is_named_and_no_folder_is_left(tmp_path, run, sweep, option, purpose):
    code, said = run("grid", "--out", tmp_path / "new", "--reconstructor", "sparse", option, *sweep)
    assert (code, len(said.splitlines())) == (1, 1)
    assert f"scores.zarr to {purpose}; check --out, or leave out {option}" in said
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("with_sweep", [False, True])
def test_an_interrupted_scoring_again_goes_on_where_it_was_with_add_in_its_place(
    store, tmp_path, run, tree, monkeypatch, in_this_process, with_sweep
):
    out, (write, scored) = store.parent, (GridStore.write, [])
    monkeypatch.setattr("smlmsim.cli.app.draw_grid", lambda *_: [])
    sweep = out / "sweep.toml"
    sweep.write_text(stored_grid(store).replace({"seeds": (3, 4)}).to_toml())
    assert run("grid", sweep, "--out", out, "--add")[0] == 0
    table = (out / "scores.csv").read_text()

    def stops(store, task, scores):
        scored.append(task.cell.seed)
        if scored == [3, 4]:
            raise KeyboardInterrupt
        write(store, task, scores)

    monkeypatch.setattr(GridStore, "write", stops)
    command = ["grid", *([sweep] if with_sweep else []), "--out", out, "--reconstructor", "sparse"]
    code, said = run(*command, "--again")
    assert code == 130
    assert "if this run is interrupted, continue with --add in place of --again" in said
    assert run(*command, "--add")[0] == 0
    assert scored == [3, 4, 4]
    assert (out / "scores.csv").read_text() == table
    assert "with `--add` in place of `--again`" in " ".join(grid_command.__doc__.split())


@pytest.mark.parametrize("text", ["", "a", "3-1", "-1", "1..3", "0-99999999", "1,,2", "1e3"])
def test_other_seeds_are_refused_in_a_line_that_names_the_option(text):
    with pytest.raises(
        ValueError, match=r"^--movies-of takes whole numbers and ranges, as in 0-9 or 0,3,7-9; found"
    ):
        seeds_of(text, "--movies-of")


def test_options_stand_for_what_the_sweep_says(store):
    grid = sweep_of(None, QUICK, store, seeds="4-5", metrics=["psnr"], reconstructors=["sparse"])
    assert (grid.seeds, grid.metrics, grid.reconstructors) == ((4, 5), ("psnr",), ("sparse",))
    assert grid.study == Grid.from_toml(QUICK).study


def test_what_is_added_without_a_sweep_belongs_to_the_stored_one(store, small_study):
    grid = sweep_of(None, QUICK, store, reconstructors=["static_sum"], add=True)
    assert (grid.study, grid.seeds, grid.reconstructors) == (small_study, (3,), ("static_sum",))
    assert sweep_of(QUICK, QUICK, store, add=True).study == Grid.from_toml(QUICK).study
    with pytest.raises(StoreError, match="to add to"):
        sweep_of(None, QUICK, store.parent / "none", add=True)


def test_a_reconstructor_is_added_to_a_finished_grid(store):
    out = store.parent

    def run(*options, code=0):
        command = [sys.executable, "-m", "smlmsim", "grid", "--out", out, "--workers", "1", *options]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stderr
        return done.stderr

    refused = run("--reconstructor", "static_sum", code=1)
    assert refused.startswith("error: ")
    assert len(refused.splitlines()) == 1
    run("--reconstructor", "static_sum", "--seeds", "4", "--add")
    header, *rows = (out / "scores.csv").read_text().splitlines()
    assert header.startswith("photophysics.rate_hz,seed,reconstructor,nrmse")
    assert sorted(row.split(",")[1:3] for row in rows) == [
        ["3", "sparse"], ["3", "static_sum"], ["4", "sparse"], ["4", "static_sum"],
    ]  # fmt: skip
    assert all(row.split(",")[3] for row in rows)
    assert len(list((out / "clips").glob("*.nc"))) == 2


def test_the_preset_of_windows_keeps_the_duration_of_its_movies():
    grid = Grid.from_toml(preset_path("grid", "window"))
    studies = [grid.study_of(cell) for cell in grid.cells() if cell.place[:2] == (0, 0) and cell.seed == 0]
    assert [study.acquisition.time_points for study in studies] == [150, 75, 50, 30, 21, 15]
    assert all(44 <= study.acquisition.recorded_s <= 45 for study in studies)
