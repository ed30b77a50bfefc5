"""One HTML file holds all parts; what others gave names to cannot become part of the page."""

import base64
import hashlib
import json
import re
import zlib
from dataclasses import replace

import pytest

from smlmsim.viewer import Scene, write_page
from smlmsim.viewer.page import ASSETS, page_of


def test_a_file_holds_every_part(scene, tmp_path):
    text = write_page(scene, tmp_path / "new" / "a.html").read_text()
    found = dict(re.findall(r'<script type="text/plain" id="([\w-]+)">([\w+/=]+)</script>', text))
    assert list(found) == list(scene.names())
    for name, packed in found.items():
        assert zlib.decompress(base64.b64decode(packed)) == scene.part(name)
    assert "connect-src 'none'" in text
    assert "connect-src 'self'" in page_of(scene)


def test_titles_are_text(scene):
    text = page_of(replace(scene, title="</script><script>alert(1)</script>"))
    assert "alert(1)</script>" not in text
    about = re.search(r'id="about">(.*?)</script>', text)[1]
    assert json.loads(about)["title"] == "</script><script>alert(1)</script>"


def test_what_is_too_much_for_a_file_is_refused(scene, cloud, tmp_path, monkeypatch):
    monkeypatch.setattr("smlmsim.viewer.page.MOST", 4999)
    with pytest.raises(ValueError, match="holds 5000 localizations, and a file at most 4999"):
        write_page(scene, tmp_path / "a.html")
    monkeypatch.setattr("smlmsim.viewer.page.MOST_BYTES", 10)
    with pytest.raises(ValueError, match="a file holds at most 0 MB"):
        write_page(Scene("a", None, scene.movies), tmp_path / "a.html")
    assert not (tmp_path / "a.html").exists()


def test_the_library_is_the_one_whose_licence_and_checksum_stand_beside_it():
    said = (ASSETS / "README.md").read_text(encoding="utf-8")
    library = (ASSETS / "three.min.js").read_bytes()
    assert hashlib.sha256(library).hexdigest() in said
    assert f"{len(library):,} bytes" in said
    assert "three.js authors" in (ASSETS / "three.LICENSE").read_text(encoding="utf-8")
