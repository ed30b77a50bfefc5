"""What all results that are made part by part have in common."""

import pytest

from smlmsim import provenance, workers
from smlmsim.grid import Axis, Grid
from smlmsim.io.lock import BusyError
from smlmsim.store import Kind, complete, made_here, make_once, sole_run


class OtherError(ValueError):
    pass


KIND = Kind("thing", OtherError)


@pytest.fixture
def grid(small_study):
    rates = Axis(setting="photophysics.rate_hz", values=(100, 400))
    return Grid(study=small_study, axes=(rates,), seeds=(0, 1), reconstructors=("sparse",))


def test_a_result_says_what_it_is_of_and_is_taken_for_nothing_else(grid, tmp_path):
    found = KIND.identity(grid)
    assert {"thing", "thing_digest", "smlmsim_version", "processor"} <= found.keys()
    assert KIND.settings(Grid, found, "it") == grid
    KIND.require_same(tmp_path, found | {"smlmsim_commit": "another"}, grid)
    with pytest.raises(OtherError, match=r"another thing: seeds .* without 2; .*--out, or delete it"):
        KIND.require_same(tmp_path, found, grid.replace({"seeds": (0, 1, 2)}))
    with pytest.raises(OtherError, match="or give --add to keep both"):
        KIND.require_same(tmp_path, found, grid.replace({"seeds": (0, 1, 2)}), ("seeds",))
    with pytest.raises(OtherError, match=r"was made with numpy_version 0, this is .*--out"):
        KIND.require_same(tmp_path, found | {"numpy_version": "0"}, grid)


def test_a_setting_that_a_result_does_not_know_yet_had_its_default(grid, tmp_path):
    found = KIND.identity(grid)
    older = {"thing": found["thing"].replace('kind = "statistical"\n', ""), "thing_digest": "of before"}
    assert older["thing"] != found["thing"]
    KIND.require_same(tmp_path, found | older, grid)
    with pytest.raises(OtherError, match=r"precision_nm is 15\.0 there and 20\.0 here"):
        KIND.require_same(tmp_path, found | older, grid.replace({"study.localization.precision_nm": 20}))


@pytest.mark.parametrize(
    ("attrs", "words"),
    [
        ({}, "does not record its thing"),
        ({"thing": "axes = ["}, "is damaged: its thing is not TOML"),
        ({"thing": "seed = 1"}, "holds a thing that this version does not know: .*seed"),
    ],
)
def test_settings_that_cannot_be_read_are_named_with_their_source(attrs, words):
    with pytest.raises(OtherError, match=f"it {words}"):
        KIND.settings(Grid, attrs, "it")


def test_a_folder_that_another_run_makes_first_is_taken_as_it_is(tmp_path):
    def slower(place, first):
        if first:
            place.mkdir()
        raise FileExistsError(str(place))

    make_once(tmp_path / "a", lambda: slower(tmp_path / "a", first=True))
    make_once(tmp_path / "a", lambda: slower(tmp_path / "a", first=True))
    with pytest.raises(FileExistsError):
        make_once(tmp_path / "b", lambda: slower(tmp_path / "b", first=False))


def test_one_run_at_a_time_clears_what_killed_ones_left(tmp_path):
    (tmp_path / "half.partial").touch()
    with sole_run(tmp_path):
        assert list(tmp_path.iterdir()) == []
        with pytest.raises(BusyError, match="another run is writing"), sole_run(tmp_path):
            pass


def test_a_processor_is_noted_once(tmp_path, monkeypatch):
    made = provenance.provenance()
    attrs = dict(made)
    made_here(tmp_path, attrs)
    assert attrs == made
    monkeypatch.setattr(provenance, "provenance", lambda: made | {"processor": "z80"})
    for _ in range(2):
        made_here(tmp_path, attrs)
        assert attrs == made | {"processor": f"{made['processor']}, z80"}


def test_missing_parts_are_made_one_by_one_and_none_after_the_run_is_given_up(monkeypatch):
    def in_turn(function, tasks, **_):
        for task in tasks:
            try:
                yield task, function(task)
            except ZeroDivisionError as error:
                yield task, error

    monkeypatch.setattr(workers, "spread", in_turn)
    asked = []

    def made(part):
        asked.append(part)
        return 6 // part

    def run():
        return complete(made, [3, 0, 2], total=5, unit="part", progress=False)

    kept = dict(run())
    assert (kept[3], kept[2]) == (2, 3)
    assert isinstance(kept[0], ZeroDivisionError)
    asked.clear()
    next(part for part, outcome in run() if isinstance(outcome, Exception))
    assert asked == [3, 0]
