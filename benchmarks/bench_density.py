"""Draw a moving contour as a dense movie, compared with a histogram of the sampled contour and a Gaussian filter.

300 time points of 128 x 128 pixels; 40 filaments of 100 vertices, 25.6 nm apart, that drift. The contour is
sampled every 0.1 pixels for the histograms. The error of each side is asserted on one time point before it is
timed, and reported in ``extra_info``.
"""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.special import erf

from smlmsim import schema
from smlmsim.density import Density
from smlmsim.field import FieldOfView

fast_histogram = pytest.importorskip("fast_histogram")

FIELD = FieldOfView()
SIGMA_NM = 30.0
TIMES, FILAMENTS, VERTICES, BOND_NM = 300, 40, 100, 25.6
CHECKED = [150]


@pytest.fixture(scope="module")
def moving():
    rng = np.random.default_rng(0)
    turns = rng.normal(0, np.sqrt(BOND_NM / 20_000), (FILAMENTS, VERTICES - 1))
    turns[:, 0] = rng.uniform(0, 2 * np.pi, FILAMENTS)
    angles = np.cumsum(turns, axis=1)
    velocity = rng.normal(0, 1.0, (FILAMENTS, 2))
    coordinates = []
    for axis, steps in enumerate((np.sin(angles), np.cos(angles))):
        path = np.cumsum(np.pad(BOND_NM * steps, ((0, 0), (1, 0))), axis=1)
        path += rng.uniform(0, FIELD.height_nm, (FILAMENTS, 1)) - path.mean(axis=1, keepdims=True)
        drift = velocity[:, axis] * np.arange(TIMES)[:, None]
        coordinates.append((path + drift[:, :, None]).reshape(TIMES, -1).astype(np.float32))
    y, x = coordinates
    filament = np.repeat(np.arange(FILAMENTS, dtype=np.int32), VERTICES)
    return schema.dataset(vertex_y=y, vertex_x=x, filament=filament, time=np.arange(TIMES) * 1.5)


@pytest.fixture(scope="module")
def exact(moving):
    return np.stack([line_integral(moving.isel(time=t)) for t in CHECKED])


def ours(moving):
    return Density(sigma_nm=SIGMA_NM).render(moving, FIELD).density.values


def numpy_and_scipy(moving):
    return blurred_histograms(
        moving,
        lambda y, x: np.histogram2d(
            y, x, bins=FIELD.shape, range=[(0, FIELD.height_nm), (0, FIELD.width_nm)]
        )[0],
    )


def fast_histogram_and_scipy(moving):
    return blurred_histograms(
        moving,
        lambda y, x: fast_histogram.histogram2d(
            y, x, bins=FIELD.shape, range=[(0, FIELD.height_nm), (0, FIELD.width_nm)]
        ),
    )


def blurred_histograms(moving, histogram):
    """Count samples of the contour at equal distances, so that all have the same weight, and blur them."""
    samples = int(np.ceil(BOND_NM / (0.1 * FIELD.pixel_nm)))
    along = ((np.arange(samples, dtype=np.float32) + 0.5) / samples)[:, None]
    chains = [
        coordinate.values.reshape(-1, FILAMENTS, VERTICES)
        for coordinate in (moving.vertex_y, moving.vertex_x)
    ]
    density = np.empty((moving.sizes["time"], *FIELD.shape), np.float32)
    for t in range(len(density)):
        starts = [chain[t, :, :-1].ravel() for chain in chains]
        steps = [np.diff(chain[t]).ravel() for chain in chains]
        y, x = ((start + along * step).ravel() for start, step in zip(starts, steps, strict=True))
        density[t] = gaussian_filter(histogram(y, x), SIGMA_NM / FIELD.pixel_nm, mode="constant")
    density *= np.float32(BOND_NM / samples / FIELD.pixel_nm**2)
    return density


def line_integral(moving):
    """Return the exact density at one time: a Gaussian across each segment, error functions along it."""
    y, x = (v.values.astype(float).reshape(FILAMENTS, VERTICES) for v in (moving.vertex_y, moving.vertex_x))
    density = np.zeros(FIELD.shape)
    for y0, x0, dy, dx in zip(
        y[:, :-1].ravel(), x[:, :-1].ravel(), np.diff(y).ravel(), np.diff(x).ravel(), strict=True
    ):
        length = np.hypot(dy, dx)
        from_y, from_x = FIELD.y_nm[:, None] - y0, FIELD.x_nm - x0
        along, across = (from_y * dy + from_x * dx) / length, (from_y * dx - from_x * dy) / length
        ends = erf(along / (np.sqrt(2) * SIGMA_NM)) - erf((along - length) / (np.sqrt(2) * SIGMA_NM))
        density += np.exp(-0.5 * (across / SIGMA_NM) ** 2) * ends
    return density / (2 * np.sqrt(2 * np.pi) * SIGMA_NM)


@pytest.mark.parametrize(
    ("render", "rms_error", "rounds"),
    [(ours, 1e-3, 20), (fast_histogram_and_scipy, 3e-2, 5), (numpy_and_scipy, 3e-2, 3)],
    ids=["smlmsim", "fast_histogram+scipy", "numpy+scipy"],
)
def test_dense_movie(benchmark, moving, exact, render, rms_error, rounds):
    benchmark.group = "density: moving contour to dense movie"
    errors = (render(moving.isel(time=CHECKED)) - exact) / exact.max()
    benchmark.extra_info["rms error of the maximum"] = float(np.sqrt(np.mean(errors**2)))
    benchmark.extra_info["greatest error of the maximum"] = float(np.abs(errors).max())
    assert benchmark.extra_info["rms error of the maximum"] < rms_error
    benchmark.pedantic(render, args=(moving,), rounds=rounds, warmup_rounds=1)
