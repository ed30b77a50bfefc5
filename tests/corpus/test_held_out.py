"""Movies that are trained on are not validated on, under whatever name."""

import shutil

import pytest

from smlmsim.corpus import Corpus, CorpusError
from smlmsim.corpus.held_out import require_held_out, study_of
from smlmsim.corpus.store import Capacity, create
from smlmsim.pipeline import Hybrid
from smlmsim.structures import Measured


@pytest.fixture
def stored(tmp_path):
    """A function that makes the store of a corpus, without movies."""

    def make(corpus, name):
        create(tmp_path / name, corpus, Capacity(1, 1))
        return tmp_path / name

    return make


def hybrid(*tables, seed=0):
    return Corpus(study=Hybrid(tables=[Measured(table=table) for table in tables]), movies=1, seed=seed)


def test_the_same_store_its_copy_and_its_link_are_refused(stored_movies, tmp_path):
    shutil.copytree(stored_movies, tmp_path / "copy")
    (tmp_path / "link").symlink_to(stored_movies)
    for same in (stored_movies, tmp_path / "copy", tmp_path / "link"):
        with pytest.raises(CorpusError, match=r"on which the network is trained \(both have seed=0\)"):
            require_held_out(stored_movies, same)


def test_more_movies_and_other_settings_of_one_seed_are_refused(stored_movies, two_movies, stored):
    for changes in ({"movies": 3}, {"study.photophysics.rate_hz": 7.0}):
        with pytest.raises(CorpusError, match="another seed"):
            require_held_out(
                stored_movies, stored(two_movies.replace(changes), str(len(changes) + hash(str(changes))))
            )


def test_another_seed_is_accepted(stored_movies, held_out_movie):
    require_held_out(stored_movies, held_out_movie)


def test_hybrid_corpora_of_one_seed_are_told_apart_by_their_tables(stored, tmp_path):
    first, other = stored(hybrid("a.csv", "b.csv"), "first"), stored(hybrid("c.csv"), "other")
    require_held_out(first, other)
    with pytest.raises(CorpusError, match="another seed"):
        require_held_out(first, stored(hybrid("b.csv"), "shared"))


def test_patches_of_the_same_tables_are_told_of(stored, caplog):
    with caplog.at_level("INFO", "smlmsim"):
        require_held_out(stored(hybrid("a.csv"), "first"), stored(hybrid("a.csv", seed=1), "second"))
    assert "other patches of the tables that are trained on: a.csv" in caplog.text


def test_the_study_of_a_store_is_found_and_an_absent_one_is_refused(stored_movies, two_movies, tmp_path):
    assert study_of(stored_movies) == two_movies.study
    with pytest.raises(CorpusError):
        study_of(tmp_path / "absent")
