"""What every metric of the table must do, whichever it is."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from smlmsim.metrics import METRICS, STANDARD, normalise

EVERY_METRIC = pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
PICTURES = {name: METRICS[name] for name in (*STANDARD, "temporal_jitter")}
EVERY_PICTURE_METRIC = pytest.mark.parametrize("metric", PICTURES.values(), ids=PICTURES)
"""Those that compare pixel by pixel, and so see everything; what the others see is in a table of their own."""

RESOLUTIONS = ("frc_nm", "decorrelation_nm")
TIME_POINTS = 3


def worth(metric, truth, estimate):
    """The score after normalisation, turned so that higher is better."""
    return metric(*normalise(truth, estimate)) * (1 if metric.better == "higher" else -1)


def assert_falls(scores):
    assert np.all(np.diff(scores) < 0), scores


def test_ms_ssim_comes_first_because_it_is_the_primary():
    assert next(iter(METRICS)) == "ms_ssim"
    assert all(name == metric.name for name, metric in METRICS.items())


@EVERY_METRIC
def test_it_says_how_to_read_it(metric):
    low, high = metric.range
    assert np.isfinite([low, high]).all()
    assert low < high
    assert metric.long_name
    assert metric.units
    assert metric.doi.startswith("10.")


@EVERY_METRIC
def test_a_perfect_estimate_reaches_the_better_end_of_the_range(metric, truth):
    low, high = metric.range
    best = high if metric.better == "higher" else low
    if metric.name in RESOLUTIONS:
        assert 2 * 20.0 <= metric(*normalise(truth, truth)) < 5 * 20.0
    else:
        assert metric(*normalise(truth, truth)) == pytest.approx(best, abs=1e-6)


@EVERY_METRIC
@pytest.mark.parametrize("kind", ["other", "noise", "zeros", "one", "negative", "spike", "uniform", "scaled"])
def test_scores_stay_in_their_range_and_are_never_nan(metric, truth, kind):
    rng = np.random.default_rng(1)
    spike = truth.copy()
    spike[0, 64, 64] = 1e6
    estimate = {
        "other": truth[::-1],
        "noise": rng.normal(size=truth.shape),
        "zeros": np.zeros_like(truth),
        "one": np.ones_like(truth),
        "negative": -truth,
        "spike": spike,
        "uniform": rng.random(truth.shape),
        "scaled": 1e20 * truth,
    }[kind]
    low, high = metric.range
    assert low <= metric(*normalise(truth, estimate)) <= high


@EVERY_PICTURE_METRIC
def test_more_blur_is_worse(metric, truth):
    blurs = [0, 0.5, 1, 2, 4, 8]
    assert_falls([worth(metric, truth, gaussian_filter(truth, (0, blur, blur))) for blur in blurs])


@EVERY_PICTURE_METRIC
def test_more_noise_is_worse(metric, truth):
    noise = np.random.default_rng(2).normal(size=truth.shape)
    assert_falls([worth(metric, truth, truth + level * noise) for level in (0, 0.01, 0.03, 0.1, 0.3)])


@EVERY_PICTURE_METRIC
def test_more_missing_filaments_are_worse(metric, scene):
    rng = np.random.default_rng(3)
    filaments = np.stack([scene(rng) for _ in range(TIME_POINTS)], axis=1)
    truth = filaments.sum(0)
    assert_falls([worth(metric, truth, filaments[missing:].sum(0)) for missing in (0, 2, 4, 6, 8)])


@EVERY_PICTURE_METRIC
def test_more_invented_filaments_are_worse(metric, scene):
    rng = np.random.default_rng(4)
    filaments = np.stack([scene(rng, 20) for _ in range(TIME_POINTS)], axis=1)
    truth = filaments[:10].sum(0)
    assert_falls([worth(metric, truth, filaments[: 10 + extra].sum(0)) for extra in (0, 2, 4, 7, 10)])


@EVERY_METRIC
def test_the_scale_of_the_estimate_does_not_matter(metric, truth, estimate):
    scores = [worth(metric, truth, estimate * np.float32(scale)) for scale in (1, 0.003, 123)]
    assert np.ptp(scores) < 2e-6 * max(1, np.max(np.abs(scores)))


@EVERY_PICTURE_METRIC
def test_more_flicker_is_worse(metric, truth, estimate):
    every_other = np.array([1, -1, 1, -1], np.float32)[:, None, None]
    assert_falls([worth(metric, truth, truth * (1 + depth * every_other)) for depth in (0, 0.1, 0.3, 0.6)])


@EVERY_METRIC
@pytest.mark.parametrize("shape", [(4, 128, 127), (128, 128), (0, 128, 128)])
def test_movies_of_two_shapes_or_of_none_are_refused(metric, truth, shape):
    with pytest.raises(ValueError, match=f"{metric.name} compares two movies"):
        metric(truth if len(shape) == 3 and shape[0] else np.zeros(shape), np.zeros(shape))


@EVERY_METRIC
def test_a_strided_view_scores_as_its_copy(metric, truth, estimate):
    view = np.repeat(estimate, 2, axis=2)[:, :, ::2]
    assert metric(truth, view) == metric(truth, estimate)
