"""Frames become counts whose variance is their mean and that of the readout, for every camera."""

import numpy as np
import pytest
from scipy.ndimage import convolve

from smlmsim import schema
from smlmsim._shot_noise_kernels import noise_ratio
from smlmsim.camera import CAMERAS
from smlmsim.shot_noise import DIFFERENCE, below_offset, counts_of, noise_of


def dark_and_light(photons, shape=(50, 32, 32), name="scmos", **changed):
    """Frames of uniform light on a camera, and calibrated as another may be."""
    camera = CAMERAS[name]
    levels = camera.record(np.full(shape, float(photons)), np.random.default_rng(0))
    attrs = {"camera_pixel_nm": 100.0, "exposure_s": 0.03, "first_frame": 0, **camera.model_dump(), **changed}
    y, x = ((np.arange(size) + 0.5) * 100 for size in shape[1:])
    return schema.dataset(attrs, frames=levels, camera_y=y, camera_x=x)


@pytest.mark.parametrize("name", CAMERAS)
def test_the_variance_of_counts_is_their_mean_and_that_of_the_readout(name):
    counts = counts_of(dark_and_light(20, name=name))
    values = counts.values.astype(np.float64)
    mean, variance = values.mean(), values.var()
    assert mean == pytest.approx(20 * counts.per_photon + counts.dark, rel=0.01)
    # The relative error of a variance of n values is sqrt(2 / n) and more for the long tail of a multiplying register.
    assert variance == pytest.approx(mean + counts.variance.mean(), rel=5 * np.sqrt(4 / values.size))


def test_values_of_single_pixels_take_the_place_of_those_for_all():
    frames = dark_and_light(20)
    offset = np.full((32, 32), 100.0)
    offset[3, 5] = 90
    readout = np.full((32, 32), 1.5)
    readout[7, 2] = 6
    mapped = frames.assign(
        camera_offset=schema.variable("camera_offset", offset),
        camera_read_noise_e=schema.variable("camera_read_noise_e", readout),
    )
    plain, found = counts_of(frames), counts_of(mapped)
    difference = found.values - plain.values
    assert difference[:, 3, 5] == pytest.approx(10 * frames.attrs["electrons_per_level"], rel=1e-4)
    assert np.count_nonzero(difference.any(axis=0)) == 1
    assert found.variance[7, 2] - plain.variance[7, 2] == pytest.approx(6**2 - 1.5**2, rel=1e-5)


@pytest.mark.parametrize("name", CAMERAS)
def test_frames_are_as_far_below_their_offset_as_it_is_too_high(name):
    dark = dark_and_light(0, (1, 40, 40), name)
    assert below_offset(dark) == 0
    wrong = dark.assign_attrs(offset=dark.attrs["offset"] + 40)
    assert 39 < below_offset(wrong) < 45  # the noise of the readout is up to 2 levels


def test_an_offset_of_every_pixel_is_compared_with_that_pixel():
    dark = dark_and_light(0, (1, 40, 40))
    offset = np.full((40, 40), dark.attrs["offset"])
    right = dark.assign_attrs(offset=500.0).assign(camera_offset=schema.variable("camera_offset", offset))
    assert below_offset(right) == 0


@pytest.mark.parametrize("setting", ["electrons_per_level", "read_noise_e"])
def test_a_calibration_beyond_all_cameras_is_refused(setting):
    with pytest.raises(ValueError, match=f"{setting}=1e\\+30"):
        counts_of(dark_and_light(20, **{setting: 1e30}))


def test_an_impossible_calibration_is_refused_by_its_name():
    with pytest.raises(ValueError, match="quantum_efficiency"):
        counts_of(dark_and_light(20, quantum_efficiency=3.0))


def test_what_is_no_frames_is_refused():
    frames = dark_and_light(20)
    del frames.attrs["em_gain"]
    with pytest.raises(schema.SchemaError, match="em_gain"):
        counts_of(frames)


def numpy_noise_ratio(counts, mean, variance):
    """The twin of the kernel, over all pixels but the border."""
    second = convolve(counts.astype(np.float64), np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]]))
    relative = np.abs(second) / (6 * np.sqrt(mean + variance))
    return np.median(relative[1:-1, 1:-1]) / 0.6744897501960817


def test_the_noise_is_that_of_the_twin():
    counts = counts_of(dark_and_light(20, (1, 40, 50)))
    mean = np.full((40, 50), 19.0, np.float32)
    found = noise_ratio(counts.values[0], mean, counts.variance)
    assert found == pytest.approx(numpy_noise_ratio(counts.values[0], mean, counts.variance), rel=1e-5)


@pytest.mark.parametrize("name", CAMERAS)
def test_a_calibrated_camera_has_the_noise_that_it_should_have(name):
    # The median of n absolute values has the relative error 1.17 / sqrt(n); about twice, as neighbours share pixels.
    assert noise_of(counts_of(dark_and_light(40, (1, 64, 64), name))) == pytest.approx(
        1, abs=5 * 2 * 1.17 / 64
    )


@pytest.mark.parametrize("name", CAMERAS)
@pytest.mark.parametrize("edge", [7, 26])
def test_spots_everywhere_are_not_taken_for_noise(name, edge):
    rng, frames = np.random.default_rng(1), 4 + 16000 // edge**2
    y, x = np.mgrid[:edge, :edge]
    light = np.full((frames, edge, edge), 10.0)
    for frame in light:
        for _ in range(1 + edge**2 // 14):  # 7 per um^2
            place = rng.uniform(0, edge, 2)
            frame += (
                5000
                / (2 * np.pi * 1.3**2)
                * np.exp(-(np.hypot(y - place[0], x - place[1]) ** 2) / 2 / 1.3**2)
            )
    levels = CAMERAS[name].record(light, rng)
    recorded = dark_and_light(0, light.shape, name).assign(frames=schema.variable("frames", levels))
    assert noise_of(counts_of(recorded)) == pytest.approx(1, abs=0.1)


def test_the_noise_is_that_of_fourth_differences_by_another_way():
    frames = dark_and_light(40, (2, 30, 40))
    counts = counts_of(frames)
    weights = np.outer(DIFFERENCE, DIFFERENCE)
    found = [
        [convolve(image.astype(np.float64), kernel)[2:-2, 2:-2] for image in images]
        for images, kernel in ((counts.values, weights), (counts.values + counts.variance, weights**2))
    ]
    expected = np.median(np.abs(found[0]) / np.sqrt(found[1])) / 0.6744897501960817
    assert noise_of(counts) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("factor", [0.25, 4.0])
def test_a_wrong_gain_shows_as_the_root_of_its_factor(factor):
    frames = dark_and_light(400, (1, 64, 64), electrons_per_level=0.75 * factor)
    assert noise_of(counts_of(frames)) == pytest.approx(np.sqrt(factor), rel=0.1)


@pytest.mark.parametrize(("photons", "shape"), [(0.1, (1, 64, 64)), (40, (1, 2, 9)), (40, (1, 3, 3))])
def test_images_that_are_too_dark_or_too_small_do_not_tell(photons, shape):
    assert noise_of(counts_of(dark_and_light(photons, shape, "ideal"))) == 1
