"""A clip is the movie that was scored, as it would be drawn."""

import shutil

import numpy as np
import pytest

from smlmsim.figures.image import frames
from smlmsim.pipeline import simulate
from smlmsim.reconstruct import load
from smlmsim.report.clips import clip_path, read_clip, record, record_all, recorded, shown_cells


def test_a_clip_shows_what_was_seen_every_reconstruction_and_the_truth(grid):
    cell = shown_cells(grid)[1]
    clip, movie = record(grid, cell), simulate(grid.study_of(cell), cell.seed)
    wanted = [
        movie.observation.counts,
        *(load(name).reconstruct(movie.observation).density for name in grid.reconstructors),
        movie.truth.density,
    ]
    assert clip.layer.values.tolist() == ["localizations", *grid.reconstructors, "truth"]
    for shown, image in zip(clip.brightness.values, wanted, strict=True):
        np.testing.assert_allclose(shown / 255, frames(image, image.time.values), atol=0.5 / 255 + 1e-6)
    assert (clip.seconds > 0).all()


def test_one_movie_of_every_cell_is_shown_that_of_the_first_seed(grid):
    cells = shown_cells(grid)
    assert len(cells) == 4
    assert {cell.seed for cell in cells} == {3}


def test_a_reconstructor_that_fails_leaves_its_reason(grid, monkeypatch):
    class Fails:
        parameters = 7

        def reconstruct(self, observation):
            raise RuntimeError("no signal")

    monkeypatch.setattr("smlmsim.reconstruct.load", lambda name: Fails() if name == "sparse" else load(name))
    clip = record(grid, shown_cells(grid)[0])
    assert clip.reason.values.tolist() == ["RuntimeError: no signal", "", ""]
    assert np.isnan(clip.seconds[0])
    assert not clip.brightness[1].any()


def test_the_number_of_parameters_is_kept(grid, monkeypatch):
    class Trained:
        parameters = 1_266_913

        def reconstruct(self, observation):
            return load("sparse").reconstruct(observation)

    monkeypatch.setattr(
        "smlmsim.reconstruct.load", lambda name: Trained() if name == "sparse" else load(name)
    )
    assert record(grid, shown_cells(grid)[0]).parameters.values.tolist() == [1_266_913, 0, 0]


def test_clips_of_other_reconstructors_have_other_names(grid, tmp_path):
    cell = shown_cells(grid)[0]
    other = grid.replace({"reconstructors": ("sparse",)})
    assert clip_path(grid, cell, tmp_path) != clip_path(other, cell, tmp_path)
    assert clip_path(grid, cell, tmp_path) == clip_path(grid.replace({"metrics": ("ssim",)}), cell, tmp_path)


def test_only_clips_that_are_missing_are_recorded(grid, page, result, tmp_path):
    shutil.copytree(result / "clips", tmp_path / "clips")
    paths = recorded(grid, tmp_path / "clips")
    assert len(paths) == 4
    kept = paths[1].stat().st_mtime_ns
    paths[0].unlink()
    assert list(record_all(grid, tmp_path / "clips", processes=1, progress=False).values()) == paths
    assert paths[0].exists()
    assert paths[1].stat().st_mtime_ns == kept


def test_a_damaged_clip_is_named(tmp_path):
    (tmp_path / "a.nc").write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"a\.nc is not a clip"):
        read_clip(tmp_path / "a.nc")
