"""Widefield images are moved onto the localizations before a reconstruction is compared with them."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

import smlmsim
from smlmsim.trust.against import against
from smlmsim.widefield import as_movie


@pytest.fixture(scope="module")
def seen():
    study = smlmsim.SimulatedDynamic(
        field=smlmsim.FieldOfView(height_nm=2000, width_nm=2000),
        acquisition=smlmsim.Acquisition(time_points=3),
        motion=smlmsim.Static(),
        photophysics=smlmsim.Poisson(rate_hz=800),
        widefield=smlmsim.Widefield(frames_between=50),
    )
    observation = smlmsim.simulate(study, 2).observation.assign_attrs(start_frame=0)
    counts = observation.counts
    estimate = counts.copy(data=gaussian_filter(counts.values.astype(float), (0, 1, 1)))
    return estimate, observation, as_movie(observation)


def test_a_stack_that_lies_elsewhere_agrees_as_well_as_one_in_its_place(seen):
    estimate, observation, stack = seen
    there = against(estimate, observation, stack, sigma_nm=90.0)
    away = stack.assign_coords(y=stack.y + 140, x=stack.x - 110)
    moved = against(estimate, observation, away, sigma_nm=90.0)
    assert there.found.rsp > 0.8
    assert moved.found.rsp == pytest.approx(there.found.rsp, abs=0.03)
    assert moved.found.is_moved
    assert abs(moved.found.shift_nm - np.hypot(140, 110)) < 3 * moved.found.error_nm
    assert moved.images.y.values == pytest.approx(stack.y.values, abs=40)
    assert not there.found.is_moved


def test_images_of_noise_are_compared_as_they_lie_and_the_reason_is_kept(seen):
    estimate, observation, stack = seen
    noise = stack.copy(data=np.random.default_rng(0).poisson(100, stack.shape).astype(float))
    found = against(estimate, observation, noise, sigma_nm=90.0).found
    assert found.shift_nm is None
    assert "standard deviations above unrelated ones" in found.unregistered
    assert found.rsp < 0.3


def test_images_of_another_time_are_not_compared(seen):
    estimate, observation, stack = seen
    judged = against(estimate, observation, stack.assign_coords(time=stack.time + 500), sigma_nm=90.0)
    assert "there is nothing to compare" in judged.found.problem
    assert judged.error is None
