"""The parts of networks in space and time."""

import pytest
import torch

from baselines.spacetime.blocks import Block, folded, unfolded


def test_folding_keeps_every_pixel_and_unfolding_undoes_it():
    x = torch.randn(2, 3, 4, 6, 8)
    assert folded(x).shape == (2, 12, 4, 3, 4)
    assert torch.equal(folded(x)[:, 1], x[:, 0, :, 0::2, 1::2])
    assert torch.equal(unfolded(folded(x)), x)


@pytest.mark.parametrize(("flat", "reach"), [(True, 0), (False, 2)])
def test_a_block_sees_two_bins_to_either_side_unless_it_is_flat(flat, reach):
    torch.manual_seed(0)
    block, x = Block(3, flat=flat).eval(), torch.randn(1, 3, 9, 8, 8)
    changed = x.clone()
    changed[:, :, 4] += 1
    with torch.no_grad():
        differs = (block(changed) - block(x)).abs().amax((0, 1, 3, 4)) > 1e-6
    assert differs.nonzero().flatten().tolist() == list(range(4 - reach, 5 + reach))
