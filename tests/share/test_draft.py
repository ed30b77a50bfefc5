"""A draft has all that a repository asks for, and what it holds is read back as it was published."""

import hashlib
import json
import zipfile

import numpy as np
import pytest
import yaml
from PIL import Image

from smlmsim import io, schema
from smlmsim.io.metadata import Metadata
from smlmsim.io.publication import Publication
from smlmsim.io.reading import Reading
from smlmsim.share import fetch as share
from smlmsim.share.draft import About, publish

GIVEN = About(
    title="Microtubules & more", authors=("Doe, Jane", "The lab"), license="cc by 4.0", tags=("structure:MT",)
)


@pytest.fixture
def table(tmp_path):
    rng = np.random.default_rng(0)
    found = schema.dataset(
        {"modality": "PALM", "tags": ["2021"], "first_frame": 1},
        loc_frame=np.repeat(np.arange(100, dtype=np.int32), 4),
        loc_y=rng.uniform(0, 1000, 400).astype("f4"),
        loc_x=rng.uniform(0, 3000, 400).astype("f4"),
        loc_uncertainty=np.full(400, 12, "f4"),
    )
    io.write(found, tmp_path / "cell 1.csv")
    return tmp_path / "cell 1.csv"


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_draft_of_a_table_has_all_that_a_repository_asks_for(table, tmp_path):
    made = publish(table, tmp_path / "draft", GIVEN, Reading(exposure_s=0.03))
    draft = tmp_path / "draft"
    assert names(draft) == [
        "CITATION.cff", "LICENSE", "cell_1.smlm", "checksums.sha256", "metadata.json", "rdf.yaml", "thumbnail.png",
    ]  # fmt: skip
    for line in (draft / "checksums.sha256").read_text().splitlines():
        digest, name = line.split("  ")
        assert hashlib.sha256((draft / name).read_bytes()).hexdigest() == digest
    assert len(made.files) == 6
    deposit = json.loads((draft / "metadata.json").read_text())["metadata"]
    assert deposit["title"] == "Microtubules & more"
    assert deposit["creators"] == [{"name": "Doe, Jane"}, {"name": "The lab"}]
    assert (deposit["license"], deposit["upload_type"]) == ("cc-by-4.0", "dataset")
    assert deposit["keywords"] == ["modality:PALM", "structure:microtubules", "2021"]
    assert (
        "400 localizations, 100 frames (3 s), 0.997 x 2.98 um, 133 per s, precision 12 nm"
        in deposit["description"]
    )
    cff = yaml.safe_load((draft / "CITATION.cff").read_text())
    assert cff["authors"] == [{"family-names": "Doe", "given-names": "Jane"}, {"name": "The lab"}]
    rdf = yaml.safe_load((draft / "rdf.yaml").read_text())
    assert (rdf["type"], rdf["covers"], rdf["license"]) == ("dataset", ["thumbnail.png"], "CC-BY-4.0")
    assert [file["name"] for file in rdf["attachments"]["samples"][0]["files"]] == ["cell_1.smlm"]
    assert "SPDX-License-Identifier: CC-BY-4.0" in (draft / "LICENSE").read_text()
    with Image.open(draft / "thumbnail.png") as picture:
        assert picture.size == (256, 87)
        assert np.asarray(picture).max() > 200


def test_what_is_published_is_fetched_and_read_back(table, tmp_path, repository):
    publish(table, tmp_path / "draft", GIVEN, Reading(exposure_s=0.03))
    files = {path.name: path.read_bytes() for path in (tmp_path / "draft").iterdir()}
    doi = repository.add(7, files, keywords=[])
    paths = share.fetch(share.look_up(doi), tmp_path / "fetched")
    assert {path.name: path.read_bytes() for path in paths} == files
    said = Publication.of_folder(paths[0].parent)
    assert set(said.tags) == {"modality:PALM", "2021", "structure:microtubules"}
    back = io.read(next(path for path in paths if path.suffix == ".smlm"))
    wanted = io.read(table, Reading(exposure_s=0.03))
    for name in ("loc_frame", "loc_y", "loc_x", "loc_uncertainty"):
        np.testing.assert_allclose(back[name], wanted[name], rtol=1e-6)
    metadata = Metadata.of(back)
    assert (metadata.structure, metadata.modality, metadata.license) == ("microtubules", "PALM", "CC-BY-4.0")
    assert (metadata.author, metadata.exposure_s) == ("Doe, Jane; The lab", 0.03)


def test_a_table_that_says_all_of_itself_is_published_again_as_it_was(table, tmp_path):
    publish(table, tmp_path / "one", GIVEN, Reading(exposure_s=0.03))
    publish(tmp_path / "one" / "cell_1.smlm", tmp_path / "two", About())
    first, second = ((tmp_path / name / "rdf.yaml").read_text() for name in ("one", "two"))
    assert first.split("attachments")[0] == second.split("attachments")[0]


def test_the_same_table_makes_the_same_bytes(table, tmp_path, tree):
    for name in ("one", "two"):
        publish(table, tmp_path / name, GIVEN)
    archive = "cell_1.smlm"  # ZIP archives hold the time
    one, two = ({k: v for k, v in tree(tmp_path / name).items() if k != archive} for name in ("one", "two"))
    assert one["thumbnail.png"] == two["thumbnail.png"]
    assert one.keys() == two.keys()


def test_a_corpus_is_one_archive_that_is_unpacked_as_it_was(stored_movies, tmp_path, tree):
    publish(stored_movies, tmp_path / "draft", GIVEN)
    with zipfile.ZipFile(tmp_path / "draft" / "movies.zarr.zip") as archive:
        archive.extractall(tmp_path / "unpacked")
    assert tree(tmp_path / "unpacked" / "movies.zarr") == tree(stored_movies)
    assert {"corpus.toml", "thumbnail.png"} <= set(names(tmp_path / "draft"))
    said = Publication.of_folder(tmp_path / "draft")
    assert "2 of 2 movies" in said.description
    assert str(stored_movies.parent) not in said.description
    assert said.tags == ("structure:microtubules", "modality:simulation", "software:smlmsim")


def test_a_result_is_its_files_and_its_folders_as_archives(tmp_path, caplog):
    result = tmp_path / "out"
    (result / "clips").mkdir(parents=True)
    (result / "clips" / "a.nc").write_bytes(b"a")
    (result / "summary.json").write_text(json.dumps({"table": str(tmp_path / "secret.csv")}))
    (result / ".hidden").write_text("x")
    Image.new("RGB", (2000, 1000), "red").save(result / "heatmap.png")
    publish(result, tmp_path / "draft", GIVEN)
    assert names(tmp_path / "draft") == [
        "CITATION.cff", "LICENSE", "checksums.sha256", "clips.zip", "heatmap.png", "metadata.json", "rdf.yaml",
        "summary.json", "thumbnail.png",
    ]  # fmt: skip
    with zipfile.ZipFile(tmp_path / "draft" / "clips.zip") as archive:
        assert archive.namelist() == ["clips/a.nc"]
    with Image.open(tmp_path / "draft" / "thumbnail.png") as picture:
        assert picture.size == (512, 256)
    assert "summary.json tells the place of a folder" in caplog.text


@pytest.mark.parametrize(
    ("about", "said"),
    [
        (GIVEN._replace(authors=()), "do not say who made them; name each with author="),
        (GIVEN._replace(license=None), "under which licence they may be used; choose one: license=CC-BY-4.0"),
        (GIVEN._replace(license="ccby"), r"no licence 'ccby' is known; did you mean license=CC-BY-4\.0"),
        (GIVEN._replace(license=" "), "no licence ' ' is known; there are: CC0-1.0"),
    ],
)
def test_what_cannot_be_guessed_is_asked_for_and_nothing_is_left(table, tmp_path, about, said):
    with pytest.raises(ValueError, match=said):
        publish(table, tmp_path / "new" / "draft", about)
    assert not (tmp_path / "new" / "draft").exists()


def test_a_folder_that_is_there_is_not_written_to(table, tmp_path):
    (tmp_path / "draft").mkdir()
    with pytest.raises(ValueError, match="exists; choose another folder with draft=DIR"):
        publish(table, tmp_path / "draft", GIVEN)


def test_what_is_neither_table_corpus_nor_result_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "a.zarr").mkdir()
    with pytest.raises(ValueError, match="holds no result"):
        publish(tmp_path / "empty", tmp_path / "draft", GIVEN)
    with pytest.raises(ValueError, match="is no corpus"):
        publish(tmp_path / "a.zarr", tmp_path / "draft", GIVEN)
    with pytest.raises(FileNotFoundError):
        publish(tmp_path / "absent.csv", tmp_path / "draft", GIVEN)


def test_a_link_out_of_a_result_is_not_published(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "summary.json").write_text("{}")
    (tmp_path / "secret").write_text("x")
    (tmp_path / "out" / "a.txt").symlink_to(tmp_path / "secret")
    with pytest.raises(ValueError, match="leads out of the folder"):
        publish(tmp_path / "out", tmp_path / "draft", GIVEN)
