"""The agreement of two colours is measured and stored beside the scores of a grid."""

import html
import shutil

import numpy as np
import pandas as pd
import pytest
from one_process import one_process

from smlmsim import schema
from smlmsim.acquisition import Acquisition
from smlmsim.agreement_ranks import MEASURES, agreement_ranks, in_words
from smlmsim.cli.drawing import draw_grid
from smlmsim.field import FieldOfView
from smlmsim.figures import predicted
from smlmsim.grid import Axis, Grid, read_scores, run_grid
from smlmsim.grid.clips import read_clip
from smlmsim.grid.colocalized import measured, measured_in
from smlmsim.metrics import METRICS, score
from smlmsim.pipeline import SimulatedDynamic, TwoColours, simulate
from smlmsim.reconstruct import load, reconstruct
from smlmsim.report import words, write_report
from smlmsim.rng import stream

pytestmark = pytest.mark.usefixtures("in_this_process")


def _estimate(*movies):
    """An estimate of several channels (time, y, x), with pixels of 20 nm."""
    at = 20.0 * np.arange(movies[0].shape[-1])
    return schema.estimate(
        {}, density=np.stack(movies).astype(np.float32), channel=[f"c{i}" for i in range(len(movies))],
        time=np.arange(movies[0].shape[0]), y=at, x=at,
    )  # fmt: skip


def _observation(precision_nm=10.0):
    return schema.dataset({"pixel_nm": 20.0}, loc_uncertainty=np.full(5, precision_nm))


def _lines(shift=0):
    """Two bright lines of a movie of 64 x 64 pixels."""
    movie = np.zeros((2, 64, 64))
    movie[:, 15 + shift], movie[:, 40 + shift] = 1, 1
    return movie


def test_identical_colours_agree_entirely_and_independent_ones_do_not():
    np.testing.assert_allclose(measured(_estimate(_lines(), _lines()), _observation()), 1, atol=1e-6)
    noise = stream(0, "noise").random((2, 2, 64, 64))
    found = measured(_estimate(*noise), _observation())
    assert abs(found[0]) < 4 / np.sqrt(noise[0].size)
    share = (noise[1] > np.median(noise[1])).mean()
    assert found[1] == pytest.approx(share, abs=0.05)  # chance: half of the pixels are structure


def test_a_shift_is_penalised_beyond_the_precision_and_only_there():
    pair = _estimate(_lines(), _lines(shift=2))
    near, far = (measured(pair, _observation(precision_nm=nm)) for nm in (10, 40))
    assert near[2] == 0  # 40 nm apart, and a precision of 10 nm explains a pixel
    assert far[2] == 1
    assert near[0] == far[0] < 0.1


def test_what_has_no_two_colours_is_not_known():
    for estimate in (None, _estimate(_lines()), _estimate(_lines(), 0 * _lines())):
        assert np.isnan(measured(estimate, _observation())).all()


@pytest.fixture(scope="module")
def study():
    return TwoColours(field=FieldOfView(height_nm=800, width_nm=800), acquisition=Acquisition(time_points=3))


AXES = (Axis(setting="photophysics.rate_hz", values=(100, 400, 1600)),)


@pytest.fixture(scope="module")
def result(study, tmp_path_factory):
    """The folder of a grid."""
    grid = Grid(
        study=study,
        axes=AXES,
        seeds=(0, 1),
        reconstructors=("static_sum", "gaussian_time"),
        metrics=("pearson",),
    )
    folder = tmp_path_factory.mktemp("two")
    with one_process():
        run_grid(grid, folder / "scores.zarr", progress=False)
    return folder


def test_a_grid_stores_the_mean_score_of_both_colours_and_their_agreement(study, result):
    scores = read_scores(result / "scores.zarr")
    movie = simulate(study.replace({"photophysics.rate_hz": 400.0}), 1)
    estimate = reconstruct(load("gaussian_time"), movie.observation)
    at = {"photophysics.rate_hz": 400, "seed": 1, "reconstructor": "gaussian_time"}
    both = score(estimate, movie.truth, metrics=["pearson"]).pearson
    assert float(scores.pearson.sel(at)) == pytest.approx(float(both.mean()), rel=1e-12)
    wanted = measured(estimate, movie.observation)
    np.testing.assert_array_equal([float(scores[name].sel(at)) for name in MEASURES], wanted)
    assert (scores.agreement_pearson.isel({"photophysics.rate_hz": 2}) > scores.agreement_pearson[0]).all()
    clip = read_clip(next((result / "clips").iterdir()))
    assert clip.brightness.dims == ("layer", "time", "y", "x")
    ranks = agreement_ranks(scores, "pearson")
    assert (ranks[ranks["reconstructor"] == "gaussian_time"]["rho"] > 0).any()
    figure = predicted(scores, "pearson", ranks)
    titles = [panel.get_title() for panel in figure.axes]
    assert len(titles) == 6
    assert all(title.startswith("rank correlation ") for title in titles)


def test_the_agreement_is_drawn_said_and_stored_as_a_table(result, tmp_path, capsys):
    scores = read_scores(result / "scores.zarr")
    names = draw_grid(scores, "pearson", tmp_path)
    assert {"agreement.png", "agreement.pdf", "agreement.csv"} <= set(names)
    said, ranks = capsys.readouterr().out, agreement_ranks(scores, "pearson")
    assert all(line in said for line in in_words(ranks, "Pearson correlation"))
    stored = pd.read_csv(tmp_path / "agreement.csv")
    np.testing.assert_allclose(stored["rho"], ranks["rho"])


def test_the_report_says_what_two_colours_are_and_how_they_rank(result, tmp_path):
    page = write_report(result, tmp_path, progress=False).read_text(encoding="utf-8")
    assert words.TWO_COLOURS in page
    ranks = agreement_ranks(read_scores(result / "scores.zarr"), "pearson")
    assert all(html.escape(line) in page for line in in_words(ranks, "Pearson correlation")[1:])


def test_adding_a_reconstructor_keeps_the_agreement(study, result, tmp_path):
    scores = read_scores(result / "scores.zarr")
    shutil.copytree(result, tmp_path / "copy")
    grid = Grid(study=study, axes=AXES, seeds=(0, 1), reconstructors=("sparse",), metrics=("pearson",))
    found = run_grid(grid, tmp_path / "copy" / "scores.zarr", progress=False, add=True)
    kept = found.agreement_pearson.sel(reconstructor=scores.reconstructor)
    np.testing.assert_array_equal(kept, scores.agreement_pearson)
    assert np.isfinite(found.agreement_pearson).all()


def test_only_a_grid_of_two_colours_has_agreement(study):
    assert measured_in(study) == tuple(MEASURES)
    assert measured_in(SimulatedDynamic()) == ()
    assert not set(MEASURES) & set(METRICS)
