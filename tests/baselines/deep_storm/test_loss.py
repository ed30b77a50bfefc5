"""The loss of Deep-STORM is the negative log-likelihood of molecules that are a Poisson process."""

import math

import pytest
import torch

from baselines.deep_storm.loss import negative_log_likelihood
from baselines.deep_storm.model import FINER

EDGE = 3


def loss(rate, *molecules):
    """The loss of molecules (frame, y, x)."""
    values = torch.tensor(molecules).reshape(-1, 3)
    return negative_log_likelihood(rate.log(), values[:, 0].long(), values[:, 1:])


def test_it_is_the_expected_number_less_the_logarithm_of_the_rate_at_each_molecule():
    rate = torch.full((1, EDGE * FINER, EDGE * FINER), 0.01)
    rate[0, 12, 4] = 0.5
    # The middle of the first pixel is 0, so its places go from -0.5 to 0.5: these are in the rows 12 and 8.
    found = float(loss(rate, (0, 1.01, 0.01), (0, 0.51, 0.01)))
    expected = float(rate.sum()) - math.log(0.5) - math.log(0.01)
    assert found == pytest.approx(expected / 3, rel=1e-5)


def test_its_slope_pulls_every_rate_to_the_number_of_molecules_there():
    rate = torch.rand(2, FINER, FINER, generator=torch.Generator().manual_seed(0))
    log_rate = rate.log().requires_grad_(True)
    frame, place = torch.tensor([0, 0, 1]), torch.tensor([[0.2, 0.2], [0.2, 0.2], [-0.3, 0.4]])
    negative_log_likelihood(log_rate, frame, place).backward()
    number = torch.zeros_like(rate)
    number[0, 5, 5], number[1, 1, 7] = 2, 1
    assert torch.allclose(log_rate.grad, (rate - number) / 5, atol=1e-6)


def test_frames_without_molecules_expect_none():
    rate = torch.full((2, FINER, FINER), 0.1)
    assert float(loss(rate)) == pytest.approx(float(rate.sum()) / 2)


def test_a_molecule_on_the_edge_of_the_frame_is_in_its_last_place():
    rate = torch.full((1, FINER, FINER), 0.1)
    rate[0, -1, -1] = 1.0
    assert float(loss(rate, (0, 0.5, 0.5))) == pytest.approx(float(rate.sum()) / 2)
