"""The loss of DECODE is the negative log-likelihood of the molecules."""

import math

import pytest
import torch

from baselines.decode.loss import LEAST_VARIANCE, negative_log_likelihood
from baselines.decode.model import Found

EDGE = 7
SURE, NEVER = 30.0, -30.0


def found_at(pixels, sigma=0.1, frames=1, mean=(0.0, 0.0, 6.0)):
    """What a network says that is sure of molecules in given pixels (frame, row, column)."""
    logit = torch.full((frames, EDGE, EDGE), NEVER)
    for pixel in pixels:
        logit[pixel] = SURE
    means = torch.tensor(mean)[None, :, None, None].expand(frames, 3, EDGE, EDGE)
    return Found(logit, means, torch.full_like(means, sigma), torch.zeros(frames, EDGE, EDGE))


def loss(found, *molecules):
    """The loss of molecules (frame, y, x, logarithm of the counts)."""
    values = torch.tensor(molecules)
    return float(negative_log_likelihood(found, values[:, 0].long(), values[:, 1:3], values[:, 3]))


def test_a_molecule_where_the_network_expects_it_has_the_likelihood_of_its_gaussian():
    number = (math.log(LEAST_VARIANCE) + math.log(2 * math.pi)) / 2
    at_mean = 3 * (-math.log(0.1) - math.log(2 * math.pi) / 2)
    here = loss(found_at([(0, 3, 4)]), (0, 3.0, 4.0, 6.0))
    assert here == pytest.approx((number - at_mean) / 2, abs=1e-5)
    # A molecule is one standard error off along y, x and in its light: half a unit of likelihood each.
    off = loss(found_at([(0, 3, 4)]), (0, 3.1, 3.9, 6.1))
    assert off - here == pytest.approx(1.5 / 2, abs=1e-4)


def test_pixels_around_that_of_a_molecule_share_it_by_their_probabilities():
    one, two = found_at([(0, 3, 4)]), found_at([(0, 3, 4), (0, 3, 3)])
    molecule = (0, 3.0, 3.9, 6.0)
    near, far = -(0.1**2) / (2 * 0.1**2), -(0.9**2) / (2 * 0.1**2)
    shares = math.log((math.exp(near) + math.exp(far)) / 2) - near
    number = 1 / LEAST_VARIANCE / 2  # two are expected, one is there
    assert loss(two, molecule) - loss(one, molecule) == pytest.approx((number - shares) / 2, rel=1e-4)


def test_a_number_that_is_expected_by_chance_counts_by_its_variance():
    found = found_at([])._replace(logit=torch.zeros(1, EDGE, EDGE))
    expected, variance = EDGE**2 / 2, EDGE**2 / 4
    molecules = [(0, 3.0, 3.0, 6.0)] * 3
    fewer = [*molecules, (0, 3.0, 3.0, 6.0)]

    def number(n):
        return ((n - expected) ** 2 / variance + math.log(variance) + math.log(2 * math.pi)) / 2

    each = 4 * loss(found, *molecules) - number(3)
    assert 5 * loss(found, *fewer) - number(4) == pytest.approx(each * 4 / 3, rel=1e-5)


def test_molecules_at_the_border_and_of_other_frames_are_told_apart():
    found = found_at([(0, 0, 0), (1, 6, 6)], frames=2)
    there = loss(found, (0, -0.05, 0.05, 6.0), (1, 6.05, 6.05, 6.0))
    elsewhere = loss(found, (1, -0.05, 0.05, 6.0), (0, 6.05, 6.05, 6.0))
    assert there < 0 < elsewhere - 10


def test_its_gradient_moves_a_molecule_towards_its_place():
    found = found_at([(0, 3, 4)])
    mean = found.mean.clone().requires_grad_(True)
    place = torch.tensor([[3.2, 3.9]])
    negative_log_likelihood(
        found._replace(mean=mean), torch.tensor([0]), place, torch.tensor([6.0])
    ).backward()
    slope = mean.grad[0, :, 3, 4]
    assert slope[0] < 0 < slope[1]
    assert slope[2] == 0
