"""The folder of a training knows what it holds, and what is installed can be found."""

import pytest

from smlmsim import train
from smlmsim.corpus import Corpus
from smlmsim.train import Run, TrainingError

CONFIGURATION = {
    "network": {"hidden": 2, "layers": 1, "channels": [2]},
    "budget": {
        "steps": 1, "epoch_steps": 1, "validation_crops": 1,
        "crops": {"time_points": 8, "height": 16, "width": 16},
    },
}  # fmt: skip


@pytest.fixture
def run(stored_movies, held_out_movie):
    return Run(network="dblink", configuration=CONFIGURATION, corpus=stored_movies, validation=held_out_movie)


WIDEFIELD = {"annapalm2d_widefield", "annapalm3d_widefield"}
"""Networks that see widefield images, which the corpus `tiny` has not."""
UNPUBLISHED = {"annapalm2d_fine", "annapalm3d_fine", "spacetime", "spacetime_fine", *WIDEFIELD}
"""Networks of this project, which have no published size."""


@pytest.mark.parametrize(
    ("name", "size"),
    [
        (name, size)
        for name in train.trainable()
        for size in train.SIZES
        if name not in {"published": UNPUBLISHED, "tiny": WIDEFIELD}.get(size, ())
    ],
)
def test_every_network_has_a_tiny_the_shipped_and_the_published_size(name, size, tmp_path):
    configuration = train.load_trainable(name).configured(size)
    assert all(count > 0 for count in configuration.parameters().values())
    plain = configuration.model_dump(mode="json", exclude_none=True)
    train.start(tmp_path, Run(network=name, configuration=plain, corpus=tmp_path, validation=tmp_path))
    assert train.load_trainable(name).model_validate(train.read_run(tmp_path).configuration) == configuration


def test_an_unknown_size_is_refused_with_those_there_are(tmp_path):
    dblink = train.load_trainable("dblink")
    with pytest.raises(
        ValueError, match="no configuration 'huge' of dblink; give one of tiny, shipped, published"
    ):
        dblink.configured("huge")
    (tmp_path / "other.toml").write_text("[vivit]\n")
    with pytest.raises(ValueError, match="has no table 'dblink'; it has: vivit"):
        dblink.configured(str(tmp_path / "other.toml"))


def test_a_folder_gives_back_its_training(run, tmp_path):
    assert train.start(tmp_path / "run", run) == run
    assert train.read_run(tmp_path / "run") == run
    assert train.start(tmp_path / "run", run) == run


def test_other_versions_go_on_with_a_training_and_are_not_noted(run, tmp_path):
    train.start(tmp_path, run)
    later = run.model_copy(update={"versions": {"smlmsim": "99"}})
    assert train.start(tmp_path, later).versions == run.versions


@pytest.mark.parametrize("change", [{"freeze": "encoder"}, {"network": "vivit"}, {"configuration": {}}])
def test_a_folder_that_holds_another_training_is_refused(run, tmp_path, change):
    train.start(tmp_path, run)
    before = (tmp_path / "run.toml").read_bytes()
    with pytest.raises(TrainingError, match="holds another training"):
        train.start(tmp_path, run.model_copy(update=change))
    assert (tmp_path / "run.toml").read_bytes() == before


def test_a_folder_without_a_training_is_refused(tmp_path):
    with pytest.raises(TrainingError, match=r"no run\.toml in it"):
        train.read_run(tmp_path)


def test_a_run_trains(run, tmp_path):
    best = train.start(tmp_path, run).train(tmp_path, workers=0, progress=False)
    assert 0 <= best <= 1
    assert {"run.toml", "weights.safetensors", "checkpoint.safetensors", "log.csv"} <= {
        file.name for file in tmp_path.iterdir()
    }


def test_the_corpus_to_validate_on_has_other_movies(two_movies, tmp_path, monkeypatch):
    made = []
    monkeypatch.setattr(train, "generate", lambda corpus, path, processes: made.append((corpus, path)))
    found = train.make_corpora(tmp_path, two_movies)
    (corpus, path), (held_out, held_out_path) = made
    assert found == (path, held_out_path) == (tmp_path / "corpus.zarr", tmp_path / "validation.zarr")
    assert corpus == two_movies
    assert held_out.study == corpus.study
    recipes = [{each.recipe(movie).seed for movie in range(each.movies)} for each in (corpus, held_out)]
    assert not recipes[0] & recipes[1]


def test_several_processes_do_not_make_one_corpus(tmp_path, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(TrainingError, match="give --corpus and --validation"):
        train.make_corpora(tmp_path, Corpus(movies=1))
    assert not list(tmp_path.iterdir())
