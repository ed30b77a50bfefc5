"""A corpus has the same bytes whoever makes it and however often it is killed; damage is found and mended."""

import resource
import shutil
import tomllib

import numpy as np
import pytest
import zarr
from killed import killed

from smlmsim import provenance
from smlmsim.corpus import Corpus, CorpusError, Damage, generate, repair, verify
from smlmsim.corpus.store import Capacity, create

RUN = """
from smlmsim import workers
from smlmsim.corpus import Corpus, generate

def run():
    generate(Corpus.from_toml("corpus.toml"), "c.zarr", processes={processes}, progress=False)
"""

IN_PROCESS = """
def one_by_one(function, tasks, **_):
    for task in tasks:
        yield task, function(task)

workers.spread = one_by_one
"""


@pytest.fixture
def copy(made, tmp_path):
    return shutil.copytree(made, tmp_path / "c.zarr")


@pytest.mark.slow
def test_any_number_of_processes_gives_the_same_bytes(corpus, made, tmp_path, tree):
    generate(corpus, tmp_path / "c.zarr", processes=3, progress=False)
    assert tree(tmp_path / "c.zarr") == tree(made)


@pytest.mark.slow
def test_a_dask_cluster_gives_the_same_bytes(corpus, made, tmp_path, tree):
    from distributed import LocalCluster

    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
        generate(corpus, tmp_path / "c.zarr", scheduler=cluster.scheduler_address, progress=False)
    assert tree(tmp_path / "c.zarr") == tree(made)


@pytest.mark.slow
def test_killed_while_its_processes_write_it_resumes_to_the_same_bytes(corpus, made, tmp_path, tree):
    (tmp_path / "corpus.toml").write_text(corpus.to_toml())
    assert killed(tmp_path, RUN.format(processes=2), [("tqdm:tqdm.update", 2)]) == [-1]
    assert _done(tmp_path / "c.zarr") >= 2
    (tmp_path / "c.zarr" / "counts" / "c" / "0.abc.partial").write_bytes(b"left behind")
    generate(corpus, tmp_path / "c.zarr", processes=2, progress=False)
    assert tree(tmp_path / "c.zarr") == tree(made)


@pytest.mark.slow
def test_killed_at_ten_random_moments_it_resumes_to_the_same_bytes(corpus, made, tmp_path, tree):
    script = RUN.format(processes=1) + IN_PROCESS
    whole = tmp_path / "whole"
    whole.mkdir()
    (whole / "corpus.toml").write_text(corpus.to_toml())
    (changes,) = killed(whole, script, [("disk", 0)])
    moments = np.random.default_rng(1).integers(1, changes // 5, 10)
    (tmp_path / "corpus.toml").write_text(corpus.to_toml())
    assert killed(tmp_path, script, [("disk", int(moment)) for moment in moments])[:5] == [-1] * 5
    generate(corpus, tmp_path / "c.zarr", processes=1, progress=False)
    assert tree(tmp_path / "c.zarr") == tree(made)
    assert {file.name for file in tmp_path.iterdir()} == {"c.zarr", "corpus.toml", "whole"}


def _done(path) -> int:
    return sum(1 for _ in (path / "done" / "c").glob("*"))


def test_a_movie_that_is_there_is_not_made_again(corpus, copy):
    shard = copy / "density" / "c" / "2" / "0" / "0" / "0"
    before = shard.stat().st_mtime_ns
    generate(corpus, copy, processes=1, progress=False)
    assert shard.stat().st_mtime_ns == before


def test_a_whole_corpus_has_no_damage(made):
    assert verify(made) == []


@pytest.mark.slow
def test_damage_is_named_and_mended_to_the_same_bytes(corpus, made, copy, tree):
    truncated, missing = copy / "density" / "c" / "1" / "0" / "0" / "0", copy / "loc_y" / "c" / "4" / "0"
    changed, flag = copy / "vertex_x" / "c" / "4" / "0" / "0", copy / "done" / "c" / "5"
    truncated.write_bytes(truncated.read_bytes()[:-100])
    missing.unlink()
    changed.write_bytes(changed.read_bytes()[:100] + b"?" + changed.read_bytes()[101:])
    flag.write_bytes(b"")
    expected = [Damage(1, "density"), Damage(4, "loc_y"), Damage(4, "vertex_x"), Damage(5, "done")]
    assert verify(copy) == expected
    with pytest.raises(CorpusError, match="repair"):
        generate(corpus, copy, progress=False)
    assert repair(copy, processes=2, progress=False) == expected
    assert tree(copy) == tree(made)


def test_another_kind_of_processor_finds_no_damage_and_repairs_with_a_warning(
    copy, monkeypatch, caplog, in_this_process
):
    made = provenance.provenance()
    monkeypatch.setattr(provenance, "provenance", lambda: made | {"processor": "z80"})
    assert verify(copy) == []
    (copy / "density" / "c" / "2" / "0" / "0" / "0").unlink()
    for processor in ("z80", made["processor"]):
        monkeypatch.setattr(provenance, "provenance", lambda now=processor: made | {"processor": now})
        repair(copy, progress=False)
        assert zarr.open_group(copy, mode="r").attrs["processor"] == f"{made['processor']}, z80"
    assert caplog.text.count("was made on a processor of the kind") == 1
    assert verify(copy) == []


def test_another_corpus_is_refused_with_the_difference(corpus, copy, tree):
    before = tree(copy)
    with pytest.raises(
        CorpusError, match=r"belongs to another corpus: seed is 3 there and 4 here; .*--out, or delete it"
    ):
        generate(corpus.replace({"seed": 4}), copy, progress=False)
    assert tree(copy) == before


def test_another_version_is_refused(corpus, copy, monkeypatch):
    monkeypatch.setattr("smlmsim.provenance.provenance", lambda: {"numpy_version": "0.1"})
    with pytest.raises(CorpusError, match=r"made with numpy_version .*, this is 0\.1"):
        generate(corpus, copy, progress=False)


def test_a_folder_that_is_no_corpus_is_refused_and_left_alone(corpus, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(CorpusError, match="not the store of a corpus"):
        generate(corpus, tmp_path, progress=False)
    assert [file.name for file in tmp_path.iterdir()] == ["mine.txt"]


def test_a_place_that_cannot_be_written_is_named_and_nothing_is_left(corpus, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=r"cannot write to .*file/c\.zarr: .*file is not a folder"):
        generate(corpus, tmp_path / "file" / "c.zarr", progress=False)
    assert [file.name for file in tmp_path.iterdir()] == ["file"]


@pytest.mark.slow
def test_where_there_is_no_room_it_says_so_keeps_the_rest_and_goes_on_later(corpus, made, copy, tree):
    for index in (2, 5):
        (copy / "done" / "c" / str(index)).unlink()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, hard))
    try:
        with pytest.raises(
            OSError, match=r"cannot write to .*: it is larger than .*; 4 of 6 movies are kept, run again"
        ):
            generate(corpus, copy, processes=1, progress=False)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(copy.rglob("*.partial")) == []
    generate(corpus, copy, processes=1, progress=False)
    assert tree(copy) == tree(made)


@pytest.mark.slow
def test_a_movie_that_cannot_be_made_is_named_with_its_settings(corpus, tmp_path):
    create(tmp_path / "c.zarr", corpus, Capacity(localizations=1, vertices=8192))
    with pytest.raises(
        CorpusError, match=r"movie 0 \(photophysics.rate_hz = .* the store has room for 1; narrow"
    ):
        generate(corpus, tmp_path / "c.zarr", processes=1, progress=False)


def test_no_corpus_is_no_damage_but_an_error(tmp_path):
    with pytest.raises(CorpusError, match=r"nope\.zarr is not the store of a corpus"):
        verify(tmp_path / "nope.zarr")


def test_the_corpus_is_in_its_store(corpus, made):
    stored = zarr.open_group(made, mode="r").attrs["corpus"]
    assert Corpus.model_validate(tomllib.loads(stored)) == corpus
