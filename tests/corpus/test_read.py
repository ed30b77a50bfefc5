"""A corpus is read by xarray, movie by movie, and described."""

import csv
import json
import logging

import numpy as np
import pytest
from one_process import one_process

from smlmsim import io
from smlmsim.acquisition import Acquisition
from smlmsim.corpus import Choice, Corpus, CorpusError, Range, export, generate, info, open_corpus, read_movie
from smlmsim.field import FieldOfView
from smlmsim.pipeline import SemiSimulated, simulate


def test_xarray_opens_it_with_the_settings_as_coordinates(corpus, made):
    found = open_corpus(made)
    assert found.counts.dims == ("movie", "time", "y", "x")
    assert found.done.all()
    assert found.time.attrs["units"] == "s"
    rates = found["photophysics.rate_hz"]
    assert rates.dims == ("movie",)
    assert "photophysics.rate_hz" in found.coords
    assert rates.values[2] == corpus.recipe(2).settings["photophysics.rate_hz"]
    assert found.movie_seed.values[2] == corpus.recipe(2).seed
    padded = found.loc_y.isel(movie=1).values
    assert np.isfinite(padded).sum() == found.localizations.isel(movie=1)


def test_a_movie_is_the_one_that_was_simulated(corpus, made):
    recipe = corpus.recipe(4)
    simulated, found = simulate(corpus.study_of(recipe), recipe.seed), read_movie(made, 4)
    np.testing.assert_array_equal(found.observation.counts, simulated.observation.counts)
    np.testing.assert_array_equal(found.observation.loc_frame, simulated.observation.loc_frame)
    np.testing.assert_allclose(found.observation.loc_time, simulated.observation.loc_time)
    assert found.observation.attrs == simulated.observation.attrs
    np.testing.assert_allclose(
        found.truth.density, simulated.truth.density, rtol=0, atol=6e-4 * simulated.truth.density.max()
    )
    assert found.truth.seed == recipe.seed
    assert found.truth.study == simulated.truth.study


def test_a_movie_that_is_not_there_is_refused(made):
    with pytest.raises(CorpusError, match="has the movies 0 to 5, asked for 6"):
        read_movie(made, 6)


def test_info_says_what_is_inside(made):
    said = info(made)
    assert "6 of 6 movies" in said
    assert "simulated_dynamic, 40 time points of 0.15 s, 40 x 32 pixels of 20 nm" in said
    assert "photophysics.rate_hz: 100 to 1600, log" in said


def test_exported_files_hold_the_movies(made, tmp_path):
    manifest = export(made, tmp_path / "files")
    lines = manifest.read_text().splitlines()
    assert len(lines) == 7
    assert lines[0] == (
        "movie,counts,truth,table,localizations,seed,photophysics.rate_hz,motion.velocity_nm_per_s"
    )
    movie, files = read_movie(made, 5), tmp_path / "files"
    np.testing.assert_array_equal(io.read(files / "movie_00005_counts.tif").counts, movie.observation.counts)
    np.testing.assert_array_equal(io.read(files / "movie_00005_truth.tif").density, movie.truth.density)
    table = io.read(files / "movie_00005_localizations.csv")
    np.testing.assert_allclose(table.loc_y, movie.observation.loc_y, atol=1e-3)


def test_a_single_movie_is_exported_too(corpus, tmp_path):
    export(simulate(corpus.study, 0), tmp_path)
    assert {file.name for file in tmp_path.iterdir()} == {
        "movie_00000_counts.tif", "movie_00000_truth.tif", "movie_00000_localizations.csv",
        "movie_00000_localizations.csv.json", "manifest.csv",
    }  # fmt: skip


@pytest.fixture
def mixed():
    """A corpus whose movies move in two ways, one of which has a persistence time."""
    study = SemiSimulated(
        field=FieldOfView(height_nm=640, width_nm=640),
        acquisition=Acquisition(time_points=4, frames_per_point=5),
    )
    choices = (
        Choice(setting="motion.kind", values=("deformation", "wandering")),
        Choice(setting="density", values=({"sigma_nm": 30.0}, {"sigma_nm": 40.0})),
        Choice(setting="structure.vertices", values=(20, 30)),
    )
    ranges = (
        Range(setting="motion.velocity_nm_per_s", low=0, high=220, share_at_zero=0.15),
        Range(setting="motion.persistence_time_s", low=1.5, high=15),
    )
    return Corpus(study=study, movies=4, seed=2, choices=choices, ranges=ranges)


def test_what_was_chosen_is_kept_with_the_movies(mixed, tmp_path, caplog):
    path = tmp_path / "mixed.zarr"
    with one_process(), caplog.at_level(logging.INFO):
        generate(mixed, path, progress=False)
    assert "motion.persistence_time_s varies only in the movies that have it" in caplog.text
    assert "velocity_nm_per_s varies" not in caplog.text
    recipes = [mixed.recipe(movie).settings for movie in range(4)]
    found = open_corpus(path)
    kinds = np.array(found["motion.kind"].values.tolist())
    assert set(kinds) == {"deformation", "wandering"}
    assert kinds.tolist() == [settings["motion.kind"] for settings in recipes]
    assert found["structure.vertices"].values.tolist() == [
        settings["structure.vertices"] for settings in recipes
    ]
    assert [json.loads(text) for text in found["study.density"].values] == [
        settings["density"] for settings in recipes
    ]
    assert found.density.dims == ("movie", "time", "y", "x")
    persistence = found["motion.persistence_time_s"].values
    assert (np.isfinite(persistence) == (kinds == "wandering")).all()
    for movie, settings in enumerate(recipes):
        recipe = mixed.recipe(movie)
        truth = read_movie(path, movie).truth
        assert truth.study == simulate(mixed.study_of(recipe), recipe.seed).truth.study
        assert f'kind = "{settings["motion.kind"]}"' in truth.study
    said = info(path)
    assert "motion.kind: deformation or wandering" in said
    assert 'density: {"sigma_nm": 30.0} or {"sigma_nm": 40.0}' in said
    assert "motion.velocity_nm_per_s: 0 to 220, linear, 15% of the movies at 0" in said
    assert "motion.persistence_time_s: 1.5 to 15, linear, in the movies that have it" in said
    with export(path, tmp_path / "files").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["motion.kind"] for row in rows] == kinds.tolist()
    assert [json.loads(row["density"]) for row in rows] == [settings["density"] for settings in recipes]
    assert [bool(row["motion.persistence_time_s"]) for row in rows] == (kinds == "wandering").tolist()
