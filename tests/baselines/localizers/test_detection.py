"""Spots are found where they are, and noise is not mistaken for them, whatever the calibration."""

import numpy as np
import pytest
from scipy.ndimage import correlate1d
from spots_on_frames import events, one_each

from baselines.localizers import _detection_kernels as kernels
from baselines.localizers._detection import Detecting, _energy, _taps
from smlmsim.frames import Imaging
from smlmsim.shot_noise import counts_of
from smlmsim.testing import make_frames

NOBODY = events([], [], [])
SIGMA_PX = 1.3


def detected(frames, **settings):
    return Detecting(**settings).detect(counts_of(frames), SIGMA_PX)


@pytest.mark.parametrize("shape", [(20, 33), (3, 40), (1, 5), (1, 1)])
def test_the_blur_is_that_of_scipy(shape):
    image = np.random.default_rng(0).normal(5, 1, shape).astype(np.float32)
    taps = _taps(2 * SIGMA_PX)
    found, rows = np.empty_like(image), np.empty_like(image)
    kernels.blur(image, taps, rows, found)
    both = np.concatenate([taps[:0:-1], taps])
    expected = correlate1d(correlate1d(image, both, 0, mode="nearest"), both, 1, mode="nearest")
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_the_filter_lets_a_constant_pass_and_its_energy_is_that_of_its_pixels():
    narrow, wide = _taps(SIGMA_PX), _taps(2 * SIGMA_PX)
    point = np.zeros((41, 41), np.float32)
    point[20, 20] = 1
    rows, small, large = (np.empty_like(point) for _ in range(3))
    kernels.blur(point, narrow, rows, small)
    kernels.blur(point, wide, rows, large)
    assert small.sum() == pytest.approx(1, rel=1e-5)
    assert _energy(narrow, wide) == pytest.approx(np.square(small - large).sum(), rel=1e-4)


def test_spots_are_found_in_their_pixel_or_the_next():
    frames, molecules = one_each(200, photons=2000)
    found = detected(frames)
    frame, row, column = found.T
    near = np.hypot(
        (row + 0.5) * 100 - molecules.event_y.values[frame],
        (column + 0.5) * 100 - molecules.event_x.values[frame],
    )
    assert set(frame[near < 150]) == set(range(200))
    assert np.count_nonzero(near >= 150) <= 4


@pytest.mark.parametrize("camera", ["ideal", "emccd", "scmos"])
@pytest.mark.parametrize("background", [0.1, 10.0])
def test_noise_is_not_mistaken_for_spots(camera, background):
    imaging = Imaging(camera=camera, background_photons=background)
    frames = make_frames(NOBODY, (10, 96, 96), imaging=imaging)
    # One false spot in 65,000 pixels of background 10 was measured for the multiplying camera, fewer for others.
    assert len(detected(frames)) <= 8


def test_a_gain_that_is_three_times_too_large_does_not_make_noise_stand_out():
    frames = make_frames(NOBODY, (10, 96, 96)).assign_attrs(electrons_per_level=2.25)
    assert len(detected(frames)) <= 8


def test_a_frame_is_searched_by_itself():
    frames, _ = one_each(6)
    together = detected(frames)
    alone = [detected(frames.isel(frame=[number])) for number in range(6)]
    assert together[:, 1:].tolist() == np.concatenate(alone)[:, 1:].tolist()


def test_of_equal_neighbours_one_is_found():
    frames = make_frames(NOBODY, (1, 16, 16), imaging=Imaging(camera="ideal", background_photons=0))
    frames["frames"].values[0, 8, 8:10] = 500
    assert detected(frames).tolist() == [[0, 8, 8]]
