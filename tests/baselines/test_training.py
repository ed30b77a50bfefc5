"""Training goes on as if it had never stopped, whoever makes its crops and however many processes share it."""

import csv
import itertools
import math
import shutil
import subprocess
import sys

import pytest
import torch
from killed import killed
from safetensors.torch import load_file

from baselines._budget import Budget
from baselines._checkpoint import CheckpointError
from baselines._training import Trainer
from baselines._validation import Validation
from baselines._weights import WeightsError, read_domain
from baselines.annapalm.train import AnnaPalm2DTraining, AnnaPalm3DTraining
from baselines.dblink.train import DBlinkTraining
from baselines.spacetime.train import SpacetimeTraining
from baselines.vivit.train import ViViTTraining
from smlmsim.corpus import CorpusError

BUDGET = {
    "steps": 4, "batch": 2, "epoch_steps": 2, "validation_crops": 1, "learning_rate": 1e-3,
    "crops": {"time_points": 8, "height": 16, "width": 16},
}  # fmt: skip
SMALL = {"network": {"hidden": 2, "layers": 1, "channels": [3], "dropout": 0.2}, "budget": BUDGET}
ADVERSARIAL = {
    "network": {"ndim": 3, "base": 2, "levels": 2, "dropout_levels": 1, "discriminator_base": 2},
    "budget": BUDGET | {"crops": {"time_points": 24, "height": 24, "width": 24}},
}

OF_EACH_KIND = {
    AnnaPalm2DTraining: {
        "network": {"ndim": 2, "base": 4, "levels": 2, "dropout": 0.1, "dropout_levels": 1}, "loss": {"gamma": 0},
    },
    DBlinkTraining: {"network": SMALL["network"]},
    ViViTTraining: {
        "network": {"tubelet": (4, 8, 8), "width": 12, "heads": 2, "blocks": 1, "planes": 2, "channels": 4},
        "loss": {"gamma": 0},
    },
    SpacetimeTraining: {"network": {"channels": (8, 16), "blocks": (1, 1), "grid": {"bin_s": 1.5}}},
}  # fmt: skip

RUN = """
from pathlib import Path
import torch
from baselines.annapalm.train import AnnaPalm3DTraining

def run():
    torch.set_num_threads(1)
    training = AnnaPalm3DTraining.configured("c.toml")
    corpus, validation = Path({corpus!r}), Path({validation!r})
    training.train(Path("killed"), corpus=corpus, validation=validation, workers=0, progress=False)
"""

SHARED = """
import os, sys
from pathlib import Path
import torch
from baselines._validation import Validation
from baselines.dblink.train import DBlinkTraining
from safetensors.torch import save_file

rank = int(os.environ["RANK"])
scores = iter([0.1, 0.2, 0.3, 0.4] if rank == 0 else [0.4, 0.3, 0.2, 0.1])
Validation.ms_ssim = lambda self, estimate: next(scores)
folder, corpus, validation, configuration = sys.argv[1:]
training = DBlinkTraining.configured(configuration)
torch.manual_seed(training.budget.seed)
task = training.task()
networks = dict(task.networks)
DBlinkTraining.task = lambda self: task
best = training.train(Path(folder), corpus=Path(corpus), validation=Path(validation), workers=0, progress=False)
assert best == 0.4, best
save_file(networks["network"].state_dict(), Path(folder) / f"rank-{rank}.safetensors")
torch.distributed.destroy_process_group()
"""


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def train(stored_movies, held_out_movie, tmp_path, monkeypatch):
    """A function that trains in a folder, which it returns; it draws only if asked to."""

    def run(
        kind=DBlinkTraining, configuration=SMALL, name="run", workers=0, budget=None, draw=False, **options
    ):
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        tree = configuration | {"budget": configuration["budget"] | (budget or {})}
        with monkeypatch.context() as patch:
            if not draw:
                patch.setattr(Validation, "preview", lambda *_: None)
            kind.model_validate(tree).train(
                folder,
                corpus=stored_movies,
                validation=held_out_movie,
                workers=workers,
                progress=False,
                **options,
            )
        return folder

    return run


def weights(folder):
    return (folder / "weights.safetensors").read_bytes()


def log(folder):
    with (folder / "log.csv").open() as file:
        return list(csv.DictReader(file))


def run_script(*arguments):
    return subprocess.run(
        [sys.executable, *map(str, arguments)], capture_output=True, text=True, timeout=250, check=False
    )


def written_as_toml(kind, configuration, path):
    path.write_text(f"[{kind.name}]\n" + "".join(
        f"{key} = {_inline(value)}\n" for key, value in configuration.items()
    ))  # fmt: skip
    return path


def _inline(value):
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {_inline(inner)}" for key, inner in value.items()) + "}"
    return repr(value)


@pytest.mark.slow
def test_killed_and_resumed_training_gives_the_same_bytes(train, stored_movies, held_out_movie, tmp_path):
    """Two networks, batch norm, dropout and Adam; it is killed in the middle of the second epoch."""
    undisturbed = train(AnnaPalm3DTraining, ADVERSARIAL, "undisturbed")
    (tmp_path / "killed").mkdir()
    written_as_toml(AnnaPalm3DTraining, ADVERSARIAL, tmp_path / "c.toml")
    script = RUN.format(corpus=str(stored_movies), validation=str(held_out_movie))
    assert killed(tmp_path, script, [("baselines._training:Trainer._step", 4)]) == [-1]
    assert len(log(tmp_path / "killed")) == 1
    resumed = train(AnnaPalm3DTraining, ADVERSARIAL, "killed")
    for name in ("weights.safetensors", "checkpoint.safetensors", "log.csv"):
        assert (resumed / name).read_bytes() == (undisturbed / name).read_bytes(), name


@pytest.mark.slow
@pytest.mark.parametrize("kind", OF_EACH_KIND, ids=lambda kind: kind.name)
def test_stopped_and_resumed_training_in_bfloat16_gives_the_same_bytes(train, monkeypatch, kind):
    configuration = OF_EACH_KIND[kind] | {"budget": BUDGET | {"precision": "bfloat16"}}
    undisturbed = train(kind, configuration, "undisturbed")
    step, steps = Trainer._step, itertools.count(1)

    def stopped_in_the_second_epoch(trainer, batch):
        if next(steps) == 4:
            raise KeyboardInterrupt
        return step(trainer, batch)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "_step", stopped_in_the_second_epoch)
        with pytest.raises(KeyboardInterrupt):
            train(kind, configuration, "stopped")
    assert len(log(undisturbed.parent / "stopped")) == 1
    resumed = train(kind, configuration, "stopped")
    for name in ("weights.safetensors", "checkpoint.safetensors", "log.csv"):
        assert (resumed / name).read_bytes() == (undisturbed / name).read_bytes(), name
    assert all(bool(value.isfinite().all()) for value in load_file(resumed / "weights.safetensors").values())


def test_resuming_what_is_complete_changes_nothing(train):
    folder = train()
    before = {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}
    train()
    assert {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()} == before


@pytest.mark.slow
def test_the_number_of_processes_that_make_crops_makes_no_difference(train):
    assert weights(train(name="none")) == weights(train(name="two", workers=2))


def test_another_seed_gives_other_weights(train):
    assert weights(train(name="0")) != weights(train(name="1", budget={"seed": 1}))


def test_an_epoch_leaves_its_row_and_its_picture(train):
    folder = train(budget={"steps": 3}, draw=True)
    rows = log(folder)
    assert list(rows[0]) == ["step", "ms_ssim", "learning_rate", "network_loss"]
    assert [row["step"] for row in rows] == ["2", "3"]
    assert all(float(row["network_loss"]) > 0 for row in rows)
    for step in (2, 3):
        assert (folder / f"preview-{step:07d}.png").read_bytes().startswith(b"\x89PNG")


def test_both_adversaries_have_their_column(train):
    rows = log(train(AnnaPalm3DTraining, ADVERSARIAL, budget={"steps": 1}))
    assert list(rows[0]) == ["step", "ms_ssim", "learning_rate", "discriminator_loss", "generator_loss"]


def test_bfloat16_trains(train):
    half = load_file(train(name="half", budget={"precision": "bfloat16"}) / "weights.safetensors")
    full = load_file(train(name="full") / "weights.safetensors")
    assert all(bool(torch.isfinite(value).all()) for value in half.values())
    assert any(not torch.equal(half[key], full[key]) for key in full)
    assert all(torch.allclose(half[key], full[key], atol=5e-3) for key in full)


def without_adversary():
    return ADVERSARIAL | {"loss": {"gamma": 0.0}, "budget": BUDGET}


def test_a_frozen_encoder_keeps_what_it_was_given(train):
    first = train(AnnaPalm3DTraining, without_adversary(), "first") / "weights.safetensors"
    second = train(AnnaPalm3DTraining, without_adversary(), "second", init=first, freeze="encoder")
    before, after = load_file(first), load_file(second / "weights.safetensors")
    same = {key for key in before if torch.equal(before[key], after[key])}
    assert same == {key for key in before if ".encoder." in key}


def test_what_it_started_from_is_not_needed_to_go_on(train):
    first = train(AnnaPalm3DTraining, without_adversary(), "first") / "weights.safetensors"
    options = {"init": first, "freeze": "encoder"}
    expected = weights(train(AnnaPalm3DTraining, without_adversary(), "whole", **options))
    train(AnnaPalm3DTraining, without_adversary(), "halves", budget={"steps": 2}, **options)
    first.unlink()
    assert weights(train(AnnaPalm3DTraining, without_adversary(), "halves", **options)) == expected


def test_what_can_be_frozen_is_named(train):
    with pytest.raises(
        ValueError, match="no part 'nope' to freeze; it has: ahead, back, decoder, encoder, gates"
    ):
        train(freeze="nope")


def test_freezing_all_of_it_is_refused(train):
    with pytest.raises(ValueError, match="'generator' is all of the network"):
        train(AnnaPalm3DTraining, without_adversary(), freeze="generator")


def test_weights_of_another_network_are_no_start(train):
    other = train(AnnaPalm3DTraining, without_adversary(), "other") / "weights.safetensors"
    with pytest.raises(WeightsError, match="holds the weights of annapalm3d, expected dblink"):
        train(init=other)


def scripted(monkeypatch, *scores):
    found = iter(scores)
    monkeypatch.setattr(Trainer, "_score", lambda self: next(found))


def test_a_plateau_halves_the_learning_rate(train, monkeypatch):
    scripted(monkeypatch, 0.5, 0.4, 0.5, 0.6, 0.1, 0.2)
    rows = log(train(budget={"steps": 6, "epoch_steps": 1, "schedule": "plateau", "plateau": 2}))
    assert [float(row["learning_rate"]) for row in rows] == [1e-3, 1e-3, 5e-4, 5e-4, 5e-4, 2.5e-4]


def test_training_ends_when_patience_does(train, monkeypatch):
    scripted(monkeypatch, 0.1, 0.5, 0.4, math.nan, 0.5, 0.6)
    folder = train(budget={"steps": 9, "epoch_steps": 1, "patience": 3})
    assert [float(row["ms_ssim"]) for row in log(folder)[:3]] == [0.1, 0.5, 0.4]
    assert len(log(folder)) == 5


@pytest.mark.parametrize(("last", "kept"), [(0.4, True), (0.6, False)])
def test_the_best_weights_are_kept_even_after_a_score_that_is_no_number(train, monkeypatch, last, kept):
    scripted(monkeypatch, 0.5, math.nan, last)
    longer = train(name="longer", budget={"steps": 6})
    scripted(monkeypatch, 0.5)
    shorter = train(name="shorter", budget={"steps": 2})
    assert (weights(longer) == weights(shorter)) == kept


@pytest.mark.parametrize("step", [0, 3, 9, 99, 500, 999])
@pytest.mark.parametrize(("warmup", "rising"), [(0.01, 10), (0.1, 100), (0.0, 1)])
def test_the_learning_rate_rises_and_falls_as_a_cosine(step, warmup, rising):
    budget = Budget(steps=1000, learning_rate=2e-4, schedule="cosine", warmup=warmup)
    expected = 2e-4 * min(1, (step + 1) / rising) * math.cos(math.pi * step / 2000) ** 2
    assert budget.learning_rate_at(step, 0.5) == pytest.approx(expected)


@pytest.mark.parametrize("schedule", ["constant", "plateau"])
def test_otherwise_the_learning_rate_is_what_plateaus_have_left_of_it(schedule):
    assert Budget(learning_rate=2e-4, schedule=schedule).learning_rate_at(77, 0.25) == pytest.approx(5e-5)


def test_the_checkpoint_of_another_training_is_refused(train):
    train()
    wider = SMALL | {"network": SMALL["network"] | {"hidden": 3}}
    with pytest.raises(CheckpointError, match="damaged or belongs to another training"):
        train(configuration=wider)


@pytest.mark.parametrize("kept", [0, 100, -9])
def test_a_damaged_checkpoint_is_refused(train, kept):
    path = train(budget={"steps": 1}) / "checkpoint.safetensors"
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(CheckpointError, match="remove it to start anew"):
        train(budget={"steps": 2})


def test_weights_are_no_checkpoint(train):
    folder = train(budget={"steps": 1})
    shutil.copy(folder / "weights.safetensors", folder / "checkpoint.safetensors")
    with pytest.raises(CheckpointError):
        train()


def test_crops_that_do_not_fit_the_network_are_refused(train):
    with pytest.raises(ValueError, match=r"crops of \(8, 18, 16\).* multiples of \(4, 4, 4\)"):
        train(
            AnnaPalm3DTraining, without_adversary(),
            budget={"crops": {"time_points": 8, "height": 18, "width": 16}},
        )  # fmt: skip


def test_crops_of_which_a_discriminator_makes_no_patch_are_refused(train):
    small = {"crops": {"time_points": 24, "height": 20, "width": 24}}
    with pytest.raises(
        ValueError, match=r"\(24, 20, 24\).* too small for the discriminator; it takes \(24, 24, 24\)"
    ):
        train(AnnaPalm3DTraining, ADVERSARIAL, budget=small)


def test_crops_that_do_not_fit_the_movies_are_refused_with_those_that_would(train):
    with pytest.raises(
        CorpusError, match=r"\(8, 64, 16\).* do not fit into movies of \(26, 32, 32\); crop=8x32x16 would"
    ):
        train(budget={"crops": {"time_points": 8, "height": 64, "width": 16}})


def test_crops_that_would_fit_are_those_that_the_network_takes(train):
    with pytest.raises(CorpusError, match="crop=24x32x32 would"):
        train(
            AnnaPalm3DTraining, without_adversary(),
            budget={"crops": {"time_points": 32, "height": 64, "width": 64}},
        )  # fmt: skip


def test_the_movies_that_are_trained_on_are_not_validated_on(stored_movies, tmp_path):
    training = DBlinkTraining.model_validate(SMALL)
    with pytest.raises(CorpusError, match="validate on a corpus of another seed"):
        training.train(tmp_path, corpus=stored_movies, validation=stored_movies, workers=0, progress=False)
    assert not list(tmp_path.iterdir())


def test_weights_say_what_they_were_trained_for(train):
    domain = read_domain(train(budget={"steps": 1, "epoch_steps": 1}) / "weights.safetensors")
    assert domain.pixel_nm == (20, 20)
    assert domain.point_s == (1.5, 1.5)
    assert domain.rate_hz == (30, 1600)
    assert domain.velocity_nm_per_s == (60, 60)
    assert domain.density_per_um == (3, 3)
    assert domain.structures == ("microtubules",)


@pytest.mark.slow
def test_two_processes_give_the_weights_of_one(train, stored_movies, held_out_movie, tmp_path):
    """Each takes half of every batch; sums in another order round otherwise, which Adam may blow up to 1 % of a step.

    They validate differently, and end together all the same.
    """
    plain = SMALL | {"network": SMALL["network"] | {"dropout": 0.0}, "budget": BUDGET | {"epoch_steps": 1}}
    (tmp_path / "shared.py").write_text(SHARED)
    (tmp_path / "two").mkdir()
    hasty = plain | {"budget": plain["budget"] | {"patience": 1}}
    toml = written_as_toml(DBlinkTraining, hasty, tmp_path / "c.toml")
    launch = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    done = run_script(*launch, tmp_path / "shared.py", tmp_path / "two", stored_movies, held_out_movie, toml)
    assert done.returncode == 0, done.stderr
    ranks = [load_file(tmp_path / "two" / f"rank-{rank}.safetensors") for rank in range(2)]
    alone = load_file(train(configuration=plain) / "checkpoint.safetensors")
    for key, value in ranks[0].items():
        assert torch.equal(value, ranks[1][key])
        torch.testing.assert_close(value, alone[f"network/network/{key}"], rtol=0, atol=0.01 * 1e-3)


def test_a_batch_that_cannot_be_shared_is_refused(train, monkeypatch):
    monkeypatch.setattr("baselines._training._join", lambda: (0, 3))
    with pytest.raises(ValueError, match="a batch of 2 cannot be shared by 3 processes"):
        train()


def running(folder):
    found = load_file(folder / "weights.safetensors")
    return {name: value for name, value in found.items() if "running" in name}


def test_settled_normalizations_keep_their_statistics_while_the_network_learns(train):
    def statistics(name, steps, settle):
        budget = {"steps": steps, "epoch_steps": 2, "patience": 100, "settle": settle}
        return running(train(AnnaPalm3DTraining, without_adversary(), name, budget=budget))

    short, settled = statistics("short", 2, settle=0), statistics("settled", 4, settle=0)
    moving = statistics("moving", 4, settle=1)
    assert short.keys() == settled.keys() == moving.keys() != set()
    assert all(torch.equal(short[name], settled[name]) for name in short)
    assert not any(torch.equal(moving[name], settled[name]) for name in short)
