"""The movies of a report are those kept while the grid was scored, and what is missing is made."""

import shutil

import pytest

from smlmsim.grid.clips import read_clip, record, recorded
from smlmsim.regions import VELOCITY
from smlmsim.report import movies
from smlmsim.report.movies import record_all

pytestmark = pytest.mark.usefixtures("in_this_process")


def test_nothing_is_made_twice(grid, result, monkeypatch):
    monkeypatch.setattr(movies, "record", lambda *_: 1 / 0)
    paths = record_all(grid, result / "clips", progress=False)
    assert sorted(paths) == [(row, column, seed) for row in (0, 1) for column in (0, 1) for seed in (0, 1)]
    assert set(paths.values()) == set(recorded(grid, result / "clips"))


def test_only_clips_that_are_missing_are_recorded(grid, result, tmp_path):
    shutil.copytree(result / "clips", tmp_path / "clips")
    paths = recorded(grid, tmp_path / "clips")
    assert len(paths) == 8
    kept, lost = paths[1].stat().st_mtime_ns, paths[0].read_bytes()
    paths[0].unlink()
    assert list(record_all(grid, tmp_path / "clips", progress=False).values()) == paths
    assert paths[0].read_bytes() == lost
    assert paths[1].stat().st_mtime_ns == kept


def test_only_the_reconstructor_that_is_missing_is_recorded(grid, result, tmp_path):
    fewer = grid.replace({"reconstructors": ("sparse", "moving_window")})
    first = {"movies.seeds": (3,)}
    record_all(fewer.replace(first), tmp_path / "clips", progress=False)
    paths = record_all(grid.replace(first), tmp_path / "clips", progress=False)
    for path in paths.values():
        assert path.read_bytes() == (result / "clips" / path.name).read_bytes()


def test_a_movie_that_cannot_be_simulated_is_black_with_the_reason_until_it_can_be_and_the_rest_is_shown(
    grid, tmp_path, monkeypatch, caplog
):
    def refused(task):
        if task[1].settings[VELOCITY]:
            raise ValueError("too fast")
        return record(*task)

    monkeypatch.setattr("smlmsim.workers.spread", lambda _, tasks, **__: outcomes(refused, tasks))
    paths = record_all(grid.replace({"movies.seeds": (3,)}), tmp_path / "clips", progress=False)
    still, fast = (read_clip(paths[0, column, 0], grid.reconstructors) for column in (0, 1))
    assert still.brightness.any()
    assert not fast.brightness.any()
    assert set(still.reason.values) == {""}
    assert set(fast.reason.values) == {"ValueError: too fast"}
    del fast.attrs["blank"]
    assert fast.drop_vars(["brightness", "white", "reason"]).identical(
        still.drop_vars(["brightness", "white", "reason"]).assign_attrs(fast.attrs)
    )
    assert "2 movies cannot be simulated and are black; the first because: too fast" in caplog.text
    monkeypatch.setattr(
        "smlmsim.workers.spread", lambda _, tasks, **__: outcomes(lambda task: record(*task), tasks)
    )
    record_all(grid.replace({"movies.seeds": (3,)}), tmp_path / "clips", progress=False)
    moving = read_clip(paths[0, 1, 0], grid.reconstructors)
    assert moving.brightness.any()
    assert set(moving.reason.values) == {""}
    assert "blank" not in moving.attrs


def outcomes(function, tasks):
    for task in tasks:
        try:
            yield task, function(task)
        except ValueError as error:
            yield task, error
