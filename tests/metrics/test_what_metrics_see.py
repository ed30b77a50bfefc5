"""Which damage each metric sees: more of it is worse, and no damage makes an estimate better than the truth."""

import functools

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from smlmsim.metrics import METRICS, STANDARD, normalise

SEES = {
    "iou_otsu": "blur noise missing invented flicker shift lag",
    "iou_adaptive": "blur noise missing invented flicker shift lag",
    "manders_truth": "noise missing invented shift lag",
    "manders_estimate": "blur noise missing invented shift lag",
    "fidelity": "blur noise missing invented flicker shift lag",
    "hallucination": "",
    "skeleton_precision": "blur noise missing invented",
    "skeleton_recall": "missing",
    "skeleton_f1": "blur noise missing invented",
    "frc_nm": "noise shift lag",
    "decorrelation_nm": "blur",
    "fwhm_error_nm": "blur noise flicker shift lag",
    "resolution_scaled_pearson": "blur noise missing invented flicker shift lag",
    "resolution_scaled_error": "blur noise missing invented flicker shift lag",
    "temporal_jitter": "blur noise missing invented flicker shift lag",
}
DAMAGES = ("blur", "noise", "missing", "invented", "flicker", "shift", "lag")
SHARPER_THAN_THE_TRUTH = {("decorrelation_nm", "noise")}
"""It looks at the estimate alone, and noise is sharp."""


@pytest.fixture(scope="module")
def damaged(scene):
    """For every damage, the truth and estimates with more and more of it, the first with none."""
    rng = np.random.default_rng(3)
    filaments = np.stack([scene(rng, 20) for _ in range(3)], axis=1)
    truth = filaments[:10].sum(0)
    noise = truth.max() * np.random.default_rng(2).normal(size=truth.shape)
    every_other = np.array([1, -1, 1])[:, None, None]
    wide = scene(np.random.default_rng(8), size=160).sum(0)
    moving = np.stack([wide[16:144, 32 - t : 160 - t] for t in range(7)])
    return {
        "blur": (truth, [gaussian_filter(truth, (0, blur, blur)) for blur in (0, 1, 2, 4)]),
        "noise": (truth, [truth + level * noise for level in (0, 0.02, 0.07, 0.2)]),
        "missing": (truth, [filaments[missing:10].sum(0) for missing in (0, 2, 5, 8)]),
        "invented": (truth, [filaments[: 10 + extra].sum(0) for extra in (0, 2, 5, 10)]),
        "flicker": (truth, [truth * (1 + depth * every_other) for depth in (0, 0.2, 0.6)]),
        "shift": (truth, [np.roll(truth, pixels, axis=2) for pixels in (0, 1, 2, 3)]),
        "lag": (moving[3:], [moving[3 - lag : 7 - lag] for lag in (0, 1, 2, 3)]),
    }


@pytest.fixture(scope="module")
def worths(damaged):
    """A function that scores all estimates of a damage, turned so that higher is better."""

    @functools.cache
    def of(name, damage):
        metric, (truth, estimates) = METRICS[name], damaged[damage]
        sign = 1 if metric.better == "higher" else -1
        return np.array([sign * metric(*normalise(truth, estimate)) for estimate in estimates])

    return of


def test_the_table_holds_all_metrics_that_have_to_be_asked_for():
    assert SEES.keys() == METRICS.keys() - set(STANDARD)


@pytest.mark.parametrize(("name", "damage"), [(n, d) for n, seen in SEES.items() for d in seen.split()])
def test_more_of_the_damage_it_sees_is_worse(worths, name, damage):
    found = worths(name, damage)
    assert np.all(np.diff(found) < 0), found


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        (n, d)
        for n, seen in SEES.items()
        for d in DAMAGES
        if d not in seen and (n, d) not in SHARPER_THAN_THE_TRUTH
    ],
)
def test_no_damage_makes_an_estimate_better_than_the_truth(worths, name, damage):
    found = worths(name, damage)
    assert np.all(found[1:] <= found[0]), found
