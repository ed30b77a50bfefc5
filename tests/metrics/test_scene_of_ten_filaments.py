"""Published scores of one scene of ten filaments, against the spread over scenes drawn in the same way."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from smlmsim.metrics import METRICS, normalise

SCENES = 12
PUBLISHED = {
    ("ms_ssim", "all zeros"): 0.08,
    ("ms_ssim", "shifted by 1 px"): 0.95,
    ("ms_ssim", "blurred by 1 px"): 0.99,
    ("ms_ssim", "another scene"): 0.15,
    ("ssim", "all zeros"): 0.39,
    ("ms_ssim", (45, 0)): 0.109,
    ("ms_ssim", (45, 1)): 0.260,
    ("ms_ssim", (45, 2)): 0.423,
    ("ms_ssim", (165, 0)): 0.157,
    ("ms_ssim", (165, 1)): 0.493,
    ("ms_ssim", (165, 2)): 0.671,
    ("ms_ssim", (570, 0)): 0.279,
    ("ms_ssim", (570, 1)): 0.731,
    ("ms_ssim", (570, 2)): 0.787,
    ("ms_ssim", (2400, 0)): 0.621,
    ("ms_ssim", (2400, 1)): 0.923,
    ("ms_ssim", (2400, 2)): 0.909,
    ("ms_ssim", (20000, 0)): 0.955,
    ("ms_ssim", (20000, 1)): 0.983,
    ("ms_ssim", (20000, 2)): 0.936,
}


@pytest.fixture(scope="module")
def scores(scene):
    """The scores of every condition, one for each scene."""
    seeds = np.random.SeedSequence(0).spawn(SCENES)
    each = [_scores_of_one_scene(scene, np.random.default_rng(seed)) for seed in seeds]
    return {condition: np.array([scores[condition] for scores in each]) for condition in each[0]}


def _scores_of_one_scene(scene, rng):
    truth = scene(rng).sum(0)[None]
    estimates = {
        "all zeros": np.zeros_like(truth),
        "shifted by 1 px": np.roll(truth, 1, axis=2),
        "blurred by 1 px": gaussian_filter(truth, (0, 1, 1)),
        "another scene": scene(rng).sum(0)[None],
    }
    for localizations in (45, 165, 570, 2400, 20000):
        counts = rng.poisson(truth * (localizations / truth.sum())).astype(float)
        estimates |= {(localizations, blur): gaussian_filter(counts, (0, blur, blur)) for blur in (0, 1, 2)}
    return {
        (name, condition): METRICS[name](*normalise(truth, estimate))
        for name in ("ms_ssim", "ssim")
        for condition, estimate in estimates.items()
    }


@pytest.mark.parametrize("condition", PUBLISHED, ids=str)
def test_the_published_scene_is_one_more_of_these(scores, condition):
    """It differs from their mean by less than five standard errors of one draw and the mean of the others."""
    found = scores[condition]
    spread = found.std(ddof=1) * np.sqrt(1 + 1 / SCENES)
    rounding = 0.005
    assert abs(found.mean() - PUBLISHED[condition]) < 5 * spread + rounding


def test_a_dark_background_flatters_ssim_but_not_ms_ssim(scores):
    assert (scores["ssim", "all zeros"] > 2 * scores["ms_ssim", "all zeros"]).all()
    gain = {name: scores[name, (570, 0)] - scores[name, "all zeros"] for name in ("ssim", "ms_ssim")}
    assert (gain["ms_ssim"] > 3 * gain["ssim"]).all()


def test_more_localizations_score_higher_in_every_scene(scores):
    rising = np.array([scores["ms_ssim", (n, 1)] for n in (45, 165, 570, 2400, 20000)])
    assert (np.diff(rising, axis=0) > 0).all()


def test_more_localizations_deserve_less_blur(scores):
    assert (scores["ms_ssim", (45, 2)] > scores["ms_ssim", (45, 1)]).all()
    assert (scores["ms_ssim", (20000, 2)] < scores["ms_ssim", (20000, 1)]).all()
