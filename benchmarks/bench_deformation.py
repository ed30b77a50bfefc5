"""Deform a scene over 300 time points: moving vertices that are then drawn, compared with warping an image.

128 x 128 pixels, one scene of a semi-simulated movie at 20 nm/s. smlmsim moves the vertices and draws the contour at
every time point. ``map_coordinates`` of scipy warps the image at rest by the displacement, with linear interpolation,
as is usual. The exact density of the moved contour is drawn in pixels a fifth as large; the error of each side is
asserted before it is timed, and reported in ``extra_info``.
"""

import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from smlmsim.acquisition import Acquisition
from smlmsim.density import Density
from smlmsim.field import FieldOfView
from smlmsim.motion import Deformation
from smlmsim.pipeline import SemiSimulated
from smlmsim.rng import stream
from smlmsim.structures import periodic

STUDY = SemiSimulated(acquisition=Acquisition(steps_per_point=1))
FIELD, TIMES = STUDY.field, STUDY.acquisition.times_s
FINE = FIELD.replace({"pixel_nm": FIELD.pixel_nm / 5})
MOTION = Deformation(velocity_nm_per_s=None, alpha=0.5, course="linear")
CHECKED = [75, 150, 299]
ROWS, COLUMNS = np.indices(FIELD.shape, dtype=np.float64)


@pytest.fixture(scope="module")
def scene():
    cell = FieldOfView(height_nm=5120, width_nm=5120, origin_y_nm=-1280, origin_x_nm=-1280)
    built = periodic(STUDY.structure.build(cell, stream(0, "structure")), cell, piece_nm=512)
    return built.assign_attrs(field_nm=FIELD.rectangle_nm)


def ours(scene):
    return STUDY.density.render(MOTION.move(scene, TIMES, stream(0, "motion")), FIELD).density.values


def scipy_warp(scene):
    image = STUDY.density.render(scene, FIELD).density.values
    flow = MOTION.flow(scene, TIMES, stream(0, "motion"))
    u, v = 2 * (ROWS + 0.5) / FIELD.shape[0] - 1, 2 * (COLUMNS + 0.5) / FIELD.shape[1] - 1
    powers = np.stack([np.ones_like(u), v, v**2, v**3, v**4, u, u**2, u**3, u**4])
    displacement = np.tensordot(flow.terms, powers, axes=1) * np.array(FIELD.shape)[:, None, None] / 2
    movie = np.empty((TIMES.size, *FIELD.shape), np.float32)
    for t, amplitude in enumerate(flow.amplitudes(TIMES)):
        places = [ROWS - amplitude * displacement[0], COLUMNS - amplitude * displacement[1]]
        map_coordinates(image, places, output=movie[t], order=1, mode="nearest")
    return movie


def exact(scene):
    """Return the exact density at the centres of the pixels, drawn in pixels a fifth as large."""
    moved = MOTION.move(scene, TIMES, stream(0, "motion")).isel(time=CHECKED)
    return Density(sigma_nm=STUDY.density.sigma_nm).render(moved, FINE).density.values[:, 2::5, 2::5]


@pytest.mark.parametrize(
    ("movie", "rms_error", "rounds"), [(ours, 1e-3, 20), (scipy_warp, 1e-1, 3)], ids=["smlmsim", "scipy"]
)
def test_deformed_movie(benchmark, scene, movie, rms_error, rounds):
    benchmark.group = "deformation: a scene of 300 time points"
    expected = exact(scene)
    errors = (movie(scene)[CHECKED] - expected) / expected.max()
    benchmark.extra_info["rms error of the maximum"] = float(np.sqrt(np.mean(errors**2)))
    assert benchmark.extra_info["rms error of the maximum"] < rms_error
    benchmark.pedantic(movie, args=(scene,), rounds=rounds, warmup_rounds=1)
