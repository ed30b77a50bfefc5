"""The network of DeepLoco lists points in windows, which together cover a frame of any size."""

import pydantic
import pytest
import torch

import baselines.deep_loco
from baselines._parameters import count
from baselines.deep_loco.model import DeepLocoNetwork, Found, Layer
from baselines.deep_loco.train import DeepLocoTraining
from smlmsim.spec import read_toml

SHIPPED = 196_720
SMALL = DeepLocoNetwork(edge=8, step=4, layers=(Layer(4, 3), Layer(4, 2, 2)), width=16, points=6)


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return SMALL.build().eval()


@torch.inference_mode()
def test_every_window_has_points_within_it(network):
    frames = torch.randn(2, 4, 18, 11, generator=torch.Generator().manual_seed(0))
    found = network(frames)
    corners = SMALL.corners(18, 11)
    assert corners == [(row, column) for row in (0, 4, 8, 10) for column in (0, 3)]
    assert found.logit.shape == (2, len(corners), 6)
    off = found.place_px - torch.tensor(corners)[:, None]
    assert ((off >= -0.5) & (off <= 7.5)).all()


@torch.inference_mode()
def test_before_training_points_lie_apart_over_the_whole_window(network):
    place = network(torch.zeros(1, 4, 8, 8)).place_px[0, 0]
    assert torch.pdist(place).min() > 1
    assert (place.max(dim=0).values - place.min(dim=0).values > 2).all()


@torch.inference_mode()
def test_the_shares_of_all_windows_in_a_place_add_up_to_one(network):
    rows, columns = 21, 13
    corners = SMALL.corners(rows, columns)
    places = (
        torch.rand(50, 2, generator=torch.Generator().manual_seed(0)) * torch.tensor([rows, columns]) - 0.5
    )
    everywhere = places.expand(1, len(corners), 50, 2)
    shares = network.shares(Found(torch.zeros(1, len(corners), 50), everywhere), rows, columns)
    assert shares.min() >= 0
    assert torch.allclose(shares.sum(dim=1), torch.ones(1, 50))
    # A window says nothing of places that are near its border, if other windows see more around them.
    off = everywhere - torch.tensor(corners)[:, None]
    at_border = ((off < 0.4) & (everywhere > 1.5)).any(-1)
    assert at_border.any()
    assert not shares[at_border].any()


@torch.inference_mode()
def test_a_frame_smaller_than_a_window_is_enlarged(network):
    frame = torch.randn(1, 4, 5, 20, generator=torch.Generator().manual_seed(0))
    found = network(frame)
    assert found.logit.shape[1] == len(SMALL.corners(5, 20)) == 4
    assert torch.isfinite(found.place_px).all()


def test_strides_that_do_not_divide_the_edge_are_refused():
    with pytest.raises(pydantic.ValidationError, match="found edge=9 with strides of 2"):
        DeepLocoNetwork(edge=9, layers=(Layer(4, 2, 2),))


def test_the_published_network_has_the_parameters_that_its_description_gives():
    published = read_toml(f"{baselines.deep_loco.__path__[0]}/published.toml")
    network = DeepLocoNetwork(**published["network"])
    with torch.device("meta"):
        assert count(network.build()) == published["parameters"]["network"]


def test_the_shipped_network_is_small():
    assert DeepLocoTraining.configured("shipped").parameters() == {"network": SHIPPED}
