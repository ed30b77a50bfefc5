"""Profiles multiply to the light that a point spread function sends to each pixel."""

import math

import numpy as np
import pytest
from scipy.special import j0, j1, ndtr

from smlmsim.psf import AIRY_REACH, Airy, Gaussian

NODES, WEIGHTS = np.polynomial.legendre.leggauss(8)


def profile(profiles, place):
    """The profile of every term for a molecule anywhere in a pixel, interpolated as the kernel does it."""
    at = place * (profiles.table.shape[1] - 1)
    before = int(at)
    near, far = profiles.table[:, before], profiles.table[:, before + 1]
    return near + (at - before) * (far - near)


def drawn(profiles, y, x):
    return np.einsum("t,ty,tx->yx", profiles.sign, profile(profiles, y), profile(profiles, x))


def pixels(profiles, place):
    """The edges of the pixels relative to the molecule, in pixels."""
    return np.arange(profiles.table.shape[2] + 1) - profiles.before - place


@pytest.mark.parametrize("sigma_nm", [12.0, 60.0, 130.0, 400.0])
@pytest.mark.parametrize(("y", "x"), [(0.0, 0.51234), (0.99987, 0.2503)])
def test_a_gaussian_is_integrated_over_pixels_to_a_millionth_of_its_light(sigma_nm, y, x):
    profiles = Gaussian(sigma_nm=sigma_nm).profiles(100.0)
    exact = [np.diff(ndtr(pixels(profiles, place) / sigma_nm * 100)) for place in (y, x)]
    np.testing.assert_allclose(drawn(profiles, y, x), np.outer(*exact), rtol=0, atol=1e-6)
    assert drawn(profiles, y, x).sum() == pytest.approx(1, abs=2e-6)


def airy_pixels(psf, pixel_nm, profiles, y, x):
    """By Gauss-Legendre quadrature of the closed form on each pixel."""
    k = psf.per_nm * pixel_nm
    nodes = [pixels(profiles, place)[:-1, None] + (NODES + 1) / 2 for place in (y, x)]
    radius = k * np.hypot(*np.meshgrid(nodes[0].ravel(), nodes[1].ravel(), indexing="ij"))
    density = (k * j1(radius) / radius) ** 2 / math.pi
    size = profiles.table.shape[2]
    return np.einsum("ynxm,n,m->yx", density.reshape(size, 8, size, 8), WEIGHTS / 2, WEIGHTS / 2)


@pytest.mark.parametrize(
    ("psf", "pixel_nm"), [(Airy(), 100.0), (Airy(wavelength_nm=680.0, numerical_aperture=1.2), 160.0)]
)
def test_an_airy_pattern_is_integrated_over_pixels(psf, pixel_nm):
    profiles = psf.profiles(pixel_nm)
    found, exact = (of(0.123, 0.777) for of in (
        lambda y, x: drawn(profiles, y, x), lambda y, x: airy_pixels(psf, pixel_nm, profiles, y, x)))  # fmt: skip
    np.testing.assert_allclose(found, exact, rtol=0, atol=1e-4 * exact.max())
    assert found.sum() == pytest.approx(exact.sum(), abs=1e-3)


def test_the_light_of_an_airy_pattern_within_its_reach_is_that_of_rayleigh():
    """Encircled energy 1 - J0^2 - J1^2; the window is a square that holds the circle, and a little more."""
    within = 1 - j0(AIRY_REACH) ** 2 - j1(AIRY_REACH) ** 2
    light = drawn(Airy().profiles(100.0), 0.5, 0.5).sum()
    assert within - 1e-3 < light < 1
    assert within > 0.985


def test_a_spot_much_narrower_than_a_pixel_is_refused():
    with pytest.raises(ValueError, match=r"sigma_nm=5 is below a tenth of a pixel; set it to 10"):
        Gaussian(sigma_nm=5).profiles(100.0)
