"""An image that is warped shows what its contour shows after the same flow."""

import numpy as np
import pytest

from smlmsim import schema
from smlmsim.density import Density
from smlmsim.field import FieldOfView
from smlmsim.motion import Deformation, warp_movie
from smlmsim.motion import warp as module
from smlmsim.rng import stream

FIELD = FieldOfView(height_nm=1280, width_nm=1280, origin_y_nm=300)
TIMES = np.arange(40) * 1.5


def ring():
    angle = np.linspace(0, 2 * np.pi, 400)
    return schema.dataset(
        {"field_nm": FIELD.rectangle_nm},
        vertex_y=FIELD.y_nm.mean() + 350 * np.sin(angle),
        vertex_x=FIELD.x_nm.mean() + 350 * np.cos(angle),
        filament=np.zeros(400, np.int32),
    )


def still():
    return Density(sigma_nm=60).render(ring(), FIELD).density.values


def test_a_warped_image_is_that_of_the_moved_contour(monkeypatch):
    motion = Deformation(velocity_nm_per_s=None, alpha=0.8, course="linear")
    moved = motion.move(ring(), TIMES, stream(1, "motion"))
    expected = Density(sigma_nm=60).render(moved, FIELD).density.values
    monkeypatch.setattr(module, "_specks", lambda image, field, rng: ring())
    found = warp_movie(still(), FIELD, motion, TIMES, stream(1, "motion")).density.values
    assert (
        np.hypot(*(moved[name].values[-1] - moved[name].values[0] for name in ("vertex_y", "vertex_x"))).max()
        > 40
    )
    assert np.sqrt(np.mean((found - expected) ** 2)) < 0.03 * expected.max()
    assert np.sqrt(np.mean((expected[-1] - expected[0]) ** 2)) > 0.1 * expected.max()


def test_at_velocity_zero_the_image_stays():
    found = warp_movie(still(), FIELD, Deformation(velocity_nm_per_s=0), TIMES, stream(0, "motion"))
    np.testing.assert_allclose(
        found.density, np.broadcast_to(still(), found.density.shape), atol=1e-5 * still().max()
    )


def test_what_leaves_the_field_comes_back_mirrored():
    found = warp_movie(
        still(), FIELD, Deformation(velocity_nm_per_s=120, alpha=0.01), TIMES, stream(0, "motion")
    )
    total = found.density.sum(("y", "x")).values
    assert total.min() > 0.3 * total.mean()
    assert np.abs(np.diff(total)).max() < 0.3 * total.mean()


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.ones((3, 4)), r"the image has \(3, 4\) pixels, the field \(64, 64\)"),
        (np.zeros(FIELD.shape), "empty"),
        (np.full(FIELD.shape, np.nan), "not finite"),
    ],
)
def test_an_image_that_does_not_fit_or_is_empty_is_refused(image, message):
    with pytest.raises(ValueError, match=message):
        warp_movie(image, FIELD, Deformation(), TIMES, stream(0, "motion"))
