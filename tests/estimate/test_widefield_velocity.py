"""The velocity of filaments in a widefield movie is the one that they have."""

import math

import numpy as np
import pytest

from smlmsim import schema
from smlmsim.acquisition import Acquisition
from smlmsim.estimate import contour_velocity, filament_velocity
from smlmsim.estimate.widefield_velocity import _stood_for
from smlmsim.field import FieldOfView
from smlmsim.pipeline import widefield_images
from smlmsim.rng import stream
from smlmsim.widefield import Widefield, as_movie

FIELD = FieldOfView(height_nm=3000, width_nm=3000)
ACQUISITION = Acquisition(time_points=24, frames_per_point=50)
MICROSCOPE = Widefield(frames_between=10)
SIGMA_NM = MICROSCOPE.pixel_sigma_nm


def _rods(speed_nm_per_s, *, angles=(0.3, 0.3, 0.3, 1.6, 1.6), period_s=12.0):
    """Long straight rods that swing along their normals, at a speed of one size that turns round twice a period."""
    times_s = ACQUISITION.step_times_s
    swing = speed_nm_per_s * period_s / 4 * (np.abs(4 * ((times_s / period_s) % 1) - 2) - 1)
    along = np.linspace(-6000, 6000, 121)
    offsets = np.resize([-900.0, 0.0, 900.0], len(angles))
    y, x = [], []
    for angle, offset in zip(angles, offsets, strict=True):
        across = offset + swing[:, None]
        y.append(1500 + along * math.sin(angle) + across * math.cos(angle))
        x.append(1500 + along * math.cos(angle) - across * math.sin(angle))
    filament = np.repeat(np.arange(len(angles), dtype=np.int32), along.size)
    return schema.dataset(time=times_s, vertex_y=np.hstack(y), vertex_x=np.hstack(x), filament=filament)


def _movie(moving, microscope=MICROSCOPE, seed=0):
    return as_movie(widefield_images(microscope, moving, FIELD, ACQUISITION, stream(seed, "widefield")))


@pytest.mark.parametrize("speed_nm_per_s", [20.0, 70.0, 150.0, 220.0])
def test_the_velocity_is_that_of_the_contour_where_filaments_cross(speed_nm_per_s):
    moving = _rods(speed_nm_per_s)
    found = filament_velocity(_movie(moving), sigma_nm=SIGMA_NM)
    true = contour_velocity(moving, 1.5).normal_nm_per_s
    assert found.velocity_nm_per_s == pytest.approx(true, rel=0.15)
    assert abs(found.velocity_nm_per_s - true) < 3 * found.error_nm_per_s
    assert found.error_nm_per_s < 0.15 * true


def test_images_too_far_apart_for_the_velocity_give_a_lower_bound():
    """At 200 nm/s filaments move by more than half of sigma from one image to the next, 0.3 s later."""
    found = filament_velocity(_movie(_rods(200.0)), sigma_nm=SIGMA_NM)
    assert found.at_least
    assert not filament_velocity(_movie(_rods(70.0)), sigma_nm=SIGMA_NM).at_least


def test_the_error_of_the_peaks_is_no_velocity():
    """At rest, what is left of the noise is far below what it would be without the subtraction."""
    found = filament_velocity(
        _movie(_rods(0.0), MICROSCOPE.replace({"photons_per_um": 1500.0})), sigma_nm=SIGMA_NM
    )
    raw = math.sqrt(2 / math.pi) * math.sqrt(2) * found.localization_nm / 1.5
    assert found.localization_nm > 5
    assert found.velocity_nm_per_s < 0.5 * raw


def test_impossible_movies_are_refused():
    movie = _movie(_rods(20.0))
    with pytest.raises(ValueError, match=r"evenly spaced in time, found 29 of them"):
        filament_velocity(movie.isel(time=np.r_[0:10, 11:30]))
    with pytest.raises(ValueError, match=r"evenly spaced in time, found 1 of them"):
        filament_velocity(movie.isel(time=[0]))
    with pytest.raises(ValueError, match=r"the movie lasts 9 s; 10 lags of 1\.5 s are needed"):
        filament_velocity(movie.isel(time=slice(30)))
    with pytest.raises(ValueError, match=r"successive images correlate by 0\.00, at least 0\.3 is needed"):
        filament_velocity(movie * 0 + 100)


@pytest.mark.parametrize("seed", [0, 1])
def test_noise_without_filaments_is_refused(seed):
    noise = _movie(_rods(20.0), MICROSCOPE.replace({"photons_per_um": 0.0}), seed)
    with pytest.raises(ValueError, match="there are no filaments, or they are too faint"):
        filament_velocity(noise, sigma_nm=SIGMA_NM)


def test_what_is_at_rest_has_no_velocity_within_its_error():
    found = filament_velocity(_movie(_rods(0.0)), sigma_nm=SIGMA_NM)
    assert found.velocity_nm_per_s < 2 * found.error_nm_per_s < 10


def test_peaks_count_by_the_light_that_they_stand_for():
    """Of two filaments, the one of twice the light has twice the weight, however many of its points are followed."""
    image = np.zeros((120, 60))
    image[10], image[110] = 1.0, 2.0
    points = np.array([[10.0, 10, 10, 110], [10, 30, 50, 30]])
    light = _stood_for(image, points, 2.0)
    assert light[3] / light[:3].sum() == pytest.approx(2)
