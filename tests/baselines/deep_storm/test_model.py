"""The network of Deep-STORM says how many molecules are expected in every place of an eight times finer grid."""

import pytest
import torch

import baselines.deep_storm
from baselines._parameters import count
from baselines.deep_storm.model import FINER, CameraGrid, FineGrid, configured
from baselines.deep_storm.train import DeepStormTraining
from smlmsim.spec import read_toml

SHIPPED = 185_512
SMALL = {
    "camera": CameraGrid(base=2, head=4),
    "fine": FineGrid(encoder=(2, 2, 2), middle=2, decoder=(2, 2, 2)),
}


@pytest.fixture(params=SMALL)
def network(request):
    torch.manual_seed(0)
    return SMALL[request.param].build().eval()


@torch.inference_mode()
def test_every_pixel_has_eight_by_eight_places(network):
    frames = torch.randn(3, 4, 16, 24, generator=torch.Generator().manual_seed(0))
    assert network(frames).shape == (3, 16 * FINER, 24 * FINER)


@torch.inference_mode()
def test_light_beyond_its_reach_changes_nothing(network):
    edge = 4 * (network.reach // 4) + 24
    dark = torch.zeros(1, 4, 8, edge)
    for column in range(4):
        lit = dark.clone()
        lit[..., column] = 5
        changed = (network(lit) != network(dark)).any(dim=1)[0].unflatten(0, (edge, FINER)).any(dim=1)
        assert changed[column]
        assert not changed[column + network.reach + 1 :].any()


@torch.inference_mode()
def test_before_training_few_molecules_are_expected():
    torch.manual_seed(0)
    frames = torch.randn(2, 4, 16, 16, generator=torch.Generator().manual_seed(0))
    expected = CameraGrid().build().eval()(frames).exp().sum(dim=(1, 2)) / 16**2
    assert (expected < 0.1).all()


def test_the_published_network_has_the_parameters_that_its_description_gives():
    published = read_toml(f"{baselines.deep_storm.__path__[0]}/published.toml")
    settings = configured(published["network"])
    assert settings == FineGrid()
    with torch.device("meta"):
        assert count(settings.build()) == published["parameters"]["network"]


def test_the_shipped_network_is_small():
    assert DeepStormTraining.configured("shipped").parameters() == {"network": SHIPPED}
