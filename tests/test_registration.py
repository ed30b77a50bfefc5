"""Two images of the same at different resolutions find each other, and two of something else do not."""

import math

import numpy as np
import pytest

from smlmsim import registration, schema
from smlmsim.acquisition import Acquisition
from smlmsim.field import FieldOfView
from smlmsim.localization import Statistical
from smlmsim.motion import Static
from smlmsim.photophysics import Poisson
from smlmsim.pipeline import widefield_images
from smlmsim.registration import RegistrationError, register
from smlmsim.rng import stream
from smlmsim.sparse import bin_localizations
from smlmsim.structures import Microtubules
from smlmsim.widefield import Widefield, as_movie

FIELD = FieldOfView(height_nm=4000, width_nm=4000)
ACQUISITION = Acquisition(time_points=4)


def _structure(seed):
    built = Microtubules().build(FIELD.grown(0.25), stream(seed, "structure"))
    return Static().move(built, ACQUISITION.step_times_s, stream(seed))


def _carried(moving, shift_nm, scale, angle):
    """Every place p goes to c + scale R(angle) (p - c) + shift, c the middle of the field."""
    y, x = moving.vertex_y.values - 2000, moving.vertex_x.values - 2000
    cos, sin = scale * math.cos(angle), scale * math.sin(angle)
    return schema.dataset(
        moving.attrs,
        time=moving.time.values,
        filament=moving.filament.values,
        vertex_y=2000 + cos * y + sin * x + shift_nm[0],
        vertex_x=2000 + cos * x - sin * y + shift_nm[1],
    )


def _images(seed, shift_nm=(0.0, 0.0), scale=1.0, angle=0.0, *, other=None, rate_hz=500):
    """A widefield image, and the localizations of 6 s of the same structure, carried; or of another."""
    moving = _structure(seed)
    microscope = Widefield()
    widefield = as_movie(
        widefield_images(microscope, moving, FIELD, ACQUISITION, stream(seed, "widefield"))
    ).isel(time=0)
    seen = _carried(_structure(other) if other is not None else moving, shift_nm, scale, angle)
    events = Poisson(rate_hz=rate_hz).emit(seen, FIELD, ACQUISITION, stream(seed, "p"))
    table = Statistical().localize(events, FIELD, ACQUISITION, stream(seed, "l"))
    return widefield, bin_localizations(table, FIELD, ACQUISITION).counts.sum("time")


@pytest.mark.parametrize(
    ("shift_nm", "scale", "angle"),
    [((0.0, 0.0), 1.0, 0.0), ((-237.0, 118.0), 0.975, 0.03), ((150.0, 260.0), 1.02, -0.05)],
)
def test_a_known_transform_is_found_within_a_fifth_of_a_widefield_pixel(shift_nm, scale, angle):
    found = register(*_images(1, shift_nm, scale, angle))
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
        register(*_images(seed, other=seed + 100))


def test_filaments_along_the_border_do_not_stretch_the_image():
    """Fitted up to the border, the blur of what is cut there would make the scale 0.004 too large, in the mean."""
    scales = [register(*_images(seed, rate_hz=10_000)).scale for seed in range(8)]
    assert abs(np.mean(scales) - 1) < 0.0025


def test_the_stated_error_covers_the_error_and_shrinks_with_the_number_of_localizations():
    few, many = (register(*_images(1, rate_hz=rate_hz)) for rate_hz in (100, 1600))
    for found in (few, many):
        assert math.hypot(found.shift_y_nm, found.shift_x_nm) < 2.5 * found.error_nm
    assert 2 < few.error_nm / many.error_nm < 8, "the square root of 16 is 4"


def test_an_error_that_is_too_large_is_refused(monkeypatch):
    monkeypatch.setattr(registration, "LARGEST_ERROR", 0.01)
    with pytest.raises(
        RegistrationError,
        match=r"^the \d+ localizations leave a standard error of \d+ nm; at most 0\.01 widefield",
    ):
        register(*_images(1))


def test_images_that_fit_badly_are_refused():
    with pytest.raises(
        RegistrationError, match=r"correlate by 0\.9\d where they fit best; at least 0\.999 is needed"
    ):
        register(*_images(1), least_correlation=0.999)


def test_an_even_image_is_refused():
    widefield, localizations = _images(1)
    with pytest.raises(RegistrationError, match="constant: it has no structure to register"):
        register(widefield, localizations * 0)
    with pytest.raises(RegistrationError, match="constant: it has no structure to register"):
        register(widefield * 0, localizations)
