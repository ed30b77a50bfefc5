"""The training of a network that localizes lowers its loss, and continues as if it had never stopped."""

import sys

import pytest
import torch
from safetensors.torch import load_file

from baselines._localizer_training import FrameTraining, train_in_folder
from baselines.decode.localize import DecodeStyle
from baselines.decode.train import DecodeTraining
from baselines.deep_loco.localize import DeepLocoStyle
from baselines.deep_loco.train import DeepLocoTraining
from baselines.deep_storm.localize import DeepStormStyle
from baselines.deep_storm.train import DeepStormTraining
from smlmsim import schema
from smlmsim.testing import make_frames

SMALL = {
    "scenes": {"edge": 16, "frames": 3, "density_per_um2": [1, 2], "photons": [2000, 3000]},
    "budget": {"steps": 12, "scenes": 2, "warmup": 2, "cooldown": 4, "every": 4, "held_out": 4},
}
KINDS = {
    "decode": (DecodeTraining, DecodeStyle, {"frame_base": 4, "context_base": 4, "head": 4}),
    "deep_storm": (DeepStormTraining, DeepStormStyle, {"grid": "camera", "base": 4, "head": 8}),
    "deep_loco": (
        DeepLocoTraining,
        DeepLocoStyle,
        {"layers": [[8, 3], [8, 2, 2]], "width": 32, "points": 12},
    ),
}


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module", params=KINDS)
def kind(request):
    return request.param


def small(kind):
    return KINDS[kind][0].model_validate({"network": KINDS[kind][2], **SMALL})


@pytest.fixture(scope="module")
def folder(kind, tmp_path_factory):
    folder = tmp_path_factory.mktemp(kind)
    small(kind).train(folder)
    return folder


def test_training_lowers_the_loss_on_held_out_scenes(folder):
    rows = (folder / "log.csv").read_text().splitlines()
    column = rows[0].split(",").index("held_out")
    losses = [float(row.split(",")[column]) for row in rows[1:]]
    assert len(losses) == 3
    assert losses[-1] < losses[0]


def test_training_that_was_stopped_gives_the_same_weights(kind, folder, tmp_path, monkeypatch):
    step = FrameTraining._step

    def stopping(self, network, optimizer, number):
        if number == 9:
            raise KeyboardInterrupt
        return step(self, network, optimizer, number)

    monkeypatch.setattr(FrameTraining, "_step", stopping)
    with pytest.raises(KeyboardInterrupt):
        small(kind).train(tmp_path)
    monkeypatch.setattr(FrameTraining, "_step", step)
    small(kind).train(tmp_path)
    whole, stopped = (load_file(path / f"{kind}.safetensors") for path in (folder, tmp_path))
    assert all(torch.equal(whole[name], stopped[name]) for name in whole)


def test_its_weights_localize(kind, folder):
    events = schema.dataset(event_frame=[0], event_y=[800.0], event_x=[700.0], event_photons=[3000.0])
    localizer = KINDS[kind][1](weights=folder / f"{kind}.safetensors", probability=0.05)
    found = localizer.localize(make_frames(events, (2, 15, 14)))
    assert set(found.loc_frame.values) <= {0, 1}


def test_from_the_command_line_it_makes_its_folder(kind, tmp_path, monkeypatch):
    configuration = tmp_path / "small.toml"
    configuration.write_text("")
    trained = []
    monkeypatch.setattr(FrameTraining, "configured", classmethod(lambda cls, size: small(kind)))
    monkeypatch.setattr(FrameTraining, "train", lambda self, folder: trained.append(folder))
    monkeypatch.setattr(sys, "argv", ["train", str(tmp_path / "new" / "run")])
    train_in_folder(KINDS[kind][0])
    assert trained == [tmp_path / "new" / "run"]
    assert trained[0].is_dir()
