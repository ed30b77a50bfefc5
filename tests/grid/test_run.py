"""A grid gives the same bytes whoever runs it and however often it is killed; a failure stays where it happened."""

import os

import numpy as np
import pytest
from killed import killed
from one_process import one_process

from smlmsim import compare, figures
from smlmsim.estimate import require_map
from smlmsim.grid import Axis, Grid, read_scores, run_grid
from smlmsim.grid.clips import clip_path, keep, record, recorded, shown_cells
from smlmsim.grid.run import score_task
from smlmsim.grid.store import StoreError, Task
from smlmsim.io import netcdf
from smlmsim.metrics import score
from smlmsim.pipeline import simulate
from smlmsim.report import words

PLUGIN = """
import os, signal

class Raises:
    def reconstruct(self, observation):
        raise RuntimeError("no signal")

class Dies:
    def reconstruct(self, observation):
        if observation.counts.sum() > 2000:
            os.kill(os.getpid(), signal.SIGKILL)
        return observation[["counts"]].rename(counts="density").astype("f4")
"""

RUN = """
from smlmsim.grid import Grid, run_grid

def run():
    run_grid(Grid.from_toml("grid.toml"), "s.zarr", processes=2, movies_of=(1,), progress=False)
"""


def all_of(grid, cell):
    """The task of a cell of which nothing is known."""
    return Task(cell, dict.fromkeys(grid.reconstructors, grid.metrics), grid.metrics)


@pytest.fixture(scope="module")
def grid(small_study):
    rates = Axis(setting="photophysics.rate_hz", values=(100, 400, 1600))
    velocities = Axis(setting="motion.velocity_nm_per_s", values=(0, 100))
    return Grid(
        study=small_study, axes=(velocities, rates), seeds=(0, 1), reconstructors=("sparse", "static_sum")
    )


@pytest.fixture
def plugin(tmp_path_factory, monkeypatch):
    """Two faulty reconstructors, installed as a package of their own."""
    site = tmp_path_factory.mktemp("site")
    (site / "faulty.py").write_text(PLUGIN)
    info = site / "faulty-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: faulty\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[smlmsim.reconstructors]\nraises = faulty:Raises\ndies = faulty:Dies\n"
    )
    monkeypatch.syspath_prepend(site)


@pytest.fixture(scope="module")
def undisturbed(grid, tmp_path_factory, tree):
    store = tmp_path_factory.mktemp("undisturbed") / "s.zarr"
    with one_process():
        run_grid(grid, store, movies_of=(1,), progress=False)
    return scored(tree(store))


def scored(files):
    """All of a store but the seconds that reconstructions took."""
    return {name: found for name, found in files.items() if not name.startswith("seconds/c/")}


def test_an_empty_estimate_is_the_floor_of_every_movie(grid, tmp_path, in_this_process):
    small = grid.replace({"seeds": (0,)})
    scores = run_grid(small, tmp_path / "s.zarr", progress=False)
    truth = simulate(small.study_of(next(small.cells())), 0).truth
    expected = score(truth.assign(density=0 * truth.density), truth, small.metrics)
    for metric in small.metrics:
        floor = scores[f"floor_{metric}"]
        assert floor.dims == small.dims
        assert float(floor[0, 0, 0]) == float(expected[metric])
        assert floor.attrs["long_name"].endswith("of an empty estimate")
    assert (scores.ms_ssim > scores.floor_ms_ssim).any()


def test_a_score_that_the_truth_cannot_give_is_missing_with_its_reason(grid, monkeypatch):
    def constant(study, seed):
        movie = simulate(study, seed)
        return movie._replace(truth=movie.truth.assign(density=0 * movie.truth.density + 0.01))

    monkeypatch.setattr("smlmsim.grid.run.simulate", constant)
    metrics = ("ssim", "skeleton_recall", "skeleton_f1")
    grid = grid.replace({"metrics": metrics})
    found = score_task(grid, (), all_of(grid, next(grid.cells()))).scores
    assert np.isfinite(found.scores[0]).all()
    assert np.isnan(found.scores[1:]).all()
    assert found.reasons == ["the truth has no centre line of 200 nm or more to follow"] * 2


@pytest.mark.slow
def test_scores_are_those_of_each_cell_alone(grid, tmp_path):
    scores = run_grid(grid, tmp_path / "s.zarr", processes=2, progress=False)
    assert scores.ms_ssim.dims == (
        "motion.velocity_nm_per_s",
        "photophysics.rate_hz",
        "seed",
        "reconstructor",
    )
    for cell in list(grid.cells())[::5]:
        alone = score_task(grid, (), all_of(grid, cell)).scores
        for name, expected in zip(grid.metrics, alone.scores, strict=True):
            np.testing.assert_array_equal(scores[name].values[cell.place], expected)


@pytest.mark.slow
def test_any_number_of_processes_gives_the_same_bytes(grid, tmp_path, tree, undisturbed):
    run_grid(grid, tmp_path / "s.zarr", processes=3, movies_of=(1,), progress=False)
    assert scored(tree(tmp_path / "s.zarr")) == undisturbed


@pytest.mark.slow
def test_a_dask_cluster_gives_the_same_bytes(grid, tmp_path, tree, undisturbed):
    from distributed import LocalCluster

    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
        run_grid(
            grid, tmp_path / "s.zarr", scheduler=cluster.scheduler_address, movies_of=(1,), progress=False
        )
    assert scored(tree(tmp_path / "s.zarr")) == undisturbed


@pytest.mark.slow
def test_killed_at_any_moment_it_resumes_to_the_same_bytes(grid, tmp_path, tree, undisturbed):
    (tmp_path / "grid.toml").write_text(grid.to_toml())
    store = tmp_path / "s.zarr"
    write = "smlmsim.grid.store:GridStore.write"
    assert killed(tmp_path, RUN, [(write, 2), (write, 6)]) == [-1, -1]
    run_grid(grid, store, processes=2, movies_of=(1,), progress=False)
    assert scored(tree(store)) == undisturbed
    shown = grid.replace({"movies.seeds": (1,)})
    cells = shown_cells(shown)
    assert len(recorded(shown, tmp_path / "clips")) == len(cells) == 6
    assert (read_scores(store).seconds > 0).all()
    keep(tmp_path / "later.nc", record(grid, cells[0], grid.reconstructors), grid.reconstructors)
    path = clip_path(grid, cells[0], tmp_path / "clips")
    assert path.read_bytes() == (tmp_path / "later.nc").read_bytes()


def test_a_reconstructor_that_fails_leaves_nan_and_its_reason_and_the_rest_goes_on(
    grid, tmp_path, in_this_process, plugin
):
    grid = grid.replace({"reconstructors": ("sparse", "raises")})
    scores = run_grid(grid, tmp_path / "s.zarr", progress=False)
    assert np.isfinite(scores.ms_ssim.sel(reconstructor="sparse")).all()
    assert np.isnan(scores.ms_ssim.sel(reconstructor="raises")).all()
    assert (scores.reason.sel(reconstructor="sparse") == "").all()
    assert all("no signal" in reason for reason in scores.reason.sel(reconstructor="raises").values.ravel())


@pytest.mark.slow
def test_a_cell_that_kills_its_process_is_nan_and_the_rest_goes_on(grid, tmp_path, plugin):
    rates = Axis(setting="photophysics.rate_hz", values=(1600, 100, 400))
    grid = grid.replace({"axes": (rates,), "reconstructors": ("sparse", "dies"), "seeds": (0,)})
    scores = run_grid(grid, tmp_path / "s.zarr", processes=2, progress=False)
    died = np.isnan(scores.ms_ssim.sel(reconstructor="dies").values)
    assert 0 < died.sum() < died.size
    np.testing.assert_array_equal(died, np.isnan(scores.ms_ssim.sel(reconstructor="sparse").values))
    assert all("died" in reason for reason in scores.reason.values[died].ravel())


def test_failed_cells_run_again_when_asked(grid, tmp_path, in_this_process, plugin):
    grid = grid.replace({"reconstructors": ("raises",)})
    run_grid(grid, tmp_path / "s.zarr", progress=False)
    (done,) = ((tmp_path / "s.zarr" / "reason" / "c" / "0" / "0" / "0").glob("*"),)
    before = [file.stat().st_mtime_ns for file in done]
    run_grid(grid, tmp_path / "s.zarr", progress=False)
    files = list((tmp_path / "s.zarr" / "reason" / "c" / "0" / "0" / "0").glob("*"))
    assert [file.stat().st_mtime_ns for file in files] == before
    run_grid(grid, tmp_path / "s.zarr", progress=False, retry_failed=True)
    assert [file.stat().st_mtime_ns for file in files] != before


def test_an_unknown_reconstructor_is_refused_before_anything_is_written(grid, tmp_path):
    with pytest.raises(ValueError, match="no reconstructor 'nope'; installed: "):
        run_grid(grid.replace({"reconstructors": ("nope",)}), tmp_path / "s.zarr", progress=False)
    assert os.listdir(tmp_path) == []


def test_a_result_can_be_read_without_the_grid(grid, tmp_path, in_this_process):
    made = run_grid(grid, tmp_path / "s.zarr", progress=False)
    assert read_scores(tmp_path / "s.zarr").identical(made)
    assert Grid.model_validate(__import__("tomllib").loads(made.attrs["grid"])) == grid


def test_a_store_that_is_not_there_is_named(tmp_path):
    with pytest.raises(StoreError, match=r"nope\.zarr"):
        read_scores(tmp_path / "nope.zarr")


def test_texts_along_an_axis_keep_their_order_from_the_sweep_to_the_picture_and_the_report(
    small_study, tmp_path, in_this_process
):
    kinds = Axis(setting="motion.kind", values=("static", "rigid"))
    rates = Axis(setting="photophysics.rate_hz", values=(800, 200))
    grid = Grid(study=small_study, axes=(kinds, rates), seeds=(0, 1), reconstructors=("sparse", "static_sum"))
    run_grid(grid, tmp_path / "s.zarr", progress=False)
    netcdf.write(read_scores(tmp_path / "s.zarr"), tmp_path / "s.nc")
    for scores in (read_scores(tmp_path / "s.zarr"), netcdf.read(tmp_path / "s.nc")):
        assert scores["motion.kind"].values.tolist() == ["static", "rigid"]
        panel = figures.heatmap(scores).axes[0]
        ticks = [[tick.get_text() for tick in axis.get_ticklabels()] for axis in (panel.yaxis, panel.xaxis)]
        assert ticks == [["static", "rigid"], ["200", "800"]]
    means = scores.ms_ssim.mean("seed").sel(reconstructor="sparse").sortby("photophysics.rate_hz")
    np.testing.assert_allclose(panel.collections[0].get_array().reshape(2, 2), means.values)
    assert compare.win_map(scores).best.dims == ("motion.kind", "photophysics.rate_hz")
    assert "motion (static and rigid)" in words.lead(scores, "ms_ssim", 4)
    with pytest.raises(ValueError, match=r"a map needs the axis motion\.velocity_nm_per_s"):
        require_map(scores)
    named = scores.expand_dims({"motion.velocity_nm_per_s": [0.0]})
    with pytest.raises(
        ValueError, match=r"alone, found motion\.kind besides; choose a value of it, as in scores.sel"
    ):
        require_map(named)


def test_settings_of_the_study_that_a_kind_does_not_take_are_said_unless_an_axis_sets_them(
    small_study, tmp_path, caplog, monkeypatch
):
    monkeypatch.setattr("smlmsim.workers.spread", lambda *_, **__: iter(()))
    study = small_study.replace({"motion.velocity_nm_per_s": 150, "photophysics.rate_hz": 50})
    axes = [
        Axis(setting="motion.kind", values=("rigid", "static")),
        Axis(setting="photophysics.rate_hz", values=(100, 400)),
    ]
    with caplog.at_level("INFO"):
        run_grid(
            Grid(study=study, axes=axes, reconstructors=("sparse",)), tmp_path / "s.zarr", progress=False
        )
    said = "movies of motion.kind=static are made without motion.velocity_nm_per_s=150.0 of the study"
    assert [record.message for record in caplog.records if "without" in record.message] == [said]
