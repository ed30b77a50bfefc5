"""In a browser: cells can be chosen by mouse and keyboard, movies play, and nothing is asked of the network."""

import shutil

import pytest

from smlmsim.grid import read_scores
from smlmsim.regions import RATE, VELOCITY

playwright = pytest.importorskip("playwright.sync_api")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")]


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as started:
        running = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture
def show(browser, page):
    """A function that opens the report; when the test is over, nothing must have gone wrong in it."""
    wrong, opened = [], []

    def show(width=1280, **options):
        tab = browser.new_page(viewport={"width": width, "height": 800}, **options)
        opened.append(tab)
        tab.on("console", lambda message: message.type == "error" and wrong.append(message.text))
        tab.on("pageerror", lambda error: wrong.append(str(error)))
        tab.on("request", lambda asked: asked.url.startswith(("file:", "data:")) or wrong.append(asked.url))
        tab.goto(page.as_uri())
        tab.wait_for_selector("#panels figure")
        return tab

    yield show
    for tab in opened:
        tab.close()
    assert wrong == []


def colours(tab, selector):
    """All colour values in a canvas."""
    return tab.evaluate(
        """selector => { const c = document.querySelector(selector);
        return [...c.getContext("2d").getImageData(0, 0, c.width, c.height).data] }""",
        selector,
    )


def cell(tab, panel, row, column):
    return tab.locator(".map").nth(panel).locator(f'td.cell[data-row="{row}"][data-column="{column}"]')


def test_there_is_a_map_of_winners_and_one_of_every_reconstructor(show):
    tab = show()
    titles = tab.locator(".map h3").all_inner_texts()
    assert titles == ["Best in each cell", "sparse", "static_sum", "moving_window"]
    assert tab.locator("td.cell").count() == 4 * 4


def test_a_click_on_a_cell_plays_its_movie_with_its_numbers(show):
    tab = show()
    cell(tab, 2, 0, 1).click()
    tab.wait_for_function('document.getElementById("status").textContent.includes("1600")')
    assert tab.locator("#cell-title").inner_text() == "The movie at 0\u202fnm/s, 1600\u202fHz"
    assert tab.locator("#panels figcaption b").all_inner_texts() == [
        "localizations", "sparse", "static_sum", "moving_window", "truth",
    ]  # fmt: skip
    tab.wait_for_function('Number(document.getElementById("time").value) > 0')
    assert tab.locator("#play").inner_text() == "Pause"
    assert tab.locator("#numbers tbody tr").count() == 3
    assert "\u00b1" in tab.locator("#numbers tbody td").first.inner_text()
    assert cell(tab, 0, 0, 1).get_attribute("aria-selected") == "true"


def test_the_keyboard_does_all_that_the_mouse_does(show):
    tab = show(reduced_motion="reduce")
    assert tab.locator('.map td.cell[tabindex="0"]').count() == 4
    cell(tab, 1, 1, 0).focus()
    for key in ("ArrowDown", "ArrowRight", "ArrowRight"):
        tab.keyboard.press(key)
    focused = tab.evaluate("[document.activeElement.dataset.row, document.activeElement.dataset.column]")
    assert focused == ["0", "1"]
    tab.keyboard.press("Enter")
    tab.wait_for_function('document.getElementById("status").textContent.includes("1600")')
    assert tab.evaluate("document.activeElement.id") == "player"
    tab.locator("#time").focus()
    tab.keyboard.press("End")
    assert tab.locator("#now").inner_text() == "8.3\u202fs"


def test_every_cell_says_its_place_and_score_to_a_screen_reader(show):
    tab = show()
    for label in tab.locator("td.cell").evaluate_all("cells => cells.map(c => c.getAttribute('aria-label'))"):
        assert "nm/s" in label
        assert "Hz" in label
    assert all(tab.locator("canvas").evaluate_all("all => all.map(c => c.getAttribute('aria-label'))"))


def test_the_slider_shows_another_time_and_the_line_another_kymograph(show):
    tab = show()
    movie, kymograph = "#panels figure:last-child canvas", "#panels figure:last-child .kymograph canvas"
    frames, lines = [], []
    for share in (0, 5):
        tab.locator("#time").fill(str(share))
        frames.append(colours(tab, movie))
        tab.locator("#line").fill(str(10 + 2 * share))
        lines.append(colours(tab, kymograph))
    assert len(frames[0]) == 40 * 32 * 4
    assert len(lines[0]) == 6 * 32 * 4
    assert frames[0] != frames[1]
    assert lines[0] != lines[1]
    tab.locator('input[name="along"][value="column"]').check()
    assert len(colours(tab, kymograph)) == 6 * 40 * 4


def test_the_overlay_is_green_for_the_truth_and_magenta_for_the_estimate(show):
    tab = show()
    tab.locator('input[name="view"][value="overlay"]').check()
    assert tab.locator("#legend").is_visible()
    pixels = colours(tab, "#panels figure:nth-child(3) canvas")
    red, green, blue = (pixels[i::4] for i in range(3))
    assert red == blue
    assert max(red) > 150
    assert max(green) > 150
    assert red != green


def test_another_metric_draws_other_maps(show):
    tab = show()
    before = cell(tab, 1, 0, 0).inner_text()
    tab.locator("#metric").select_option(index=1)
    assert cell(tab, 1, 0, 0).inner_text() != before
    assert "lower is better" in tab.locator("#scale").inner_text()


def test_nothing_moves_by_itself_where_motion_is_unwelcome(show):
    tab = show(reduced_motion="reduce")
    cell(tab, 0, 0, 0).click()
    tab.wait_for_function('document.getElementById("status").textContent.includes("300")')
    tab.wait_for_timeout(300)
    assert tab.locator("#time").input_value() == "0"
    assert tab.locator("#play").inner_text() == "Play"


@pytest.mark.parametrize("width", [320, 375, 1280])
def test_the_page_fits_its_width_in_light_and_dark(show, width):
    backgrounds = set()
    for scheme in ("light", "dark"):
        tab = show(width, color_scheme=scheme)
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        backgrounds.add(tab.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert len(backgrounds) == 2


def test_the_seed_whose_movie_plays_can_be_chosen_and_every_panel_has_the_score_of_that_movie(show, result):
    tab = show(reduced_motion="reduce")
    scores = read_scores(result / "scores.zarr")
    assert tab.locator("#seed option").all_inner_texts() == ["3", "4"]
    frames = []
    tab.locator("#time").fill("4")
    for seed in (3, 4):
        tab.locator("#seed").select_option(str(seed))
        tab.wait_for_function(f'document.getElementById("cell-note").textContent.startsWith("Seed {seed};")')
        assert tab.locator("#time").input_value() == "4"
        cell_scores = scores.ms_ssim.sel({RATE: 300, VELOCITY: 75, "reconstructor": "sparse"})
        own, mean = float(cell_scores.sel(seed=seed)), float(cell_scores.mean())
        note = tab.locator("#panels figure:nth-child(2) figcaption span").inner_text()
        found = [float(number.strip("()")) for number in note.split()[-2:]]
        assert found == pytest.approx([own, mean], abs=0.005)
        frames.append(colours(tab, "#panels figure:last-child canvas"))
    assert frames[0] != frames[1]


def test_a_bar_says_what_the_brightness_of_every_panel_stands_for(show):
    tab = show()
    bars = tab.locator("#panels .colours")
    assert bars.count() == 5
    texts = bars.all_inner_texts()
    assert texts[0].split("\n")[-1].endswith("per pixel")
    assert all("own units" in text for text in texts[1:4])
    assert texts[4].endswith("\N{MICRO SIGN}m/\N{MICRO SIGN}m\N{SUPERSCRIPT TWO}")
    before = bars.nth(1).locator("i").get_attribute("style")
    tab.locator('input[name="view"][value="overlay"]').check()
    assert bars.nth(1).locator("i").get_attribute("style") != before


def test_the_pairs_sort_and_filter(show):
    tab = show()
    tab.locator("details", has=tab.locator("#pairs")).evaluate("details => { details.open = true }")
    rows = tab.locator("#pairs tbody tr:visible")
    number = rows.count()
    leads = []
    for _ in range(2):
        tab.locator("#pairs th button", has_text="by").click()
        found = rows.evaluate_all("rows => rows.map(row => Number(row.cells[3].dataset.value))")
        leads.append(found)
    assert leads[0] == sorted(leads[0])
    assert leads[1] == sorted(leads[0], reverse=True)
    assert tab.locator('#pairs th[aria-sort="descending"]').inner_text() == "by"
    tab.locator("#pair-region").select_option("live cells")
    assert rows.count() == 3 < number
    tab.locator("#pair-name").select_option("sparse")
    assert rows.count() == 2
    assert tab.locator("#pair-count").inner_text() == f"2 of {number}"
    tab.locator("#pair-apart").check()
    assert rows.count() == 0


def test_a_cell_is_parted_among_those_that_are_practically_equal(show):
    tab = show()
    tab.evaluate(
        """() => {
        const all = (value) => [[value, value], [value, value]];
        [0, 1, 2].forEach((index) => { metric.equal[index] = metric.tied[index] = all(index > 0); });
        metric.best = all(2);
        drawMaps(); }"""
    )
    found = cell(tab, 0, 0, 0)
    assert found.locator(".shares span").all_inner_texts() == ["C", "B"]
    assert found.get_attribute("aria-label").endswith(
        "best mean moving_window, practically equal to static_sum"
    )
    assert "several colours: practically equal" in tab.locator(".swatches").inner_text()
