"""The network in space and time as a reconstructor, with random weights."""

import numpy as np
import pytest
import torch

from baselines._weights import save_weights
from baselines.classic.gaussian_time import GaussianTime
from baselines.spacetime._at_rest import at_rest
from baselines.spacetime.model import SpacetimeNetwork
from baselines.spacetime.reconstruct import SpacetimeFineUNet, SpacetimeUNet
from smlmsim.acquisition import Acquisition
from smlmsim.metrics.scale import three_crests
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


def test_parts_of_bins_without_a_camera_frame_are_warned_of(tmp_path, caplog):
    settings = SETTINGS.replace({"inputs.fine_bins": 3})
    torch.manual_seed(0)
    path = tmp_path / "spacetime.safetensors"
    save_weights(path, settings.build(), name="spacetime", settings=settings.model_dump(mode="json"))
    acquisition = Acquisition(time_points=3, frames_per_point=15, exposure_s=0.1, steps_per_point=1)
    observation = simulate(SimulatedDynamic(acquisition=acquisition), seed=2).observation
    SpacetimeUNet(weights=path).reconstruct(observation)
    assert not [record for record in caplog.records if "parts stay empty" in record.message]
    acquisition = Acquisition(time_points=3, frames_per_point=10, exposure_s=0.15, steps_per_point=1)
    observation = simulate(SimulatedDynamic(acquisition=acquisition), seed=2).observation
    SpacetimeUNet(weights=path).reconstruct(observation)
    [record] = [record for record in caplog.records if "parts stay empty" in record.message]
    assert "tells 3 parts of its bins apart, but the camera takes 2 frames in one" in record.message


def test_the_variant_states_wider_intervals_of_what_moves(network, tmp_path):
    path = tmp_path / "spacetime_fine.safetensors"
    torch.manual_seed(0)
    save_weights(path, SETTINGS.build(), name="spacetime_fine", settings=SETTINGS.model_dump(mode="json"))
    observation = movie(75, seed=3, points=4)[1]
    wide = reconstruct(SpacetimeFineUNet(weights=path, precision="float32"), observation)
    narrow = reconstruct(network, observation)
    assert narrow.attrs["at_rest"] == "false"
    np.testing.assert_allclose(wide.density, narrow.density, atol=1e-6)
    np.testing.assert_allclose(wide.uncertainty, 1.4**2 * narrow.uncertainty, rtol=1e-4)


def movie(velocity_nm_per_s, seed, points=30):
    study = SimulatedDynamic(
        acquisition={"time_points": points},
        motion={"kind": "polymer", "velocity_nm_per_s": velocity_nm_per_s},
        photophysics={"kind": "poisson", "rate_hz": 245},
    )
    return study, *simulate(study, seed)


def test_a_structure_at_rest_lies_between_the_network_and_the_sum_of_its_localizations(network):
    _, observation, _ = movie(0, seed=3)
    found = reconstruct(network, observation)
    assert found.attrs["at_rest"] == "true"
    alone = reconstruct(network.replace({"sum_at_rest": False}), observation).density.values
    summed = GaussianTime().reconstruct(observation).density.values
    summed = summed * np.vdot(summed, alone) / np.vdot(summed, summed)
    low, high = np.minimum(alone, summed), np.maximum(alone, summed)
    assert (found.density.values >= low - 1e-6).all()
    assert (found.density.values <= high + 1e-6).all()


def test_nothing_is_summed_over_all_time_where_a_structure_moves_or_if_not_asked_for(network):
    _, moving, _ = movie(30, seed=3)
    assert reconstruct(network, moving).attrs["at_rest"] == "false"
    _, still, _ = movie(0, seed=3)
    assert reconstruct(network.replace({"sum_at_rest": False}), still).attrs["at_rest"] == "false"


def test_nine_in_ten_intervals_hold_near_a_structure_at_rest():
    """Pixels are correlated over the blur, so of 128 x 128 some hundred are independent: +-0.06 is two errors."""
    study, observation, truth = movie(0, seed=3)
    found, true = at_rest(observation), truth.density.values / three_crests(study.to_toml())
    factor = np.vdot(found.density, true) / np.vdot(found.density, found.density)
    inside = abs(factor * found.density - true) < 1.645 * factor * np.sqrt(found.variance)
    assert inside[true > 0.02].mean() == pytest.approx(0.9, abs=0.06)


def test_time_points_and_pixels_of_any_size_are_within_its_training():
    shipped = SpacetimeUNet()
    assert not any("pixels" in line or "time points" in line for line in shipped.domain.outside(seen(10, 15)))
