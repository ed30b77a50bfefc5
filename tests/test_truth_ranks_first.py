"""The truth, and the truth spoilt, go as plug-ins through grid, scores and comparison: the truth ranks first."""

import hashlib

import numpy as np
import pytest
from one_process import one_process

from smlmsim import compare
from smlmsim.acquisition import Acquisition
from smlmsim.field import FieldOfView
from smlmsim.grid import Axis, Grid, run_grid
from smlmsim.metrics import METRICS
from smlmsim.pipeline import SimulatedDynamic, simulate

pytestmark = pytest.mark.slow

SEEDS = tuple(range(8))
"""Enough for a test among six pairs to tell apart, as ``seeds_needed(6)`` says."""
SPOILT = ("shifted", "blurred", "lagging")
NEAR = "centre lines match within 40 nm, and a pixel along y and x is 28"
ALONE = "it looks at the estimate alone, which is as sharp as the truth"
UNSEEN = {
    ("manders_truth", "blurred"): "what is wider still covers the truth",
    ("skeleton_precision", "shifted"): NEAR,
    ("skeleton_recall", "shifted"): NEAR,
    ("skeleton_f1", "shifted"): NEAR,
    ("frc_nm", "blurred"): "a blur without noise weakens details but leaves them where they are",
    ("decorrelation_nm", "shifted"): ALONE,
    ("decorrelation_nm", "lagging"): ALONE,
}
"""Which metric need not see what, and why not; all others have to see all."""

PLUGIN = """
import hashlib, pathlib
import numpy as np
from scipy.ndimage import gaussian_filter, shift

TRUTHS = pathlib.Path(__file__).with_name("truths.npz")


class Truth:
    def reconstruct(self, observation):
        digest = hashlib.sha256(observation.counts.values.tobytes()).hexdigest()
        with np.load(TRUTHS) as truths:
            density = self.spoil(truths[digest])
        estimate = observation[["counts"]].rename(counts="density")
        return estimate.assign(density=estimate.density.copy(data=density))

    def spoil(self, density):
        return 7 * density


class Shifted(Truth):
    def spoil(self, density):
        return shift(density, (0, 1, 1), order=0, mode="nearest")


class Blurred(Truth):
    def spoil(self, density):
        return gaussian_filter(density, (0, 1, 1))


class Lagging(Truth):
    def spoil(self, density):
        return density[np.r_[0, : len(density) - 1]]
"""


@pytest.fixture(scope="module")
def grid():
    """One cell in which filaments move by 7 px from one time point to the next."""
    study = SimulatedDynamic(
        field=FieldOfView(height_nm=1960, width_nm=1960), acquisition=Acquisition(time_points=5)
    )
    return Grid(
        study=study,
        axes=(Axis(setting="motion.velocity_nm_per_s", values=(90,)),),
        seeds=SEEDS,
        reconstructors=("truth", *SPOILT),
        metrics=tuple(METRICS),
    )


@pytest.fixture(scope="module")
def scores(grid, tmp_path_factory):
    """Of the plug-ins, installed as a package that finds the truth of an observation in a file."""
    site = tmp_path_factory.mktemp("site")
    (site / "spoilt.py").write_text(PLUGIN)
    movies = [simulate(grid.study_of(cell), cell.seed) for cell in grid.cells()]
    np.savez(
        site / "truths.npz",
        **{
            hashlib.sha256(movie.observation.counts.values.tobytes()).hexdigest(): movie.truth.density.values
            for movie in movies
        },
    )
    info = site / "spoilt-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: spoilt\nVersion: 1.0\n")
    entries = "".join(f"{name} = spoilt:{name.capitalize()}\n" for name in ("truth", *SPOILT))
    (info / "entry_points.txt").write_text(f"[smlmsim.reconstructors]\n{entries}")
    with pytest.MonkeyPatch.context() as patch, one_process():
        patch.syspath_prepend(site)
        found = run_grid(grid, site / "scores.zarr", progress=False)
    assert not (found.reason != "").any(), found.reason.values
    return found.drop_vars("reason")


@pytest.mark.parametrize("metric", METRICS)
def test_every_metric_ranks_the_truth_before_what_it_should_see(scores, metric):
    table, ranks = compare.compare(scores, metric), compare.mean_ranks(scores).loc[metric]
    for spoilt in SPOILT:
        row = table[table["first"].isin({"truth", spoilt}) & table["second"].isin({"truth", spoilt})].iloc[0]
        if (metric, spoilt) in UNSEEN:
            assert row["first"] == "truth" or not row.told_apart, spoilt
        else:
            assert (row["first"], bool(row.told_apart)) == ("truth", True), spoilt
            assert ranks["truth"] < ranks[spoilt], spoilt


def test_the_truth_has_a_perfect_score_on_any_scale_wherever_the_truth_is_looked_at(scores):
    for name in METRICS.keys() - {"decorrelation_nm", "frc_nm"}:
        best = METRICS[name].range[METRICS[name].better == "higher"]
        np.testing.assert_allclose(scores[name].sel(reconstructor="truth"), best, atol=1e-5, rtol=0.03)


def test_the_win_map_and_the_mean_of_all_ranks_name_the_truth(scores):
    assert (compare.win_map(scores).best == "truth").all()
    assert compare.mean_ranks(scores).mean().idxmin() == "truth"


def test_what_needs_not_be_seen_is_a_metric_and_a_way_to_spoil():
    assert all(metric in METRICS and spoilt in SPOILT for metric, spoilt in UNSEEN)
