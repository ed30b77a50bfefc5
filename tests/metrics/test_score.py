import json

import numpy as np
import pytest
import xarray as xr

from smlmsim import channels, schema
from smlmsim.metrics import METRICS, STANDARD, normalise, score
from smlmsim.pipeline import SimulatedDynamic


def movie(density, pixel_nm=20.0, point_s=1.5):
    middles = [np.arange(n) + 0.5 for n in density.shape]
    return schema.dataset(
        density=density, time=middles[0] * point_s, y=middles[1] * pixel_nm, x=middles[2] * pixel_nm
    )


@pytest.fixture
def pair(truth, estimate):
    return movie(3 * estimate), movie(truth)


def test_it_gives_a_float64_scalar_for_every_standard_metric_in_their_order(pair):
    found = score(*pair)
    assert list(found) == list(STANDARD) == ["ms_ssim", "ms_ssim_flux", "ssim", "psnr", "nrmse", "pearson"]
    assert all(value.shape == () and value.dtype == np.float64 for value in found.values())


def test_every_channel_is_scored_by_itself(truth, estimate):
    movies = [movie(np.ascontiguousarray(part[:, :64, :64])) for part in (truth, estimate)]
    darker = [movie(np.ascontiguousarray(part[:, 64:, :64]) * 0.1) for part in (truth, estimate)]
    true, estimated = (channels.joined({"red": a, "green": b}) for a, b in zip(movies, darker, strict=True))
    found = score(estimated, true, ["nrmse", "pearson", "frc_nm"])
    for name, pair in {"red": movies, "green": darker}.items():
        alone = score(pair[1], pair[0], ["nrmse", "pearson", "frc_nm"])
        xr.testing.assert_identical(found.sel(channel=name, drop=True), alone)
    assert found.nrmse.dims == ("channel",)
    with pytest.raises(
        schema.SchemaError, match=r"the truth has the channels \['red', 'green'\], the estimate"
    ):
        score(estimated.assign_coords(channel=["green", "red"]), true)
    with pytest.raises(schema.SchemaError, match="of one shape"):
        score(movies[1], true)


def test_its_scores_are_those_of_the_metrics_on_normalised_movies(pair, truth, estimate):
    movies = normalise(truth, 3 * estimate)
    for name, value in score(*pair).items():
        assert float(value) == METRICS[name](*movies)


def test_only_the_metrics_asked_for_are_computed(pair):
    assert list(score(*pair, ["psnr", "temporal_jitter"])) == ["psnr", "temporal_jitter"]


def test_what_is_measured_in_nm_follows_the_pixel_of_the_movies(truth):
    for pixel_nm in (10.0, 50.0):
        found = score(movie(truth, pixel_nm), movie(truth, pixel_nm), ["frc_nm"])
        assert float(found["frc_nm"]) == pytest.approx(2 * pixel_nm)


def test_every_metric_can_be_asked_for_and_documents_itself(pair):
    for name, value in score(*pair, list(METRICS)).items():
        assert value.attrs["better"] == METRICS[name].better
        assert json.loads(value.attrs["settings"]).items() >= METRICS[name].settings.items()


def test_a_score_documents_itself(pair):
    for name, value in score(*pair).items():
        metric = METRICS[name]
        assert value.attrs["long_name"] == metric.long_name
        assert value.attrs["units"] == metric.units
        assert value.attrs["better"] == metric.better
        assert tuple(value.attrs["valid_range"]) == metric.range
        assert value.attrs["doi"] == metric.doi
        settings = json.loads(value.attrs["settings"])
        assert "least-squares" in settings["normalisation"]
        assert settings.items() >= metric.settings.items()


def test_settings_say_when_a_small_field_has_fewer_scales(truth, estimate):
    small = score(movie(estimate[:, :60, :60]), movie(truth[:, :60, :60]), ["ms_ssim"])["ms_ssim"]
    full = score(movie(estimate), movie(truth), ["ms_ssim"])["ms_ssim"]
    assert json.loads(small.attrs["settings"])["scales"] == 4
    assert json.loads(full.attrs["settings"])["scales"] == 5
    assert json.loads(full.attrs["settings"])["scale_weights"] == [0.0448, 0.2856, 0.3001, 0.2363, 0.1333]


def test_scores_survive_a_netcdf_file(pair, tmp_path):
    found = score(*pair)
    found.to_netcdf(tmp_path / "scores.nc", engine="scipy")
    with xr.open_dataset(tmp_path / "scores.nc", engine="scipy") as read:
        xr.testing.assert_equal(read.load(), found)
        assert read["ms_ssim"].attrs["settings"] == found["ms_ssim"].attrs["settings"]


def test_a_perfect_estimate_scores_perfectly(pair):
    truth = pair[1]
    found = score(truth.assign(density=truth["density"] * 4), truth)
    for name, value in found.items():
        low, high = METRICS[name].range
        assert float(value) == pytest.approx(high if METRICS[name].better == "higher" else low, abs=1e-6)


def test_it_leaves_both_datasets_alone(pair):
    before = [dataset.copy(deep=True) for dataset in pair]
    score(*pair)
    for dataset, copy in zip(pair, before, strict=True):
        xr.testing.assert_identical(dataset, copy)


def test_an_unknown_metric_is_named_beside_those_there_are(pair):
    with pytest.raises(
        ValueError, match=r"no metric 'nope'; there are: ms_ssim, ms_ssim_flux, ssim, psnr, nrmse"
    ):
        score(*pair, ["ms_ssim", "nope"])


def test_movies_of_different_shape_are_named_both(truth, estimate):
    with pytest.raises(schema.SchemaError, match=r"truth .*'x': 128.*estimate .*'x': 100"):
        score(movie(estimate[:, :, :100]), movie(truth))


def test_one_image_is_not_a_movie(truth):
    image = movie(truth).isel(time=0)
    with pytest.raises(schema.SchemaError, match=r"expected two movies \(time, y, x\)"):
        score(image, image)


def test_movies_on_different_coordinates_are_named_both(truth, estimate):
    with pytest.raises(
        schema.SchemaError, match=r"y of the truth runs from 10 to 2550 nm, of the estimate from 5 to 1275 nm"
    ):
        score(movie(estimate, pixel_nm=10.0), movie(truth))
    with pytest.raises(schema.SchemaError, match="time of the truth"):
        score(movie(estimate, point_s=0.9), movie(truth))


def test_coordinates_may_differ_by_the_rounding_of_float32(pair):
    estimate, truth = pair
    rounded = estimate.assign_coords({name: estimate[name].astype(np.float32) for name in ("time", "y", "x")})
    xr.testing.assert_equal(score(rounded, truth), score(estimate, truth))


def test_what_is_missing_or_not_finite_is_said_with_whose_it_is(pair):
    estimate, truth = pair
    with pytest.raises(schema.SchemaError, match="the estimate: no 'density'"):
        score(estimate.drop_vars("density"), truth)
    with pytest.raises(schema.SchemaError, match="the truth: no 'x'"):
        score(estimate, truth.drop_vars("x"))
    broken = estimate.copy(deep=True)
    broken["density"][0, 0, 0] = np.nan
    with pytest.raises(schema.SchemaError, match="the estimate: density holds 1 values that are NaN"):
        score(broken, truth)


def test_what_a_truth_does_not_hold_is_missing_with_the_reason_and_the_rest_is_scored(pair):
    estimate, truth = pair
    constant = truth.assign(density=truth["density"] * 0 + 0.01)
    found = score(estimate, constant, ["ms_ssim", "fwhm_error_nm", "skeleton_f1"])
    assert np.isfinite(found["ms_ssim"])
    assert "reason" not in found["ms_ssim"].attrs
    for name in ("fwhm_error_nm", "skeleton_f1"):
        assert np.isnan(found[name])
        assert "the truth has no" in found[name].attrs["reason"]


def test_a_truth_on_another_scale_than_its_study_draws_is_suspicious(pair, caplog):
    estimate, truth = pair
    study = SimulatedDynamic().to_toml()
    score(estimate, truth.assign_attrs(study=study).assign(density=truth["density"] * 0.05), ["ssim"])
    assert not caplog.records
    score(estimate, truth.assign_attrs(study=study), ["ssim"])
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "25.1 times three crests" in caplog.text


def test_an_empty_truth_is_refused(pair):
    estimate, truth = pair
    with pytest.raises(ValueError, match="the truth is zero everywhere"):
        score(estimate, truth.assign(density=truth["density"] * 0))
