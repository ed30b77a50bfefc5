"""Widefield images show the structure as an objective and a camera do, between the frames and without touching them."""

import math

import numpy as np
import pydantic
import pytest
from scipy.integrate import quad
from scipy.optimize import minimize_scalar
from scipy.special import j1

from smlmsim import schema
from smlmsim.acquisition import Acquisition
from smlmsim.field import FieldOfView
from smlmsim.motion import Static
from smlmsim.pipeline import read_study, simulate, widefield_images
from smlmsim.rng import stream
from smlmsim.widefield import AIRY_SIGMA, Widefield, as_movie

SIGMAS = 5.0


def test_sigma_is_that_of_the_gaussian_nearest_to_an_airy_pattern():
    """In units of wavelength / (2 pi NA), the squared difference over the plane is least at 2 pi 0.21."""

    def difference(sigma):
        return quad(
            lambda r: r * ((2 * j1(r) / r) ** 2 - math.exp(-0.5 * (r / sigma) ** 2)) ** 2, 1e-9, 40, limit=400
        )[0]

    found = minimize_scalar(difference, bounds=(0.5, 3), method="bounded").x
    assert found / (2 * math.pi) == pytest.approx(AIRY_SIGMA, rel=3e-3)
    assert Widefield(wavelength_nm=500, numerical_aperture=1.0).sigma_nm == pytest.approx(105)


def test_a_filament_is_as_wide_as_the_point_spread_function_on_pixels():
    microscope = Widefield(camera="ideal", pixel_nm=50, background_photons=0, photons_per_um=1e6)
    moving = schema.dataset(
        vertex_y=np.array([[-4000.0, 6000.0]] * 2),
        vertex_x=np.array([[1000.0, 1000.0]] * 2),
        filament=np.zeros(2, np.int32),
        time=np.array([0.0, 1.5]),
    )
    field, acquisition = FieldOfView(height_nm=2000, width_nm=2000), Acquisition(time_points=2)
    images = widefield_images(microscope, moving, field, acquisition, stream(0, "widefield"))
    image = as_movie(images).sum(("time", "y"))
    centre = float((image.x * image).sum() / image.sum())
    width = math.sqrt(float(((image.x - centre) ** 2 * image).sum() / image.sum()))
    photons = float(image.sum())
    assert photons == pytest.approx(2 * 2 * 1e6, rel=SIGMAS / math.sqrt(4e6) + 1e-3)
    assert centre == pytest.approx(1000, abs=SIGMAS * width / math.sqrt(photons) + 1e-2)
    wanted = math.hypot(0.21 * 600 / 1.45, 50 / math.sqrt(12))
    assert width == pytest.approx(wanted, rel=SIGMAS / math.sqrt(2 * photons) + 5e-3)


@pytest.mark.parametrize(("between", "images"), [(50, 6), (100, 3), (7, 42)])
def test_an_image_is_taken_after_every_so_many_frames(small_study, between, images):
    microscope = Widefield(frames_between=between, exposure_s=0.02)
    times_s = as_movie(simulate(small_study.replace({"widefield": microscope}), 0).observation).time.values
    np.testing.assert_allclose(times_s, np.arange(1, images + 1) * between * 0.03 + 0.01)


def test_a_microscope_leaves_everything_else_of_the_movie_alone(small_study):
    without = simulate(small_study, 1)
    for microscope in (Widefield(), Widefield(camera="emccd", frames_between=10)):
        movie = simulate(small_study.replace({"widefield": microscope}), 1)
        for name, values in without.observation.variables.items():
            assert movie.observation[name].values.tobytes() == values.values.tobytes(), name
        assert movie.truth.equals(without.truth)


def test_the_same_seed_gives_the_same_images(small_study):
    study = small_study.replace({"widefield": Widefield()})
    first, second, other = (simulate(study, seed).observation.widefield for seed in (2, 2, 3))
    assert first.values.tobytes() == second.values.tobytes()
    assert first.values.tobytes() != other.values.tobytes()


def test_a_study_with_a_microscope_is_read_from_toml(small_study, tmp_path):
    study = small_study.replace({"widefield": Widefield(camera="emccd")})
    (tmp_path / "study.toml").write_text(study.to_toml())
    assert read_study(tmp_path / "study.toml") == study


def test_images_show_the_structure_where_it_is(small_study):
    """Of what is seen of the truth, blurred, the image is a copy but for noise."""
    study = small_study.replace({"motion": Static(), "widefield": Widefield(photons_per_um=1e5)})
    movie = simulate(study, 0)
    image = as_movie(movie.observation).mean("time")
    wide = study.density.replace({"sigma_nm": Widefield().pixel_sigma_nm})
    truth = wide.render(movie.truth.isel(time=slice(1)), Widefield().view(study.field)).density[0]
    assert np.corrcoef(image.values.ravel(), truth.values.ravel())[0, 1] > 0.999


@pytest.mark.parametrize("height_nm", [640.0, 2560.0, 800.0])
def test_the_camera_covers_the_field_around_its_middle(height_nm):
    field = FieldOfView(height_nm=height_nm, width_nm=640, origin_y_nm=-300, origin_x_nm=100)
    view = Widefield().view(field)
    assert view.height_nm >= height_nm > view.height_nm - 100
    assert view.origin_y_nm + view.height_nm / 2 == pytest.approx(field.origin_y_nm + height_nm / 2)
    assert view.origin_x_nm + view.width_nm / 2 == pytest.approx(field.origin_x_nm + 320)


def test_impossible_microscopes_are_refused():
    with pytest.raises(pydantic.ValidationError, match="no camera 'eye'; there are: ideal, emccd, scmos"):
        Widefield(camera="eye")
    with pytest.raises(ValueError, match="frames_between = 500 exceeds the 300 frames"):
        Widefield(frames_between=500).times_s(Acquisition(time_points=6))


def test_dark_images_hold_the_background_alone():
    microscope = Widefield(camera="ideal", background_photons=9)
    field = microscope.view(FieldOfView(height_nm=5000, width_nm=5000))
    dark = schema.dataset(
        density=np.zeros((4, *field.shape)), time=np.arange(4.0), y=field.y_nm, x=field.x_nm
    )
    found = microscope.take(dark.density, stream(0)).widefield
    assert float(found.mean()) == pytest.approx(9, abs=SIGMAS * 3 / math.sqrt(found.size))
