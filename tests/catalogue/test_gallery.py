"""The gallery is one page that shows all tables, finds them, and asks nothing of the network."""

import shutil

import pytest
from table_file import table_file

from smlmsim.catalogue import gallery
from smlmsim.catalogue.adding import add
from smlmsim.catalogue.gallery import write_gallery
from smlmsim.catalogue.index import opened
from smlmsim.catalogue.query import search
from smlmsim.io.reading import Reading


@pytest.fixture(scope="module")
def page(catalogue, tmp_path_factory):
    with opened(catalogue) as index:
        return write_gallery(index, search(index, []), tmp_path_factory.mktemp("page") / "gallery.html")


def test_the_page_has_a_card_for_every_table(page):
    text = page.read_text()
    assert text.count("<article") == text.count("data:image/webp;base64,") == 5
    for said in ("nuclear pore", "zebra stripes&nbsp;?", "CC-BY-4.0", "5 tables with 3,000 localizations"):
        assert said in text
    assert "http://" not in text
    assert "$" not in text.replace("${", "")


def test_a_card_links_to_those_that_are_similar(page, catalogue, monkeypatch):
    text = page.read_text()
    with opened(catalogue) as index:
        number = {entry.card.name: entry.number for entry in index.entries()}
        card = text.split(f'id="table-{number["fibres"]}"')[1].split("</article>")[0]
        assert f'<a href="#table-{number["tubules"]}">tubules</a>' in card
        monkeypatch.setattr(gallery, "MOST_COMPARED", 4)
        few = write_gallery(index, search(index, []), page.with_name("few.html"))
    assert 'class="similar"' not in few.read_text()


def test_what_tables_say_cannot_become_part_of_the_page(tmp_path):
    hostile = '"><script>alert(1)</script>'
    table_file(tmp_path / "a.smlm", name=hostile, description=hostile, structure=hostile, license=hostile)
    with opened(tmp_path / "c", make=True) as index:
        add(index, [tmp_path / "a.smlm"], Reading())
        path = write_gallery(index, index.entries(), tmp_path / "g.html", title=hostile)
    text = path.read_text()
    assert text.count("<script>") == 1
    assert "alert(1)</script>" not in text


def test_the_page_does_not_tell_where_the_tables_are(page, folder):
    assert str(folder) not in page.read_text()


def test_nothing_to_show_and_other_endings_are_refused(catalogue, tmp_path):
    with opened(catalogue) as index:
        with pytest.raises(ValueError, match="no table fits"):
            write_gallery(index, [], tmp_path / "g.html")
        with pytest.raises(ValueError, match=r"give out=gallery\.html"):
            write_gallery(index, index.entries(), tmp_path / "g.pdf")


@pytest.fixture
def tab():
    """A tab of a browser; nothing must go wrong in it, nor be asked of the network."""
    playwright = pytest.importorskip("playwright.sync_api")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium is installed")
    wrong = []
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        tab = browser.new_page()
        tab.on("console", lambda message: message.type == "error" and wrong.append(message.text))
        tab.on("pageerror", lambda error: wrong.append(str(error)))
        tab.on("request", lambda asked: asked.url.startswith(("file:", "data:")) or wrong.append(asked.url))
        yield tab
        browser.close()
    assert wrong == []


@pytest.mark.slow
def test_in_a_browser_tables_are_found_and_sorted_at_any_width(page, tab):
    def shown():
        return tab.evaluate(
            "[...document.querySelectorAll('article:not([hidden]) h2')].map(h => h.textContent)"
        )

    for width in (1280, 390):
        tab.set_viewport_size({"width": width, "height": 800})
        tab.goto(page.as_uri())
        assert len(shown()) == 5
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        tab.fill("#words", "nucleus")
        assert sorted(shown()) == ["lamina", "pores"]
        tab.fill("#words", "")
        tab.click("button[data-term=cytoskeleton]")
        assert sorted(shown()) == ["fibres", "tubules"]
        tab.click("button[data-term=cytoskeleton]")
        tab.select_option("#order", "localizations")
        assert shown() == ["zebra", "fibres", "tubules", "lamina", "pores"]
        tab.select_option("#order", "precision")
        assert shown() == ["pores", "lamina", "tubules", "fibres", "zebra"]
