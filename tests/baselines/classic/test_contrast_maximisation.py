import numpy as np
import pydantic
import pytest

from baselines.classic.contrast_maximisation import ContrastMaximisation
from baselines.classic.gaussian_time import GaussianTime
from smlmsim import Acquisition, Deformation, Poisson, SimulatedDynamic, score, simulate
from smlmsim.testing import make_observation


def flowing(velocity_nm_per_s, seed=0):
    return simulate(
        SimulatedDynamic(
            acquisition=Acquisition(time_points=24),
            motion=Deformation(velocity_nm_per_s=velocity_nm_per_s),
            photophysics=Poisson(rate_hz=245),
        ),
        seed,
    )


def ms_ssim(estimate, movie):
    return float(score(estimate, movie.truth, metrics=("ms_ssim",)).ms_ssim)


def test_one_smooth_flow_is_followed():
    movie = flowing(150.0)
    along, at_rest = (
        made.reconstruct(movie.observation) for made in (ContrastMaximisation(), GaussianTime())
    )
    assert along.window_s > 0
    assert ms_ssim(along, movie) > ms_ssim(at_rest, movie) + 0.1


def test_what_rests_is_left_to_the_gaussian():
    observation = flowing(0.0).observation
    along, at_rest = (made.reconstruct(observation) for made in (ContrastMaximisation(), GaussianTime()))
    assert along.window_s == 0
    np.testing.assert_array_equal(along.density, at_rest.density)


def test_noise_does_not_flow():
    counts = np.random.default_rng(0).poisson(0.01, (40, 64, 64))
    assert ContrastMaximisation().reconstruct(make_observation(counts)).window_s == 0


@pytest.mark.parametrize("shape", [(1, 12, 13), (2, 37, 61), (3, 1, 1), (12, 37, 61)])
def test_every_shape_goes_through(shape):
    counts = np.random.default_rng(0).poisson(0.3, shape)
    density = ContrastMaximisation().reconstruct(make_observation(counts)).density
    assert density.shape == shape
    assert np.isfinite(density).all()
    assert density.max() <= counts.max() * (1 + 1e-5)


def test_without_places_of_localizations_it_is_the_gaussian():
    observation = flowing(150.0).observation.drop_vars("loc_y")
    along, at_rest = (made.reconstruct(observation) for made in (ContrastMaximisation(), GaussianTime()))
    np.testing.assert_array_equal(along.density, at_rest.density)


def test_a_given_window_is_kept():
    found = ContrastMaximisation(window_s=6.0).reconstruct(flowing(150.0).observation)
    assert found.window_s == 6.0


@pytest.mark.parametrize("settings", [{"order": 5}, {"window_s": 0}, {"blur_nm": 0}, {"collapse": -1}])
def test_impossible_settings_are_refused(settings):
    with pytest.raises(pydantic.ValidationError):
        ContrastMaximisation(**settings)
