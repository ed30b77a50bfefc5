"""The light of molecules at known places is that which explains the frames best."""

import numpy as np
import pytest

from baselines.localizers._fit_kernels import profile
from baselines.localizers._light_kernels import LEAST_VARIANCE, light

SIGMA, RADIUS, EDGE = 1.3, 4, 25
SWEEPS = 40


def spot(y, x, edge=EDGE):
    parts, unused = np.empty((2, edge)), np.empty(edge)
    for part, middle in zip(parts, (y, x), strict=True):
        profile(middle, SIGMA, edge, part, unused, unused)
    return np.outer(*parts)


def found(frames, frame, places, noise=0.0, sweeps=SWEEPS):
    images = np.asarray(frames, np.float32)
    variance = np.full(images.shape[1:], noise, np.float32)
    return light(
        images, variance, np.asarray(frame, np.int64), np.asarray(places, float), SIGMA, RADIUS, sweeps
    )


def test_spots_that_overlap_share_their_light_without_error():
    places, true = [(8.0, 8.2), (8.6, 9.4), (11.0, 9.0), (20.3, 20.1)], [900.0, 300.0, 2000.0, 500.0]
    image = 7.0 + sum(n * spot(*place) for n, place in zip(true, places, strict=True))
    counts, background = found([image], [0] * 4, places, sweeps=300)
    assert counts == pytest.approx(true, rel=1e-3)
    assert background == pytest.approx(7.0, abs=0.05)


def test_a_spot_by_itself_is_the_weighted_least_squares_of_its_window():
    rng = np.random.default_rng(0)
    y, x, noise = 12.3, 11.8, 4.0
    image = rng.poisson(500 * spot(y, x) + 6).astype(float)
    window = np.s_[12 - RADIUS : 12 + RADIUS + 1]
    part, values = spot(y, x)[window, window].ravel(), image[window, window].ravel()
    columns, solution = np.stack([part, np.ones_like(part)], 1), np.zeros(2)
    for sweep in range(SWEEPS):
        weight = 1 / np.maximum(columns @ solution + noise, LEAST_VARIANCE) if sweep else np.ones_like(part)
        root = np.sqrt(weight)[:, None]
        solution = np.linalg.lstsq(columns * root, values * root[:, 0])[0]
    counts, background = found([image], [0], [(y, x)], noise)
    assert [*counts, *background] == pytest.approx(solution, rel=1e-5)


def test_the_light_of_noisy_spots_is_right_on_average():
    rng = np.random.default_rng(1)
    near = [(12.0, 11.4), (12.2, 12.9)]
    mean = 10.0 + 1000 * (spot(*near[0]) + spot(*near[1]))
    frames = rng.poisson(mean, (200, EDGE, EDGE))
    counts, _ = found(frames, np.repeat(np.arange(200), 2), near * 200)
    error = counts.std() / np.sqrt(counts.size)
    assert abs(counts.mean() - 1000) < 4 * error


def test_spots_at_the_border_and_of_other_frames_do_not_matter_to_each_other():
    frames = np.stack([400 * spot(0.0, 24.0) + 2, 800 * spot(24.2, -0.3) + 3])
    counts, background = found(frames, [0, 1], [(0.0, 24.0), (24.2, -0.3)])
    assert counts == pytest.approx([400, 800], rel=1e-3)
    assert background == pytest.approx([2, 3], rel=1e-2)


def test_light_is_never_below_one_count_and_never_lost_to_a_dark_place():
    image = 5.0 + 600 * spot(12.0, 12.0)
    counts, _ = found([image], [0, 0], [(12.0, 12.0), (12.0, 15.0)])
    assert counts.min() >= 1
    assert counts[0] == pytest.approx(600, rel=0.01)


def test_no_spots_have_no_light():
    counts, background = found([np.ones((8, 8))], [], np.empty((0, 2)))
    assert counts.size == background.size == 0
