"""A camera adds the noise that is known of it, and what it records tells the photons without bias."""

import math

import numpy as np
import pytest

from smlmsim.camera import CAMERAS, Camera
from smlmsim.rng import stream

SIGMAS, PIXELS = 5.0, 40_000


@pytest.mark.parametrize("name", CAMERAS)
@pytest.mark.parametrize("photons", [5.0, 400.0])
def test_mean_and_variance_are_those_of_shot_gain_and_read_noise(name, photons):
    """The gamma register multiplies the variance of the shot noise by 2; rounding adds 1/12."""
    camera = CAMERAS[name]
    levels = camera.record(np.full(PIXELS, photons), stream(0, name)).astype(float)
    electrons = camera.quantum_efficiency * photons + camera.spurious_e
    excess = 2 if camera.em_gain > 1 else 1
    variance = excess * electrons * camera.em_gain**2 + camera.read_noise_e**2
    variance = variance / camera.electrons_per_level**2 + 1 / 12 * (name != "ideal")
    mean = camera.offset + electrons * camera.em_gain / camera.electrons_per_level
    assert levels.mean() == pytest.approx(mean, abs=SIGMAS * math.sqrt(variance / PIXELS))
    kurtosis = 3 + 7 / electrons  # of a Poisson number 3 + 1 / n; the register adds 6 / n at most
    assert levels.var() == pytest.approx(variance, rel=SIGMAS * math.sqrt((kurtosis - 1) / PIXELS))


@pytest.mark.parametrize("name", CAMERAS)
def test_photons_are_found_again_without_bias(name):
    camera, wanted = CAMERAS[name], 60.0
    found = camera.photons(camera.record(np.full(PIXELS, wanted), stream(1, name)))
    assert found.mean() == pytest.approx(wanted, abs=SIGMAS * found.std() / math.sqrt(PIXELS))


def test_what_exceeds_the_largest_grey_level_is_saturated():
    assert Camera(bit_depth=12).record(np.array([1e6]), stream(2)).tolist() == [4095]


def test_a_pixel_in_the_dark_has_the_offset():
    assert Camera(offset=100).record(np.zeros(3), stream(3)).tolist() == [100] * 3


@pytest.mark.parametrize("photons", [-1.0, np.nan, np.inf])
def test_impossible_photons_are_refused(photons):
    with pytest.raises(ValueError, match="photons on a pixel must be finite and at least 0"):
        Camera().record(np.array([photons]), stream(4))
