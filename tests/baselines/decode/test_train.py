"""The training of DECODE lowers its loss, and continues from a checkpoint as if it had never stopped."""

import pytest
import torch
from safetensors.torch import load_file

from baselines.decode.localize import DecodeStyle
from baselines.decode.train import DecodeTraining
from smlmsim import schema
from smlmsim.testing import make_frames


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def training(**budget):
    return DecodeTraining.model_validate(
        {
            "network": {"frame_base": 4, "context_base": 4, "head": 4},
            "scenes": {"edge": 16, "frames": 3, "density_per_um2": (1, 2), "photons": (2000, 3000)},
            "budget": {"steps": 12, "scenes": 2, "warmup": 2, "cooldown": 4, "every": 4, "held_out": 4}
            | budget,
        }
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    training().train(folder)
    return folder


def test_training_lowers_the_loss_on_held_out_scenes(folder):
    rows = (folder / "log.csv").read_text().splitlines()
    column = rows[0].split(",").index("held_out")
    losses = [float(row.split(",")[column]) for row in rows[1:]]
    assert len(losses) == 3
    assert losses[-1] < losses[0]


def test_training_that_was_stopped_gives_the_same_weights(folder, tmp_path, monkeypatch):
    step = DecodeTraining._step

    def stopping(self, network, optimizer, number):
        if number == 9:
            raise KeyboardInterrupt
        return step(self, network, optimizer, number)

    monkeypatch.setattr(DecodeTraining, "_step", stopping)
    with pytest.raises(KeyboardInterrupt):
        training().train(tmp_path)
    monkeypatch.setattr(DecodeTraining, "_step", step)
    training().train(tmp_path)
    whole, stopped = (load_file(path / "decode.safetensors") for path in (folder, tmp_path))
    assert all(torch.equal(whole[name], stopped[name]) for name in whole)


def test_its_weights_localize(folder):
    events = schema.dataset(event_frame=[0], event_y=[800.0], event_x=[700.0], event_photons=[3000.0])
    found = DecodeStyle(weights=folder / "decode.safetensors").localize(make_frames(events, (2, 15, 14)))
    assert set(found.loc_frame.values) <= {0, 1}
