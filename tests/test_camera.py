"""A camera adds the noise that is known of it, and what it records tells the photons without bias."""

import math

import numpy as np
import pytest
from scipy.stats import gamma, poisson

from smlmsim.camera import CAMERAS, Camera
from smlmsim.rng import key, stream

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


@pytest.mark.parametrize("mean", [0.02, 1.5, 9.99, 10.0, 47.0, 2500.0])
def test_frames_have_poisson_electrons(mean):
    """Pearson's chi-square over counts of which five or more are expected."""
    photons = np.full((20, 50, 60), mean, np.float32)
    levels = Camera().record_frames(photons, key(stream(0, "frames")))
    counts = np.bincount(levels.ravel())
    expected = levels.size * poisson(float(np.float32(mean))).pmf(np.arange(counts.size))
    often = expected > 5
    rest = levels.size - expected[often].sum(), levels.size - counts[often].sum()
    chi2 = ((counts - expected)[often] ** 2 / expected[often]).sum() + (rest[1] - rest[0]) ** 2 / max(
        rest[0], 5
    )
    assert chi2 < often.sum() + SIGMAS * math.sqrt(2 * often.sum()) + 5


def test_a_multiplying_register_gives_every_electron_an_exponential_number():
    """The cumulants of the sum of a Poisson number of exponential ones are n! times the mean."""
    mean = 2.5
    camera = Camera(em_gain=1000.0, electrons_per_level=0.1, offset=0.0)
    levels = camera.record_frames(np.full((100, 40, 50), mean, np.float32), key(stream(1, "frames")))
    found = levels.astype(float).ravel() / 1e4
    found = found[levels.ravel() < 65535]  # 6.55 electrons: brighter ones are saturated
    n = np.arange(1, 60)
    share = poisson(mean).pmf(0) + (poisson(mean).pmf(n) * gamma(n).cdf(6.55345)).sum()
    assert found.size / levels.size == pytest.approx(share, abs=SIGMAS * math.sqrt(share / levels.size))
    for at in (0.5, 1.5, 3.0, 5.0):
        below = poisson(mean).pmf(0) + (poisson(mean).pmf(n) * gamma(n).cdf(at)).sum()
        assert (found < at).sum() / levels.size == pytest.approx(
            below, abs=SIGMAS * math.sqrt(below / levels.size)
        )


@pytest.mark.parametrize("name", CAMERAS)
def test_frames_do_not_depend_on_those_before_them(name):
    photons = stream(0, "photons").uniform(0, 300, (9, 20, 30)).astype(np.float32)
    whole = CAMERAS[name].record_frames(photons, np.uint64(5), 100)
    part = CAMERAS[name].record_frames(photons[4:6], np.uint64(5), 104)
    np.testing.assert_array_equal(part, whole[4:6])
    assert (CAMERAS[name].record_frames(photons, np.uint64(6), 100) != whole).mean() > 0.8


def test_frames_of_negative_photons_are_refused():
    with pytest.raises(ValueError, match="finite and at least 0"):
        Camera().record_frames(np.full((1, 2, 2), -1, np.float32), np.uint64(0))
