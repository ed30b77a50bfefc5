"""Where a displacement folds the plane, it is smoothed until it does not."""

import numpy as np
import pytest
import torch

from baselines.dynamics.folds import jacobian, unfolded
from smlmsim.motion.periodic_grid import PeriodicGrid

CELL_NM = (100.0, 100.0)


def noise(amplitude_nm, seed=0):
    return amplitude_nm * torch.randn(2, 2, 16, 12, generator=torch.Generator().manual_seed(seed))


def test_the_jacobian_is_that_of_the_gradients_of_the_grid():
    shift = noise(60.0)
    grid = PeriodicGrid(0, 0, 1600, 1200, 16, 12)
    along_y, along_x = grid.gradients(shift.numpy())
    expected = (1 + along_y[:, 0]) * (1 + along_x[:, 1]) - along_x[:, 0] * along_y[:, 1]
    np.testing.assert_allclose(jacobian(shift, CELL_NM).numpy(), expected, atol=1e-5)


def test_a_uniform_displacement_changes_no_area():
    shift = torch.tensor([300.0, -80.0])[None, :, None, None].expand(1, 2, 8, 8)
    np.testing.assert_allclose(jacobian(shift, CELL_NM).numpy(), 1, atol=1e-6)


@pytest.mark.parametrize("amplitude_nm", [60.0, 200.0])
def test_nothing_folds_after_smoothing(amplitude_nm):
    shift = noise(amplitude_nm)
    assert jacobian(shift, CELL_NM).min() < 0.4
    assert jacobian(unfolded(shift, CELL_NM, 0.4), CELL_NM).min() >= 0.4


def test_what_does_not_fold_stays_to_the_byte():
    shift = noise(5.0)
    assert torch.equal(unfolded(shift, CELL_NM, 0.4), shift)


def test_far_from_a_fold_nothing_changes():
    shift = torch.zeros(1, 2, 24, 24)
    shift[0, 0, 12, 12] = 250.0
    found = unfolded(shift, CELL_NM, 0.4)
    assert not torch.equal(found, shift)
    assert torch.equal(found[..., :4, :4], shift[..., :4, :4])
