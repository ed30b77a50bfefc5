"""In a browser: the picture comes from tiles, all controls work, and nothing is asked of the network."""

import shutil
import threading

import pytest

from smlmsim.viewer import Server, write_page

playwright = pytest.importorskip("playwright.sync_api")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")]
SIZE = {"width": 800, "height": 400}
SOFTWARE = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as started:
        running = started.chromium.launch(executable_path=CHROMIUM, args=SOFTWARE)
        yield running
        running.close()


@pytest.fixture(scope="module")
def urls(scene, tmp_path_factory):
    """Addresses of the same scene, from a server and in a file."""
    path = write_page(scene, tmp_path_factory.mktemp("page") / "a.html")
    with Server(scene) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield {"server": server.url, "file": path.as_uri()}
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def show(browser, urls):
    """A function that opens the scene, once for each kind; in the end, nothing must have gone wrong in it."""
    wrong, opened = [], {}

    def opening(kind):
        tab = browser.new_page(viewport=SIZE)
        tab.on("console", lambda message: message.type == "error" and wrong.append(message.text))
        tab.on("pageerror", lambda error: wrong.append(str(error)))
        own = (urls[kind], "data:")
        tab.on("request", lambda asked: asked.url.startswith(own) or wrong.append(asked.url))
        tab.goto(urls[kind])
        settled(tab)
        return tab

    def show(kind="server"):
        return opened.get(kind) or opened.setdefault(kind, opening(kind))

    yield show
    for tab in opened.values():
        tab.close()
    assert wrong == []


@pytest.fixture
def tab(show):
    """The scene as it is at first."""
    tab = show()
    tab.set_viewport_size(SIZE)
    tab.evaluate("""() => { if (playing) play(); element("panel").reset();
        document.querySelectorAll("#panel input, #panel select").forEach((one) => {
            one.dispatchEvent(new Event("input")); one.dispatchEvent(new Event("change")); });
        fit(); }""")
    settled(tab)
    return tab


def settled(tab):
    """Wait until all that is wanted has been drawn."""
    tab.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    tab.wait_for_selector('#status[data-waiting="false"]')


def drawn(tab):
    return int(tab.locator("#status").get_attribute("data-drawn"))


def lit(tab):
    """The fraction of the picture that is not black, and its mean colour."""
    return tab.evaluate(
        """() => { draw(); const copy = document.createElement("canvas");
        copy.width = canvas.width; copy.height = canvas.height;
        const context = copy.getContext("2d"); context.drawImage(canvas, 0, 0);
        const data = context.getImageData(0, 0, copy.width, copy.height).data;
        let lit = 0; const sums = [0, 0, 0];
        for (let i = 0; i < data.length; i += 4) { lit += data[i] + data[i + 1] + data[i + 2] > 0;
          for (let part = 0; part < 3; part++) sums[part] += data[i + part]; }
        return { part: 4 * lit / data.length, sums }; }"""
    )


@pytest.mark.parametrize("kind", ["server", "file"])
def test_all_localizations_are_drawn_where_there_are_few(show, kind):
    tab = show(kind)
    assert tab.locator("h1").inner_text() == "a <b>table</b>"
    assert tab.locator("#status").inner_text() == "5,000 of 5,000 localizations drawn"
    tab.locator("#movies input[type=checkbox]").uncheck()
    assert 0.005 < lit(tab)["part"] < 0.5
    assert tab.evaluate('performance.getEntriesByName("first picture").length') == 1


def test_at_most_as_many_are_drawn_as_allowed_and_the_page_says_so(tab):
    tab.evaluate("""() => { const few = new Option("700", 700); element("most").append(few);
        element("most").value = 700; element("most").dispatchEvent(new Event("change")); }""")
    settled(tab)
    assert 300 <= drawn(tab) <= 700
    assert tab.locator("#status").inner_text().endswith("drawn, a random sample of those in view")
    assert tab.evaluate("[...loaded.keys()].reduce((sum, tile) => sum + tiles.count[tile], 0)") <= 4 * 700


def test_zooming_leaves_out_what_is_not_in_view_and_the_scale_bar_shrinks(tab):
    before = tab.locator("#scale span").inner_text()
    tab.mouse.move(300, 120)
    for _ in range(15):
        tab.mouse.wheel(0, -300)
    settled(tab)
    assert drawn(tab) < 5000
    assert tab.locator("#scale span").inner_text() != before
    tab.locator("#fit").click()
    settled(tab)
    assert drawn(tab) == 5000
    assert tab.locator("#scale span").inner_text() == before


def test_dragging_moves_or_rotates(tab):
    def dragged():
        tab.mouse.move(200, 120)
        tab.mouse.down()
        tab.mouse.move(260, 160, steps=3)
        tab.mouse.up()
        settled(tab)
        return tab.evaluate(
            "[...camera.getWorldDirection(camera.position.clone()).toArray(), ...controls.target.toArray()]"
        )

    moved = dragged()
    assert moved[:3] == pytest.approx([0, 0, 1], abs=1e-6)
    assert max(map(abs, moved[3:5])) > 100
    tab.locator('input[value="rotate"]').check()
    turned = dragged()
    assert turned[2] < 0.99
    tab.locator("#fit").click()
    settled(tab)
    assert tab.evaluate("camera.getWorldDirection(camera.position.clone()).z") == pytest.approx(1)


def test_the_time_slider_draws_those_of_its_time(tab, table):
    tab.locator("#window").fill("50")
    tab.locator("#time").fill("500")
    settled(tab)
    early, late = tab.evaluate("[early(), late()]")
    assert late - early < 100
    steps = table.loc_frame - 3
    assert drawn(tab) == int(((steps >= early) & (steps < late)).sum())
    assert tab.locator("#now").inner_text().endswith("s")
    tab.locator("#play").click()
    tab.wait_for_timeout(300)
    assert tab.locator("#time").input_value() != "500"


def test_colours_are_those_of_the_chosen_column(tab):
    tab.locator("#movies input[type=checkbox]").uncheck()
    options = tab.locator("#colour option").all_inner_texts()
    assert options == ["channel", "time", "z", "reported precision", "one colour"]
    assert tab.locator("#legend").inner_text().split() == ["red", "far", "red"]
    sums = []
    for index in range(len(options)):
        tab.locator("#colour").select_option(str(index))
        settled(tab)
        sums.append(tuple(lit(tab)["sums"]))
    assert len(set(sums)) == len(options)
    assert sums[-1][0] > sums[-1][2]  # the one colour is orange


def test_the_movie_under_the_localizations_follows_the_time(tab):
    tab.locator("#window").fill("0")
    means = []
    for place in ("0", "500", "1000"):
        tab.locator("#time").fill(place)
        settled(tab)
        means.append(lit(tab)["sums"][1])
    assert means[0] < means[1] < means[2]
    tab.locator("#movies input[type=checkbox]").uncheck()
    settled(tab)
    assert lit(tab)["sums"][1] < means[0]


@pytest.mark.parametrize("width", [320, 390])
def test_the_page_fits_a_phone(tab, width):
    tab.set_viewport_size({"width": width, "height": 700})
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    assert tab.locator("#canvas").bounding_box()["height"] >= 250
    assert tab.locator("#play").is_visible()


def test_a_server_that_is_gone_is_said(browser, scene):
    with Server(scene) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        tab = browser.new_page(viewport={"width": 400, "height": 600})
        tab.goto(server.url)
        settled(tab)
        server.shutdown()
        thread.join()
    tab.context.set_offline(True)
    tab.locator("#window").fill("0")
    tab.locator("#time").fill("1000")
    tab.wait_for_selector("#problem:not([hidden])")
    assert "Is the program that opened this page still running?" in tab.locator("#problem").inner_text()
    tab.close()
