"""The dynamics `unet`: flows of the bundled weights, and one line for weights that are none."""

import numpy as np
import pytest

from baselines._weights import WeightsError, save_weights
from baselines.dynamics import flow
from baselines.dynamics.flow import LEAST_JACOBIAN, UNetDynamics
from baselines.dynamics.folds import jacobian
from baselines.dynamics.model import DynamicsNetwork

SMALL = DynamicsNetwork(channels=(4, 4, 4), hidden=4, noise=2, common_noise=1, cell_nm=200.0)


@pytest.fixture
def dynamics(tmp_path):
    """Untrained ones, whose flow is large enough to fold the plane."""
    import torch

    torch.manual_seed(0)
    network = SMALL.build()
    with torch.no_grad():
        network.flow.weight *= 40
    return _saved(tmp_path / "dynamics.safetensors", network)


def _saved(path, network, **about):
    settings = {
        "network": SMALL.model_dump(mode="json"), "learned_from": "nothing", "velocity_nm_per_s": [20, 100], **about
    }  # fmt: skip
    save_weights(path, network, name="dynamics", settings=settings)
    return UNetDynamics(path)


def image(rows=16, columns=20, seed=0):
    found = np.random.default_rng(seed).exponential(1.0, (rows, columns)).astype(np.float32)
    return found / found.mean()


def test_no_step_folds_the_plane(dynamics):
    import torch

    found = dynamics.flow(image(), 200.0, 20, 100.0, np.random.default_rng(1))
    assert float(jacobian(torch.from_numpy(found), (200.0, 200.0)).min()) >= LEAST_JACOBIAN


def test_a_velocity_that_was_not_learned_counts_as_the_nearest_one(dynamics):
    slow, slower, fast = (
        dynamics.flow(image(), 200.0, 4, velocity, np.random.default_rng(2)) for velocity in (20.0, 1.0, 90.0)
    )
    np.testing.assert_array_equal(slow, slower)
    assert np.abs(fast - fast[:1]).mean() > np.abs(slow - slow[:1]).mean()


@pytest.mark.parametrize("turn", [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 1), (1, 0, 1)])
def test_a_reflected_plane_is_reflected_back_with_its_displacements(turn):
    """A displacement by the gradient of the image stays the gradient of the image."""
    smooth = np.cos(2 * np.pi * np.arange(16) / 16)[:, None] + 0.7 * np.sin(2 * np.pi * np.arange(20) / 20)

    def gradient(values):
        return np.stack([np.roll(values, -1, axis) - np.roll(values, 1, axis) for axis in (0, 1)])

    turn = np.array(turn)
    back = flow._turned_back(gradient(flow._turned(smooth, turn)), turn)
    np.testing.assert_allclose(back, gradient(smooth), atol=1e-12)


def test_weights_that_are_not_there_are_named():
    with pytest.raises(WeightsError, match=r"there is no file /nowhere/dynamics\.safetensors"):
        UNetDynamics("/nowhere/dynamics.safetensors")


def test_weights_of_another_network_are_refused(tmp_path):
    save_weights(tmp_path / "other.safetensors", SMALL.build(), name="other", settings={})
    with pytest.raises(WeightsError, match="holds the weights of other, expected dynamics"):
        UNetDynamics(tmp_path / "other.safetensors")


def test_weights_that_do_not_say_what_they_learned_from_are_refused(tmp_path):
    settings = {"network": SMALL.model_dump(mode="json")}
    save_weights(tmp_path / "mute.safetensors", SMALL.build(), name="dynamics", settings=settings)
    with pytest.raises(WeightsError, match="does not say its learned_from; train it again"):
        UNetDynamics(tmp_path / "mute.safetensors")


def test_weights_that_are_written_again_are_read_again(tmp_path, dynamics):
    import os

    path = tmp_path / "dynamics.safetensors"
    again = _saved(path, SMALL.build(), learned_from="something else")
    os.utime(path, ns=(1, 1))
    assert UNetDynamics(path).learned_from == again.learned_from == "something else"
