"""A network that settings ask for is made no larger than its weights could fill."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from baselines._size import TooLargeError, no_larger_than
from baselines._weights import WeightsError, build, save_weights
from baselines.dblink.model import DBlinkNetwork

SMALL = {"hidden": 2, "layers": 1, "channels": [3], "dropout": 0.0}


def make(settings):
    return DBlinkNetwork(**settings).build()


@pytest.fixture
def asking(tmp_path):
    """A function that writes the weights of a small network with the settings of another."""

    def write(**settings):
        path = tmp_path / "w.safetensors"
        save_weights(path, make(SMALL), name="dblink", settings=SMALL)
        about = {"network": "dblink", "settings": json.dumps(SMALL | settings)}
        save_file(load_file(path), path, about)
        return path

    return write


def test_a_network_of_its_own_weights_is_made(asking):
    network = build(asking(), "dblink", make)
    assert next(network.parameters()).device.type == "cpu"


@pytest.mark.parametrize(
    "settings",
    [
        {"layers": 2_000_006},
        {"layers": 10**9},
        {"layers": 10**30},
        {"hidden": 10**9},
        {"hidden": 10**20},
        {"channels": [10**6] * 10_000},
        {"channels": "x" * 10**6},
        {"dropout": 2},
    ],
)
def test_settings_that_ask_for_another_network_are_refused_in_one_line(asking, settings):
    with pytest.raises(WeightsError, match=r"w\.safetensors does not (say how its network is|fit)") as caught:
        build(asking(**settings), "dblink", make)
    assert len(str(caught.value)) < 1000
    assert "\n" not in str(caught.value)


def test_parts_without_weights_count_too():
    with (
        pytest.raises(TooLargeError, match="more than 1060 modules, but there are 3 tensors of weights"),
        no_larger_than(3),
    ):
        nn.Sequential(*(nn.ReLU() for _ in range(2000)))


def test_networks_made_before_and_after_are_not_counted():
    with no_larger_than(0):
        nn.Sequential(*(nn.ReLU() for _ in range(900)))
    assert len(nn.Sequential(*(nn.ReLU() for _ in range(2000)))) == 2000
    assert torch.nn.Linear(2, 2).weight.shape == (2, 2)
