"""A clip is the movie that was scored, as it would be drawn, whenever it is made."""

import numpy as np
import pytest

from smlmsim.figures.image import frames
from smlmsim.grid import Axis, Grid, run_grid
from smlmsim.grid.clips import (
    clip_path,
    keep,
    lacking,
    read_clip,
    record,
    recorded,
    seed_bytes,
    shown_cells,
    shown_seeds,
)  # fmt: skip
from smlmsim.pipeline import simulate
from smlmsim.reconstruct import load

NAMES = ("sparse", "static_sum", "moving_window")


@pytest.fixture
def grid(small_study):
    rates = Axis(setting="photophysics.rate_hz", values=(1600, 300))
    return Grid(study=small_study, axes=(rates,), seeds=(3, 4, 5), reconstructors=NAMES, metrics=("nrmse",))


def test_a_clip_shows_what_was_seen_every_reconstruction_and_the_truth(grid):
    cell = shown_cells(grid)[1]
    clip, movie = record(grid, cell, NAMES), simulate(grid.study_of(cell), cell.seed)
    wanted = [
        movie.observation.counts,
        *(load(name).reconstruct(movie.observation).density for name in NAMES),
        movie.truth.density,
    ]
    assert clip.layer.values.tolist() == ["localizations", *NAMES, "truth"]
    for shown, white, image in zip(clip.brightness.values, clip.white.values, wanted, strict=True):
        np.testing.assert_allclose(shown / 255, frames(image, image.time.values), atol=0.5 / 255 + 1e-6)
        below = image.values < white
        np.testing.assert_allclose(
            shown[below] * white / 255, image.values[below].clip(0), atol=0.6 * white / 255
        )


def shown(grid, *seeds):
    """The grid when these seeds are shown."""
    return grid.replace({"movies.seeds": seeds})


def test_the_first_two_seeds_are_shown_or_those_asked_for(grid):
    assert shown_seeds(grid) == (3, 4)
    assert shown_seeds(shown(grid, 5, 3)) == (5, 3)
    assert shown_seeds(shown(grid)) == ()
    assert [cell.place for cell in shown_cells(shown(grid, 4, 3))] == [(0, 1), (1, 1), (0, 0), (1, 0)]
    with pytest.raises(ValueError, match=r"no seed 9, whose movies --movies-of asks for; it has \[3, 4, 5\]"):
        shown_seeds(shown(grid, 9))


def test_only_as_many_movies_are_kept_as_fit_and_the_rest_is_said(grid, tmp_path, caplog, monkeypatch):
    monkeypatch.setattr("smlmsim.workers.spread", lambda run, tasks, **_: ((t, run(t)) for t in tasks))
    layers, study = len(NAMES) + 2, grid.study
    size = 2 * layers * study.acquisition.time_points * study.field.shape[0] * study.field.shape[1]
    assert seed_bytes(grid) == size
    assert shown_seeds(grid.replace({"movies.most_bytes": 2 * size})) == (3, 4)
    small = grid.replace({"movies.most_bytes": 2 * size - 1})
    run_grid(small, tmp_path / "scores.zarr", progress=False)
    assert {int(read_clip(path).attrs["seed"]) for path in (tmp_path / "clips").iterdir()} == {3}
    assert "the movies of seed 4 are not kept for the report" in caplog.text
    assert "movies.most_bytes of the sweep" in caplog.text


def test_what_movies_take_counts_every_cell_at_its_own_size(grid):
    sizes = Axis(setting="field.width_nm", values=(320, 640))
    both = grid.replace({"axes": (*grid.axes, sizes)})
    cells = [cell for cell in both.cells() if cell.seed == 3]
    movies = [both.study_of(cell) for cell in cells]
    wanted = sum(m.acquisition.time_points * m.field.shape[0] * m.field.shape[1] for m in movies)
    assert seed_bytes(both) == wanted * (len(NAMES) + 2)


def test_a_reconstructor_that_fails_leaves_its_reason(grid, monkeypatch):
    class Fails:
        parameters = 7

        def reconstruct(self, observation):
            raise RuntimeError("no signal")

    monkeypatch.setattr("smlmsim.reconstruct.load", lambda name: Fails() if name == "sparse" else load(name))
    clip = record(grid, shown_cells(grid)[0], NAMES)
    assert clip.reason.values.tolist() == ["RuntimeError: no signal", "", ""]
    assert not clip.brightness[1].any()


def test_the_number_of_parameters_is_kept(grid, monkeypatch):
    class Trained:
        parameters = 1_266_913

        def reconstruct(self, observation):
            return load("sparse").reconstruct(observation)

    monkeypatch.setattr(
        "smlmsim.reconstruct.load", lambda name: Trained() if name == "sparse" else load(name)
    )
    clip = record(grid, shown_cells(grid)[0], NAMES)
    assert clip.parameters.values.tolist() == [1_266_913, 0, 0]


def test_clips_kept_while_scoring_have_the_bytes_of_those_made_later_or_piece_by_piece(
    grid, tmp_path, in_this_process
):
    grid = shown(grid, 4)
    run_grid(grid, tmp_path / "scores.zarr", progress=False)
    kept, cells = recorded(shown(grid, 3, 4, 5), tmp_path / "clips"), shown_cells(grid)
    assert kept == [clip_path(grid, cell, tmp_path / "clips") for cell in cells]
    for path, cell in zip(kept, cells, strict=True):
        later = tmp_path / "later.nc"
        for names in (("moving_window", "sparse"), ("static_sum",), ("sparse",)):
            keep(later, record(grid, cell, names), NAMES)
        assert later.read_bytes() == path.read_bytes()
        later.unlink()


def test_a_clip_has_a_name_for_its_movie_and_says_whom_it_lacks(grid, tmp_path):
    cell = shown_cells(grid)[0]
    other = grid.replace({"reconstructors": ("sparse",), "metrics": ("ssim",)})
    path = clip_path(grid, cell, tmp_path)
    assert path == clip_path(other, cell, tmp_path)
    assert path != clip_path(grid, shown_cells(shown(grid, 4))[0], tmp_path)
    assert lacking(path, NAMES) == NAMES
    keep(path, record(grid, cell, ("static_sum",)), NAMES)
    assert lacking(path, NAMES) == ("sparse", "moving_window")
    with pytest.raises(ValueError, match=r"is not a clip .*delete it, and it is recorded anew"):
        read_clip(path, NAMES)


def test_a_damaged_clip_is_named(tmp_path):
    (tmp_path / "a.nc").write_bytes(b"nothing")
    for read in (read_clip, lambda path: lacking(path, NAMES)):
        with pytest.raises(ValueError, match=r"a\.nc is not a clip"):
            read(tmp_path / "a.nc")
