"""The loss of the network in space and time."""

import math

import pytest
import torch

from baselines.spacetime.model import SpacetimeNetwork
from baselines.spacetime.train import SpacetimeLoss, SpacetimeTask, SpacetimeTraining, laplace_loss
from smlmsim.acquisition import Acquisition
from smlmsim.pipeline import SemiSimulated


def test_the_likeliest_scale_is_the_mean_absolute_error():
    error = torch.distributions.Laplace(0, 0.3).sample((100_000,))
    scales = torch.linspace(0.1, 0.6, 51)
    best = scales[int(torch.stack([laplace_loss(error, scale) for scale in scales]).argmin())]
    assert float(best) == pytest.approx(float(error.abs().mean()), abs=0.01)
    assert float(laplace_loss(torch.zeros(3), torch.tensor(1.0))) == 0


def test_the_expected_error_does_not_move_the_density():
    found = torch.rand(1, 2, 2, 16, 16, requires_grad=True)
    truth = torch.rand(1, 1, 2, 16, 16)
    (with_scale,) = torch.autograd.grad(SpacetimeLoss(scale=1).of(truth, found), found)
    (without,) = torch.autograd.grad(SpacetimeLoss(scale=0).of(truth, found), found)
    torch.testing.assert_close(with_scale[:, 0], without[:, 0])
    assert not torch.allclose(with_scale[:, 1], without[:, 1])


def test_a_network_learns_one_crop():
    torch.manual_seed(0)
    task = SpacetimeTask(SpacetimeNetwork(channels=(8, 8), blocks=(1, 1)), SpacetimeLoss())
    optimizer = torch.optim.Adam(task.networks.parameters(), lr=1e-2)
    density = torch.zeros(1, 1, 4, 32, 32)
    density[..., 15:18, :] = 0.25
    inputs = torch.bernoulli(4 * density).repeat(1, 5, 1, 1, 1)
    losses = []
    for _ in range(40):
        ((_, loss),) = task.losses(inputs, density)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.3 * losses[0]
    assert all(math.isfinite(loss) for loss in losses)


@pytest.mark.parametrize(
    ("frames", "point_s", "message"),
    [
        (50, None, "bin_s=0.3, but crops have 1.5"),
        (10, 0.9, "bin_s=0.3, but crops have 0.9"),
        (10, None, None),
    ],
)
def test_crops_are_on_the_grid_of_the_network(frames, point_s, message):
    training = SpacetimeTraining.configured("shipped").replace({"budget.crops.point_s": point_s})
    study = SemiSimulated(acquisition=Acquisition(time_points=300, frames_per_point=frames))
    if message is None:
        training.require_fit(study)
        return
    with pytest.raises(ValueError, match=message):
        training.require_fit(study)
