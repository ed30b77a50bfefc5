"""The truth is divided by what one filament looks like, so that the floor of a metric does not move with velocity."""

import json

import numpy as np
import pytest

from smlmsim.acquisition import Acquisition
from smlmsim.density import Density
from smlmsim.field import FieldOfView
from smlmsim.metrics import METRICS, normalise, score, three_crests
from smlmsim.metrics.scale import crest
from smlmsim.pipeline import Hybrid, SemiSimulated, SimulatedDynamic, simulate
from smlmsim.schema import dataset
from smlmsim.structures import Clathrin, NuclearPores

SEEDS = 48


@pytest.mark.parametrize(("sigma_nm", "angle"), [(30.0, 0.0), (30.0, 0.7), (50.0, 1.3), (12.0, 0.4)])
def test_the_crest_is_that_of_a_straight_line_that_was_drawn(sigma_nm, angle):
    """Drawn to 4e-3 of its maximum; the centre of the field is the centre of a pixel."""
    field = FieldOfView(height_nm=41 * 20.0, width_nm=41 * 20.0)
    along = np.linspace(-3000, 3000, 7)
    line = dataset(
        vertex_y=410 + np.sin(angle) * along, vertex_x=410 + np.cos(angle) * along, filament=np.zeros(7, int)
    )
    drawn = Density(sigma_nm=sigma_nm).render(line, field).density.values
    assert drawn[20, 20] == pytest.approx(crest(sigma_nm), rel=1e-2)
    assert drawn.max() == pytest.approx(crest(sigma_nm), rel=1e-2)


@pytest.mark.parametrize(
    "study", [SimulatedDynamic(), SemiSimulated(), SimulatedDynamic(structure=Clathrin())]
)
def test_three_crests_follow_the_sigma_of_a_study_of_contours(study):
    for sigma_nm in (30.0, 45.0):
        found = three_crests(study.replace({"density.sigma_nm": sigma_nm}).to_toml())
        assert found == pytest.approx(3 / (np.sqrt(2 * np.pi) * sigma_nm))


@pytest.mark.parametrize(
    "study",
    [
        Hybrid(tables=({"table": "cell.csv"},)).to_toml(),
        SimulatedDynamic(structure=NuclearPores()).to_toml(),
        None,
        "",
        "our microtubules, measured in May",
        "density = 3",
        "[density]\nsigma_nm = -1",
        "[density]\nsigma_nm = nan",
    ],
)
def test_specks_spots_and_what_is_no_study_have_no_crest(study):
    assert three_crests(study) is None


def test_scores_say_by_what_the_truth_was_divided():
    truth = simulate(
        SimulatedDynamic(
            field=FieldOfView(height_nm=800, width_nm=800), acquisition=Acquisition(time_points=3)
        ),
        0,
    ).truth
    estimate = truth.assign(density=truth.density + 0.001)
    measured = truth.drop_attrs()
    said = [
        json.loads(score(estimate, t).ms_ssim.attrs["settings"])["normalisation"] for t in (truth, measured)
    ]
    assert said[0].startswith("truth / 3 crests of a single straight filament;")
    assert said[1].startswith("truth / the 99.9th percentile of its pixels that are not zero;")
    expected = METRICS["psnr"](*normalise(truth.density.values, estimate.density.values, 3 * crest(30.0)))
    assert float(score(estimate, truth).psnr) == expected
    assert float(score(estimate, measured).psnr) != expected


@pytest.fixture(scope="module")
def floors():
    """MS-SSIM of an empty estimate (seed,) by velocity and by what the truth is divided by."""
    found = {}
    for velocity in (0.0, 60.0, 220.0):
        study = SimulatedDynamic(
            acquisition=Acquisition(time_points=2 if velocity == 0 else 12, exposure_s=0.3),
        ).replace({"motion.velocity_nm_per_s": velocity})
        for seed in range(SEEDS):
            truth = _truth(study, seed)
            for name, scale in (("crests", 3 * crest(30.0)), ("maximum", float(truth.max()))):
                empty = METRICS["ms_ssim"](*normalise(truth, np.zeros_like(truth), scale))
                found.setdefault((name, velocity), []).append(empty)
    return {key: np.array(values) for key, values in found.items()}


def _truth(study, seed):
    moving = study.moving(seed).isel(time=study.acquisition.middle_steps)
    return study.density.render(moving, study.field).density.values


def _shift(floors, name):
    means = [values.mean() for (other, _), values in floors.items() if other == name]
    return max(means) - min(means)


def test_an_empty_estimate_scores_the_same_at_all_velocities(floors):
    errors = [values.std(ddof=1) / np.sqrt(SEEDS) for (name, _), values in floors.items() if name == "crests"]
    assert max(errors) < 0.01
    assert _shift(floors, "crests") < 0.03


def test_dividing_by_the_maximum_would_let_crossings_decide_it(floors):
    assert _shift(floors, "maximum") > 0.05


def test_bundles_far_above_the_scale_are_scored_without_clipping():
    truth = np.zeros((1, 64, 64), np.float32)
    truth[:, 20:40] = 50.0
    found = METRICS["psnr"](*normalise(truth, np.zeros_like(truth), 1.0))
    assert found == pytest.approx(-10 * np.log10(2500 * 20 / 64))
