"""Frames hold the light of the molecules, the background and the noise of the camera, and nothing else."""

import math

import numpy as np
import pytest
from scipy.special import ndtr

from smlmsim import Acquisition, FieldOfView, schema
from smlmsim.camera import CAMERAS, PixelSpread
from smlmsim.frames import PHOTONS, Imaging
from smlmsim.psf import Airy, Gaussian
from smlmsim.rng import stream

SIGMAS = 5.0
FIELD = FieldOfView(height_nm=1600.0, width_nm=2400.0, pixel_nm=50.0, origin_y_nm=-300.0, origin_x_nm=70.0)
ACQUISITION = Acquisition(time_points=4, frames_per_point=10)
DARK = Imaging(background_photons=0.0, camera="ideal")


def some_events(number=500, *, margin_nm=900.0, seed=0, **more):
    rng = np.random.default_rng(seed)
    y0, x0, height, width = FIELD.rectangle_nm
    values = {
        "event_frame": np.sort(rng.integers(0, ACQUISITION.frames, number)).astype(np.int32),
        "event_y": rng.uniform(y0 - margin_nm, y0 + height + margin_nm, number).astype(np.float32),
        "event_x": rng.uniform(x0 - margin_nm, x0 + width + margin_nm, number).astype(np.float32),
        "event_photons": rng.exponential(800, number).astype(np.float32),
    }
    return schema.dataset(**values | more)


def add_spots(expected, view, frame, y, x, photons, sigma_nm):
    """The numpy twin: the outer product of differences of error functions, spot by spot."""
    edges_y = view.origin_y_nm + np.arange(view.shape[0] + 1) * view.pixel_nm
    edges_x = view.origin_x_nm + np.arange(view.shape[1] + 1) * view.pixel_nm
    for m in range(frame.size):
        along_y, along_x = (
            np.diff(ndtr((edges_y - y[m]) / sigma_nm)),
            np.diff(ndtr((edges_x - x[m]) / sigma_nm)),
        )
        expected[frame[m]] += photons[m] * np.outer(along_y, along_x)


@pytest.mark.parametrize(("sigma_nm", "camera_pixel_nm"), [(130.0, 100.0), (90.0, 160.0), (300.0, 65.0)])
def test_spots_are_gaussians_integrated_over_the_pixels_also_across_the_border(sigma_nm, camera_pixel_nm):
    imaging = DARK.replace({"psf.sigma_nm": sigma_nm, "camera_pixel_nm": camera_pixel_nm})
    events = some_events()
    view = imaging.view(FIELD)
    exact = np.zeros((ACQUISITION.frames, *view.shape))
    add_spots(exact, view, *(events[f"event_{name}"].values.astype(np.float64 if name != "frame" else int)
                             for name in ("frame", "y", "x", "photons")), sigma_nm)  # fmt: skip
    found = imaging.expected(events, FIELD, ACQUISITION)
    np.testing.assert_allclose(found, exact, rtol=0, atol=1e-6 * events.event_photons.values.max())


@pytest.mark.parametrize("psf", [Gaussian(), Airy()])
def test_the_photons_of_a_molecule_fall_on_the_frame_wherever_it_is_in_a_pixel(psf):
    wide = FieldOfView(height_nm=12e3, width_nm=12e3, pixel_nm=100.0)
    rng = np.random.default_rng(1)
    y, x = rng.uniform(4e3, 8e3, (2, 40)).astype(np.float32)
    events = schema.dataset(
        event_frame=np.arange(40), event_y=y, event_x=x, event_photons=np.full(40, 100, np.float32)
    )
    light = DARK.replace({"psf": psf}).expected(events, wide, ACQUISITION).sum((1, 2), dtype=np.float64)
    lost = 0.0118 if psf.kind == "airy" else 0  # beyond the square window of 64 pixels
    np.testing.assert_allclose(light, 100 * (1 - lost), rtol=1e-3 if psf.kind == "airy" else 1e-5)


def test_the_centre_of_the_light_is_where_the_molecule_is_on_average():
    """A molecule on its way along x and, half of the last frame, in the dark."""
    way_nm, start_nm = 40.0, 800.0
    middle = np.array([0.5, 1.5, 2.25])
    events = schema.dataset(
        event_frame=np.arange(3),
        event_y=np.full(3, 500, np.float32),
        event_x=(start_nm + way_nm * middle).astype(np.float32),
        event_photons=np.array([1000, 1000, 500], np.float32),
    )
    light = DARK.expected(events, FIELD, ACQUISITION)[:3].sum(1, dtype=np.float64)
    centre = (light * DARK.view(FIELD).x_nm).sum(1) / light.sum(1)
    np.testing.assert_allclose(centre, start_nm + way_nm * middle, atol=1e-2)


@pytest.mark.parametrize("name", CAMERAS)
def test_every_pixel_and_frame_has_the_noise_of_the_camera(name):
    imaging = Imaging(camera=name, background_photons=30.0)
    acquisition = Acquisition(time_points=20, frames_per_point=20)
    frames = imaging.take(some_events(0), FIELD, acquisition, stream(0, "frames")).frames.values
    camera = CAMERAS[name]
    electrons = camera.quantum_efficiency * 30 + camera.spurious_e
    excess = 2 if camera.em_gain > 1 else 1
    variance = (
        excess * electrons * camera.em_gain**2 + camera.read_noise_e**2
    ) / camera.electrons_per_level**2
    variance += 1 / 12 * (name != "ideal")
    mean = camera.offset + electrons * camera.em_gain / camera.electrons_per_level
    assert frames.mean() == pytest.approx(mean, abs=SIGMAS * math.sqrt(variance / frames.size))
    kurtosis = 3 + 7 / electrons
    assert frames.var() == pytest.approx(variance, rel=SIGMAS * math.sqrt((kurtosis - 1) / frames.size))
    # Neighbours in space and time are independent.
    away = (frames - mean) / math.sqrt(variance)
    for one, other in ((away[1:], away[:-1]), (away[:, 1:], away[:, :-1]), (away[..., 1:], away[..., :-1])):
        assert abs((one * other).mean()) < SIGMAS / math.sqrt(one.size)


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_frames_do_not_depend_on_how_they_are_gathered_in_blocks(size):
    imaging, events = Imaging(camera="emccd"), some_events()
    whole = imaging.take(events, FIELD, ACQUISITION, stream(3, "frames"))
    schema.check_frames(whole)
    blocks = list(imaging.blocks(events, FIELD, ACQUISITION, stream(3, "frames"), frames_per_block=size))
    assert [block.first_frame for block in blocks] == list(range(0, ACQUISITION.frames, size))
    np.testing.assert_array_equal(
        np.concatenate([block.frames.values for block in blocks]), whole.frames.values
    )
    other = imaging.take(events, FIELD, ACQUISITION, stream(4, "frames"))
    assert (other.frames.values != whole.frames.values).mean() > 0.9


def test_a_block_takes_memory_for_itself_only():
    """A movie of 12 TB can be begun."""
    long = Acquisition(time_points=10_000_000, frames_per_point=500)
    block = next(Imaging().blocks(some_events(), FIELD, long, stream(0, "frames")))
    assert 100 < block.sizes["frame"] < 5000


def test_pixels_cover_the_field_and_know_where_they_are():
    frames = DARK.replace({"camera_pixel_nm": 130.0}).take(
        some_events(), FIELD, ACQUISITION, stream(0, "frames")
    )
    y, x = frames.camera_y.values, frames.camera_x.values
    assert np.allclose(np.diff(y), 130)
    assert y[0] - 65 <= FIELD.origin_y_nm < y[0] + 65
    assert x[-1] - 65 < FIELD.origin_x_nm + FIELD.width_nm <= x[-1] + 65
    assert frames.attrs["camera_pixel_nm"] == 130


def test_molecules_without_photons_shine_as_long_as_they_are_on(caplog):
    events = some_events(
        2, event_y=np.full(2, 500.0), event_x=np.full(2, 1000.0), event_frame=np.array([0, 1])
    )
    events = events.drop_vars("event_photons").assign(event_on_fraction=("event", [1.0, 0.25]))
    with caplog.at_level("INFO"):
        light = DARK.expected(events, FIELD, ACQUISITION).sum((1, 2))
    np.testing.assert_allclose(light[:2], [PHOTONS, PHOTONS / 4], rtol=1e-5)
    assert "the events say no photons; a molecule is taken to emit 1000 per frame" in caplog.text


def test_the_structure_out_of_focus_changes_between_the_time_points():
    imaging = Imaging(background_photons=1.0, out_of_focus_photons=4.0)
    view = imaging.view(FIELD)
    images = np.arange(4.0)[:, None, None] * np.ones(view.shape)
    blurred = schema.dataset(
        out_of_focus=images, time=ACQUISITION.times_s, camera_y=view.y_nm, camera_x=view.x_nm
    )
    found = imaging.expected(some_events(0).merge(blurred), FIELD, ACQUISITION)[:, 0, 0]
    middle = (np.arange(ACQUISITION.frames) + 0.5) / ACQUISITION.frames_per_point - 0.5
    np.testing.assert_allclose(found, 1 + 4 * np.clip(middle, 0, 3), atol=1e-5)
    with pytest.raises(ValueError, match=r"needs the blurred structure at .* found none"):
        imaging.expected(some_events(), FIELD, ACQUISITION)


@pytest.mark.parametrize(
    ("events", "said"),
    [
        (some_events(event_frame=np.arange(500)[::-1]), "not sorted by frame"),
        (some_events(event_frame=np.arange(500)), "in the frames 0 to 499, the movie has 40"),
        (some_events(event_photons=np.full(500, -1.0)), "event_photons must be at least 0"),
        (some_events(event_y=np.full(500, np.nan)), "event_y holds 500 values that are NaN"),
        (some_events(event_channel=np.arange(500) % 2), "several channels"),
    ],
)
def test_events_that_are_no_movie_are_refused(events, said):
    with pytest.raises(ValueError, match=said):
        Imaging().take(events, FIELD, ACQUISITION, stream(0, "frames"))


def test_pixels_that_differ_have_the_mean_and_the_variance_of_their_own_amplifiers():
    imaging = Imaging(pixel_spread=PixelSpread(offset=5.0, gain=0.1, read_noise=0.5), background_photons=40.0)
    acquisition = Acquisition(time_points=30, frames_per_point=50)
    frames = imaging.take(some_events(0), FIELD, acquisition, stream(0, "frames"))
    offset, per_level, read_noise = (
        frames[f"camera_{name}"].values for name in ("offset", "electrons_per_level", "read_noise_e")
    )
    electrons = imaging.camera.quantum_efficiency * 40
    variance = (electrons + read_noise**2) / per_level**2 + 1 / 12
    away = (frames.frames.values.mean(0) - offset - electrons / per_level) / np.sqrt(
        variance / acquisition.frames
    )
    assert abs(away).max() < SIGMAS
    noisier = frames.frames.values.var(0) / variance
    assert abs(noisier - 1).max() < SIGMAS * math.sqrt(2.2 / acquisition.frames)
    assert np.std(offset) == pytest.approx(5, rel=SIGMAS / math.sqrt(2 * offset.size))
    again = imaging.take(some_events(0), FIELD, ACQUISITION, stream(1, "frames"))
    np.testing.assert_array_equal(again.camera_offset, frames.camera_offset)


def test_saturated_pixels_are_counted_once_at_the_end(caplog):
    dim = Imaging(camera=CAMERAS["ideal"].replace({"bit_depth": 8}), background_photons=1.0)
    events = some_events(1, event_y=[500.0], event_x=[1000.0], event_photons=[20_000.0], event_frame=[7])
    frames = dim.take(events, FIELD, ACQUISITION, stream(0, "frames")).frames.values
    full = np.count_nonzero(frames == 255)
    assert full > 20
    assert caplog.messages == [
        f"{full} pixels of the frames are saturated, at 255 grey levels; lower photons, or the camera's em_gain"
    ]


@pytest.mark.parametrize("size", [0, -3])
def test_a_block_has_a_frame_at_least(size):
    with pytest.raises(ValueError, match=f"frames_per_block must be positive, found {size}"):
        next(Imaging().blocks(some_events(), FIELD, ACQUISITION, stream(0, "frames"), frames_per_block=size))
