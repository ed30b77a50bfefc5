"""What is left out of a training never reaches it, and a study goes on where it was killed."""

import json
import pickle
import shutil

import numpy as np
import pytest
import torch
from killed import killed

from baselines._validation import Validation
from smlmsim import provenance, workers
from smlmsim.corpus import mixture
from smlmsim.io import replacing
from smlmsim.reconstruct import ReconstructionError
from smlmsim.robustness import Robustness, RobustnessError, run_robustness
from smlmsim.robustness import run as running
from smlmsim.train import TrainingError


@pytest.fixture(autouse=True, scope="module")
def here():
    """Everything runs in this process, on one thread, and nothing is drawn."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Validation, "preview", lambda *_: None)
        patch.setattr(workers, "spread", lambda function, tasks, **_: ((t, function(t)) for t in tasks))
        yield
    torch.set_num_threads(threads)


def run(study, folder):
    return run_robustness(study, folder, progress=False)


def identical(one, other):
    return all(a.identical(b) for a, b in zip(one, other, strict=True))


@pytest.fixture(scope="module")
def complete(small, here, tmp_path_factory):
    """A folder with all results, not to be changed, and its scores."""
    folder = tmp_path_factory.mktemp("complete")
    return folder, run(small, folder)


@pytest.fixture
def results(complete, tmp_path):
    """A copy of that folder, and its scores."""
    shutil.copytree(complete[0], tmp_path / "results")
    return tmp_path / "results", complete[1]


@pytest.fixture
def seen(monkeypatch):
    """The (study, seed) of every movie that is simulated for crops."""
    found, simulated = [], mixture.simulated_crop

    def noted(study, seed, scenes=None):
        found.append((study, seed, scenes))
        return simulated(study, seed, scenes)

    monkeypatch.setattr(mixture, "simulated_crop", noted)
    return found


def test_the_laboratory_left_out_never_reaches_training_or_validation(small, tmp_path, seen):
    looks = {
        name: (small.test_study(name).field, small.test_study(name).density) for name in small.laboratories
    }
    for model in ("all", "M0", "M2"):
        laboratories = small.models[model].laboratories
        seen.clear()
        running.train_model(small, tmp_path, 0, False, model)
        found = {(study.field, study.density) for study, _, _ in seen}
        assert found == {looks[name] for name in laboratories}
        trained_on = {small.corpus(name, p).recipe(movie).seed
                      for name in laboratories for p in ("training", "validation") for movie in range(6)}  # fmt: skip
        assert {seed for _, seed, _ in seen} <= trained_on


def test_scores_are_labelled_complete_and_say_what_made_them(small, complete):
    folder, (scores, quantity, course, profiles) = complete
    assert dict(scores.sizes) == {"model": 6, "laboratory": 3, "condition": 2, "seed": 2}
    assert scores.trained_without.values.tolist() == ["", "plain", "wide", "large", "", ""]
    assert np.isfinite(scores.pearson).all()
    assert scores.pearson.attrs["better"] == "higher"
    assert json.loads(scores.hallucination.attrs["settings"]).keys() == small.laboratories.keys()
    assert scores.attrs["study_digest"] == small.digest
    assert {"seed", "network", "configuration", "torch_version", "smlmsim_version"} <= scores.attrs.keys()
    pearson = scores.pearson.sel(model="M0", laboratory="large", condition="perturbed", seed=1)
    assert (
        float(pearson)
        == json.loads((folder / "tests/large.perturbed.1.json").read_text())["scores"]["M0"]["pearson"]
    )
    assert dict(quantity.sizes) == {"fields": 2, "draw": 1, "laboratory": 3, "seed": 2}
    one = quantity.pearson.sel(fields=3, draw=0, laboratory="wide", seed=0)
    stored = json.loads((folder / "tests/wide.control.0.json").read_text())
    assert float(one) == stored["scores"]["fields-3-draw-0"]["pearson"]
    assert dict(course.sizes) == {"image": 5, "minute": 2, "cell": 2}
    assert course.image.values.tolist() == ["truth", "M0", "M2", "all", "sparse"]
    late = json.loads((folder / "tests/wide.after-8-min.5.json").read_text())
    assert float(course.area_fraction.sel(image="M2", minute=8, cell=1)) == late["area_fraction"]["M2"]
    assert profiles.sizes["number"] == 3
    assert np.isfinite(profiles.fwhm_nm.sel(image="truth")).any("number").all()
    np.testing.assert_allclose(profiles.profile.sel(image="truth").max("offset"), 1)


RUN = """
from pathlib import Path
import torch
from baselines._validation import Validation
from smlmsim import workers
from smlmsim.robustness import Robustness, run_robustness

Validation.preview = lambda *_: None
workers.spread = lambda function, tasks, **_: ((task, function(task)) for task in tasks)

def run():
    torch.set_num_threads(1)
    run_robustness(Robustness.from_toml("study.toml"), Path("killed"), progress=False)
"""


@pytest.mark.slow
def test_killed_anywhere_it_goes_on_and_gives_the_same_scores(small, complete, tmp_path):
    """First while it trains the second model, then while it scores."""
    (tmp_path / "study.toml").write_text(small.to_toml())
    assert killed(tmp_path, RUN, [("baselines._training:Trainer._finish", 4)]) == [-1]
    assert (tmp_path / "killed/M0/trained.json").is_file()
    assert (tmp_path / "killed/M1/checkpoint.safetensors").is_file()
    assert not (tmp_path / "killed/M1/trained.json").is_file()
    kept = (tmp_path / "killed/M0/checkpoint.safetensors").stat().st_mtime_ns
    assert killed(tmp_path, RUN, [("smlmsim.robustness.run:measure_movie", 4)]) == [-1]
    assert len(list((tmp_path / "killed/tests").iterdir())) == 3
    assert identical(run(small, tmp_path / "killed"), complete[1])
    assert (tmp_path / "killed/M0/checkpoint.safetensors").stat().st_mtime_ns == kept


def test_what_is_complete_is_not_trained_again(small, results, monkeypatch):
    folder, scores = results
    for name in ("train_model", "measure_movie"):
        monkeypatch.setattr(running, name, lambda *_: pytest.fail("it was run again"))
    assert identical(run(small, folder), scores)


def test_a_folder_of_another_study_or_of_other_versions_is_refused(small, tmp_path):
    running._claim(tmp_path, small)
    running._claim(tmp_path, small)
    before = (tmp_path / "study.toml").read_bytes()
    with pytest.raises(
        RobustnessError,
        match=r"another study: seed is 0 there and 1 here; .* --out",
    ):
        run(small.replace({"seed": 1}), tmp_path)
    assert (tmp_path / "study.toml").read_bytes() == before
    with replacing(tmp_path / "study.toml") as draft:
        draft.write_text(before.decode().replace('torch_version = "', 'torch_version = "0.'))
    with pytest.raises(RobustnessError, match=r"was made with torch_version 0\..*continue with that version"):
        run(small, tmp_path)


def test_a_study_names_every_kind_of_processor_that_made_a_part_of_it(small, results, monkeypatch):
    folder, scores = results
    made = provenance.provenance()
    monkeypatch.setattr(provenance, "provenance", lambda: made | {"processor": "z80"})
    assert run(small, folder).scores.attrs["processor"] == made["processor"]
    (folder / "tests/wide.control.0.json").unlink()
    again = run(small, folder)
    assert again.scores.attrs["processor"] == f"{made['processor']}, z80"
    assert all(a.equals(b) for a, b in zip(again, scores, strict=True))


def test_a_failure_is_told_with_its_movie_and_nothing_before_it_is_lost(small, results, monkeypatch):
    folder, _ = results
    (folder / "M2/weights.safetensors").unlink()
    (folder / "tests/wide.control.0.json").unlink()

    def caught(function, tasks, **_):
        for task in tasks:
            try:
                yield task, function(task)
            except ValueError as error:
                yield task, error

    monkeypatch.setattr(workers, "spread", caught)
    with pytest.raises(RobustnessError, match=r"wide control 0 failed: WeightsError: there is no file"):
        run(small, folder)
    assert len(list((folder / "tests").iterdir())) == 15


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"network": "nope"}, TrainingError, "no trainable network 'nope'"),
        ({"size": "huge"}, ValueError, "no configuration 'huge'"),
        (
            {"configuration": {"budget.nope": 1}},
            RobustnessError,
            "the configuration: Budget has no setting 'nope'",
        ),
        ({"classic": "nope"}, ReconstructionError, "no reconstructor 'nope'"),
    ],
)
def test_what_is_not_there_is_refused_before_anything_is_made(small, tmp_path, change, error, message):
    with pytest.raises(error, match=message):
        run(Robustness.model_validate(small.model_dump() | change), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_other_processes_can_be_given_a_study(small):
    assert pickle.loads(pickle.dumps(small)) == small


def test_a_laboratory_tested_on_the_tables_of_its_training_is_warned_of(small, results, monkeypatch, caplog):
    monkeypatch.setattr(Robustness, "tested_where_trained", ("wide",))
    run(small, results[0])
    assert "wide is tested on tables that are also trained on" in caplog.text
    assert "set test_tables" in caplog.text
