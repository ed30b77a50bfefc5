"""Localizers are scored over density and photons, with an interval over the seeds."""

import logging

import localizers
import numpy as np
import pytest
from localizers import DENSITY, MARGIN_NM, PHOTONS, Localizers, LocalizersError, Movie, in_words, run, tabled

from smlmsim.interval import mean_interval
from smlmsim.io import netcdf

SMALL = Localizers(
    densities_per_um2=(0.2, 4.0), photons=(1000,), seeds=(0, 1), localizers=("mle", "phasor"), molecules=60,
    edge_um=4,
)  # fmt: skip


@pytest.fixture(scope="module")
def scores():
    """The scores of all movies of a small study, as stored and read."""
    found = [localizers.score_movie(SMALL, movie) for movie in SMALL.movies()]
    return localizers._gathered(SMALL, list(SMALL.movies()), found)


@pytest.mark.parametrize("density", [0.3, 5.0])
def test_molecules_are_as_dense_as_asked_for_also_at_the_border(density):
    study = SMALL.replace({"molecules": 1500})
    frames, events = localizers.simulate(study, Movie(density, 700.0, 3))
    area_um2 = (study.edge_um + 2 * MARGIN_NM / 1000) ** 2
    expected = density * area_um2 * frames.sizes["frame"]
    assert frames.frames.shape[1:] == (40, 40)
    assert events.sizes["event"] == pytest.approx(expected, abs=5 * np.sqrt(expected))
    outside = (events.event_y < 0).sum() / events.sizes["event"]
    assert float(outside) == pytest.approx(
        MARGIN_NM / (4000 + 2 * MARGIN_NM), abs=5 * np.sqrt(0.1 / expected)
    )
    assert set(events.event_photons.values.tolist()) == {700.0}


def test_fewer_are_found_where_spots_overlap(scores):
    mean = scores.mean("seed")
    sparse, dense = mean.sel({DENSITY: 0.2}), mean.sel({DENSITY: 4.0})
    assert (sparse.jaccard > 0.85).all()
    assert (dense.jaccard < sparse.jaccard - 0.2).all()
    assert (dense.rmse_nm > sparse.rmse_nm).all()
    assert scores.jaccard.attrs["better"] == "higher"
    assert scores[DENSITY].attrs["units"] == "um-2"


def test_the_table_holds_means_with_intervals_over_the_seeds(scores):
    table = tabled(scores).set_index([DENSITY, PHOTONS, "localizer"])
    values = scores.rmse_nm.sel({DENSITY: 4.0, PHOTONS: 1000.0, "localizer": "phasor"}).values
    row = table.loc[(4.0, 1000.0, "phasor")]
    low, high = mean_interval(values[None])
    assert (row["rmse_nm"], row["rmse_nm low"], row["rmse_nm high"]) == (values.mean(), *low, *high)


def test_a_movie_without_a_score_leaves_no_mean_of_the_others(scores):
    lost = scores.copy(deep=True)
    lost.jaccard[0, 0, 0, 0] = np.nan
    table = tabled(lost)
    assert np.isnan(table.loc[0, ["jaccard", "jaccard low", "jaccard high"]].astype(float)).all()
    assert np.isfinite(table["jaccard"][1:]).all()
    words = in_words(table)
    assert "none" in words.splitlines()[1]
    assert words.splitlines()[-1].startswith("best Jaccard index of 2 cells: ")


def test_the_best_of_every_cell_is_counted(scores):
    better = scores.copy(deep=True)
    better.jaccard.loc[{"localizer": "phasor"}] = 1.0
    assert in_words(tabled(better)).endswith("best Jaccard index of 2 cells: phasor in 2")


@pytest.mark.usefixtures("in_this_process")
def test_a_run_that_was_interrupted_goes_on_with_what_is_missing(tmp_path, monkeypatch, scores):
    study, movies, done = SMALL, list(SMALL.movies()), []
    original = localizers.score_movie

    def stopping(study, movie):
        done.append(movie)
        if len(done) == 3:
            raise ValueError("stopped")
        return original(study, movie)

    monkeypatch.setattr(localizers, "score_movie", stopping)
    with pytest.raises(LocalizersError, match=r"0\.2 per um\^2 of 1000 photons, seed 1 failed: stopped"):
        run(study, tmp_path, progress=False)
    found = run(study, tmp_path, progress=False)
    assert done == [*movies[:3], *movies[2:]]
    netcdf.write(found, tmp_path / "scores.nc")
    np.testing.assert_array_equal(netcdf.read(tmp_path / "scores.nc").efficiency, scores.efficiency)
    with pytest.raises(LocalizersError, match="belongs to another comparison"):
        run(study.replace({"molecules": 61}), tmp_path, progress=False)


def test_who_fails_has_no_score_and_the_reason_is_said(caplog):
    study = SMALL.replace({"seeds": (0,), "densities_per_um2": (0.2,), "localizers": ("mle",)})
    outcome = {"mle": "ValueError: too bright"}
    with caplog.at_level(logging.WARNING, "smlmsim"):
        scores = localizers._gathered(study, list(study.movies()), [outcome])
    assert np.isnan(scores.jaccard).all()
    assert "mle failed on 0.2 per um^2 of 1000 photons, seed 0: ValueError: too bright" in caplog.text


def test_a_value_that_appears_twice_is_refused():
    with pytest.raises(ValueError, match="seeds holds a value twice: 1, 1"):
        Localizers(seeds=(1, 1))
