"""Running a comparison reconstructs every movie once, and adding to it only what is new."""

import collections
import importlib.util
from pathlib import Path

import numpy as np
import pytest

from smlmsim import reconstruct, workers
from smlmsim.grid import read_scores, stored_grid
from smlmsim.grid.clips import clip_path, read_clip, record, recorded, shown_cells
from smlmsim.report import costs

COMPARE = Path(__file__).parents[2] / "benchmarks" / "compare.py"


@pytest.fixture
def compare(monkeypatch):
    """The benchmark that compares reconstructors, in this process, without drawing."""
    described = importlib.util.spec_from_file_location("compare", COMPARE)
    module = importlib.util.module_from_spec(described)
    described.loader.exec_module(module)
    monkeypatch.setattr(module.figures, "save", lambda *_: None)
    monkeypatch.setattr(workers, "spread", lambda run, tasks, **_: ((task, run(task)) for task in tasks))
    return module.head_to_head


@pytest.fixture
def counted(monkeypatch):
    """How often each reconstructor was called."""
    found, load = collections.Counter(), reconstruct.load

    class Counting:
        def __init__(self, name):
            self.name, self.own = name, load(name)

        def reconstruct(self, observation):
            found[self.name] += 1
            return self.own.reconstruct(observation)

    monkeypatch.setattr(reconstruct, "load", Counting)
    return found


def test_a_comparison_reconstructs_no_movie_twice_and_keeps_clips_and_seconds(
    grid, tmp_path, compare, counted
):
    (tmp_path / "sweep.toml").write_text(grid.replace({"reconstructors": ("sparse", "static_sum")}).to_toml())
    out, movies = tmp_path / "out", int(np.prod(grid.shape))
    compare(out, str(tmp_path / "sweep.toml"))
    assert counted == dict.fromkeys(("sparse", "static_sum"), movies)
    counted.clear()
    compare(out, reconstructor=["moving_window"], add=True)
    assert counted == {"moving_window": movies}
    scores = read_scores(out / "scores.zarr")
    assert scores.seconds.dims == scores.ms_ssim.dims
    assert scores.seconds.attrs["units"] == "s"
    assert "on one thread" in scores.seconds.attrs["comment"]
    assert (scores.seconds > 0).all()
    table = costs(scores, "ms_ssim", recorded(stored_grid(out / "scores.zarr"), out / "clips"))
    assert table.seconds["sparse"] == float(scores.seconds.sel(reconstructor="sparse").median())
    for cell in shown_cells(grid)[::5]:
        found = read_clip(clip_path(grid, cell, out / "clips"))
        assert found.identical(record(grid, cell, grid.reconstructors).assign_attrs(found.attrs))


def test_the_seconds_of_scores_that_lack_them_are_not_known(result, grid):
    scores = read_scores(result / "scores.zarr")
    clips = recorded(grid, result / "clips")
    assert (costs(scores, "ms_ssim", clips).seconds > 0).all()
    assert costs(scores.drop_vars("seconds"), "ms_ssim", clips).seconds.isna().all()
