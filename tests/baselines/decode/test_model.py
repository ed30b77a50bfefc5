"""The network of DECODE sees the frame and those before and after, wherever it is in the frame."""

import pytest
import torch

import baselines.decode
from baselines._parameters import count
from baselines.decode.model import DecodeNetwork
from baselines.decode.train import DecodeTraining
from smlmsim.spec import read_toml

SHIPPED = 245_272
TINY = DecodeNetwork(frame_base=4, context_base=4, head=4)


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return TINY.build().eval()


@pytest.fixture(scope="module")
def frames():
    return torch.randn(1, 5, 4, 16, 24, generator=torch.Generator().manual_seed(0))


@torch.inference_mode()
def test_every_pixel_has_a_probability_three_coordinates_their_errors_and_a_background(network, frames):
    found = network(frames)
    assert found.logit.shape == found.log_background.shape == (5, 16, 24)
    assert found.mean.shape == found.sigma.shape == (5, 3, 16, 24)
    assert (found.sigma > 0).all()
    assert (found.log_background >= 0).all()
    assert (found.mean[:, :2].abs() <= 1).all()


@torch.inference_mode()
def test_a_frame_depends_on_those_before_and_after_and_on_no_others(network, frames):
    changed = frames.clone()
    changed[:, 4] += 1
    before, after = network(frames).logit, network(changed).logit
    assert torch.equal(before[:3], after[:3])
    assert not torch.equal(before[3], after[3])


@torch.inference_mode()
def test_what_comes_before_is_told_apart_from_what_comes_after(network, frames):
    there, back = network(frames).logit, network(frames.flip(1)).logit.flip(0)
    assert not torch.allclose(there, back)


@pytest.mark.parametrize("convolutions", [1, 2])
@torch.inference_mode()
def test_light_beyond_its_reach_changes_nothing(convolutions):
    torch.manual_seed(0)
    network = DecodeNetwork(frame_base=2, context_base=2, head=2, convolutions=convolutions).build().eval()
    edge = 4 * (network.reach // 4) + 24
    dark = torch.zeros(1, 1, 4, 8, edge)
    for column in range(4):
        lit = dark.clone()
        lit[..., column] = 5
        changed = (network(lit).logit != network(dark).logit).any(dim=1)[0]
        assert changed[column]
        assert not changed[column + network.reach + 1 :].any()


def test_the_published_network_has_the_parameters_that_its_description_gives():
    published = read_toml(f"{baselines.decode.__path__[0]}/published.toml")
    network = DecodeNetwork(**published["network"])
    with torch.device("meta"):
        assert count(network.build()) == published["parameters"]["network"]


def test_the_shipped_network_is_small():
    assert DecodeTraining.configured("shipped").parameters() == {"network": SHIPPED}
