"""The U-Net over longer bins: it starts at nothing, and sees long without losing pixels."""

import pytest
import torch

from baselines.spacetime.slow import Slow


def trained(bins, channels=(4, 6)):
    """A network whose last layer no longer gives 0."""
    torch.manual_seed(0)
    network = Slow(3, channels, 5, bins).eval()
    torch.nn.init.normal_(network.exit.weight)
    return network


def test_untrained_it_leaves_everything_as_it_was():
    found = Slow(3, (4, 6), 5, 4)(torch.rand(2, 3, 8, 8, 8))
    assert found.shape == (2, 5, 8, 8, 8)
    assert not found.any()


@pytest.mark.parametrize("bins", [1, 2, 4])
def test_bins_that_are_joined_have_the_same_features(bins):
    with torch.no_grad():
        found = trained(bins)(torch.rand(1, 3, 8, 8, 8)).unflatten(2, (-1, bins))
    assert torch.equal(found, found[:, :, :, :1].expand_as(found))
    assert not torch.equal(found[:, :, 0], found[:, :, 1])


def test_what_counts_is_how_many_localizations_a_joined_bin_has_and_not_when_in_it():
    x = torch.zeros(1, 3, 8, 8, 8)
    early, late = x.clone(), x.clone()
    early[0, 0, 4, 3, 3] = late[0, 0, 7, 3, 3] = 1
    network = trained(4)
    with torch.no_grad():
        torch.testing.assert_close(network(early), network(late))
        assert not torch.allclose(network(early), network(x))


def test_it_tells_neighbouring_pixels_apart_at_times_far_away():
    here, beside = torch.zeros(2, 1, 3, 32, 8, 8)
    here[0, 0, 0, 4, 4] = beside[0, 0, 0, 4, 5] = 1
    network = trained(4, (4,))
    with torch.no_grad():
        differs = (network(here) - network(beside)).abs().amax((0, 1, 3, 4)) > 1e-6
    assert (
        differs.nonzero().max() == 4 * (1 + 3) - 1
    )  # the entry and a block see three joined bins to either side
