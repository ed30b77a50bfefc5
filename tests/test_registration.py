"""Two images of the same at different resolutions find each other, and two of something else do not."""

import math

import numpy as np
import pytest
from carried_images import images

from smlmsim import registration
from smlmsim.registration import RegistrationError, register
from smlmsim.widefield import Widefield


@pytest.mark.parametrize(
    ("shift_nm", "scale", "angle"),
    [((0.0, 0.0), 1.0, 0.0), ((-237.0, 118.0), 0.975, 0.03), ((150.0, 260.0), 1.02, -0.05)],
)
def test_a_known_transform_is_found_within_a_fifth_of_a_widefield_pixel(shift_nm, scale, angle):
    found = register(*images(1, shift_nm, scale, angle))
    corners = np.array([[-2000.0, -2000, 2000, 2000], [-2000, 2000, -2000, 2000]])

    def place(shift, scale, angle):
        turn = scale * np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
        return turn @ corners + np.reshape(shift, (2, 1))

    off = place(shift_nm, scale, angle) - place(
        (found.shift_y_nm, found.shift_x_nm), found.scale, found.angle
    )
    assert math.sqrt((off**2).sum(axis=0).mean()) < 0.2 * Widefield().pixel_nm
    assert found.correlation > 0.8


@pytest.mark.parametrize("seed", [3, 4])
def test_unrelated_images_are_refused(seed):
    with pytest.raises(
        RegistrationError, match=r"standard deviations above unrelated ones; at least 3 is needed"
    ):
        register(*images(seed, other=seed + 100))


def test_filaments_along_the_border_do_not_stretch_the_image():
    """Fitted up to the border, the blur of what is cut there would make the scale 0.004 too large, in the mean."""
    scales = [register(*images(seed, rate_hz=10_000)).scale for seed in range(8)]
    assert abs(np.mean(scales) - 1) < 0.0025


def test_the_stated_error_covers_the_error_and_shrinks_with_the_number_of_localizations():
    few, many = (register(*images(1, rate_hz=rate_hz)) for rate_hz in (100, 1600))
    for found in (few, many):
        assert math.hypot(found.shift_y_nm, found.shift_x_nm) < 2.5 * found.error_nm
    assert 2 < few.error_nm / many.error_nm < 8, "the square root of 16 is 4"


def test_an_error_that_is_too_large_is_refused(monkeypatch):
    monkeypatch.setattr(registration, "LARGEST_ERROR", 0.01)
    with pytest.raises(
        RegistrationError,
        match=r"^the \d+ localizations leave a standard error of \d+ nm; at most 0\.01 widefield",
    ):
        register(*images(1))


def test_images_that_fit_badly_are_refused():
    with pytest.raises(
        RegistrationError, match=r"correlate by 0\.9\d where they fit best; at least 0\.999 is needed"
    ):
        register(*images(1), least_correlation=0.999)


def test_an_even_image_is_refused():
    widefield, localizations = images(1)
    with pytest.raises(RegistrationError, match="constant: it has no structure to register"):
        register(widefield, localizations * 0)
    with pytest.raises(RegistrationError, match="constant: it has no structure to register"):
        register(widefield * 0, localizations)
