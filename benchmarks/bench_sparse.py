"""Convert localizations to counts, compared with ``np.histogram2d`` and ``fast_histogram`` for each time point.

270,000 localizations, sorted by frame, around 40 lines that cross the field; 300 time points of 128 x 128
pixels. Every side allocates its output; before timing, a check requires exactly the same counts.
``smlmsim`` takes and returns datasets, ``smlmsim kernel`` takes and returns arrays, as the others do.
"""

import numpy as np
import pytest

from smlmsim import _sparse_kernels, schema
from smlmsim.acquisition import Acquisition
from smlmsim.field import FieldOfView
from smlmsim.sparse import bin_localizations

fast_histogram = pytest.importorskip("fast_histogram")

FIELD = FieldOfView()
ACQUISITION = Acquisition()
LOCALIZATIONS = 270_000
LIMITS = [(0, FIELD.height_nm), (0, FIELD.width_nm)]


@pytest.fixture(scope="module")
def localizations():
    rng = np.random.default_rng(0)
    ends = rng.uniform(0, FIELD.height_nm, (40, 2, 2))
    line, along = rng.integers(40, size=2 * LOCALIZATIONS), rng.random((2 * LOCALIZATIONS, 1))
    points = ends[line, 0] * along + ends[line, 1] * (1 - along) + rng.normal(0, 20, (2 * LOCALIZATIONS, 2))
    y, x = points.astype(np.float32).T
    inside = np.flatnonzero(FIELD.contains(y, x))[:LOCALIZATIONS]
    frame = np.sort(rng.integers(ACQUISITION.frames, size=LOCALIZATIONS)).astype(np.int32)
    return schema.dataset(loc_frame=frame, loc_y=y[inside], loc_x=x[inside])


def ours(localizations):
    return bin_localizations(localizations, FIELD, ACQUISITION).counts.values


def our_kernel(localizations):
    counts = np.empty((ACQUISITION.time_points, *FIELD.shape), np.uint16)
    _sparse_kernels.count(
        localizations.loc_frame.values,
        localizations.loc_y.values,
        localizations.loc_x.values,
        ACQUISITION.frames_per_point,
        FIELD.origin_y_nm,
        FIELD.origin_x_nm,
        1 / FIELD.pixel_nm,
        counts,
    )
    return counts


def by_numpy(localizations):
    return histograms(localizations, lambda y, x: np.histogram2d(y, x, bins=FIELD.shape, range=LIMITS)[0])


def by_fast_histogram(localizations):
    return histograms(
        localizations, lambda y, x: fast_histogram.histogram2d(y, x, bins=FIELD.shape, range=LIMITS)
    )


def histograms(localizations, histogram):
    frame, y, x = (localizations[name].values for name in ("loc_frame", "loc_y", "loc_x"))
    edges = np.arange(ACQUISITION.time_points + 1) * ACQUISITION.frames_per_point
    bounds = np.searchsorted(frame, edges)
    counts = np.empty((ACQUISITION.time_points, *FIELD.shape), np.uint16)
    for t in range(ACQUISITION.time_points):
        counts[t] = histogram(y[bounds[t] : bounds[t + 1]], x[bounds[t] : bounds[t + 1]])
    return counts


@pytest.mark.parametrize(
    ("count", "rounds"),
    [(our_kernel, 100), (ours, 100), (by_fast_histogram, 30), (by_numpy, 10)],
    ids=["smlmsim kernel", "smlmsim", "fast_histogram", "numpy"],
)
def test_counts(benchmark, localizations, count, rounds):
    benchmark.group = "sparse: localizations to counts"
    np.testing.assert_array_equal(count(localizations), by_numpy(localizations))
    benchmark.pedantic(count, args=(localizations,), rounds=rounds, warmup_rounds=2)
