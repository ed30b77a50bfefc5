"""The network in space and time as a reconstructor, with random weights."""

import numpy as np
import pytest
import torch

from baselines._weights import save_weights
from baselines.spacetime.model import SpacetimeNetwork
from baselines.spacetime.reconstruct import SpacetimeUNet
from smlmsim.acquisition import Acquisition
from smlmsim.pipeline import SimulatedDynamic, simulate
from smlmsim.reconstruct import reconstruct
from smlmsim.testing import check_reconstructor

SETTINGS = SpacetimeNetwork(channels=(4, 6), blocks=(1, 1))


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "spacetime.safetensors"
    torch.manual_seed(0)
    save_weights(path, SETTINGS.build(), name="spacetime", settings=SETTINGS.model_dump(mode="json"))
    return SpacetimeUNet(weights=path)


def seen(frames_per_point, points):
    acquisition = Acquisition(time_points=points, frames_per_point=frames_per_point, steps_per_point=1)
    return simulate(SimulatedDynamic(acquisition=acquisition), seed=2).observation


def test_the_contract_holds(network):
    check_reconstructor(network)


def test_time_points_of_other_lengths_show_the_same_movie_at_other_times(network):
    """With averages over all of a movie, and no localization beyond it, both windows give the network the same bins."""
    short = seen(10, 15)
    long = short.coarsen(time=5).sum().assign_coords(time=short.time.values[2::5])
    long = (
        short.drop_dims("time")
        .assign(counts=long.counts.astype(np.uint16))
        .assign_attrs(short.attrs | {"frames_per_point": 50})
    )
    np.testing.assert_allclose(
        reconstruct(network, long).density, reconstruct(network, short).density[2::5], atol=1e-6
    )


def test_the_variance_comes_with_the_density(network):
    found = reconstruct(network, seen(50, 3))
    assert found.uncertainty.shape == found.density.shape
    assert float(found.uncertainty.min()) > 0


def test_counts_alone_are_refused(network):
    with pytest.raises(ValueError, match="the observation lacks loc_frame"):
        network.reconstruct(seen(50, 3).drop_vars("loc_frame"))
