"""A clip is the movie that was scored, as it would be drawn, whenever it is made."""

import json

import numpy as np
import pytest

from smlmsim.figures.image import frames
from smlmsim.grid import Axis, Grid, run_grid
from smlmsim.grid.clips import (
    clip_path,
    keep,
    lacking,
    read_clip,
    read_seconds,
    record,
    recorded,
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
    cell = shown_cells(grid, (3,))[1]
    made, movie = record(grid, cell, NAMES), simulate(grid.study_of(cell), cell.seed)
    wanted = [
        movie.observation.counts,
        *(load(name).reconstruct(movie.observation).density for name in NAMES),
        movie.truth.density,
    ]
    assert made.clip.layer.values.tolist() == ["localizations", *NAMES, "truth"]
    for shown, white, image in zip(made.clip.brightness.values, made.clip.white.values, wanted, strict=True):
        np.testing.assert_allclose(shown / 255, frames(image, image.time.values), atol=0.5 / 255 + 1e-6)
        below = image.values < white
        np.testing.assert_allclose(
            shown[below] * white / 255, image.values[below].clip(0), atol=0.6 * white / 255
        )
    assert made.seconds.keys() == set(NAMES)
    assert min(made.seconds.values()) > 0


def test_the_first_two_seeds_are_shown_or_those_asked_for(grid):
    assert shown_seeds(grid) == (3, 4)
    assert shown_seeds(grid, (5, 3)) == (5, 3)
    assert shown_seeds(grid, ()) == ()
    assert [cell.place for cell in shown_cells(grid, (4, 3))] == [(0, 1), (1, 1), (0, 0), (1, 0)]
    with pytest.raises(ValueError, match=r"no seed 9, whose movies --movies-of asks for; it has \[3, 4, 5\]"):
        shown_seeds(grid, (9,))


def test_a_reconstructor_that_fails_leaves_its_reason(grid, monkeypatch):
    class Fails:
        parameters = 7

        def reconstruct(self, observation):
            raise RuntimeError("no signal")

    monkeypatch.setattr("smlmsim.reconstruct.load", lambda name: Fails() if name == "sparse" else load(name))
    made = record(grid, shown_cells(grid, (3,))[0], NAMES)
    assert made.clip.reason.values.tolist() == ["RuntimeError: no signal", "", ""]
    assert np.isnan(made.seconds["sparse"])
    assert not made.clip.brightness[1].any()


def test_the_number_of_parameters_is_kept(grid, monkeypatch):
    class Trained:
        parameters = 1_266_913

        def reconstruct(self, observation):
            return load("sparse").reconstruct(observation)

    monkeypatch.setattr(
        "smlmsim.reconstruct.load", lambda name: Trained() if name == "sparse" else load(name)
    )
    clip = record(grid, shown_cells(grid, (3,))[0], NAMES).clip
    assert clip.parameters.values.tolist() == [1_266_913, 0, 0]


def test_clips_kept_while_scoring_have_the_bytes_of_those_made_later_or_piece_by_piece(grid, tmp_path):
    run_grid(grid, tmp_path / "scores.zarr", processes=1, movies_of=(4,), progress=False)
    kept = recorded(grid, tmp_path / "clips", (3, 4, 5))
    assert kept == [clip_path(grid, cell, tmp_path / "clips") for cell in shown_cells(grid, (4,))]
    for path, cell in zip(kept, shown_cells(grid, (4,)), strict=True):
        assert read_seconds(path).keys() == set(NAMES)
        later = tmp_path / "later.nc"
        for names in (("moving_window", "sparse"), ("static_sum",), ("sparse",)):
            keep(later, record(grid, cell, names), NAMES)
        assert later.read_bytes() == path.read_bytes()
        later.unlink()


def test_a_clip_has_a_name_for_its_movie_and_says_whom_it_lacks(grid, tmp_path):
    cell = shown_cells(grid, (3,))[0]
    other = grid.replace({"reconstructors": ("sparse",), "metrics": ("ssim",)})
    path = clip_path(grid, cell, tmp_path)
    assert path == clip_path(other, cell, tmp_path)
    assert path != clip_path(grid, shown_cells(grid, (4,))[0], tmp_path)
    assert lacking(path, NAMES) == NAMES
    keep(path, record(grid, cell, ("static_sum",)), NAMES)
    assert lacking(path, NAMES) == ("sparse", "moving_window")
    with pytest.raises(ValueError, match=r"is not a clip .*delete it, and it is recorded anew"):
        read_clip(path, NAMES)


@pytest.mark.parametrize("text", ["", "[1]", '{"sparse": "x"}', '{"sparse": NaN}', "9" * 5000])
def test_seconds_that_cannot_be_read_are_unknown(tmp_path, text):
    (tmp_path / "a.seconds.json").write_text(text)
    assert read_seconds(tmp_path / "a.nc") == {}
    (tmp_path / "a.seconds.json").write_text(json.dumps({"sparse": 2}))
    assert read_seconds(tmp_path / "a.nc") == {"sparse": 2.0}


def test_a_damaged_clip_is_named(tmp_path):
    (tmp_path / "a.nc").write_bytes(b"nothing")
    for read in (read_clip, lambda path: lacking(path, NAMES)):
        with pytest.raises(ValueError, match=r"a\.nc is not a clip"):
            read(tmp_path / "a.nc")
