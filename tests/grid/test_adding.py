"""What is added to a finished grid is computed, and what it holds already stays byte for byte."""

import shutil

import numpy as np
import pytest
import zarr

from smlmsim.grid import Axis, Grid, layout, read_scores, run_grid, stored_grid
from smlmsim.grid import run as running
from smlmsim.grid.adding import enlarge
from smlmsim.grid.store import GridStore, StoreError


@pytest.fixture(scope="module")
def grid(small_study):
    rates = Axis(setting="photophysics.rate_hz", values=(100, 1600))
    return Grid(
        study=small_study,
        axes=(rates,),
        seeds=(0, 1),
        reconstructors=("sparse", "static_sum"),
        metrics=("nrmse",),
    )


@pytest.fixture
def computed(monkeypatch, in_this_process):
    """What was scored, as (seed, reconstructor, metrics)."""
    found = []
    attempt, score = running.attempt, running.score
    monkeypatch.setattr(running, "attempt", lambda name, seen: found.append(name) or attempt(name, seen))
    monkeypatch.setattr(
        running,
        "score",
        lambda estimate, truth, metrics: found.append(metrics) or score(estimate, truth, metrics),
    )
    return found


def chunks(store):
    """The files of scores, floors and reasons."""
    return {
        file.relative_to(store): file.read_bytes()
        for file in sorted(store.rglob("*"))
        if file.is_file()
        and "c" in file.parts
        and not {"done", "seconds"} & {*file.parts}
        and file.parent.name != "c"
    }


def same_where_both_know(before, after):
    for name in before.drop_vars("seconds"):
        known = after[name].sel({dim: before[dim] for dim in before[name].dims})
        np.testing.assert_array_equal(known.values, before[name].values)


@pytest.mark.parametrize(
    ("more", "wanted"),
    [
        ({"reconstructors": ("moving_window",)}, [("moving_window", ("nrmse",))] * 4),
        (
            {"seeds": (5, 1)},
            [*[(name, ("nrmse",)) for name in ("sparse", "static_sum")], ("", ("nrmse",))] * 2,
        ),
        (
            {"metrics": ("psnr",)},
            [*[(name, ("psnr",)) for name in ("sparse", "static_sum")], ("", ("psnr",))] * 4,
        ),
    ],
)
def test_only_what_is_missing_is_computed_and_the_rest_stays(grid, tmp_path, computed, more, wanted):
    path = tmp_path / "s.zarr"
    before = run_grid(grid, path, progress=False)
    files = chunks(path)
    computed.clear()
    after = run_grid(grid.replace(more), path, add=True, progress=False)
    names = [found for found in computed if isinstance(found, str)]
    scored = [found for found in computed if not isinstance(found, str)]
    assert sorted(names) == sorted(name for name, _ in wanted if name)
    assert sorted(scored) == sorted(metrics for _, metrics in wanted)
    kept = chunks(path)
    assert {name: kept[name] for name in files} == files
    same_where_both_know(before, after)
    assert after.identical(read_scores(path))
    joined = grid.joined(grid.replace(more))
    assert stored_grid(path) == joined
    alone = run_grid(joined, tmp_path / "alone.zarr", progress=False)
    for name in alone.drop_vars("seconds"):
        np.testing.assert_array_equal(after[name].values, alone[name].values)
    assert (after.nrmse.notnull()).all()
    computed.clear()
    assert run_grid(grid, path, add=True, progress=False).identical(after)
    assert computed == []


def test_reconstructors_metrics_and_seeds_can_be_added_at_once_and_again(grid, tmp_path, computed):
    path = tmp_path / "s.zarr"
    first = run_grid(grid, path, progress=False)
    more = {"reconstructors": ("moving_window",), "metrics": ("psnr",), "seeds": (7,)}
    run_grid(grid.replace(more), path, add=True, progress=False)
    found = run_grid(grid.replace({"reconstructors": ("gaussian_time",)}), path, add=True, progress=False)
    assert found.nrmse.shape == found.psnr.shape == (2, 3, 4)
    assert found.psnr.attrs["units"] == "dB"
    assert np.isfinite(found.nrmse).all()
    assert np.isfinite(found.floor_psnr).all()
    same_where_both_know(first, found)


def test_a_grid_that_differs_is_refused_with_what_differs_and_the_option(grid, tmp_path):
    path = tmp_path / "s.zarr"
    GridStore(path, grid)
    for more, words in (
        ({"reconstructors": ("sparse", "static_sum", "mine")}, "reconstructors there are without 'mine'"),
        ({"seeds": tuple(range(10))}, "seeds there are without 2, 3, 4, 5 and 4 more"),
        ({"metrics": ("psnr",)}, "metrics there are without 'psnr' and with 'nrmse' besides"),
        ({"seeds": (1, 0)}, "seeds there are in another order"),
    ):
        with pytest.raises(StoreError) as refused:
            GridStore(path, grid.replace(more))
        assert f"belongs to another grid: {words}; " in str(refused.value)
        assert "give --add to keep both" in str(refused.value)
        assert "\n" not in str(refused.value)


def test_what_cannot_be_added_is_refused_and_nothing_changes(grid, tmp_path, tree):
    path = tmp_path / "s.zarr"
    with pytest.raises(StoreError, match=r"no grid .*s\.zarr to add to; check --out, or leave out --add"):
        run_grid(grid, path, add=True, progress=False)
    GridStore(path, grid)
    before = tree(path)
    for other, words in (
        ({"study.acquisition.time_points": 7}, "study.acquisition.time_points is 6 there and 7 here"),
        (
            {"axes": (Axis(setting="photophysics.rate_hz", values=(1, 100)),)},
            "without 1.0 and with 1600.0 besides",
        ),
        (
            {"axes": (Axis(setting="acquisition.exposure_s", values=(1,)),)},
            "axes there are without 'acquisition",
        ),
    ):
        with pytest.raises(StoreError, match=words) as refused:
            run_grid(grid.replace(other), path, add=True, progress=False)
        assert "only seeds, reconstructors and metrics can be added" in str(refused.value)
        with pytest.raises(StoreError, match=words) as refused:
            run_grid(grid.replace(other), path, progress=False)
        assert "--add" not in str(refused.value)
    with pytest.raises(ValueError, match="no reconstructor 'nope'"):
        run_grid(grid.replace({"reconstructors": ("nope",)}), path, add=True, progress=False)
    with pytest.raises(ValueError, match="no seed 9, whose movies --movies-of asks for"):
        run_grid(grid, path, add=True, movies_of=(9,), progress=False)
    assert tree(path) == before


def test_adding_that_was_killed_is_completed_by_the_next_call(grid, tmp_path, computed, monkeypatch):
    path = tmp_path / "s.zarr"
    before = run_grid(grid, path, progress=False)
    more = grid.replace({"reconstructors": ("moving_window",), "seeds": (9,), "metrics": ("psnr",)})
    made, calls = layout._array, []
    for last in range(1, 7):
        calls.clear()

        def dies(*arguments, last=last, **options):
            calls.append(arguments)
            if len(calls) == last:
                raise KeyboardInterrupt
            made(*arguments, **options)

        monkeypatch.setattr(layout, "_array", dies)
        with pytest.raises(KeyboardInterrupt):
            enlarge(path, more)
        for unfinished in (lambda: read_scores(path), lambda: GridStore(path, grid)):
            with pytest.raises(
                StoreError, match=r"adding to .* was interrupted; continue with: smlmsim grid .* --add"
            ):
                unfinished()
    monkeypatch.setattr(layout, "_array", made)
    after = run_grid(stored_grid(path), path, add=True, progress=False)
    same_where_both_know(before, after)
    assert np.isfinite(after.psnr).all()
    assert after.sizes["seed"] == 3


def test_a_store_of_an_earlier_version_can_be_read_but_not_gone_on_with(grid, tmp_path, computed):
    path = tmp_path / "s.zarr"
    scores = run_grid(grid, path, progress=False)
    group = zarr.open_group(path, mode="r+")
    group.create_array(
        "done", shape=grid.shape, dtype=bool, fill_value=True, overwrite=True, dimension_names=grid.dims
    )
    assert read_scores(path).identical(scores)
    with pytest.raises(StoreError, match="earlier version, and can only be read"):
        GridStore(path, grid)


def test_which_movies_are_kept_makes_no_other_grid_and_the_last_word_counts(grid, tmp_path, computed):
    path, seeds = tmp_path / "s.zarr", (1,)
    run_grid(grid, path, movies_of=(), progress=False)
    assert not (tmp_path / "clips").exists()
    computed.clear()
    run_grid(grid.replace({"movies.seeds": seeds}), path, progress=False)
    assert computed == []
    assert stored_grid(path).movies.seeds == seeds
    with pytest.raises(StoreError, match=r"another grid: seeds there are without 2; .*--add"):
        run_grid(grid.replace({"seeds": (0, 1, 2), "movies.seeds": None}), path, progress=False)
    more = grid.replace({"seeds": (2,), "movies.seeds": (2,)})
    run_grid(more, path, add=True, progress=False)
    assert stored_grid(path).movies.seeds == (2,)
    assert len(list((tmp_path / "clips").iterdir())) == 2


def test_a_store_of_before_seconds_were_kept_is_gone_on_with(grid, tmp_path, computed):
    path = tmp_path / "s.zarr"
    before = run_grid(grid, path, progress=False)
    shutil.rmtree(path / "seconds")
    assert read_scores(path).identical(before.drop_vars("seconds"))
    after = run_grid(grid.replace({"reconstructors": ("moving_window",)}), path, add=True, progress=False)
    known = after.seconds.sel(reconstructor=list(grid.reconstructors))
    assert known.isnull().all()
    assert (after.seconds.sel(reconstructor="moving_window") > 0).all()
    same_where_both_know(before, after)


def test_a_store_that_does_not_know_all_settings_is_gone_on_with_and_knows_them_then(
    grid, tmp_path, computed
):
    path = tmp_path / "s.zarr"
    before = run_grid(grid, path, progress=False)
    group = zarr.open_group(path, mode="r+")
    older = grid.to_toml().replace('kind = "statistical"\n', "")
    group.attrs.update({"grid": older, "grid_digest": "of before"})
    computed.clear()
    after = run_grid(grid, path, progress=False)
    assert computed == []
    assert after.identical(before)
    assert GridStore(path, grid).pending() == []
