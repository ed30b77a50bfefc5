"""The page of a simulated table: what it says is what was found, and a browser shows it at any width, offline."""

import html
import json
import re
import shutil

import numpy as np
import pytest
import xarray as xr

import smlmsim
from smlmsim import io
from smlmsim.estimate.location import RATE, VELOCITY
from smlmsim.trust import Given, examine, words, write_page
from smlmsim.trust.cautions import warnings
from smlmsim.trust.reasons import broken, reasons
from smlmsim.trust.velocity import about_velocity
from smlmsim.widefield import as_movie

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def a_map(**means):
    """Scores of reconstructors that do not depend on velocity and rate, of two movies 0.02 apart."""
    axes = {VELOCITY: [0.0, 200.0], RATE: [30.0, 1600.0], "seed": [0, 1], "reconstructor": list(means)}
    values = np.broadcast_to(list(means.values()), (2, 2, 2, len(means))) + np.array([-0.01, 0.01])[:, None]
    about = {"long_name": "MS-SSIM", "better": "higher", "units": "1"}
    scores = xr.DataArray(values, axes, list(axes), attrs=about).to_dataset(name="ms_ssim")
    scores[VELOCITY].attrs.update(long_name="velocity", units="nm/s")
    scores[RATE].attrs.update(long_name="rate", units="Hz")
    return scores


@pytest.fixture(scope="module")
def movie():
    study = smlmsim.SimulatedDynamic(
        field=smlmsim.FieldOfView(height_nm=1280, width_nm=1600),
        acquisition=smlmsim.Acquisition(time_points=12),
        motion=smlmsim.Polymer(velocity_nm_per_s=30),
        photophysics=smlmsim.Poisson(rate_hz=150),
        widefield=smlmsim.Widefield(frames_between=50),
    )
    return smlmsim.simulate(study, 1).observation


@pytest.fixture(scope="module")
def study(movie, tmp_path_factory):
    path = tmp_path_factory.mktemp("trust") / "cell <1>.csv"
    io.write(movie, path)
    field = smlmsim.FieldOfView(height_nm=1280, width_nm=1600)
    return smlmsim.Experimental(table=path, field=field)


@pytest.fixture(scope="module")
def found(study, movie):
    wide = as_movie(movie)
    scores = a_map(annapalm2d=0.81, gaussian_time=0.74, sofi=0.9, not_installed=0.99)
    return examine(study, scores, Given(time_points=10, passes=2, structure="microtubules"), widefield=wide)


@pytest.fixture(scope="module")
def page(found, tmp_path_factory):
    return write_page(found, tmp_path_factory.mktemp("page"), said=["a note"])


def test_what_is_installed_and_needs_no_frames_is_advised_with_the_score_of_the_map(found):
    own = found.findings.expectation
    assert found.findings.chosen == "annapalm2d"
    assert [one.name for one in found.findings.expected] == ["annapalm2d", "gaussian_time"]
    assert own.mean == pytest.approx(0.81)
    assert own.sd == pytest.approx(0.02 / np.sqrt(2))
    assert own.up_to == 200


def test_the_middle_of_the_recording_is_reconstructed_at_its_times(found):
    shown = found.findings.shown
    assert shown.time_points == 10
    assert shown.begin_s == pytest.approx(1.5)
    assert shown.end_s == pytest.approx(16.5)
    assert found.images["localizations"].sizes["time"] == 10
    assert int(found.images["localizations"].sum()) == shown.localizations


def test_the_numbers_are_those_that_the_library_gives(found, study, movie):
    of = found.findings
    again = smlmsim.metrics.agreement(*found.halves.values(), tolerance_nm=of.halves.tolerance_nm)
    assert of.halves.pearson == float(again.pearson)
    assert of.halves.lines == float(again.skeleton)
    rate = smlmsim.estimate.localization_rate(study.localizations(), exposure_s=0.03, field=study.field)
    assert of.place.rate_hz == rate.reference_hz
    assert of.table.localizations == movie.sizes["localization"]
    assert of.widefield.rsp > 0.5
    seen, told = of.place.velocities.seen, of.place.velocities.told
    assert seen == smlmsim.estimate.filament_velocity(as_movie(movie)) if seen else of.place.velocities.unseen
    assert (told is None) == bool(of.place.velocities.untold)
    assert of.variation > 0
    assert set(found.images) == {"localizations", "annapalm2d", "uncertainty", "where halves disagree"}


def test_the_page_says_all_that_the_findings_say(found, page):
    text = html.unescape(re.sub("</?code>", "", page.read_text(encoding="utf-8")))
    of = found.findings
    for sentence in (
        words.verdict(of),
        words.lead(of),
        words.advice(of),
        about_velocity(of),
        *(r.sentence for r in reasons(of)),
    ):
        assert sentence in text
    for line in warnings(of):
        assert line[1:].rstrip(".") in text
    assert "cell <1>.csv" in text
    assert "<1>" not in page.read_text(encoding="utf-8")
    assert not re.search(r"(src|href)=.?https?:", text)


def test_the_summary_holds_every_number_and_sentence(found, page):
    made = json.loads((page.parent / "summary.json").read_text(encoding="utf-8"))
    assert made["verdict"] == words.verdict(found.findings)
    assert made["found"]["halves"]["pearson"] == pytest.approx(found.findings.halves.pearson, rel=1e-5)
    assert made["found"]["place"]["rate_hz"] == pytest.approx(found.findings.place.rate_hz, rel=1e-5)
    assert [one["sentence"] for one in made["reasons"]] == [r.sentence for r in reasons(found.findings)]
    assert made["said"] == ["a note"]


def test_movies_and_figures_lie_beside_the_page(page):
    names = {file.name for file in page.parent.iterdir()}
    assert names == {
        "index.html", "summary.json", "agreement.png", "map.png", "widefield.png", "annapalm2d.tif", "uncertainty.tif",
        "disagreement.tif",
    }  # fmt: skip
    assert io.read(page.parent / "disagreement.tif").sizes["time"] == 10


def test_a_network_outside_its_training_is_passed_over(study):
    found = examine(
        study.replace({"pixel_nm": 40.0, "field.pixel_nm": 40.0}), a_map(annapalm2d=0.81, gaussian_time=0.74)
    )
    of = found.findings
    assert of.chosen == "gaussian_time"
    assert "found pixels of 40 nm, trained for pixels of 20 nm" in words.advice(of)
    assert of.variation is None
    assert of.widefield is None
    assert broken(of) == ["pixels are 40 nm, those of the map 20 nm"]


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")
@pytest.mark.parametrize("width", [1280, 390])
def test_a_browser_shows_and_plays_the_page_without_a_network_or_scrolling_sideways(page, found, width):
    playwright = pytest.importorskip("playwright.sync_api")
    wrong = []
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        tab = browser.new_page(viewport={"width": width, "height": 800})
        tab.on("console", lambda message: message.type == "error" and wrong.append(message.text))
        tab.on("pageerror", lambda error: wrong.append(str(error)))
        tab.on("request", lambda asked: asked.url.startswith(("file:", "data:")) or wrong.append(asked.url))
        tab.goto(page.as_uri())
        tab.wait_for_selector("body[data-ready]")
        assert tab.locator("h1").inner_text() == words.verdict(found.findings)
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        assert tab.locator("#panels figcaption b").all_inner_texts() == list(found.images)
        tab.locator("#time").fill("0")
        assert tab.locator("#now").inner_text() == "2.3\u202fs"
        first = tab.evaluate("document.querySelectorAll('#panels canvas')[1].toDataURL()")
        tab.locator("#time").focus()
        tab.keyboard.press("End")
        assert tab.locator("#now").inner_text() == "15.8\u202fs"
        assert tab.evaluate("document.querySelectorAll('#panels canvas')[1].toDataURL()") != first
        tab.locator("#play").click()
        tab.wait_for_function("Number(document.getElementById('time').value) < 9")
        assert tab.locator("#play").inner_text() == "Pause"
        labels = tab.locator("#panels canvas").evaluate_all(
            "all => all.map(c => c.getAttribute('aria-label'))"
        )
        assert all(labels)
        browser.close()
    assert wrong == []
