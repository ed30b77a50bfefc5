"""Tables are added once, kept up to date, and described by what lies beside them."""

import json
import resource
import sqlite3

import numpy as np
import pytest
from table_file import table_file

from smlmsim import io
from smlmsim.catalogue import adding
from smlmsim.catalogue.adding import Added, add
from smlmsim.catalogue.index import opened
from smlmsim.io.reading import Reading
from smlmsim.share import fetch as share
from smlmsim.share.draft import About, publish


@pytest.fixture
def index(tmp_path):
    with opened(tmp_path / "catalogue.sqlite", make=True) as found:
        yield found


def test_a_folder_is_added_and_brought_up_to_date(index, tmp_path, monkeypatch):
    data = tmp_path / "data"
    first, second = (table_file(data / "sub" / f"{name}.smlm") for name in "ab")
    (data / "notes.txt").write_text("no table")
    (data / ".hidden").mkdir()
    table_file(data / ".hidden" / "c.smlm")
    table_file(data / "a.zarr" / "d.smlm")
    (data / "a.zarr" / "zarr.json").write_text("{}")
    assert add(index, [data], Reading()) == Added(2, 0, 0, 1)
    measured = []
    monkeypatch.setattr(adding, "measured", lambda path, *more: measured.append(path) or whole(path, *more))
    assert add(index, [data], Reading()) == Added(0, 2, 0, 1)
    assert measured == [(data / "notes.txt").resolve()]
    table_file(first, 300)
    second.unlink()
    assert add(index, [data], Reading()) == Added(1, 0, 1, 1)
    assert [(entry.path, entry.card.localizations) for entry in index.entries()] == [(first, 300)]


whole = adding.measured


def test_tags_and_reading_are_kept_and_added_to(index, tmp_path):
    path = table_file(tmp_path / "a.csv", structure="actin")
    add(index, [path], Reading(exposure_s=0.02), ["cell:cos7"])
    add(index, [path], Reading(exposure_s=0.02), ["zebra"])
    assert add(index, [path], Reading(exposure_s=0.02)) == Added(0, 1, 0, 0)
    (entry,) = index.entries()
    assert entry.card.tags == ("structure:actin", "cell line:COS-7", "zebra")
    assert [str(one) for one in entry.tags][-1] == "zebra (?)"
    assert (entry.reading, entry.card.exposure_s) == (Reading(exposure_s=0.02), 0.02)
    assert entry.given == ("cell:cos7", "zebra")


def test_a_file_that_is_named_must_be_a_table(index, tmp_path):
    (tmp_path / "notes.csv").write_text("no table")
    with pytest.raises(ValueError, match=r"notes\.csv"):
        add(index, [tmp_path / "notes.csv"], Reading())
    with pytest.raises(FileNotFoundError):
        add(index, [tmp_path / "absent.csv"], Reading())
    assert index.entries() == []


def test_what_was_published_and_fetched_is_described_in_the_catalogue(index, tmp_path, repository):
    path = table_file(tmp_path / "cell.csv")
    about = About("Tubules", "Fixed cells.", ("Doe, Jane",), "CC-BY-4.0", ("structure:microtubules",))
    publish(path, tmp_path / "draft", about, Reading(exposure_s=0.03))
    doi = repository.add(7, {file.name: file.read_bytes() for file in (tmp_path / "draft").iterdir()})
    share.fetch(share.look_up(doi), tmp_path / "fetched")
    assert add(index, [tmp_path / "fetched"], Reading()) == Added(1, 0, 0, 0)
    card = index.entries()[0].card
    assert (card.name, card.license, card.doi, card.exposure_s) == ("Tubules", "CC-BY-4.0", doi, 0.03)
    assert card.citation.endswith("https://doi.org/10.5281/zenodo.7")
    assert card.tags == ("structure:microtubules", "modality:dSTORM")
    assert card.description.startswith("Fixed cells. 400 localizations")


def test_a_damaged_description_is_said_and_the_table_added(index, tmp_path, caplog):
    table_file(tmp_path / "data" / "a.smlm")
    (tmp_path / "data" / "rdf.yaml").write_text("[")
    assert add(index, [tmp_path / "data"], Reading()).added == 1
    assert "rdf.yaml" in caplog.text


def test_the_picture_of_an_entry_is_a_small_webp(index, tmp_path):
    add(index, [table_file(tmp_path / "a.smlm")], Reading())
    picture = index.picture(index.entries()[0].number)
    assert picture[8:12] == b"WEBP"
    assert len(picture) < 30_000


def test_what_is_no_catalogue_is_refused(tmp_path):
    (tmp_path / "text").write_text("no database, but long enough to look at: " * 100)
    with pytest.raises(ValueError, match="is not a catalogue, or a damaged one"), opened(tmp_path / "text"):
        pass
    with sqlite3.connect(tmp_path / "other") as other:
        other.execute("CREATE TABLE mine (x)")
    for make in (False, True):
        with pytest.raises(ValueError, match="is not a catalogue"), opened(tmp_path / "other", make=make):
            pass
    with pytest.raises(ValueError, match="begins one"), opened(tmp_path / "absent"):
        pass
    assert not (tmp_path / "absent").exists()


def test_on_a_full_disk_no_empty_catalogue_is_left_behind(tmp_path):
    place = tmp_path / "c.sqlite"
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
    try:
        with pytest.raises(OSError, match="cannot be used"), opened(place, make=True):
            pass
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(tmp_path.iterdir()) == []
    with opened(place, make=True) as index:
        assert index.entries() == []


def test_a_catalogue_of_another_version_is_refused(tmp_path):
    with opened(tmp_path / "c", make=True):
        pass
    with sqlite3.connect(tmp_path / "c") as connection:
        connection.execute("PRAGMA user_version = 9")
    with pytest.raises(ValueError, match="of version 9, this is 1"), opened(tmp_path / "c"):
        pass


def test_an_entry_that_was_damaged_is_one_line(index, tmp_path):
    add(index, [table_file(tmp_path / "a.smlm")], Reading())
    with sqlite3.connect(index.path) as connection:
        connection.execute("UPDATE entry SET card = ?", (json.dumps({"name": 3}),))
    with pytest.raises(ValueError, match="does not fit this version") as error:
        index.entries()
    assert "\n" not in str(error.value)


def test_adding_again_gives_the_same_picture(index, tmp_path):
    path = table_file(tmp_path / "a.smlm")
    add(index, [path], Reading())
    first = index.picture(1)
    add(index, [path], Reading(), ["x"])
    assert index.picture(1) == first
    assert io.read(path).sizes["localization"] == np.int64(400)
