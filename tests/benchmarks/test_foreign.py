"""Reconstructors are ranked cell by cell on the movies of another generator, and compared with a reference map."""

import logging

import foreign
import numpy as np
import pytest
import xarray as xr
from foreign import Foreign, at, in_words, ranking, run

from smlmsim.estimate.location import RATE, VELOCITY
from smlmsim.grid.attempt import Attempt, attempt
from smlmsim.io import netcdf
from smlmsim.reconstruct import ReconstructionError

SMALL = Foreign(
    scenes=("waves",), velocities_nm_per_s=(75,), rates_hz=(245,), seeds=(0,), time_points=2,
    reconstructors=("sparse", "static_sum"),
)  # fmt: skip


def scores(values, better="higher", names="abcd"):
    """Scores of one scene, velocity and rate, over seeds and reconstructors."""
    axes = {
        "scene": ["waves"],
        VELOCITY: [75.0],
        RATE: [245.0],
        "seed": range(len(values)),
        "reconstructor": list(names),
    }
    return xr.DataArray(np.array(values)[None, None, None], axes, list(axes), attrs={"better": better})


def reference(values, names="abcd"):
    """A map of four cells of the same scores."""
    axes = {VELOCITY: [0.0, 100.0], RATE: [100.0, 1000.0], "reconstructor": list(names)}
    return xr.DataArray(np.broadcast_to(values, (2, 2, len(values))), axes, list(axes))


def test_the_best_mean_over_the_seeds_has_the_first_rank():
    (row,) = ranking(scores([[0.9, 0.5, 0.7, 0.1], [0.9, 0.8, 0.7, 0.1]]), reference([4, 3, 2, 1])).to_dict(
        "records"
    )
    assert [row[f"{name} rank"] for name in "abcd"] == [1, 3, 2, 4]
    assert row["b"] == pytest.approx(0.65)
    assert row["rho"] == pytest.approx(1 - 6 * 2 / (4 * 15))


def test_the_lowest_error_has_the_first_rank():
    (row,) = ranking(scores([[0.1, 0.2, 0.3, 0.4]], better="lower"), reference([0.5, 0.6, 0.7, 0.8])).to_dict(
        "records"
    )
    assert [row[f"{name} rank"] for name in "abcd"] == [1, 2, 3, 4]
    assert row["rho"] == pytest.approx(1)


def test_a_score_that_is_missing_has_no_rank_and_is_not_replaced_by_those_of_other_seeds():
    table = ranking(scores([[np.nan, 0.5, 0.7, 0.1], [0.9, 0.5, 0.7, 0.1]]), reference([4, 3, 2, 1]))
    assert np.isnan(table["a rank"][0])
    assert table["c rank"][0] == 1
    assert table["rho"][0] == pytest.approx(0.5)


def test_what_the_map_does_not_hold_is_left_out_of_rho_and_said(caplog):
    with caplog.at_level(logging.INFO, "smlmsim"):
        table = ranking(scores([[0.4, 0.3, 0.2, 0.1]], names="abcx"), reference([3, 2, 1, 0], names="abcd"))
    assert table["rho"][0] == pytest.approx(1)
    assert "rho leaves out what the reference map has no scores of: x" in caplog.text
    with caplog.at_level(logging.WARNING, "smlmsim"):
        assert np.isnan(ranking(scores([[0.4, 0.3]], names="ab"), reference([1, 2], names="ab"))["rho"][0])
    assert "needs at least three reconstructors" in caplog.text


def test_between_cells_a_map_is_linear_in_the_velocity_and_the_logarithm_of_the_rate():
    axes = {VELOCITY: [0.0, 100.0], RATE: [10.0, 1000.0], "reconstructor": ["a"]}
    found = xr.DataArray(np.array([[[0.0], [2.0]], [[10.0], [12.0]]]), axes, list(axes))
    assert float(at(found, 25.0, 100.0).item()) == pytest.approx(2.5 + 1.0)
    assert float(at(found, 100.0, 10.0).item()) == pytest.approx(10.0)
    assert float(at(found, 500.0, 1.0).item()) == pytest.approx(10.0)


def test_a_run_is_resumed_and_records_its_settings(in_this_process, tmp_path, monkeypatch):
    first = run(SMALL, tmp_path, progress=False)
    assert first.ms_ssim.dims == ("scene", VELOCITY, RATE, "seed", "reconstructor")
    assert first.ms_ssim.notnull().all()
    monkeypatch.setattr(foreign, "score_movie", pytest.fail)
    again = run(SMALL, tmp_path, progress=False)
    assert again.identical(first)
    netcdf.write(again, tmp_path / "scores.nc")
    assert foreign.KIND.settings(Foreign, netcdf.read(tmp_path / "scores.nc").attrs, "it") == SMALL
    with pytest.raises(foreign.ForeignError, match=r"belongs to another comparison: .*time_points"):
        run(SMALL.replace({"time_points": 3}), tmp_path, progress=False)
    table = ranking(again.ms_ssim, reference([1, 2], names=("sparse", "static_sum")))
    assert "static_sum" in in_words(table)


def test_a_reconstructor_that_fails_has_no_score_and_its_reason_is_said(
    in_this_process, tmp_path, monkeypatch, caplog
):
    def one_fails(name, seen):
        return Attempt(None, reason="ValueError: too few") if name == "sparse" else attempt(name, seen)

    monkeypatch.setattr(foreign, "attempt", one_fails)
    found = run(SMALL, tmp_path, progress=False).ms_ssim.squeeze()
    assert found.isnull().values.tolist() == [True, False]
    assert (
        "sparse failed on waves at 75 nm/s and 245 Hz, seed 0, and has no rank there: ValueError: too few"
        in caplog.text
    )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"scenes": ["wave"]}, "no 'wave'; did you mean 'waves'"),
        ({"metric": "ms_sim"}, "no 'ms_sim'; did you mean 'ms_ssim'"),
        ({"rates_hz": [0]}, "greater than 0"),
        ({"seeds": [1, 1]}, "seeds holds a value twice"),
        ({"velocities_nm_per_s": []}, "at least 1"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        Foreign(**settings)


def test_a_reconstructor_that_is_not_installed_is_named_before_anything_is_simulated(tmp_path):
    with pytest.raises(ReconstructionError, match="'nope'"):
        run(SMALL.replace({"reconstructors": ("nope",)}), tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_reconstructors_that_need_camera_frames_are_left_out():
    chosen = set(Foreign().reconstructors)
    assert {"sparse", "annapalm2d"} <= chosen
    assert not {"sofi", "esrrf", "deep_storm_dblink"} & chosen
