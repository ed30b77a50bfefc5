"""A widefield stack is brought to where the localizations are, and left as it lies where nothing tells how."""

import numpy as np
import pytest
from carried_images import images

from smlmsim.aligned import aligned


@pytest.fixture(scope="module")
def pair():
    widefield, counts = images(1)
    return widefield.expand_dims(time=[3.0]), counts.expand_dims(time=[3.0])


def test_a_stack_that_lies_elsewhere_is_moved_onto_the_localizations(pair):
    stack, counts = pair
    made = aligned(stack.assign_coords(y=stack.y + 170, x=stack.x - 90), counts)
    assert made.is_moved
    assert made.found.error_nm < 20
    assert made.stack.y.values == pytest.approx(stack.y.values, abs=5 * made.found.error_nm)
    assert made.stack.x.values == pytest.approx(stack.x.values, abs=5 * made.found.error_nm)
    np.testing.assert_array_equal(made.stack.values, stack.values)


def test_a_stack_that_lies_there_is_left(pair):
    stack, counts = pair
    made = aligned(stack, counts)
    assert not made.is_moved
    assert made.away_nm < 30
    assert made.stack is stack


def test_a_stack_of_another_sample_is_left_and_the_reason_told(pair):
    stack, _ = pair
    _, other = images(3, other=103)
    made = aligned(stack, other.expand_dims(time=[3.0]))
    assert made.stack is stack
    assert made.found is None
    assert "standard deviations above unrelated ones" in made.problem


def test_only_images_taken_while_molecules_were_localized_are_registered(pair):
    """A noisy image before the recording would spoil the mean."""
    stack, counts = pair
    noise = stack.copy(data=np.random.default_rng(0).normal(0, 30 * stack.values.std(), stack.shape))
    together = np.concatenate([noise.values, stack.values, stack.values])
    longer = stack.isel(time=[0, 0, 0]).copy(data=together).assign_coords(time=[-50.0, 3.0, 4.0])
    halves = counts.isel(time=[0, 0]).assign_coords(time=[2.25, 3.75])
    assert aligned(longer, halves).found is not None
