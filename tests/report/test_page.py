"""The report is one file that needs nothing else, and says what the scores say."""

import json
import re

import numpy as np
import pytest
import xarray as xr

from smlmsim.grid import Axis, Grid, read_scores
from smlmsim.grid.store import StoreError
from smlmsim.pipeline import SimulatedDynamic
from smlmsim.regions import RATE, VELOCITY
from smlmsim.report import words, write_report
from smlmsim.report.content import layout_of, live_cells, truth_units
from smlmsim.report.shared import shared_settings

pytestmark = pytest.mark.usefixtures("in_this_process")


def content_of(page):
    text = page.read_text(encoding="utf-8")
    return json.loads(re.search(r'id="content">(.*?)</script>', text, re.DOTALL).group(1))


def test_the_page_refers_to_nothing_outside_it(page):
    text = page.read_text(encoding="utf-8")
    assert [file.name for file in page.parent.iterdir()] == ["index.html"]
    assert not re.search(r"https?://|@import|url\(|src=\"(?!data:)|<link[^>]*stylesheet", text)


def test_the_maps_hold_the_means_and_spreads_with_the_velocity_upwards(page, result):
    content, scores = content_of(page), read_scores(result / "scores.zarr")
    assert (content["layout"]["rows"]["ticks"], content["layout"]["columns"]["ticks"]) == (
        ["0", "75"],
        ["300", "1600"],
    )
    for metric in content["metrics"]:
        wanted = (
            scores[metric["name"]].sortby([VELOCITY, RATE]).transpose("seed", "reconstructor", VELOCITY, RATE)
        )
        np.testing.assert_allclose(metric["mean"], wanted.mean("seed"), rtol=1e-5)
        np.testing.assert_allclose(metric["sd"], wanted.std("seed", ddof=1), rtol=1e-4)
        sign = {"higher": 1, "lower": -1}[metric["better"]]
        np.testing.assert_array_equal(metric["best"], (sign * wanted.mean("seed")).argmax("reconstructor"))
        np.testing.assert_allclose(metric["movies"], wanted.sel(seed=[3, 4]), rtol=1e-5)
    assert content["shown"] == [3, 4]
    assert content["live"] == [[False, False], [True, False]]
    assert content["first"] == [1, 0]


@pytest.mark.parametrize("measured", [False, True])
def test_the_truth_is_labelled_with_what_it_is(measured):
    units = truth_units(measured=measured)
    assert ("localizations" in units["note"]) == measured
    assert units["units"] == ("/µm²" if measured else "µm/µm²")
    # 1 nm^-2 is 10^6 per um^2, and 1 nm^-1 is 10^3 um per um^2
    assert units["factor"] == (1e6 if measured else 1e3)
    assert ("filament" in words.truth(measured=measured)) != measured


def test_the_brightness_of_the_truth_is_in_the_page(page):
    assert content_of(page)["truth"] == truth_units(measured=False)
    assert words.truth(measured=False) in page.read_text(encoding="utf-8")


def movies_of(page):
    found = re.findall(r'id="movie-(\S+)">(.*?)</script>', page.read_text(encoding="utf-8"), re.DOTALL)
    return {place: json.loads(text) for place, text in found}


def test_every_cell_has_its_movie_of_every_seed_that_is_shown(page):
    movies = movies_of(page)
    assert sorted(movies) == [
        f"{row}-{column}-{seed}" for row in (0, 1) for column in (0, 1) for seed in (3, 4)
    ]
    for place, movie in movies.items():
        assert movie["layers"] == ["localizations", "sparse", "static_sum", "moving_window", "truth"]
        assert (movie["seed"], movie["shape"], movie["width_nm"]) == (int(place[-1]), [40, 32], 640)
        assert len(movie["sheets"]) == len(movie["white"]) == 5
        assert len(movie["times"]) == 6
        assert movie["white"][0] >= 1


def test_the_seeds_whose_movies_are_shown_can_be_chosen(result, tmp_path):
    page = write_report(result, tmp_path, movies_of=(4,), progress=False)
    assert {movie["seed"] for movie in movies_of(page).values()} == {4}
    with pytest.raises(ValueError, match=r"no seed 7, whose movies --movies-of asks for; it has \[3, 4\]"):
        write_report(result, tmp_path, movies_of=(7,), progress=False)


def test_the_settings_that_do_not_vary_stand_at_the_head_with_their_units(page, grid):
    head = page.read_text(encoding="utf-8").partition("</header>")[0]
    assert "<dt>field</dt><dd>height 800\u202fnm, width 640\u202fnm, pixel 20\u202fnm" in head
    assert "<dt>acquisition</dt><dd>time points 6, frames per point 50, exposure 0.03\u202fs" in head
    assert "<dt>motion</dt><dd>polymer, " in head
    assert "persistence length 20000\u202fnm" in head
    assert "rate" not in dict(shared_settings(grid))["photophysics"]
    assert "velocity" not in dict(shared_settings(grid))["motion"].replace("velocity lag", "")


def test_the_words_warn_that_two_seeds_are_too_few(page):
    text = page.read_text(encoding="utf-8")
    assert "With 2 seeds, no difference can be significant" in text
    assert "too few for a test" in text


def test_a_second_report_reads_the_clips_and_gives_the_same_bytes(page, result, tmp_path):
    before = {file.name: file.stat().st_mtime_ns for file in (result / "clips").iterdir()}
    again = write_report(result / "scores.zarr", tmp_path, progress=False)
    assert again.read_bytes() == page.read_bytes()
    assert {file.name: file.stat().st_mtime_ns for file in (result / "clips").iterdir()} == before


def test_a_small_budget_gives_a_smaller_file_and_none_is_refused(page, result, tmp_path):
    size = page.stat().st_size
    text = len(re.sub(r'id="movie-.*?</script>', "", page.read_text(encoding="utf-8")))
    budget = text + (size - text) * 3 // 4
    smaller = write_report(result, tmp_path, budget_bytes=budget, progress=False)
    assert smaller.stat().st_size <= budget
    with pytest.raises(ValueError, match="8 clips do not fit"):
        write_report(result, tmp_path / "none", budget_bytes=text + 100, progress=False)
    assert not (tmp_path / "none").exists()


def test_a_grid_is_shown_at_a_value_of_an_axis(result, tmp_path):
    page = write_report(result, tmp_path, at={VELOCITY: 75.0}, progress=False)
    content, scores = content_of(page), read_scores(result / "scores.zarr")
    wanted = scores.ms_ssim.sel({VELOCITY: 75}).sortby(RATE).mean("seed").transpose("reconstructor", RATE)
    np.testing.assert_allclose(np.squeeze(content["metrics"][0]["mean"], axis=1), wanted, rtol=1e-5)
    assert sorted(movies_of(page)) == ["0-0-3", "0-0-4", "0-1-3", "0-1-4"]
    assert "velocity 75" in page.read_text(encoding="utf-8")


def test_what_is_no_grid_is_refused(tmp_path):
    with pytest.raises(StoreError, match="not the store of a grid"):
        write_report(tmp_path, tmp_path / "out", progress=False)


def test_a_part_whose_kind_varies_is_described_once_for_each_kind():
    axis = Axis(setting="motion.kind", values=("static", "rigid"))
    said = [
        text
        for part, text in shared_settings(Grid(axes=(axis,), reconstructors=("sparse",)))
        if part == "motion"
    ]
    assert [text.partition(",")[0] for text in said] == ["static", "rigid"]


def test_a_camera_that_varies_is_no_shared_setting():
    study = SimulatedDynamic().replace({"localization.kind": "imaged"})
    axis = Axis(setting="localization.camera", values=("ideal", "emccd"))
    said = dict(shared_settings(Grid(study=study, axes=(axis,), reconstructors=("sparse",))))["localization"]
    assert "localizer mle" in said
    assert "gain" not in said


def test_no_cell_of_an_axis_of_texts_is_in_the_range_of_live_cells():
    kinds = ["static", "rigid"]
    scores = xr.Dataset(
        {"ms_ssim": (("motion.kind", "seed", "reconstructor"), np.zeros((2, 2, 1)))},
        {
            "motion.kind": np.array(kinds, np.dtypes.StringDType()),
            "seed": [0, 1],
            "reconstructor": ["sparse"],
        },
    )
    assert not live_cells(scores, "ms_ssim", layout_of(scores, "ms_ssim")).any()
