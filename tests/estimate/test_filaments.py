"""Lines follow filaments; width and density of filaments are the ones that were put in."""

import math

import numpy as np
import pytest

from smlmsim import estimate, schema
from smlmsim.acquisition import Acquisition
from smlmsim.density import Density
from smlmsim.estimate.ridges import normals, ridge_lines, uncrossed
from smlmsim.field import FieldOfView
from smlmsim.localization import Statistical
from smlmsim.motion import Static
from smlmsim.photophysics import Poisson
from smlmsim.pipeline import SimulatedDynamic, simulate
from smlmsim.rng import stream
from smlmsim.structures import Microtubules

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
    stated = 2.3548 * sigma_nm * math.hypot(1 / math.sqrt(2 * number), 0.02)
    assert found.error_nm == pytest.approx(stated, rel=0.5)


def _localized(seed, density_per_um, sigma_nm, size_nm=2000.0, number=20_000):
    """Localizations of microtubules at rest."""
    field = FieldOfView(height_nm=size_nm, width_nm=size_nm)
    acquisition = Acquisition(time_points=10, frames_per_point=50)
    study = SimulatedDynamic(
        structure=Microtubules(density_per_um=density_per_um),
        motion=Static(),
        field=field,
        acquisition=acquisition,
        photophysics=Poisson(rate_hz=number / acquisition.recorded_s),
        localization=Statistical(precision_nm=sigma_nm, precision_spread=0.0),
    )
    return simulate(study, seed).observation


@pytest.mark.parametrize(("density_per_um", "sigma_nm"), [(1.0, 15.0), (3.0, 20.0), (6.0, 20.0), (6.0, 30.0)])
def test_width_is_that_of_one_filament_where_they_cross_and_lie_on_each_other(density_per_um, sigma_nm):
    found = estimate.filament_width(_localized(3, density_per_um, sigma_nm))
    true_nm = 2.3548 * sigma_nm
    assert abs(found.fwhm_nm - true_nm) < 3 * found.error_nm
    assert 0.015 * true_nm < found.error_nm < 0.1 * true_nm


@pytest.mark.parametrize("angle", [0.0, 1.5, np.pi / 2])
@pytest.mark.parametrize("start_nm", [12.0, 30.0])
def test_one_straight_line_has_its_width_whatever_its_direction(angle, start_nm):
    """The field that it covers is then hardly wider than its profile."""
    rng = stream(2, "line")
    along, across = 3000 * rng.random(5000), 15 * rng.standard_normal(5000)
    y = along * math.sin(angle) + across * math.cos(angle)
    x = along * math.cos(angle) - across * math.sin(angle)
    found = estimate.filament_width(schema.dataset(loc_y=y, loc_x=x), sigma_nm=start_nm)
    assert abs(found.fwhm_nm - 2.3548 * 15) < 3 * found.error_nm


def test_two_filaments_in_one_are_not_taken_for_a_wide_one():
    """Three of nine lines are pairs, 1.5 sigma apart: together 1.25 times as wide."""
    rng = stream(4, "pairs")
    middles = np.concatenate([400.0 * np.arange(9), 400.0 * np.arange(3) + 30])
    y = np.repeat(middles, 1500) + 20 * rng.standard_normal(1500 * middles.size)
    found = estimate.filament_width(schema.dataset(loc_y=y, loc_x=3000 * rng.random(y.size)))
    assert abs(found.fwhm_nm - 2.3548 * 20) < 3 * found.error_nm


def test_scattered_localizations_have_no_width():
    scattered = schema.dataset(loc_y=np.arange(40.0) * 70, loc_x=np.arange(40.0) * 900 % 2700)
    with pytest.raises(ValueError, match="0 straight stretches of single filaments were found, 2 are needed"):
        estimate.filament_width(scattered)
    with pytest.raises(ValueError, match="sigma_nm must be positive, found sigma_nm=0"):
        estimate.filament_width(scattered, sigma_nm=0)


def test_filaments_too_close_together_have_no_width():
    """A grid of lines every five sigma along both axes."""
    rng = stream(5, "grid")
    places = np.stack(
        [150.0 * rng.integers(14, size=40_000) + 30 * rng.standard_normal(40_000), 2100 * rng.random(40_000)]
    )
    places[:, ::2] = places[::-1, ::2]
    with pytest.raises(ValueError, match="close together"):
        estimate.filament_width(schema.dataset(loc_y=places[0], loc_x=places[1]))
