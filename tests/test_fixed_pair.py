"""A part of a measured table is observed, and all of it is the truth."""

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from smlmsim.grid import Axis, Grid, run_grid
from smlmsim.metrics import score
from smlmsim.pipeline import FixedPair, read_study, simulate
from smlmsim.reconstruct import load, reconstruct
from smlmsim.report import words

DATA = Path(__file__).parents[2] / "shared" / "data"
"""Measured tables, where there are any."""


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """A ring of molecules, each of which blinks for five frames in a row; 400 frames."""
    rng = np.random.default_rng(1)
    angle = rng.uniform(0, 2 * np.pi, 80)
    rows = []
    for molecule, way in enumerate(angle):
        y, x = 500 + 300 * np.sin(way), 500 + 300 * np.cos(way)
        rows += [(5 * molecule + after + 1, x + rng.normal(0, 8), y + rng.normal(0, 8)) for after in range(5)]
    path = tmp_path_factory.mktemp("fixed") / "cell.csv"
    lines = [f"{frame},{x:.2f},{y:.2f},8" for frame, x, y in rows]
    path.write_text('"frame","x [nm]","y [nm]","uncertainty_xy [nm]"\n' + "\n".join(lines) + "\n")
    return path


def _pair(table, **settings):
    return FixedPair(table=table, **({"frames": 100, "frames_per_point": 25, "exposure_s": 0.02} | settings))


def test_the_truth_is_all_localizations_at_every_time_point(table):
    observation, truth = simulate(_pair(table), 0)
    assert truth.density.shape == observation.counts.shape
    assert truth.sizes["time"] == 4
    assert np.ptp(truth.density.values, axis=0).max() == 0
    np.testing.assert_allclose(
        truth.density[0].sum() * 400, 400, rtol=0.02
    )  # less the tails beyond the edges
    assert truth.density.attrs["units"] == "nm-2"
    assert truth.attrs["precision"] == "as reported"
    assert truth.attrs["observed_share"] == 0.25
    np.testing.assert_array_equal(observation.time, truth.time)


def test_first_is_the_first_frames_and_seeds_are_later_stretches(table):
    for seed in (0, 1, 3):
        found = simulate(_pair(table), seed).observation
        assert found.counts.sum() == 100
        assert (found.loc_frame.min(), found.loc_frame.max()) == (0, 99)
        assert found.attrs["start_frame"] == 100 * seed
    with pytest.raises(
        ValueError, match="hold 4 parts of frames=100, for the seeds from 0 to 3; found the seed 4"
    ):
        simulate(_pair(table), 4)


def _spread(found):
    """How many molecules of the ring are seen."""
    at = np.round(np.arctan2(found.loc_y - 500, found.loc_x - 500), 2)
    return np.unique(at // 0.08).size


def test_random_holds_as_many_as_the_stretch_of_its_seed(table):
    whole = [simulate(_pair(table, take="random", frames=150), seed).observation for seed in (0, 1, 2)]
    first = simulate(_pair(table, frames=150), 1).observation
    np.testing.assert_array_equal(whole[1].loc_frame, first.loc_frame)
    assert whole[2].sizes == whole[0].sizes  # two stretches fit, so that the third seed counts round
    assert not np.array_equal(whole[2].loc_x, whole[0].loc_x)


def test_random_has_the_same_frames_and_differs_by_blinking(table):
    first, random = (simulate(_pair(table, take=take), 0).observation for take in ("first", "random"))
    np.testing.assert_array_equal(first.loc_frame, random.loc_frame)
    assert len(set(zip(random.loc_y.values, random.loc_x.values, strict=True))) == 100
    assert _spread(random) > 1.3 * _spread(first)
    other = simulate(_pair(table, take="random"), 1).observation
    assert not np.array_equal(other.loc_x, random.loc_x)
    again = simulate(_pair(table, take="random"), 0).observation
    xr.testing.assert_identical(random, again)


def test_every_takes_equidistant_frames_as_if_they_followed_each_other(table):
    found = simulate(_pair(table, take="every"), 2).observation
    np.testing.assert_array_equal(found.loc_frame, np.arange(100))
    assert found.attrs["start_frame"] == 2
    assert _spread(found) > 1.3 * _spread(simulate(_pair(table), 0).observation)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (
            {"frames": 110},
            "frames=110 is 4.4 time points of frames_per_point=25; frames=100 would be a whole",
        ),
        ({"take": "last"}, "take"),
        ({"reading": {"channel": "all"}}, "a fixed pair is of one channel"),
    ],
)
def test_settings_that_make_no_pair_are_refused(table, settings, said):
    with pytest.raises(ValueError, match=said):
        _pair(table, **settings)


def test_more_frames_than_there_are_are_refused_and_nearly_all_of_them_is_said(table, caplog):
    with pytest.raises(ValueError, match=r"cell\.csv has 400 recorded frames, fewer than frames=500"):
        simulate(_pair(table, frames=500), 0)
    simulate(_pair(table, frames=300), 0)
    assert "the observation holds 75 % of the localizations of the truth" in caplog.text


def test_a_precision_that_nobody_reports_is_a_warning(tmp_path, caplog):
    rows = "".join(f"{frame + 1},{frame},50\n" for frame in range(100))
    (tmp_path / "table.csv").write_text('"frame","x [nm]","y [nm]"\n' + rows)
    truth = simulate(_pair(tmp_path / "table.csv", frames=25), 0).truth
    assert truth.attrs["precision_nm"] == 15
    assert "since the table reports none" in "".join(
        record.message for record in caplog.records if record.levelname == "WARNING"
    )


def test_a_study_in_toml_gives_the_same_pair(table, tmp_path):
    (tmp_path / "study.toml").write_text(_pair(table, take="random").to_toml())
    assert read_study(tmp_path / "study.toml") == _pair(table, take="random")


def test_a_measured_truth_is_scaled_by_its_percentile_and_more_frames_score_better(
    table, in_this_process, tmp_path
):
    grid = Grid(
        study=_pair(table),
        axes=(Axis(setting="frames", values=(50, 200)), Axis(setting="take", values=("first", "random"))),
        seeds=(0, 1), reconstructors=("static_sum",), metrics=("pearson", "nrmse"),
    )  # fmt: skip
    scores = run_grid(grid, tmp_path / "scores.zarr", processes=1, progress=False)
    assert "99.9th percentile" in scores.pearson.attrs["settings"]
    means = scores.pearson.mean("seed").isel(reconstructor=0)
    assert (means.sel(frames=200) > means.sel(frames=50)).all()
    assert means.sel(frames=50, take="random") > means.sel(frames=50, take="first")
    said = words.lead(scores, "pearson", 2, table="cell.csv")
    assert "parts of cell.csv, a measured table of fixed cells" in said
    assert "simulated" not in said


@pytest.mark.skipif(not DATA.is_dir(), reason="there are no measured tables")
@pytest.mark.parametrize(
    "name", ["fixed_microtubules_decodestorm_2.9um.csv", "fixed_mitochondria_tom22_2.56um.csv"]
)
def test_measured_tables_give_pairs(name):
    study = FixedPair(table=DATA / name, pixel_nm=40, selection={"crop_nm": (500, 2500, 500, 2500)})
    observation, truth = simulate(study, 0)
    assert 0 < truth.attrs["observed_share"] < 0.2
    np.testing.assert_allclose(truth.density[0].sum() * 1600, truth.attrs["localizations"], rtol=0.02)
    found = score(reconstruct(load("static_sum"), observation), truth, metrics=["pearson"])
    assert 0.05 < found.pearson < 1
