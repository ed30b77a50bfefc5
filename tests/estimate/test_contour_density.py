"""The length of contour per area is measured by how localizations crowd, whatever the rate and the motion."""

import math

import numpy as np
import pytest

from smlmsim.acquisition import Acquisition
from smlmsim.estimate.contour_density import contour_density
from smlmsim.motion import Polymer
from smlmsim.photophysics import Poisson
from smlmsim.pipeline import SimulatedDynamic, simulate
from smlmsim.testing import make_observation

SIDE_NM = 12_800.0


def lines(density_per_um, points, rng, side_nm=SIDE_NM, pixel_nm=20.0):
    """Localizations, 45 per um^2 and time point, on straight lines of random places and directions."""
    radius = side_nm / math.sqrt(2)
    number = rng.poisson(density_per_um * 1e-3 * math.pi * radius**2 / (math.pi * radius / 2))
    angle, offset = rng.uniform(0, np.pi, number), rng.uniform(-radius, radius, number)
    half = np.sqrt(radius**2 - offset**2)
    counts = []
    for _ in range(points):
        each = rng.choice(number, size=rng.poisson(45e-6 * math.pi * radius**2), p=half / half.sum())
        along = rng.uniform(-1, 1, each.size) * half[each]
        c, s = np.cos(angle[each]), np.sin(angle[each])
        y, x = offset[each] * c + along * s, -offset[each] * s + along * c
        edges = np.arange(-side_nm / 2, side_nm / 2 + pixel_nm / 2, pixel_nm)
        counts.append(np.histogram2d(y, x, [edges, edges])[0])
    return make_observation(np.stack(counts), pixel_nm=pixel_nm)


@pytest.mark.parametrize("density", [2, 6, 15])
def test_random_lines_have_the_density_they_were_drawn_with(density):
    """25 squares of about 20 lines or more each: the ratio of sums scatters by some 10 %."""
    found = contour_density(lines(density, 3, np.random.default_rng(density)))
    assert found == pytest.approx(density, rel=0.3)


def test_empty_parts_of_a_field_make_no_difference():
    seen = lines(6, 3, np.random.default_rng(0))
    wide = np.zeros((3, 1280, 640), np.uint16)
    wide[:, :640] = seen.counts
    assert contour_density(make_observation(wide)) == pytest.approx(contour_density(seen), rel=1e-9)


@pytest.mark.parametrize(("velocity", "rate"), [(0, 1600), (220, 60)])
def test_dense_scenes_are_told_from_ordinary_ones_however_fast(velocity, rate):
    found = {}
    for density in (3, 30):
        study = SimulatedDynamic(
            acquisition=Acquisition(time_points=20), photophysics=Poisson(rate_hz=rate),
            motion=Polymer(velocity_nm_per_s=velocity),
        ).replace({"structure.density_per_um": density})  # fmt: skip
        movies = [simulate(study, seed).observation for seed in range(4)]
        found[density] = np.median([contour_density(movie) for movie in movies])
    assert found[3] < 6
    assert found[30] > 15


def test_a_field_without_lines_seems_to_be_full_of_them():
    uniform = np.random.default_rng(0).poisson(0.05, (10, 128, 128))
    assert contour_density(make_observation(uniform)) > 50


def test_a_single_localization_and_pixels_wider_than_the_surroundings_tell_nothing():
    alone = np.zeros((5, 24, 24))
    alone[2, 11, 7] = 1
    assert contour_density(make_observation(alone)) is None
    assert contour_density(make_observation(np.ones((5, 24, 24)), pixel_nm=600)) is None


@pytest.mark.parametrize("shape", [(4, 1, 40), (4, 40, 1), (1, 3, 3), (4, 128, 128)])
def test_too_few_localizations_tell_nothing(shape):
    counts = np.zeros(shape)
    counts[0, 0, 0] = 5
    assert contour_density(make_observation(counts)) is None
