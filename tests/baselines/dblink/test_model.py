"""The recurrent layers are plain ConvLSTMs, and the convolutional network sees every frame once."""

import pydantic
import pytest
import torch
from torch.nn import functional as F

import baselines.dblink
from baselines.dblink.model import ConvLSTM, DBlinkNetwork, _Convolution
from baselines.dblink.train import DBlinkTraining
from smlmsim.spec import read_toml


@pytest.fixture
def network():
    torch.manual_seed(0)
    return DBlinkNetwork(hidden=3, channels=(5, 4)).build().eval()


def test_the_published_network_has_as_many_parameters():
    published = read_toml(f"{baselines.dblink.__path__[0]}/published.toml")["dblink"]["parameters"]
    assert DBlinkTraining.configured("published").parameters() == {"network": 1_266_913}
    assert published == {"network": 1_266_913, "together": 1_266_913}


def test_its_layers_have_as_many():
    with torch.device("meta"):
        network = DBlinkNetwork().build()
    counts = [
        sum(parameter.numel() for parameter in layer.parameters())
        for layer in (*network.encoder["ahead"], *network.encoder["back"], *network.decoder)
    ]
    recurrent = [2016, 3216]
    assert [count for count in counts if count] == 2 * recurrent + [25_728, 819_456, 409_664, 1_601]


def plain_cell(layer, x_BCYX, hidden_BCYX, cell_BCYX):
    """One step of Shi et al. 2015 without peepholes: one convolution of the input and the state side by side."""
    gates = F.conv2d(torch.cat([x_BCYX, hidden_BCYX], dim=1), layer.gates.weight, layer.gates.bias, padding=2)
    i, f, o, g = gates.chunk(4, dim=1)
    cell_BCYX = torch.sigmoid(f) * cell_BCYX + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(cell_BCYX), cell_BCYX


def test_splitting_the_convolution_of_the_gates_changes_nothing():
    torch.manual_seed(0)
    layer, x_TBCYX = ConvLSTM(2, 3), torch.randn(6, 2, 2, 9, 7)
    hidden = cell = torch.zeros(2, 3, 9, 7)
    expected = []
    for x_BCYX in x_TBCYX:
        hidden, cell = plain_cell(layer, x_BCYX, hidden, cell)
        expected.append(hidden)
    torch.testing.assert_close(layer(x_TBCYX), torch.stack(expected), rtol=1e-4, atol=1e-6)


def test_without_gradients_a_layer_computes_the_same():
    torch.manual_seed(0)
    layer, x_TBCYX = ConvLSTM(2, 3).eval(), torch.randn(4, 2, 2, 9, 11)
    with torch.no_grad():
        in_place = layer(x_TBCYX)
    with_gradients = layer(x_TBCYX)
    assert with_gradients.requires_grad
    torch.testing.assert_close(in_place, with_gradients.detach())


def test_a_movie_backward_in_time_swaps_the_directions(network):
    movie = torch.rand(1, 1, 5, 8, 8)
    swapped = DBlinkNetwork(hidden=3, channels=(5, 4)).build().eval()
    swapped.load_state_dict(network.state_dict())
    swapped.encoder["ahead"], swapped.encoder["back"] = swapped.encoder["back"], swapped.encoder["ahead"]
    with torch.no_grad():
        swapped.decoder[0].weight.copy_(swapped.decoder[0].weight.roll(3, dims=1))
    torch.testing.assert_close(swapped(movie.flip(2)).flip(2), network(movie))


def test_the_convolutional_network_runs_once_per_frame(network):
    seen = []
    network.decoder.register_forward_hook(lambda module, inputs, output: seen.append(inputs[0].shape[0]))
    network(torch.rand(2, 1, 11, 8, 8))
    assert seen == [2 * 11]


def test_windows_of_25_maps_to_both_sides_are_one_pass_through_a_movie_that_is_shorter(network):
    movie, reach = torch.rand(1, 1, 20, 8, 8), 25
    windows = []
    for at in range(20):
        first = max(at - reach, 0)
        windows.append(network(movie[:, :, first : at + reach + 1])[:, :, at - first])
    torch.testing.assert_close(torch.stack(windows, dim=2), network(movie))


def test_channels_may_be_none():
    network = DBlinkNetwork(hidden=2, channels=()).build()
    assert network(torch.rand(1, 1, 2, 6, 5)).shape == (1, 1, 2, 6, 5)


@pytest.mark.parametrize(
    "settings", [{"hidden": 0}, {"layers": 0}, {"channels": [0]}, {"dropout": 1}, {"x": 1}]
)
def test_settings_that_make_no_network_are_refused(settings):
    with pytest.raises(pydantic.ValidationError):
        DBlinkNetwork(**settings)


@pytest.mark.parametrize("width", [16, 24, 15])
@pytest.mark.parametrize("channels", [1, 3, 8, 16])
def test_few_channels_are_computed_for_several_pixels_at_once(channels, width):
    torch.manual_seed(0)
    convolution = _Convolution(4, channels, 5, padding=2).eval()
    image = torch.rand(2, 4, 12, width).contiguous(memory_format=torch.channels_last)
    with torch.inference_mode():
        found = convolution(image)
        expected = F.conv2d(image, convolution.weight, convolution.bias, padding=2)
        torch.testing.assert_close(found, expected)
        assert found.is_contiguous(memory_format=torch.channels_last)
