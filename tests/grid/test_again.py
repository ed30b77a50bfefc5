"""Reconstructors that changed are scored again: all of them and nothing else, whenever a run is killed or refused."""

import shutil

import dask
import numpy as np
import pytest
import zarr
from killed import killed
from one_process import one_process

from smlmsim.grid import Axis, Grid, again, read_scores, run_grid
from smlmsim.grid import run as running
from smlmsim.grid.clips import clip_path, keep, lacking, read_clip, record
from smlmsim.grid.store import GridStore, StoreError

PLUGIN = """
class Mine:
    def __init__(self):
        {loading}

    def reconstruct(self, observation):
        {running}
        return observation[["counts"]].rename(counts="density").astype("f4")
"""
MOMENTS = (2, 15, 40)
"""Changes of the disk before which runs are killed: nothing, some scores, and all scores are removed by then."""
CHANGED = ("moving_window", "static_sum")

RUN = """
import os
import shutil
from pathlib import Path

import dask.array, distributed, h5netcdf  # so that not every process loads them
from one_process import one_process
from smlmsim.grid import Grid, run_grid
from smlmsim.reconstruct import load

loaded = [load(name) for name in ("sparse", "moving_window", "static_sum")]
ASIDE = Path("../aside")  # changes there are not counted

def run():
    turn = int((ASIDE / "turn").read_text())
    (ASIDE / "turn").write_text(str(turn + 1))
    number, ended = divmod(turn, 2)
    if not ended:
        shutil.copytree(ASIDE / "changed", ASIDE / "copy")
        os.rename(ASIDE / "copy", str(number))
    again = () if ended else ("moving_window", "static_sum")
    with one_process():
        run_grid(
            Grid.from_toml(ASIDE / "grid.toml"), f"{number}/s.zarr", again=again, movies_of=(0,), progress=False
        )
"""


@pytest.fixture(scope="module")
def grid(small_study):
    rates = Axis(setting="photophysics.rate_hz", values=(400,))
    names = ("sparse", *CHANGED)
    return Grid(study=small_study, axes=(rates,), seeds=(0, 1), reconstructors=names, metrics=("nrmse",))


@pytest.fixture(scope="module")
def scored(grid, tmp_path_factory):
    """A folder with the scores and movies of a grid, as an unchanged package makes them; to be copied."""
    folder = tmp_path_factory.mktemp("scored")
    with one_process():
        run_grid(grid, folder / "s.zarr", movies_of=(0, 1), progress=False)
    return folder


@pytest.fixture(scope="module")
def changed(grid, scored, tmp_path_factory):
    """The same after two reconstructors changed: their scores and movies are those of before."""
    folder = shutil.copytree(scored, tmp_path_factory.mktemp("changed") / "grid")
    group = zarr.open_group(folder / "s.zarr", mode="r+")
    group["nrmse"][..., 1:] = 7.0
    for cell in grid.cells():
        path = clip_path(grid, cell, folder / "clips")
        clip = read_clip(path)
        clip.brightness[2:4] = 99
        keep(path, clip, grid.reconstructors)
    return folder


@pytest.fixture
def store(changed, tmp_path):
    """A copy of it."""
    return shutil.copytree(changed, tmp_path / "grid") / "s.zarr"


@pytest.fixture
def plugin(tmp_path_factory, monkeypatch):
    """A function that installs a reconstructor ``mine``, which changes."""

    def install(loading="pass", running="pass", more=""):
        site = tmp_path_factory.mktemp("site")
        module = site.name.replace("-", "_")
        (site / f"{module}.py").write_text(PLUGIN.format(loading=loading, running=running) + more)
        info = site / f"{module}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[smlmsim.reconstructors]\nmine = {module}:Mine\n")
        for before in sites:
            shutil.rmtree(before)
        sites[:] = [site]
        monkeypatch.syspath_prepend(site)

    sites = []
    return install


def of_results(tree, folder):
    """All of a folder but the seconds that reconstructions took."""
    return {name: found for name, found in tree(folder).items() if "/seconds/c/" not in name}


def same_scores(found, expected):
    for name in expected.drop_vars("seconds"):
        np.testing.assert_array_equal(found[name].values, expected[name].values)


def test_what_changed_is_scored_and_recorded_again_and_all_else_stays(
    grid, scored, store, tree, in_this_process
):
    found = run_grid(grid, store, again=CHANGED, movies_of=(0, 1), progress=False)
    same_scores(found, read_scores(scored / "s.zarr"))
    assert of_results(tree, store.parent / "clips") == of_results(tree, scored / "clips")
    assert "forgetting" not in zarr.open_group(store, mode="r").attrs


def test_only_what_is_named_runs_and_first_on_one_movie(grid, store, monkeypatch, in_this_process):
    ran, attempt = [], running.attempt
    monkeypatch.setattr(running, "attempt", lambda name, seen: ran.append(name) or attempt(name, seen))
    more = grid.replace({"reconstructors": ("static_sum",)})
    found = run_grid(more, store, add=True, again=("static_sum",), progress=False)
    assert ran == ["static_sum"] * 3
    assert (found.nrmse.sel(reconstructor="moving_window") == 7).all()
    assert (found.nrmse.sel(reconstructor="static_sum") < 7).all()


def test_movies_of_seeds_that_are_not_kept_lose_what_changed_and_are_recorded_anew(
    grid, scored, store, in_this_process
):
    run_grid(grid, store, again=CHANGED, movies_of=(0,), progress=False)
    clips = {cell.seed: clip_path(grid, cell, store.parent / "clips") for cell in grid.cells()}
    assert lacking(clips[0], grid.reconstructors) == ()
    assert lacking(clips[1], grid.reconstructors) == CHANGED
    cell = next(cell for cell in grid.cells() if cell.seed == 1)
    keep(clips[1], record(grid, cell, CHANGED), grid.reconstructors)
    assert clips[1].read_bytes() == (scored / "clips" / clips[1].name).read_bytes()


def test_a_movie_that_shows_nothing_else_is_removed_and_other_files_stay(grid, store, in_this_process):
    clips = store.parent / "clips"
    (clips / "notes.nc").write_text("mine")
    run_grid(grid, store, again=grid.reconstructors, movies_of=(), progress=False)
    assert [file.name for file in clips.iterdir()] == ["notes.nc"]


@pytest.mark.slow
def test_killed_at_any_moment_it_resumes_to_the_bytes_of_an_undisturbed_run_or_has_removed_nothing(
    grid, changed, tmp_path, tree, in_this_process
):
    undisturbed, never = (shutil.copytree(changed, tmp_path / name) for name in ("undisturbed", "never"))
    run_grid(grid, undisturbed / "s.zarr", again=CHANGED, movies_of=(0,), progress=False)
    run_grid(grid, never / "s.zarr", movies_of=(0,), progress=False)
    aside, runs = tmp_path / "aside", tmp_path / "runs"
    runs.mkdir()
    shutil.copytree(changed, aside / "changed")
    (aside / "grid.toml").write_text(grid.to_toml())
    (aside / "turn").write_text("0")
    ended = killed(runs, RUN, [moment for last in MOMENTS for moment in (("disk", last), ("disk", 0))])
    assert ended[::2] == [-1] * len(MOMENTS)
    results = [of_results(tree, runs / str(number)) for number in range(len(MOMENTS))]
    removed = [result == of_results(tree, undisturbed) for result in results]
    assert removed == [False, *[True] * (len(MOMENTS) - 1)]
    assert results[0] == of_results(tree, never)


class Killed(BaseException):
    """Ends a run as a kill does."""


@pytest.mark.parametrize(
    ("moment", "continued"),
    [
        ("Array.__setitem__", {}),
        ("Array.__setitem__", {"again": CHANGED}),
        ("leave_out", {"add": True}),
        ("GridStore.write", {"add": True}),
    ],
)
def test_what_a_run_that_was_killed_had_begun_is_completed_by_any_next_one(
    grid, scored, store, monkeypatch, in_this_process, moment, continued
):
    owner, name = {
        "Array.__setitem__": (zarr.Array, "__setitem__"),
        "leave_out": (again, "leave_out"),
        "GridStore.write": (GridStore, "write"),
    }[moment]
    calls, call = [], getattr(owner, name)

    def dies(*arguments):
        calls.append(arguments)
        if len(calls) == 2:
            raise Killed
        return call(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(owner, name, dies)
        with pytest.raises(Killed):
            run_grid(grid, store, again=CHANGED, progress=False)
    if moment == "GridStore.write":
        assert np.isnan(read_scores(store).nrmse.values[0, 1, 1:]).all()
    else:
        with pytest.raises(
            StoreError, match=r"scoring again in .* was interrupted; continue with: smlmsim grid .* --add"
        ):
            read_scores(store)
    same_scores(run_grid(grid, store, progress=False, **continued), read_scores(scored / "s.zarr"))
    assert GridStore(store, grid).forgetting == ()


def test_all_are_missing_before_the_first_of_them_is_scored_and_that_is_said(
    grid, store, monkeypatch, caplog, in_this_process
):
    before = read_scores(store)

    def dies(*_):
        raise Killed

    monkeypatch.setattr(GridStore, "write", dies)
    with caplog.at_level("INFO"), pytest.raises(Killed):
        run_grid(grid, store, again=CHANGED, progress=False)
    half = read_scores(store)
    for name in ("nrmse", "seconds"):
        assert np.isnan(half[name].sel(reconstructor=list(CHANGED))).all()
        np.testing.assert_array_equal(
            half[name].sel(reconstructor="sparse"), before[name].sel(reconstructor="sparse")
        )
    assert (
        "the scores of moving_window, static_sum are removed and made again; if this run is interrupted, continue "
        "with --add in place of --again"
    ) in caplog.messages


FAULTS = {
    "cannot be loaded": ({"loading": "raise ValueError('no such file')"}, "no such file"),
    "has no weights": (
        {"running": "raise ValueError('there are no weights')"},
        "'mine' fails on a movie that it has scores of, so all scores stay: ValueError: there are no weights",
    ),
    "needs frames": (
        {"more": "    needs = ('frames',)\n"},
        "mine cannot be scored; the movies have no frames: .*localization.kind=imaged",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_nothing_is_removed_if_what_changed_cannot_run(grid, tmp_path, tree, plugin, in_this_process, fault):
    plugin()
    mine = grid.replace({"reconstructors": ("mine", "sparse"), "seeds": (0,)})
    run_grid(mine, tmp_path / "s.zarr", progress=False)
    before = tree(tmp_path)
    options, words = FAULTS[fault]
    plugin(**options)
    for add, wanted in ((False, mine), (True, mine.replace({"reconstructors": ("mine",)}))):
        with pytest.raises(ValueError, match=words) as error:
            run_grid(wanted, tmp_path / "s.zarr", add=add, again=("mine",), progress=False)
        assert "\n" not in str(error.value)
    assert tree(tmp_path) == before


def test_one_that_had_failed_may_fail_again_and_is_scored_once_it_works(
    grid, tmp_path, plugin, in_this_process
):
    mine = grid.replace({"reconstructors": ("mine",), "seeds": (0,)})
    plugin(running="raise ValueError('early')")
    run_grid(mine, tmp_path / "s.zarr", progress=False)
    plugin(running="raise ValueError('late')")
    failed = run_grid(mine, tmp_path / "s.zarr", again=("mine",), progress=False)
    assert (failed.reason == "ValueError: late").all()
    plugin()
    assert np.isfinite(run_grid(mine, tmp_path / "s.zarr", again=("mine",), progress=False).nrmse).all()


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"scheduler": "tcp://127.0.0.1:1"}, OSError, "127.0.0.1:1"),
        ({"processes": 0}, ValueError, "workers must be at least 1"),
        ({"movies_of": (9,)}, ValueError, "no seed 9"),
    ],
)
def test_nothing_is_removed_if_nobody_can_run_it(grid, store, tree, options, error, words):
    before = tree(store.parent)
    with dask.config.set({"distributed.comm.timeouts.connect": "0.2s"}), pytest.raises(error, match=words):
        run_grid(grid, store, again=CHANGED, progress=False, **options)
    assert tree(store.parent) == before


def test_nothing_is_removed_from_a_damaged_store_or_if_the_movies_cannot_be_written(
    grid, store, tree, monkeypatch, in_this_process
):
    def refuses(folder):
        if folder == store.parent / "clips":
            raise OSError(13, "no")

    before = tree(store.parent)
    monkeypatch.setattr(running, "require_writable", refuses)
    with pytest.raises(OSError, match="no"):
        run_grid(grid, store, again=CHANGED, movies_of=(), progress=False)
    assert tree(store.parent) == before
    next(file for file in (store / "nrmse" / "c").rglob("*") if file.is_file()).write_bytes(b"")
    before = tree(store.parent)
    monkeypatch.undo()
    with pytest.raises(StoreError, match="nrmse is damaged"):
        run_grid(grid, store, again=CHANGED, progress=False)
    assert tree(store.parent) == before


@pytest.mark.parametrize("add", [False, True])
@pytest.mark.parametrize(
    ("more", "names", "words"),
    [
        (
            {},
            ("nope",),
            "no reconstructor 'nope' to score again; it has sparse, moving_window, static_sum; --add",
        ),
        ({"reconstructors": ("gaussian_time",)}, ("gaussian_time",), "no reconstructor 'gaussian_time' to"),
        ({"reconstructors": ("sparse", "gaussian_time")}, ("sparse",), "no reconstructor 'gaussian_time' to"),
        ({"seeds": (0, 5)}, ("sparse",), "no seed 5 to score again; it has 0, 1; --add in place of --again"),
        (
            {"metrics": ("psnr",)},
            ("sparse",),
            "no metric 'psnr' to score again; it has nrmse; --add in place",
        ),
    ],
)
def test_what_the_grid_lacks_is_refused_with_what_it_has_and_the_option_that_adds(
    grid, store, tree, add, more, names, words
):
    before = tree(store.parent)
    with pytest.raises(ValueError, match=f"the grid has {words}"):
        run_grid(grid.replace(more), store, add=add, again=names, progress=False)
    assert tree(store.parent) == before


@pytest.mark.parametrize("add", [False, True])
def test_where_there_is_no_grid_that_is_said_and_nothing_is_made(grid, tmp_path, add):
    with pytest.raises(StoreError, match=r"no grid .* to score again; check --out, or leave out --again"):
        run_grid(grid, tmp_path / "none" / "s.zarr", add=add, again=("sparse",), progress=False)
    assert not any(tmp_path.iterdir())
