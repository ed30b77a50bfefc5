"""The U-Net in space and time: what goes in and out, and what it cannot miss."""

import pytest
import torch

from baselines.spacetime.model import Spacetime, SpacetimeNetwork, blurred

SMALL = SpacetimeNetwork(channels=(4, 6), blocks=(1, 1))


@pytest.mark.parametrize(
    "settings",
    [
        SMALL,
        SpacetimeNetwork(channels=(4, 6, 8), blocks=(1, 2, 1)),
        SpacetimeNetwork(channels=(4, 6), blocks=(1, 1), inputs={"wide_sums": ()}),
        SpacetimeNetwork(channels=(4, 6), blocks=(1, 1), inputs={"fine_bins": 3}),
        SpacetimeNetwork(channels=(4, 6), blocks=(1, 1), slow_channels=(5, 7), slow_bins=3),
    ],
    ids=["two levels", "three levels", "no averages", "parts of bins", "a second U-Net"],
)
def test_density_and_expected_error_have_the_size_of_the_input(settings):
    network = settings.build()
    time, y, x = network.multiple
    found = network(torch.rand(2, settings.channels_in, 2 * time, y, 3 * x))
    assert found.shape == (2, 2, 2 * time, y, 3 * x)
    assert float(found[:, 1].detach().mean()) == pytest.approx(0.02, rel=0.5)
    assert float(found[:, 1].detach().min()) > 0


def test_the_blur_keeps_the_sum_far_from_the_border_and_has_its_width():
    point = torch.zeros(1, 1, 1, 21, 21)
    point[..., 10, 10] = 1
    image = blurred(point)[0, 0, 0]
    at = torch.arange(21) - 10.0
    assert float(image.sum()) == pytest.approx(1, rel=1e-5)
    assert float((image.sum(0) * at**2).sum()) == pytest.approx(1.2**2, rel=0.06)


def gated(network: Spacetime, average: int) -> Spacetime:
    """Let a network show one average over time and nothing else."""
    last = network.exit[-1]
    torch.nn.init.zeros_(last.weight)
    torch.nn.init.zeros_(last.bias)
    with torch.no_grad():
        last.bias[4 * (2 + average) : 4 * (3 + average)] = 1
    return network.eval()


@pytest.mark.parametrize("average", [0, 3])
def test_the_network_can_show_an_average_over_time_as_it_is(average):
    inputs = torch.rand(1, 5, 4, 16, 16)
    with torch.no_grad():
        found = gated(SMALL.build(), average)(inputs)[:, 0]
    torch.testing.assert_close(found, blurred(inputs[:, 1 + average : 2 + average])[:, 0])


def test_the_second_network_has_at_most_as_many_levels():
    with pytest.raises(ValueError, match="at most as many levels as channels, 2, found 3"):
        SpacetimeNetwork(channels=(4, 6), blocks=(1, 1), slow_channels=(4, 4, 4))


def test_each_level_has_its_number_of_blocks():
    with pytest.raises(ValueError, match="found 1 and 2"):
        SpacetimeNetwork(channels=(4, 6), blocks=(1,))
