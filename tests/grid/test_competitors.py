"""Pairs of a localizer and a reconstructor are compared as reconstructors are, on the same molecules."""

import json
import re

import numpy as np
import pytest
import xarray as xr

from smlmsim.compare import compare
from smlmsim.grid import Axis, Grid, read_scores, run_grid
from smlmsim.grid.competitors import grouped, paired, pairs_of
from smlmsim.regions import RATE
from smlmsim.report import write_report

LOCALIZER = "localization.localizer"
NAMES = ["given + sparse", "given + static_sum", "mle + sparse", "mle + static_sum"]


@pytest.fixture(scope="module")
def grid(small_study):
    study = small_study.replace({"localization.kind": "imaged"})
    axes = (Axis(setting=LOCALIZER, values=("given", "mle")), Axis(setting=RATE, values=(800, 100)))
    return Grid(
        study=study, axes=axes, seeds=(0, 1), reconstructors=("sparse", "static_sum"), metrics=("ms_ssim", "nrmse"),
        movies={"seeds": (1,)},
    )  # fmt: skip


@pytest.fixture(scope="module")
def result(grid, tmp_path_factory):
    from one_process import one_process

    folder = tmp_path_factory.mktemp("pairs")
    with one_process():
        run_grid(grid, folder / "scores.zarr", progress=False)
    return folder


def test_a_pair_has_the_scores_of_its_reconstructor_at_its_localizer(grid, result):
    scores = read_scores(result / "scores.zarr")
    found = paired(scores, grid, LOCALIZER)
    assert found.reconstructor.values.tolist() == NAMES == list(pairs_of(grid, LOCALIZER))
    assert found.ms_ssim.dims == (RATE, "seed", "reconstructor")
    assert found.ms_ssim.attrs == scores.ms_ssim.attrs
    for name in NAMES:
        localizer, reconstructor = name.split(" + ")
        np.testing.assert_array_equal(
            found.nrmse.sel(reconstructor=name),
            scores.nrmse.sel({LOCALIZER: localizer, "reconstructor": reconstructor}),
        )


def test_an_empty_estimate_has_one_score_for_all_localizers(grid, result):
    scores = read_scores(result / "scores.zarr")
    floors = scores["floor_ms_ssim"].transpose(LOCALIZER, RATE, "seed")
    np.testing.assert_array_equal(floors[0], floors[1])
    np.testing.assert_array_equal(paired(scores, grid, LOCALIZER)["floor_ms_ssim"], floors[0])


def test_pairs_are_compared_with_each_other(grid, result):
    table = compare(paired(read_scores(result / "scores.zarr"), grid, LOCALIZER))
    assert len(table) == 4 * 3 / 2 * table["region"].nunique()
    assert {*table["first"], *table["second"]} == set(NAMES)


@pytest.mark.usefixtures("in_this_process")
def test_a_report_of_pairs_plays_the_movies_of_all_localizers(result, tmp_path):
    text = write_report(result, tmp_path, pairs=LOCALIZER, progress=False).read_text(encoding="utf-8")
    content = json.loads(re.search(r'id="content">(.*?)</script>', text, re.DOTALL).group(1))
    assert content["reconstructors"] == NAMES
    assert np.shape(content["metrics"][0]["mean"]) == (4, 1, 2)
    movies = dict(re.findall(r'id="movie-(\S+)">(.*?)</script>', text, re.DOTALL))
    assert sorted(movies) == ["0-0-1", "0-1-1"]
    for movie in map(json.loads, movies.values()):
        assert movie["layers"] == ["localizations, given", *NAMES, "truth"]
        assert len(movie["sheets"]) == len(movie["layers"])
        assert movie["reasons"] == [""] * 4
    assert "Each is a localizer and a reconstructor; all were given the same molecules." in text


def test_what_is_gathered_of_a_cell_has_the_order_of_the_axis(grid):
    found = grouped({(1, 0, 0): "b", (0, 0, 0): "a", (0, 1, 0): "c", (1, 1, 0): "d"}, grid, LOCALIZER)
    assert found == {(0, 0): ("a", "b"), (1, 0): ("c", "d")}


@pytest.mark.parametrize(
    ("setting", "reason"),
    [
        (RATE, "paired with an axis of the localization, such as localization.localizer"),
        ("localization.localiser", "did you mean 'localization.localizer'?"),
    ],
)
def test_other_axes_are_refused(grid, setting, reason):
    with pytest.raises(ValueError, match=reason):
        paired(xr.Dataset(), grid, setting)
    alone = Grid.model_validate({**dict(grid), "axes": grid.axes[:1]})
    with pytest.raises(ValueError, match="no axis is left to show"):
        pairs_of(alone, LOCALIZER)
