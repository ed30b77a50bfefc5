import logging

import numpy as np
import pytest
from scipy.optimize import curve_fit
from spots_on_frames import events

from baselines.frames.sofi import Sofi
from smlmsim.reconstruct import reconstruct
from smlmsim.testing import check_reconstructor, make_frames, make_observation, with_frames

SIGMA_NM = np.hypot(130, 100 / np.sqrt(12))
"""Standard deviation of the point spread function, integrated over a pixel."""


def blinking(frames, share, y=800.0, x=800.0, seed=0, photons=2000.0, time_points=2):
    """An observation whose frames show a molecule that is on in a share of them."""
    on = np.flatnonzero(np.random.default_rng(seed).random(frames) < share)
    molecules = events(on, np.full(on.size, y), np.full(on.size, x), photons)
    recording = make_frames(molecules, (frames, 16, 16), seed=seed)
    empty = make_observation(np.zeros((time_points, 80, 80)), point_s=frames * 0.03 / time_points)
    return empty.assign(recording.variables).assign_attrs(empty.attrs | recording.attrs)


def width_nm(image):
    """The standard deviation of a spot along x."""
    profile, x_nm = image.sum("y").values, image.x.values

    def curve(x, height, middle, sigma):
        return height * np.exp(-((x - middle) ** 2) / (2 * sigma**2))

    return curve_fit(curve, x_nm, profile, (profile.max(), 800.0, 80.0))[0][2]


@pytest.mark.parametrize("order", [2, 4])
def test_spots_are_narrower_by_the_root_of_the_order(order):
    movie = blinking(1500, 0.06)
    found = reconstruct(Sofi(order=order, window_s=1000.0), movie)
    # Linear interpolation widens them by up to 5 %: a variance of a sixth of the distance between places squared.
    places_nm = 100 / order
    expected = np.sqrt(SIGMA_NM**2 / order + places_nm**2 / 6)
    assert width_nm(found.density[0]) == pytest.approx(expected, rel=0.04)
    assert found.attrs["psf_sigma_px"] == pytest.approx(SIGMA_NM / 100, rel=0.08)


def test_a_given_width_is_taken_with_that_of_the_pixel():
    found = reconstruct(Sofi(psf_sigma_nm=130.0), blinking(200, 0.2))
    assert found.attrs["psf_sigma_px"] == pytest.approx(SIGMA_NM / 100)


def test_the_density_is_at_the_pixels_of_the_observation_and_bright_where_molecules_blink():
    movie = blinking(500, 0.2, y=500.0, x=1100.0)
    found = reconstruct(Sofi(), movie).density
    assert found.shape == movie.counts.shape
    brightest = found[0].where(found[0] == found[0].max(), drop=True)
    assert float(brightest.y[0]) == pytest.approx(500, abs=40)
    assert float(brightest.x[0]) == pytest.approx(1100, abs=40)


def test_each_time_point_sees_the_frames_of_its_window():
    first = blinking(400, 0.2, y=400.0, x=400.0)
    later = blinking(400, 0.2, y=1200.0, x=1200.0)
    first["frames"].values[200:] = later.frames.values[200:]
    found = reconstruct(Sofi(window_s=5.0), first).density
    corner = found.isel(y=slice(0, 40), x=slice(0, 40)).sum(("y", "x"))
    assert corner[0] > 3 * corner[1]


def test_a_window_of_too_few_frames_is_told(caplog):
    movie = with_frames(make_observation(np.ones((3, 40, 40), int), point_s=0.1))
    with caplog.at_level(logging.WARNING, "smlmsim"):
        found = reconstruct(Sofi(window_s=0.1), movie)
    assert "holds 1 camera frames, too few for cumulants of order=2; give a longer window_s" in caplog.text
    assert not found.density.any()


def test_frames_of_another_time_are_refused():
    movie = blinking(100, 0.2).assign_attrs(first_frame=10_000)
    with pytest.raises(
        ValueError, match="the 100 frames from first_frame=10000 on are not of the time points"
    ):
        reconstruct(Sofi(), movie)


@pytest.mark.parametrize("order", [2, 4])
def test_it_keeps_to_the_contract(order):
    check_reconstructor(Sofi(order=order))
