"""Without a truth, a widefield image tells a faithful reconstruction from one that lacks or invents filaments."""

import math
import re

import numpy as np
import pytest
import xarray as xr
from scipy.ndimage import gaussian_filter

from smlmsim.acquisition import Acquisition
from smlmsim.density import Density
from smlmsim.metrics.against_widefield import score_against_widefield
from smlmsim.motion import Polymer, Static
from smlmsim.pipeline import SimulatedDynamic, simulate
from smlmsim.superpose import superpose
from smlmsim.widefield import Widefield, as_movie

STUDY = SimulatedDynamic(motion=Static(), acquisition=Acquisition(time_points=3), widefield=Widefield())
SIGMAS = 5.0


def drawn(structure, around=0.0):
    """The density of some filaments, on a field that reaches beyond the camera by a share of its size."""
    return Density().render(structure, STUDY.field.grown(around)).density


def filaments(truth, chosen):
    return truth.isel(vertex=np.flatnonzero(chosen(truth.filament.values)))


@pytest.fixture(scope="module", params=range(4))
def movie(request):
    return simulate(STUDY, request.param)


@pytest.fixture
def widefield(movie):
    return as_movie(movie.observation)


def standard_error_nm(found, estimate, widefield):
    """Of the fitted width, if the residuals are noise: that of least squares in sigma, scale and offset."""
    inside = widefield.sel(y=found.y, x=found.x)

    def predicted(sigma_nm):
        fine = gaussian_filter(estimate.values.astype(float), (0, sigma_nm / 20, sigma_nm / 20))
        dims = ("time", "y", "x")
        blurred = xr.DataArray(fine, {dim: estimate[dim].values for dim in dims}, dims)
        return float(found.scale) * blurred.isel(time=0).interp(y=inside.y, x=inside.x).values.ravel()

    sigma_nm = float(found.sigma_nm)
    slope = (predicted(sigma_nm + 1) - predicted(sigma_nm - 1)) / 2
    jacobian = np.stack([slope, predicted(sigma_nm), np.ones_like(slope)], axis=1)
    images = widefield.sizes["time"]
    covariance = np.linalg.inv(jacobian.T @ jacobian) * float(found.rse) ** 2 / images
    return math.sqrt(covariance[0, 0])


def test_the_fitted_width_is_that_of_the_point_spread_function_less_that_of_the_filaments(movie, widefield):
    """Besides noise: the camera is simulated with a Gaussian of pixel^2 / 12 in place of a square pixel.

    The logarithms of their transfer functions differ by (k pixel)^4 / 2880; for that to look like another width, at
    wave numbers up to 2 / sigma, takes a relative change of 4 (pixel / sigma)^4 / 2880.
    """
    microscope = STUDY.widefield
    expected = math.sqrt(microscope.sigma_nm**2 - STUDY.density.sigma_nm**2)
    estimate = drawn(movie.truth, around=0.2)
    found = score_against_widefield(estimate, widefield)
    square = 4 / 2880 * (microscope.pixel_nm / microscope.sigma_nm) ** 4 * expected
    tolerance = SIGMAS * standard_error_nm(found, estimate, widefield) + square
    assert tolerance < 0.05 * expected
    assert float(found.sigma_nm) == pytest.approx(expected, abs=tolerance)


def test_scale_and_offset_are_those_of_the_camera(movie, widefield):
    """To 2 %: a width that errs by 1 % makes peaks err by as much, and the offset is what they stand on."""
    microscope, found = STUDY.widefield, score_against_widefield(drawn(movie.truth, around=0.2), widefield)
    levels = microscope.camera.quantum_efficiency / microscope.camera.electrons_per_level
    photons = microscope.photons_per_um * 1e-3 * microscope.pixel_nm**2
    assert float(found.scale) == pytest.approx(levels * photons, rel=0.02)
    assert found.scale.attrs["units"] == "grey level nm"


@pytest.mark.parametrize("number", [1, 3])
def test_the_truth_scores_better_than_with_filaments_missing_or_invented(movie, widefield, number):
    other = simulate(STUDY, 99).truth
    true = score_against_widefield(movie.truth.density, widefield)
    longest = np.argsort(-np.bincount(movie.truth.filament.values[_in_view(movie.truth)]))[:number]
    extra = np.argsort(-np.bincount(other.filament.values[_in_view(other)]))[:number]
    missing = filaments(movie.truth, lambda filament: ~np.isin(filament, longest))
    invented = superpose(
        movie.truth.drop_vars("density"),
        filaments(other, lambda filament: np.isin(filament, extra)).drop_vars("density"),
    )
    for worse in (missing, invented):
        found = score_against_widefield(drawn(worse), widefield)
        assert found.rsp < true.rsp - 0.005
        assert found.rse > 1.2 * true.rse


def _in_view(truth):
    return STUDY.field.contains(truth.vertex_y.values[0], truth.vertex_x.values[0])


def test_the_error_map_shows_where_a_filament_is_missing(movie, widefield):
    longest = np.bincount(movie.truth.filament.values[_in_view(movie.truth)]).argmax()
    lacking = filaments(movie.truth, lambda filament: filament != longest)
    found = score_against_widefield(drawn(lacking), widefield)
    missed = drawn(filaments(movie.truth, lambda filament: filament == longest)).isel(time=0)
    blurred = missed.copy(data=gaussian_filter(missed.values, STUDY.widefield.sigma_nm / 20))
    there = blurred.interp(y=found.y, x=found.x) > 0.5 * blurred.max()
    assert found.error.where(there).mean() > 3 * found.error.where(~there).mean()


def test_the_prediction_is_the_mean_of_the_blurred_reconstruction_over_the_pixels_of_the_camera():
    """Away from the border; blurred on pixels of 20 nm, a Gaussian of 80 nm is exact to 1e-4."""
    rng, (sigma_px, fine, coarse) = np.random.default_rng(4), (4.0, 200, 40)
    estimate = gaussian_filter(rng.random((2, fine, fine)), (0, 3, 3))
    image = gaussian_filter(estimate, (0, sigma_px, sigma_px)).reshape(2, coarse, 5, coarse, 5).mean((2, 4))
    time, at, wide = [0.0, 1.5], (np.arange(fine) + 0.5) * 20, ((np.arange(coarse) + 0.5) * 100)[6:-6]
    found = score_against_widefield(
        xr.DataArray(estimate, {"time": time, "y": at, "x": at}, ("time", "y", "x")),
        xr.DataArray(
            100 + 7 * image[:, 6:-6, 6:-6], {"time": time, "y": wide, "x": wide}, ("time", "y", "x")
        ),
    )
    assert float(found.rsp) == pytest.approx(1, abs=1e-5)
    assert float(found.sigma_nm) == pytest.approx(80, rel=5e-3)
    assert float(found.scale) == pytest.approx(7, rel=1e-2)
    assert found.error.max() < 1e-2 * 7 * np.ptp(image)


def test_only_the_error_depends_on_the_scale_of_the_image_and_nothing_on_that_of_the_reconstruction(
    movie, widefield
):
    one = score_against_widefield(movie.truth.density, widefield)
    other = score_against_widefield(30 * movie.truth.density, 2.0 * widefield + 50)
    for name, factor in {"rsp": 1, "sigma_nm": 1, "rse": 2, "scale": 2 / 30}.items():
        assert float(other[name]) == pytest.approx(factor * float(one[name]), rel=1e-3)
    assert float(other.offset) == pytest.approx(2 * float(one.offset) + 50, rel=1e-2)


def test_a_moving_structure_is_compared_at_the_time_of_each_image():
    """Images at the middles of the time points: 25 frames, of an image in every 50."""
    moving = STUDY.replace({"acquisition.time_points": 8}).model_copy(
        update={
            "motion": Polymer(velocity_nm_per_s=100),
            "widefield": Widefield(frames_between=25),
        }
    )
    movie = simulate(moving, 3)
    images = as_movie(movie.observation).isel(time=slice(0, None, 2))
    assert images.time.values == pytest.approx(movie.truth.time.values, abs=0.02)
    right = score_against_widefield(movie.truth.density, images)
    late = score_against_widefield(
        movie.truth.density.assign_coords(time=movie.truth.time.values + 1.5), images
    )
    assert right.rsp > 0.98 > late.rsp
    assert late.rse > 2 * right.rse


def test_a_single_image_is_compared_with_the_mean_of_the_movie(movie, widefield):
    growing = movie.truth.density * xr.DataArray([0.0, 1.0, 5.0], dims="time")
    once = score_against_widefield(growing, widefield.isel(time=0, drop=True))
    mean = score_against_widefield(growing.mean("time").expand_dims(time=[0.0]), widefield.isel(time=[0]))
    for name in ("rsp", "rse", "sigma_nm", "scale", "offset"):
        assert float(once[name]) == pytest.approx(float(mean[name]), rel=1e-4)
    assert once.error.sizes["time"] == 1


def test_what_cannot_be_compared_is_refused(movie, widefield):
    with pytest.raises(ValueError, match="0 lie in the reconstruction, from 0 to 2560 nm"):
        score_against_widefield(movie.truth.density, widefield.assign_coords(y=widefield.y.values + 10_000))
    with pytest.raises(ValueError, match="is constant: there is nothing to compare"):
        score_against_widefield(0 * movie.truth.density, widefield)


def test_only_images_taken_while_the_reconstruction_lasts_are_compared(movie, widefield, caplog):
    estimate = movie.truth.density
    with caplog.at_level("INFO"):
        whole = score_against_widefield(estimate, widefield)
        part = score_against_widefield(estimate.isel(time=slice(0, 2)), widefield)
    assert whole.sizes["time"] == 3
    assert part.sizes["time"] == 2
    assert (
        "1 of 3 widefield images were taken before or after the reconstruction and are left out"
        in caplog.text
    )
    later = estimate.assign_coords(time=estimate.time + 100)
    with pytest.raises(
        ValueError, match=r"taken from .* to .* s, the reconstruction lasts from 100\.75 to 103\.75 s"
    ):
        score_against_widefield(later, widefield)


def test_images_of_a_part_of_the_field_or_the_time_are_said_to_be_that(movie, widefield, caplog):
    estimate = movie.truth.density
    with caplog.at_level("INFO"):
        score_against_widefield(estimate, widefield)
        assert caplog.text == ""
        score_against_widefield(estimate, widefield.isel(x=slice(0, 13)))
        assert re.search(
            r"show y 80 to 2480 nm, x 80 to 1280 nm, 44 % of the field of the reconstruction", caplog.text
        )
        caplog.clear()
        longer = xr.concat([estimate, estimate.assign_coords(time=estimate.time + 4.5)], "time")
        score_against_widefield(longer, widefield)
        assert "the reconstruction lasts from 0.75 to 8.25 s: the rest is not judged" in caplog.text
        caplog.clear()
        score_against_widefield(estimate, widefield.isel(time=[0]))
        assert "the one widefield image is compared with the mean of all 3 time points" in caplog.text


def test_every_channel_is_compared_with_its_own_images(movie, widefield):
    truth = movie.truth.density
    flipped = truth.copy(data=truth.values[:, ::-1])
    images = xr.concat([widefield, widefield.copy(data=widefield.values[:, ::-1])], "channel")
    both = xr.concat([truth, flipped], "channel").assign_coords(channel=["red", "green"])
    found, alone = score_against_widefield(both, images), score_against_widefield(truth, widefield)
    xr.testing.assert_identical(found.sel(channel="red", drop=True), alone)
    assert found.rsp.sel(channel="green") > 0.9
    assert (score_against_widefield(both, images[::-1]).rsp < found.rsp - 0.2).all()
    with pytest.raises(
        ValueError, match=r"has 2 channels, red, green, .* one channel; choose .* channel=red, and"
    ):
        score_against_widefield(both, widefield)
    with pytest.raises(
        ValueError, match=r"has one channel, .* have 2 channels, 0, 1; give widefield images of that"
    ):
        score_against_widefield(truth, images)
