"""Localizers compared with a fit of every spot by scipy.optimize, on one thread; results are compared before the times.

The group of a benchmark says how many spots are fitted in a call: spots/s are that number divided by the mean time.
"""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import ndtr

from baselines.localizers import _fit_kernels, _phasor_kernels
from baselines.localizers.mle import MaximumLikelihood
from baselines.localizers.phasor import Phasor
from smlmsim import schema
from smlmsim.frames import Imaging
from smlmsim.shot_noise import counts_of
from smlmsim.testing import make_frames

SIGMA_PX, RADIUS, FRAMES, EDGE = 1.3, 3, 50, 128
AGREEMENT_PX = 2e-3
"""Largest distance of the fitted positions, median over spots: both have climbed to the same maximum."""


def likelihood_and_slopes(at, image, edges):
    """The negative log-likelihood of a window, and its slopes along y, x, photons, background and width."""
    y, x, n, b, s = at
    if n <= 0 or b <= 0 or s <= 0:
        return np.inf, np.zeros(5)
    parts, slopes, widenings = [], [], []
    for centre in (y, x):
        z = (edges - centre) / s
        density = np.exp(-0.5 * z**2) / (np.sqrt(2 * np.pi) * s)
        parts.append(np.diff(ndtr(z)))
        slopes.append(-np.diff(density))
        widenings.append(-np.diff(z * density))
    spot = np.outer(*parts)
    mean = n * spot + b
    share = 1 - image / mean
    wider = n * (np.outer(widenings[0], parts[1]) + np.outer(parts[0], widenings[1]))
    slopes = [n * np.outer(slopes[0], parts[1]), n * np.outer(parts[0], slopes[1]), spot, 1.0, wider]
    return float((mean - image * np.log(mean)).sum()), np.array([(share * slope).sum() for slope in slopes])


def scipy_fits(counts, spots):
    """Fit every spot by itself, with the gradient, as one would write it with scipy."""
    edges, found = np.arange(2 * RADIUS + 2) - RADIUS - 0.5, []
    bounds = [(-3, 3), (-3, 3), (1, None), (1e-3, None), (0.65, 3.25)]
    for frame, row, column in spots:
        window = counts.values[frame, row - RADIUS : row + RADIUS + 1, column - RADIUS : column + RADIUS + 1]
        image = window.astype(float)
        start = [
            0,
            0,
            max(image.sum() - image.size * np.percentile(image, 25), 100),
            np.percentile(image, 25),
            SIGMA_PX,
        ]
        best = minimize(
            likelihood_and_slopes, start, (image, edges), jac=True, method="L-BFGS-B", bounds=bounds,
            options={"ftol": 1e-12, "gtol": 1e-8},
        )  # fmt: skip
        found.append([row + best.x[0], column + best.x[1]])
    return np.array(found)


@pytest.fixture(scope="module")
def movie():
    """Frames at 0.2 molecules per um^2, and their spots that are not at the border."""
    rng = np.random.default_rng(0)
    number = 33 * FRAMES
    y, x = rng.uniform(500, 100 * EDGE - 500, (2, number))
    events = schema.dataset(
        event_frame=np.sort(rng.integers(0, FRAMES, number)).astype(np.int32),
        event_y=y, event_x=x, event_photons=np.full(number, 1000.0),
    )  # fmt: skip
    frames = make_frames(events, (FRAMES, EDGE, EDGE), imaging=Imaging(camera="ideal"))
    counts = counts_of(frames)._replace(variance=np.zeros((EDGE, EDGE), np.float32))
    return frames, counts, MaximumLikelihood().detect(counts, SIGMA_PX)


def fits(counts, spots):
    return _fit_kernels.fit(counts.values, counts.variance, spots, SIGMA_PX, RADIUS, True)[0]


def phasors(counts, spots):
    return _phasor_kernels.phasors(counts.values, counts.variance, spots, SIGMA_PX, RADIUS)[0]


@pytest.mark.parametrize("method", [fits, phasors, scipy_fits], ids=["mle", "phasor", "scipy"])
def test_spots(benchmark, movie, method):
    _, counts, spots = movie
    some = spots[:300]
    ours, theirs = fits(counts, some), scipy_fits(counts, some)
    apart = np.hypot(*(ours[:, :2] - theirs).T)
    assert np.nanmedian(apart) < AGREEMENT_PX
    assert np.nanmean(apart < 0.05) > 0.95
    chosen = some if method is scipy_fits else spots
    benchmark.group = "localizers: fits of spots in 7 x 7 px; OPS times the number of spots are spots/s"
    benchmark.extra_info["spots"] = len(chosen)
    benchmark(method, counts, chosen)


@pytest.mark.parametrize("localizer", [MaximumLikelihood(), Phasor()], ids=["mle", "phasor"])
def test_frames(benchmark, movie, localizer):
    frames, _, spots = movie
    benchmark.group = (
        f"localizers: {FRAMES} frames of {EDGE} x {EDGE} px with {len(spots)} spots, with detection"
    )
    assert localizer.localize(frames).sizes["localization"] == pytest.approx(len(spots), rel=0.02)
    benchmark(localizer.localize, frames)
