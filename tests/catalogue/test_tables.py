"""Queries stand for tables in hybrid studies."""

import pytest
from table_file import table_file

from smlmsim.catalogue.adding import add
from smlmsim.catalogue.index import opened
from smlmsim.corpus import Corpus
from smlmsim.io.reading import Reading
from smlmsim.pipeline import Hybrid, simulate
from smlmsim.structures import Measured

SMALL = {"field": {"height_nm": 640, "width_nm": 640}, "acquisition": {"time_points": 2}}


@pytest.fixture(autouse=True)
def _here(catalogue, monkeypatch):
    monkeypatch.setenv("SMLMSIM_CATALOGUE", str(catalogue))


def test_a_query_becomes_the_tables_that_it_finds(folder, caplog):
    caplog.set_level("INFO", logger="smlmsim")
    study = Hybrid(tables=({"table": "catalogue:structure:nucleus", "least": 5},), **SMALL)
    assert [(one.table, one.least) for one in study.tables] == [
        (folder / "lamina.smlm", 5), (folder / "pores.smlm", 5),
    ]  # fmt: skip
    assert "catalogue:structure:nucleus is lamina.smlm, pores.smlm" in caplog.text
    assert Hybrid.from_toml(_written(study, folder.parent)) == study
    assert Hybrid(tables=(Measured(table="catalogue:structure:nucleus", least=5),), **SMALL) == study


def _written(study, folder):
    (folder / "study.toml").write_text(study.to_toml())
    return folder / "study.toml"


def test_a_movie_is_simulated_from_what_a_query_finds():
    study = Hybrid(tables=({"table": "catalogue:microtubules", "least": 2},), **SMALL)
    assert simulate(study, 0).observation.sizes["time"] == 2


def test_a_table_is_read_as_it_was_added(catalogue, tmp_path, monkeypatch):
    monkeypatch.setenv("SMLMSIM_CATALOGUE", str(tmp_path / "c"))
    path = table_file(tmp_path / "a.csv", structure="actin")
    with opened(tmp_path / "c", make=True) as index:
        add(index, [path], Reading(exposure_s=0.02))
    (one,) = Hybrid(tables=({"table": "catalogue:actin", "reading": {"channel": "all"}},)).tables
    assert one == Measured(table=path, reading=Reading(exposure_s=0.02, channel="all"))


def test_a_corpus_takes_queries_too(folder):
    corpus = Corpus(study=Hybrid(tables=({"table": "catalogue:structure:actin"},), **SMALL), movies=1)
    assert corpus.study.tables[0].table == folder / "fibres.smlm"


def test_a_query_that_finds_nothing_is_refused(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match=r"no table of the catalogue .* fits 'structure:synapse'"):
        Hybrid(tables=({"table": "catalogue:structure:synapse"},))
    monkeypatch.setenv("SMLMSIM_CATALOGUE", str(tmp_path / "absent"))
    with pytest.raises(ValueError, match="there is no catalogue at"):
        Hybrid(tables=({"table": "catalogue:actin"},))


def test_tables_that_are_gone_are_left_out(tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("SMLMSIM_CATALOGUE", str(tmp_path / "c"))
    paths = [table_file(tmp_path / f"{name}.smlm", structure="actin") for name in "ab"]
    with opened(tmp_path / "c", make=True) as index:
        add(index, paths, Reading())
    paths[0].unlink()
    assert [one.table for one in Hybrid(tables=({"table": "catalogue:actin"},)).tables] == paths[1:]
    assert "a.smlm is in the catalogue, but no longer there" in caplog.text
