"""Tubelets attend to each other, know where they are, and become a movie again."""

import numpy as np
import pydantic
import pytest
import torch
from torch.nn import functional as F

from baselines.vivit.model import Block, Pieces, PlanarConvolution, ViViTNetwork, positions
from baselines.vivit.train import ViViTTraining

TINY = {"tubelet": (2, 4, 4), "width": 12, "heads": 2, "blocks": 2, "planes": 2, "channels": 3}


def test_a_movie_keeps_its_shape_and_lies_between_0_and_1():
    torch.manual_seed(0)
    network = ViViTNetwork(**TINY).build().eval()
    assert network.multiple == (2, 4, 4)
    found = network(10 * torch.randn(2, 1, 4, 8, 12)).detach()
    assert found.shape == (2, 1, 4, 8, 12)
    assert 0 <= float(found.min()) <= float(found.max()) <= 1


def test_the_published_network_has_six_blocks():
    with torch.device("meta"):
        network = ViViTTraining.configured("published").network.build()
    assert sum(isinstance(module, Block) for module in network.modules()) == 6


def test_attention_is_a_softmax_of_scaled_products():
    torch.manual_seed(0)
    block, h_BND = Block(12, 3, 0.0).eval(), torch.randn(2, 5, 12)
    q, k, v = (
        part.unflatten(2, (3, 4)).transpose(1, 2) for part in block.query_key_value(h_BND).split(12, dim=2)
    )
    weights = torch.softmax(q @ k.transpose(2, 3) / np.sqrt(4), dim=3)
    expected = block.project((weights @ v).transpose(1, 2).flatten(2))
    torch.testing.assert_close(block._attend(h_BND), expected)


@pytest.mark.parametrize(
    "layer",
    [
        PlanarConvolution(3, 5, (1, 3, 3), padding=(0, 1, 1)),
        PlanarConvolution(3, 1, (1, 3, 3), padding=(0, 1, 1), bias=False),
        Pieces(3, 4, (2, 4, 3), stride=(2, 4, 3)),
        Pieces(3, 4, (2, 4, 3), stride=(2, 4, 3), bias=False),
    ],
)
def test_a_trained_layer_computes_what_it_was_trained_to(layer):
    movies = torch.randn(2, 3, 4, 6, 7)
    torch.testing.assert_close(layer.eval()(movies), layer.train()(movies))


def test_what_is_far_away_counts():
    torch.manual_seed(0)
    network = ViViTNetwork(**TINY).build().eval()
    movie = torch.zeros(1, 1, 8, 16, 16)
    changed = movie.clone()
    changed[..., 0, 0, 0] = 5
    assert not torch.equal(network(changed)[0, 0, -1, -1, -1], network(movie)[0, 0, -1, -1, -1])


def test_every_place_has_its_own_position():
    """One wave of sine and cosine per sixth of the width, the slowest 10,000 times as slow as the fastest."""
    found = positions(12, 3, 4, 5)
    assert found.shape == (60, 12)
    assert len(torch.unique(found, dim=0)) == 60
    place = 1 * 20 + 2 * 5 + 3
    phases = [at * wave for at in (1, 2, 3) for wave in (1, 1e-4)]
    expected = np.reshape([[np.sin(phases), np.cos(phases)]], (2, 3, 2)).transpose(1, 0, 2).ravel()
    np.testing.assert_allclose(found[place], expected, atol=1e-6)


def test_the_block_adds_to_its_input():
    block = Block(6, 1, 0.0)
    for layer in (block.project, block.perceptron[3]):
        torch.nn.init.zeros_(layer.weight)
        torch.nn.init.zeros_(layer.bias)
    h_BND = torch.randn(1, 4, 6)
    assert torch.equal(block(h_BND), h_BND)
    assert not torch.equal(F.layer_norm(h_BND, (6,)), h_BND)


@pytest.mark.parametrize(
    "settings", [{"width": 10}, {"width": 12, "heads": 5}, {"tubelet": (0, 8, 8)}, {"blocks": 0}, {"x": 1}]
)
def test_settings_that_make_no_network_are_refused(settings):
    with pytest.raises(pydantic.ValidationError):
        ViViTNetwork(**settings)
