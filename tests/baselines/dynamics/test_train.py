"""Training of learned dynamics: small, resumable, and with one line for what cannot be."""

import numpy as np
import pytest
import torch

from baselines.dynamics import run as running
from baselines.dynamics import train
from baselines.dynamics.flow import UNetDynamics
from baselines.dynamics.model import Memory
from baselines.dynamics.movies import simulated
from baselines.dynamics.settings import DynamicsTraining
from baselines.dynamics.stills import Stills
from smlmsim import io, schema
from smlmsim.testing import check_dynamics

TINY = DynamicsTraining.configured("tiny")


@pytest.fixture(scope="module")
def movies():
    return simulated(TINY.corpus, progress=False)


@pytest.fixture(scope="module")
def run(tmp_path_factory, movies):
    folder = tmp_path_factory.mktemp("whole")
    running.train(TINY, folder, given=movies, source="movies of a test", progress=False)
    return folder


class StoppedError(Exception):
    pass


def test_training_that_was_interrupted_gives_the_same_weights(run, movies, tmp_path, monkeypatch):
    whole = running.Run._step

    def stopping(self, step):
        if step == 4:  # one step after the first checkpoint
            raise StoppedError
        return whole(self, step)

    with monkeypatch.context() as patched:
        patched.setattr(running.Run, "_step", stopping)
        with pytest.raises(StoppedError):
            running.train(TINY, tmp_path, given=movies, source="movies of a test", progress=False)
    running.train(TINY, tmp_path, given=movies, source="movies of a test", progress=False)
    assert (tmp_path / "dynamics.safetensors").read_bytes() == (run / "dynamics.safetensors").read_bytes()
    assert (tmp_path / "log.csv").read_text() == (run / "log.csv").read_text()


def test_trained_weights_are_dynamics_that_say_what_they_learned_from(run, movies):
    dynamics = UNetDynamics(run / "dynamics.safetensors")
    check_dynamics(dynamics)
    speeds = [movie.velocity_nm_per_s for movie in movies]
    assert dynamics.velocity_nm_per_s == (min(speeds), max(speeds))
    assert dynamics.learned_from == "movies of a test"


def test_the_untrained_generator_moves_about_as_fast_as_it_shall(movies, tmp_path):
    """It is scaled by the displacements of a few steps of two scenes, hence the factor of two."""
    training = TINY.replace({"budget.before": 8})
    run = running.Run(training, tmp_path, movies, "")
    run._set_in_motion()
    stills = Stills.of(run.stills)
    torch.manual_seed(5)
    with torch.no_grad():
        shift = run._shifts(run.networks["generator"], stills, torch.full((len(run.stills),), 100.0), 8)
    found = float(shift.diff(dim=1).square().mean().sqrt()) / (running.ACROSS * 100.0 * 1.5)
    assert 0.5 < found < 2


def test_folds_and_stretch_of_a_known_displacement_are_found(movies, tmp_path):
    run = running.Run(TINY, tmp_path, movies, "")
    stills = Stills.of(run.stills[:1])
    nodes = torch.zeros(1, 1, 2, run.grid.rows, run.grid.columns)
    assert float(running._stretch(*stills.ends(nodes), stills)) == pytest.approx(0, abs=1e-6)
    assert float(running._stretch(*stills.ends(nodes + 500.0), stills)) == pytest.approx(0, abs=1e-6)
    nodes[..., 0, ::2, :] = 200.0
    assert float(running._stretch(*stills.ends(nodes), stills)) > 1e-3


def test_the_memory_keeps_all_movies_until_it_is_full_and_then_the_latest_among_others():
    memory = Memory(6, 2, 3)
    for number in range(3):
        memory.put(
            torch.full((2, 2, 3, 3), float(number)),
            torch.full((2,), 10.0 * number),
            np.random.default_rng(number),
        )
    assert sorted(memory.velocities.tolist()) == [0, 0, 10, 10, 20, 20]
    memory.put(torch.full((2, 2, 3, 3), 3.0), torch.full((2,), 30.0), np.random.default_rng(3))
    assert 1 <= memory.velocities.tolist().count(30) <= 2
    movies, velocities = memory.some(50, np.random.default_rng(4))
    np.testing.assert_array_equal(movies[:, 0, 0, 0].numpy() * 10, velocities.numpy())


def test_the_shipped_weights_are_those_of_the_shipped_configuration():
    configured, shipped = DynamicsTraining.configured("shipped"), UNetDynamics()
    assert shipped._network.settings == configured.network
    assert (
        sum(value.numel() for value in shipped._network.state_dict().values())
        == configured.parameters()["generator"]
    )
    speeds = configured.corpus.ranges[0]
    assert speeds.low <= shipped.velocity_nm_per_s[0] < shipped.velocity_nm_per_s[1] <= speeds.high
    assert shipped.learned_from == configured.source


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"network.step_s": 3.0}, "widefield images are 1.5 s apart, but step_s=3"),
        ({"budget.edge": 30}, "edge=30 pixels are 3000 nm, more than the field"),
        (
            {"corpus.study.widefield.pixel_nm": 200.0, "budget.edge": 8},
            "pixel_nm=200 is too coarse for images of points",
        ),
        ({"corpus.study.widefield": None}, "no widefield microscope"),
    ],
)
def test_settings_that_contradict_each_other_are_refused_in_one_line(changes, message):
    with pytest.raises(ValueError, match=message):
        TINY.replace(changes)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--size", "no.toml"], "no.toml"),
        (["--size", "large"], "no configuration 'large'; give shipped, tiny or a TOML file"),
        (["--size", "tiny", "--widefield", "no.tif"], "no.tif"),
    ],
)
def test_what_cannot_be_trained_is_said_in_one_line(words, message, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["train", str(tmp_path / "run"), *words])
    with pytest.raises(SystemExit) as ended:
        train.main()
    said = capsys.readouterr().err
    assert ended.value.code == 2
    assert message in said
    assert said.count("\n") == 1


def test_the_command_learns_from_a_recorded_stack(tmp_path, capsys, monkeypatch, movies):
    path = tmp_path / "mine.tif"
    images = movies[0].images.astype(np.uint16)
    pixels = (np.arange(images.shape[1]) + 0.5) * 100.0
    io.write(schema.dataset(counts=images, time=np.arange(len(images)) * 1.5, y=pixels, x=pixels), path)
    words = ["--size", "tiny", "--widefield", str(path), "--velocity", "60"]
    monkeypatch.setattr("sys.argv", ["train", str(tmp_path / "run"), *words])
    train.main()
    assert "error of the change between images" in capsys.readouterr().out
    dynamics = UNetDynamics(tmp_path / "run" / "dynamics.safetensors")
    assert dynamics.learned_from == "widefield movies mine.tif"
    assert dynamics.velocity_nm_per_s == (60, 60)
