"""The loss of DeepLoco is the distance of points and molecules as two sets of weighted places."""

import itertools
import math

import pytest
import torch

from baselines.deep_loco.loss import SCALES_PX, SOFT_PX, discrepancy
from baselines.deep_loco.model import Found

EDGE = 8
SURE = 30.0


def found(points, weights=None, frames=1):
    """What a network says of a window in every frame: the same points everywhere."""
    place = torch.tensor(points).reshape(1, 1, -1, 2).expand(frames, 1, -1, 2)
    sure = torch.full((len(points),), SURE) if weights is None else torch.logit(torch.tensor(weights))
    return Found(sure.expand(frames, 1, -1), place)


def loss(said, *molecules, corners=((0, 0),)):
    """The loss of molecules (frame, y, x)."""
    values = torch.tensor(molecules).reshape(-1, 3)
    return float(discrepancy(said, list(corners), EDGE, values[:, 0].long(), values[:, 1:]))


def kernel(one, other):
    distance = math.sqrt(math.dist(one, other) ** 2 + SOFT_PX**2)
    return sum(math.exp(-distance / scale) for scale in SCALES_PX)


def test_it_is_the_squared_distance_by_a_sum_of_laplace_kernels():
    points, weights, molecules = [(1.0, 2.0), (4.0, 5.5)], [0.9, 0.4], [(1.2, 2.0), (6.0, 6.0)]
    masses = [*zip(points, weights, strict=True), *((place, -1.0) for place in molecules)]
    total = sum(a * b * kernel(p, q) for (p, a), (q, b) in itertools.product(masses, masses))
    assert loss(found(points, weights), *((0, *place) for place in molecules)) == pytest.approx(
        total / 3, rel=1e-5
    )


def test_it_is_zero_where_the_points_are_those_of_the_molecules_in_any_order():
    places = [(1.0, 2.0), (4.0, 5.5), (6.0, 0.0)]
    assert loss(found(places), *((0, *place) for place in places[::-1])) == pytest.approx(0, abs=1e-5)


def test_a_molecule_that_is_missed_invented_or_displaced_costs():
    place = (3.0, 3.0)
    assert loss(found([place], [0.01]), (0, *place)) > 1
    assert loss(found([place])) > 1
    near, far = (loss(found([(3.0, 3.0 + off)]), (0, *place)) for off in (0.05, 0.5))
    assert 0 < near < far


def test_molecules_of_other_frames_and_outside_the_window_do_not_count():
    said = found([(3.0, 3.0)], frames=2)
    both = loss(said, (0, 3.0, 3.0), (1, 3.0, 3.0))
    assert both == pytest.approx(0, abs=1e-5)
    assert loss(said, (0, 3.0, 3.0), (1, 3.0, 3.0), (1, 7.6, 3.0)) == pytest.approx(0, abs=1e-5)
    assert loss(said, (0, 3.0, 3.0), (0, 3.0, 3.0)) > 1


def test_a_molecule_in_two_windows_is_to_be_found_in_both():
    place = torch.tensor([[3.0, 5.0], [3.0, 5.0]]).reshape(1, 2, 1, 2)
    said = Found(torch.full((1, 2, 1), SURE), place)
    assert loss(said, (0, 3.0, 5.0), corners=((0, 0), (0, 4))) == pytest.approx(0, abs=1e-5)
