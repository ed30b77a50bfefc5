"""Smoothing a movie in time and space compared with SciPy, and the choice of the widths."""

import numpy as np
import pytest
import scipy.ndimage

from baselines.classic.gaussian_time import GaussianTime
from smlmsim.remembered import forget
from smlmsim.testing import make_observation

TIME_POINTS, SIDE = 300, 128
POINT_S, PIXEL_NM = 1.5, 20.0


def movie(per_point):
    """Return localizations on about 5 % of the pixels, as from a labelled structure."""
    rng = np.random.default_rng(0)
    brightness = rng.gamma(0.1, size=(SIDE, SIDE))
    return rng.poisson(per_point * brightness / brightness.sum(), (TIME_POINTS, SIDE, SIDE))


@pytest.fixture(scope="module")
def observation():
    return make_observation(movie(500), point_s=POINT_S, pixel_nm=PIXEL_NM)


def anew(function, observation):
    """Call a function of a movie that nothing is remembered of."""
    forget()
    return function(observation)


def scipy_gaussian(counts, time_sigma_s, space_sigma_nm):
    space_px = space_sigma_nm / PIXEL_NM
    return scipy.ndimage.gaussian_filter(
        counts.astype(np.float32), (time_sigma_s / POINT_S, space_px, space_px), mode="reflect"
    )


@pytest.mark.parametrize("time_sigma_s", [1.5, 6.0, 24.0])
@pytest.mark.parametrize("maker", ["smlmsim", "scipy"])
def test_smoothing(benchmark, observation, maker, time_sigma_s):
    space_sigma_nm = 30.0
    ours = GaussianTime(time_sigma_s=time_sigma_s, space_sigma_nm=space_sigma_nm)
    expected = scipy_gaussian(observation.counts.values, time_sigma_s, space_sigma_nm)
    reach = int(4 * time_sigma_s / POINT_S + 0.5)
    inner = (slice(reach, -reach), slice(6, -6), slice(6, -6))
    found = ours.reconstruct(observation).density.values
    assert np.abs(found[inner] - expected[inner]).max() <= 1e-5 * expected.max()

    benchmark.group = (
        f"Gaussian of {time_sigma_s:g} s and {space_sigma_nm:g} nm, {TIME_POINTS} x {SIDE} x {SIDE}"
    )
    if maker == "smlmsim":
        benchmark(ours.reconstruct, observation)
    else:
        benchmark(scipy_gaussian, observation.counts.values, time_sigma_s, space_sigma_nm)


@pytest.mark.parametrize("per_point", [45, 500, 2400])
def test_choice_of_the_widths(benchmark, per_point):
    seen = make_observation(movie(per_point), point_s=POINT_S, pixel_nm=PIXEL_NM)
    benchmark.group = "choice of the widths, by localizations per time point"
    benchmark(anew, GaussianTime().widths, seen)


@pytest.mark.parametrize("per_point", [45, 500, 2400])
def test_choice_and_smoothing(benchmark, per_point):
    seen = make_observation(movie(per_point), point_s=POINT_S, pixel_nm=PIXEL_NM)
    benchmark.group = "choice of the widths and smoothing, by localizations per time point"
    benchmark(anew, GaussianTime().reconstruct, seen)
