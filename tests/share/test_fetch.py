"""What is fetched is complete, has the right checksum and says where it came from, or is not there."""

import json
import os
import resource
import shutil

import pytest

from smlmsim.io.publication import Publication
from smlmsim.share import fetch as share
from smlmsim.share.web import FetchError, session

TABLE = b"frame,x [nm],y [nm]\n" + b"1,10,20\n" * 40_000


def fetched(source, into, *files, **options):
    return share.fetch(share.look_up(source, files, **options), into)


def there(folder):
    """The names of all files below a folder, hidden ones too."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_the_files_of_a_record_come_with_licence_citation_and_tags(repository, tmp_path):
    doi = repository.add(7, {"a.csv": TABLE, "sample 1/b.smlm": b"b"})
    found = fetched(doi, tmp_path)
    folder = tmp_path / "127.0.0.1-7"
    assert found == [folder / "a.csv", folder / "sample 1" / "b.smlm"]
    assert found[0].read_bytes() == TABLE
    assert there(folder) == ["CITATION.txt", "a.csv", "fetched.json", "sample 1/b.smlm"]
    said = Publication.of_folder(folder)
    assert (said.license, said.tags) == ("CC-BY-4.0", ("structure:microtubules", "modality:dSTORM"))
    assert (said.name, said.description) == ("Microtubules & friends", "Fixed cells")
    citation = "Doe, Jane; Roe, Rick (2021). Microtubules & friends. Zenodo. https://doi.org/10.5281/zenodo.7"
    assert (folder / "CITATION.txt").read_text() == f"{citation}\n\nLicence: CC-BY-4.0\n"
    assert os.stat(found[0]).st_mode & 0o777 == os.stat(folder / "fetched.json").st_mode & 0o777


def test_what_is_there_is_not_fetched_again(repository, tmp_path):
    doi = repository.add(7, {"a.csv": TABLE})
    fetched(doi, tmp_path)
    fetched(doi, tmp_path)
    fetched(doi, None)
    fetched(doi, tmp_path / "other")  # copied from the cache
    assert len(repository.paths()) == 2
    assert (tmp_path / "other" / "127.0.0.1-7" / "a.csv").read_bytes() == TABLE


def test_a_damaged_file_of_the_cache_is_not_copied(repository, tmp_path):
    doi = repository.add(7, {"a.csv": TABLE})
    (path,) = fetched(doi, None)
    path.write_bytes(TABLE[:-1])
    assert fetched(doi, tmp_path)[0].read_bytes() == TABLE


def test_a_file_that_was_changed_is_not_replaced(repository, tmp_path):
    doi = repository.add(7, {"a.csv": TABLE})
    (path,) = fetched(doi, tmp_path)
    path.write_bytes(b"mine")
    with pytest.raises(ValueError, match="is not the file of the record"):
        fetched(doi, tmp_path)
    assert path.read_bytes() == b"mine"


def test_names_and_patterns_choose_files_and_what_describes_them(repository, tmp_path):
    names = ("a.csv", "a.csv.json", "b.hdf5", "b.yaml", "c.tif", "rdf.yaml")
    doi = repository.add(7, dict.fromkeys(names, b"name: x"))
    look = share.look_up
    assert [file.name for file in look(doi, ["a.csv"]).chosen] == ["a.csv", "a.csv.json", "rdf.yaml"]
    assert [file.name for file in look(doi, ["*.hdf5"]).chosen] == ["b.hdf5", "b.yaml", "rdf.yaml"]
    page = f"{repository.url}/records/7/files/c.tif?download=1"
    assert [file.name for file in look(page).chosen] == ["c.tif", "rdf.yaml"]
    with pytest.raises(ValueError, match=r"has no file 'A\.csv'; did you mean file='a\.csv'"):
        look(doi, ["A.csv"])


def test_a_broken_connection_goes_on_where_it_was(repository, tmp_path):
    doi = repository.add(7, {"a.csv": TABLE})
    path = "/api/records/7/files/a.csv/content"
    repository.faults += [(path, "cut", 100_000)] * 3
    with pytest.raises(FetchError, match="run the same command again: what has come so far is kept"):
        fetched(doi, tmp_path)
    folder = tmp_path / "127.0.0.1-7"
    assert all(name.startswith(".smlmsim-parts/") for name in there(folder))
    assert fetched(doi, tmp_path)[0].read_bytes() == TABLE
    begins = [int(asked[6:-1] or 0) for place, asked in repository.asked if place == path]
    assert begins[0] == 0
    assert begins == sorted(set(begins))
    assert there(folder) == ["CITATION.txt", "a.csv", "fetched.json"]


def test_a_server_that_cannot_resume_sends_all_of_it_again(repository, tmp_path):
    doi = repository.add(7, {"a.csv": TABLE})
    repository.ranges = False
    repository.faults += [("/api/records/7/files/a.csv/content", "cut", 100_000)]
    assert fetched(doi, tmp_path)[0].read_bytes() == TABLE


@pytest.mark.parametrize(
    ("faults", "said"),
    [
        ([("other", b"x" * len(TABLE))] * 3, "another checksum"),
        ([("more", 10)], "sends more"),
        ([("status", 404)], "has no 'a.csv'"),
        ([("status", 403)], "not open to everyone"),
        ([("status", 503)] * 9, "has a fault"),
        ([("redirect", "http://192.0.2.1/a.csv")], "not encrypted"),
        ([("redirect", "ftp://127.0.0.1/a.csv")] * 3, "cannot be fetched"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_goes_wrong_is_one_line_and_leaves_nothing(repository, tmp_path, faults, said):
    doi = repository.add(7, {"a.csv": TABLE})
    repository.faults += [("/api/records/7/files/a.csv/content", *fault) for fault in faults]
    with pytest.raises(FetchError, match=said) as error:
        fetched(doi, tmp_path / "new")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "new" / "127.0.0.1-7").exists()


def test_no_network_is_one_line(repository, tmp_path):
    with pytest.raises(FetchError, match=r"no connection to 127\.0\.0\.1"):
        fetched("10.5281/zenodo.7", tmp_path, server="http://127.0.0.1:9")
    assert there(tmp_path) == []


def test_a_full_disk_is_said_before_and_while_it_fills(repository, tmp_path, monkeypatch):
    doi = repository.add(7, {"a.csv": TABLE})
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**9, 10**9, 2**20))
        with pytest.raises(OSError, match="is full; free some space"):
            fetched(doi, tmp_path)
    assert repository.paths() == []

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(TABLE) // 2, hard))
    try:
        with pytest.raises(OSError, match=r"larger than a file in .* may be"):
            fetched(doi, tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert there(tmp_path) == []


def test_a_record_that_is_not_there_or_has_no_files_is_one_line(repository, tmp_path):
    with pytest.raises(FetchError, match=r"has no record 8; check the DOI"):
        share.look_up("10.5281/zenodo.8")
    closed = repository.add(9, {})
    with pytest.raises(ValueError, match="has no files that are open"):
        share.look_up(closed)


@pytest.mark.parametrize(
    "name",
    [
        "../a.csv",
        "/etc/a.csv",
        "a/../../b",
        "C:\\a",
        "..",
        ".hidden",
        "a/.ssh/b",
        "a\nb",
        "con.txt",
        "a//b",
        "",
        "x" * 300,
    ],
)
def test_names_that_lead_elsewhere_are_refused(repository, tmp_path, name):
    doi = repository.add(7, {name: b"x"})
    with pytest.raises(ValueError, match="not a name that a file can safely have"):
        share.look_up(doi)


@pytest.mark.parametrize("two", [("a.csv", "A.CSV"), ("a", "a/b"), ("fetched.json", "b")])
def test_names_that_would_replace_each_other_are_refused(repository, two):
    doi = repository.add(7, dict.fromkeys(two, b"x"))
    with pytest.raises(ValueError, match=r"one file on some systems|lies below another|would replace"):
        share.look_up(doi)


def test_a_link_in_the_folder_is_not_followed(repository, tmp_path):
    doi = repository.add(7, {"sub/a.csv": TABLE})
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "127.0.0.1-7").mkdir()
    (tmp_path / "127.0.0.1-7" / "sub").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ValueError, match="leads elsewhere"):
        fetched(doi, tmp_path)
    assert there(tmp_path / "elsewhere") == []


def test_more_than_the_limit_is_announced_and_not_fetched(repository, tmp_path):
    doi = repository.add(7, {"a.csv": TABLE})
    with pytest.raises(ValueError, match=r"1 files take 320 kB, more than limit_gb=0.0001"):
        share.look_up(doi, limit_gb=1e-4)
    assert repository.paths() == []


def test_a_file_anywhere_comes_without_a_checksum(repository, tmp_path):
    repository.contents["/data/a b.csv"] = TABLE
    (found,) = fetched(f"{repository.url}/data/a%20b.csv?x=1", tmp_path)
    assert (found.name, found.read_bytes()) == ("a b.csv", TABLE)
    assert "none stated" in (found.parent / "CITATION.txt").read_text()


def test_all_that_an_rdf_anywhere_names_is_fetched(repository, tmp_path):
    text = "type: dataset\nname: Actin\nlicense: CC0-1.0\ntags: [structure:actin]\nattachments:\n  samples:\n"
    text += f"  - name: one\n    files:\n    - {{name: a.csv, size: {len(TABLE)}}}\n    - b.smlm\n"
    repository.contents |= {"/x/rdf.yaml": text.encode(), "/x/a.csv": TABLE, "/x/b.smlm": b"b"}
    found = fetched(f"{repository.url}/x/rdf.yaml", tmp_path)
    assert [path.name for path in found] == ["rdf.yaml", "a.csv", "b.smlm"]
    assert Publication.of_folder(found[0].parent).license == "CC0-1.0"


def test_the_rdf_of_a_record_adds_its_tags(repository):
    rdf = b"name: x\ntags: ['target:alpha-tubulin']\n"
    doi = repository.add(7, {"a.csv": TABLE, "rdf.yaml": rdf})
    assert share.look_up(doi).publication.tags[-1] == "target:alpha-tubulin"
    assert share.look_up(repository.add(8, {"rdf.yaml": b"[: no yaml"})).publication.tags


def test_newer_answers_are_read_too(repository):
    repository.add(7, {"a.csv": TABLE})
    record = repository.records["7"]
    record["files"] = {"enabled": True, "entries": {"a.csv": record["files"][0]}}
    record["metadata"] |= {
        "license": None,
        "rights": [{"id": "cc0-1.0"}],
        "creators": [{"person_or_org": {"name": "Doe, Jane"}}],
    }
    found = share.look_up("10.5281/zenodo.7")
    assert (found.publication.authors, found.publication.license) == (("Doe, Jane",), "CC0-1.0")
    assert [file.size_bytes for file in found.chosen] == [len(TABLE)]


@pytest.mark.parametrize(
    "change",
    [
        {"metadata": None}, {"files": [{"size": 3}]}, {"files": [{"key": "a", "checksum": "crc:1"}]},
        {"files": [{"key": "a", "size": -1, "checksum": "md5:" + "0" * 32}]}, {"files": 3},
        {"metadata": {"creators": ["x"]}},
    ],
)  # fmt: skip
def test_answers_of_another_form_are_one_line(repository, change):
    repository.add(7, {"a.csv": TABLE})
    repository.records["7"] |= change
    with pytest.raises(ValueError, match="in an unknown form") as error:
        share.look_up("10.5281/zenodo.7")
    assert "\n" not in str(error.value)


def test_what_a_server_says_cannot_control_a_terminal(repository):
    doi = repository.add(7, {"a.csv": TABLE}, title="\x1b[2J<b>Red</b>\r\nherring")
    assert share.look_up(doi).publication.citation.startswith("Doe, Jane; Roe, Rick (2021). [2J Red herring.")


def test_files_elsewhere_than_on_the_server_are_not_asked_for(repository, tmp_path):
    doi = repository.add(7, {"a.csv": TABLE})
    repository.records["7"]["files"][0]["links"]["self"] = "https://192.0.2.1/a.csv"
    assert fetched(doi, tmp_path)[0].read_bytes() == TABLE


def test_the_file_of_origin_is_plain_json(repository, tmp_path):
    (path,) = fetched(repository.add(7, {"a.csv": TABLE}), tmp_path)
    assert json.loads((path.parent / "fetched.json").read_text())["doi"] == "10.5281/zenodo.7"


def test_without_pooch_a_line_says_how_to_install_it(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(ValueError, match=r"pip install 'smlmsim\[share\]' adds it"):
        share.look_up("10.5281/zenodo.1", server="http://127.0.0.1:9")


def test_a_number_for_all_versions_leads_to_the_newest(repository, tmp_path, caplog):
    caplog.set_level("INFO", logger="smlmsim")
    repository.add(7, {"a.csv": TABLE})
    repository.faults.append(("/api/records/6", "redirect", "/api/records/7"))
    (path,) = fetched("10.5281/zenodo.6", tmp_path)
    assert path.parent.name == "127.0.0.1-7"
    assert "record 6 stands for all versions; the newest, 7, is fetched" in caplog.text


def test_a_server_elsewhere_cannot_lead_to_this_machine(repository):
    with session("https://zenodo.org") as opened, pytest.raises(FetchError, match="it is not followed"):
        opened.get(f"{repository.url}/api/records/7")
    assert repository.asked == []


def test_of_a_file_without_a_checksum_no_part_is_left(repository, tmp_path):
    address = f"{repository.url}/a.csv"
    repository.contents["/a.csv"] = TABLE
    repository.faults = [("/a.csv", "cut", 10)] * 9
    with pytest.raises(FetchError, match="is kept of files with a checksum"):
        fetched(address, tmp_path)
    assert there(tmp_path) == []
