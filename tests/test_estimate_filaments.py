"""Lines follow filaments; width and density of filaments are the ones that were put in."""

import math

import numpy as np
import pytest

from smlmsim import estimate, schema
from smlmsim.density import Density
from smlmsim.estimate.ridges import normals, ridge_lines, uncrossed
from smlmsim.field import FieldOfView
from smlmsim.rng import stream

FIELD = FieldOfView(height_nm=3000, width_nm=3000)
SIGMAS = 5.0


def _straight(*ends):
    """Contours between pairs of places (y0, x0, y1, x1)."""
    ends = np.array(ends, dtype=float)
    return schema.dataset(
        vertex_y=ends[:, ::2].ravel(),
        vertex_x=ends[:, 1::2].ravel(),
        filament=np.repeat(np.arange(len(ends), dtype=np.int32), 2),
    )


def _image(scene, sigma_nm=30.0):
    return Density(sigma_nm=sigma_nm).render(scene, FIELD).density


def test_lines_are_on_the_filaments_with_their_normals_and_not_at_crossings():
    image = _image(_straight((1500, -500, 1500, 3500), (-500, 1000, 3500, 1000))).values.astype(float)
    line = uncrossed(ridge_lines(image, 2.0), 2.0)
    y, x = (20 * places + 10 for places in np.nonzero(line))
    assert np.hypot(y - 1500, x - 1000).min() > 2 * 20
    along_x = np.abs(y - 1500) <= 20
    assert (along_x | (np.abs(x - 1000) <= 20)).all()
    across = np.abs(normals(image, line, 2.0))
    assert across[0, along_x].min() > 0.99
    assert across[1, ~along_x].min() > 0.99


def test_an_even_image_has_no_lines():
    assert not ridge_lines(np.full((40, 40), 100.0), 2.0).any()


@pytest.mark.parametrize("angle", [0.0, 0.3, 0.7])
def test_density_is_the_length_of_the_filaments_per_area(angle):
    """Four parallel lines of 2 um in 9 um^2; thinning takes or gives about sigma at each end."""
    half = 1000 * np.array([math.sin(angle), math.cos(angle)])
    middles = 1500 + np.outer([-600, -200, 200, 600], [math.cos(angle), -math.sin(angle)])
    scene = _straight(*[(*(middle - half), *(middle + half)) for middle in middles])
    found = estimate.structure_density(_image(scene), sigma_nm=30)
    assert found == pytest.approx(4 * 2 / 9, rel=2 * 2 * 42 / 2000)


@pytest.mark.parametrize("sigma_nm", [15.0, 30.0])
def test_width_is_that_of_the_profile_on_a_background(sigma_nm):
    rng, number = stream(0, "width"), 6000
    along = rng.random(number) * 3000
    across = sigma_nm * rng.standard_normal(number) + rng.choice([-800.0, 0.0, 800.0], number)
    y = np.concatenate(
        [1500 + across * math.cos(0.4) + (along - 1500) * math.sin(0.4), rng.random(600) * 3000]
    )
    x = np.concatenate(
        [1500 - across * math.sin(0.4) + (along - 1500) * math.cos(0.4), rng.random(600) * 3000]
    )
    found = estimate.filament_width(schema.dataset(loc_y=y, loc_x=x), sigma_nm=25)
    assert found.fwhm_nm == pytest.approx(2.3548 * sigma_nm, rel=0.08)
    assert found.error_nm == pytest.approx(2.3548 * sigma_nm / math.sqrt(2 * number), rel=1.0)


def test_a_few_localizations_have_no_width():
    scattered = schema.dataset(loc_y=np.arange(40.0) * 70, loc_x=np.arange(40.0) * 900 % 2700)
    with pytest.raises(ValueError, match="0 localizations lie along filaments; 100 are needed"):
        estimate.filament_width(scattered)
