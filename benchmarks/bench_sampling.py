"""Localizations along a moving contour, compared with one Poisson number per pixel of the dense movie.

Both start from the movie size of the thesis: 40 filaments of 100 beads, 300 time points of 128 x 128 px. For NumPy the
time to make the dense movie is not counted; its counts have no positions and no times. smlmsim gives localizations with
their precision: ``smlmsim`` returns datasets, ``smlmsim arrays`` arrays as NumPy does.
"""

import numpy as np
import pytest

from smlmsim import schema
from smlmsim.acquisition import Acquisition
from smlmsim.density import Density
from smlmsim.field import FieldOfView
from smlmsim.localization import Statistical
from smlmsim.photophysics import Poisson

FIELD = FieldOfView()
FILAMENTS, BEADS, BOND_NM, PERSISTENCE_NM, VELOCITY_NM_PER_S = 40, 100, 25.6, 20_000.0, 60.0
SIGMA_NM = 30.0
PER_POINT = [45, 900, 4800]
TRUE_ONLY = {"false_positive_uniform": 0.0, "false_positive_structured": 0.0}


def acquisition(steps):
    return Acquisition(time_points=300, frames_per_point=50, steps_per_point=steps)


def structure(steps):
    """Return worm-like chains that glide and turn in a box one filament length wider than the field on each side."""
    rng, times_s = np.random.default_rng(0), acquisition(steps).step_times_s[:, None]
    length_nm = BEADS * BOND_NM
    angles = rng.uniform(0, 2 * np.pi, (FILAMENTS, 1)) + np.cumsum(
        rng.normal(0, np.sqrt(BOND_NM / PERSISTENCE_NM), (FILAMENTS, BEADS)), axis=1
    )
    bodies = np.cumsum(BOND_NM * np.exp(1j * angles), axis=1)
    bodies -= bodies.mean(axis=1, keepdims=True)
    low, side = -length_nm, FIELD.width_nm + 2 * length_nm
    centres = low + side * rng.random((2, FILAMENTS))
    way = rng.uniform(0, 2 * np.pi, FILAMENTS)
    travelled = VELOCITY_NM_PER_S * times_s
    centre_x = low + np.mod(centres[0] + travelled * np.cos(way) - low, side)
    centre_y = low + np.mod(centres[1] + travelled * np.sin(way) - low, side)
    turns = np.exp(1j * rng.normal(0, VELOCITY_NM_PER_S / length_nm, FILAMENTS) * times_s)
    vertices = (centre_x + 1j * centre_y)[..., None] + turns[..., None] * bodies
    vertices = vertices.reshape(times_s.size, -1)
    return schema.dataset(
        {"box_nm": [low, low, side, side]},
        time=times_s.ravel(),
        filament=np.repeat(np.arange(FILAMENTS, dtype=np.int32), BEADS),
        vertex_y=vertices.imag.astype(np.float32),
        vertex_x=vertices.real.astype(np.float32),
    )


@pytest.fixture(scope="module")
def frozen():
    return structure(steps=1)


@pytest.fixture(scope="module")
def moving():
    return structure(steps=5)


@pytest.fixture(scope="module")
def dense(frozen):
    """Return the dense movie, scaled to one localization per time point."""
    movie = Density(sigma_nm=SIGMA_NM).render(frozen, FIELD).density.values
    return movie / movie.sum() * movie.shape[0]


def ours(structure, per_point, steps, localization, rng):
    timing = acquisition(steps)
    emitter = Poisson(rate_hz=per_point / timing.point_s, frozen=steps == 1)
    return localization.localize(emitter.emit(structure, FIELD, timing, rng), FIELD, timing, rng)


def our_arrays(structure, per_point, steps, localization, rng):
    timing = acquisition(steps)
    emitter = Poisson(rate_hz=per_point / timing.point_s, frozen=steps == 1)
    return localization._find(*emitter._draw(structure, FIELD, timing, rng), FIELD, timing, rng)


def chi2(found, expected):
    """Return chi2 per degree of freedom, in boxes of 10 time points x 2 x 2 pixels with 10 expected counts or more."""
    found, expected = (
        v.reshape(30, 10, 64, 2, 64, 2).sum(axis=(1, 3, 5), dtype=float) for v in (found, expected)
    )
    used = expected >= 10
    return ((found - expected)[used] ** 2 / expected[used]).mean()


@pytest.fixture(scope="module", autouse=True)
def both_follow_the_dense_movie(frozen, dense):
    """Check that with an error as large as the blur, the mean of the localizations is the dense movie."""
    expected = 4800 * dense
    localization = Statistical(precision_nm=SIGMA_NM, precision_spread=0, **TRUE_ONLY)
    found = ours(frozen, 4800, 1, localization, np.random.default_rng(1))
    sample = [
        found.loc_frame.values // 50,
        found.loc_y.values // FIELD.pixel_nm,
        found.loc_x.values // FIELD.pixel_nm,
    ]
    index = np.ravel_multi_index([v.astype(int) for v in sample], dense.shape)
    counts = np.bincount(index, minlength=dense.size).reshape(dense.shape)
    assert abs(chi2(counts, expected) - 1) < 0.1
    assert abs(chi2(np.random.default_rng(2).poisson(expected), expected) - 1) < 0.1


@pytest.fixture(params=PER_POINT)
def per_point(request, benchmark):
    benchmark.group = f"Poisson sampling, {request.param} localizations per time point"
    return request.param


@pytest.mark.parametrize("sample", [our_arrays, ours], ids=["smlmsim arrays", "smlmsim"])
def test_frozen(benchmark, sample, frozen, per_point):
    rng = np.random.default_rng(3)
    benchmark(sample, frozen, per_point, 1, Statistical(**TRUE_ONLY), rng)


def test_smlmsim_frozen_with_false_positives(benchmark, frozen, per_point):
    rng = np.random.default_rng(3)
    benchmark(ours, frozen, per_point, 1, Statistical(), rng)


@pytest.mark.parametrize("sample", [our_arrays, ours], ids=["smlmsim arrays", "smlmsim"])
def test_moving_within_the_time_points(benchmark, sample, moving, per_point):
    rng = np.random.default_rng(3)
    benchmark(sample, moving, per_point, 5, Statistical(**TRUE_ONLY), rng)


def test_numpy_per_pixel(benchmark, dense, per_point):
    benchmark(np.random.poisson, per_point * dense)
