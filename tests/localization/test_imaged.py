"""Localizations from camera frames are as good as photons and overlap allow, and the same however frames are cut."""

import logging

import numpy as np
import pydantic
import pytest
import xarray as xr

from smlmsim import io, schema
from smlmsim.acquisition import Acquisition
from smlmsim.camera import PixelSpread
from smlmsim.corpus import Augmentation, Corpus, generate, read_movie
from smlmsim.corpus.augmentation import Contours
from smlmsim.field import FieldOfView
from smlmsim.frames import Imaging
from smlmsim.grid import Axis, Grid, run_grid
from smlmsim.io import stack
from smlmsim.localization import Imaged, Statistical
from smlmsim.localizers import LocalizerError, localize_with
from smlmsim.metrics import score_localizations
from smlmsim.metrics.localizations import matched
from smlmsim.photophysics import Blinking, Poisson
from smlmsim.pipeline import SemiSimulated, Simulated, SimulatedDynamic, read_study, simulate
from smlmsim.psf import Airy, Gaussian
from smlmsim.rng import stream
from smlmsim.shot_noise import counts_of

FIELD = FieldOfView(height_nm=1600, width_nm=1600)
BRIGHT = Poisson(rate_hz=10, photons=3000, photon_distribution="lognormal", photon_spread=0)
STUDY = SimulatedDynamic(
    field=FIELD, acquisition=Acquisition(time_points=20), photophysics=BRIGHT, localization=Imaged()
)
TINY = STUDY.replace({"acquisition.time_points": 2, "acquisition.frames_per_point": 20})


def events_of(study, seed):
    return study.events(study.moving(seed), seed)


@pytest.mark.parametrize("psf", [Gaussian(sigma_nm=110), Airy()])
def test_sparse_bright_molecules_are_found_within_the_bound(psf):
    """The root mean square of errors over precision is 1 within 4 standard errors, 1 / sqrt(4 N), and 5 %."""
    study = STUDY.replace({"localization.psf": psf})
    events, found = events_of(study, 0), simulate(study, 0).observation
    margin = (200, 200, 1200, 1200)
    assert score_localizations(found, events, rectangle_nm=margin).jaccard > 0.9
    pairs = matched(found, events, within_nm=60)
    assert pairs.event.size > 200
    errors = np.concatenate([
        (found[f"loc_{axis}"].values[pairs.localization] - events[f"event_{axis}"].values[pairs.event])
        / found.loc_uncertainty.values[pairs.localization]
        for axis in "yx"
    ])  # fmt: skip
    ratio = np.sqrt(np.median(errors**2) / 0.455)  # the median of chi squared: a few molecules overlap
    assert abs(ratio - 1) < 4 / np.sqrt(2 * errors.size) * 1.2 + 0.05


def test_fewer_molecules_are_found_where_spots_overlap():
    shares = []
    for rate_hz in (10, 600):
        truth = simulate(STUDY.replace({"photophysics.rate_hz": rate_hz}), 1).truth
        events = truth.events_per_s * STUDY.acquisition.recorded_s
        expected = rate_hz * STUDY.acquisition.recorded_s
        assert abs(events - expected) < 5 * np.sqrt(expected)
        shares.append(truth.localizations_per_s / truth.events_per_s)
    assert shares[0] > 0.9
    assert shares[1] < 0.5


@pytest.mark.parametrize("localizer", ["mle", "phasor"])
def test_the_same_seed_gives_the_same_bytes_whatever_the_size_of_blocks(localizer, monkeypatch):
    study = TINY.replace({
        "localization.localizer": localizer, "localization.keep_frames": True, "photophysics.rate_hz": 200,
    })  # fmt: skip
    whole = simulate(study, 3).observation
    monkeypatch.setattr("smlmsim.frames.BLOCK_BYTES", 14 * 3 * 16 * 16)
    in_threes = simulate(study, 3).observation
    assert whole.sizes["localization"] > 100
    xr.testing.assert_identical(whole, in_threes)
    assert all(whole[name].values.tobytes() == in_threes[name].values.tobytes() for name in whole.variables)


def test_only_localizations_inside_the_field_are_kept():
    study = TINY.replace({"field.height_nm": 840, "field.width_nm": 500, "photophysics.rate_hz": 200})
    found = simulate(study, 0).observation
    assert found.sizes["localization"] > 20
    assert study.field.contains(found.loc_y.values, found.loc_x.values).all()
    assert found.counts.sum() == found.sizes["localization"]


@pytest.mark.parametrize(
    "study",
    [
        SemiSimulated(**{name: getattr(TINY, name) for name in Simulated.model_fields}),
        TINY.replace({"photophysics": Blinking(rate_hz=50)}),
        TINY.replace({"localization.out_of_focus_photons": 5.0}),
        TINY.replace({"photophysics.on_time_s": 0.05}),
    ],
    ids=["semi_simulated", "blinking", "out_of_focus", "on_time"],
)
def test_all_kinds_of_simulated_movies_can_come_from_frames(study):
    found = simulate(study, 0).observation
    assert found.sizes["localization"] > 0
    schema.check(found, "loc_frame", "loc_time", "loc_y", "loc_x", "loc_uncertainty", "loc_intensity")


def test_frames_are_kept_where_asked_for_and_are_those_that_were_localized():
    study = TINY.replace({"localization.keep_frames": True, "localization.pixel_spread": PixelSpread()})
    found = simulate(study, 0).observation
    schema.check_frames(found)
    assert found.frames.shape == (40, 16, 16)
    assert found.frames.dtype == np.uint16
    counts_of(found)
    again = localize_with("mle", found, {"sigma_nm": 130.0})
    inside = study.field.contains(again.loc_y.values, again.loc_x.values)
    np.testing.assert_array_equal(again.loc_x.values[inside], found.loc_x.values)
    assert "frames" not in simulate(TINY, 0).observation


def test_frames_too_large_to_keep_are_refused():
    long = Acquisition(time_points=10**9)
    with pytest.raises(ValueError, match=r"would take .* keep_frames=false"):
        Imaged(keep_frames=True).localize(events_of(TINY, 0), FIELD, long, np.random.default_rng(0))


def test_the_localizer_expects_spots_of_the_width_of_the_point_spread_function():
    assert Imaged(psf=Gaussian(sigma_nm=110)).load().sigma_nm == 110
    assert Imaged(psf=Gaussian(sigma_nm=110), settings={"sigma_nm": 140.0}).load().sigma_nm == 140
    assert Imaged(localizer="phasor", settings={"threshold": 7.0}).load().threshold == 7


def test_what_is_no_localizer_or_none_of_its_settings_is_refused():
    with pytest.raises(LocalizerError, match="no localizer 'mlee'; did you mean 'mle'"):
        simulate(TINY.replace({"localization.localizer": "mlee"}), 0)
    with pytest.raises(LocalizerError, match="settings of 'mle' do not fit: treshold"):
        simulate(TINY.replace({"localization.settings": {"treshold": 4}}), 0)
    with pytest.raises(pydantic.ValidationError, match="precision_nm"):
        Imaged(precision_nm=3)


def test_a_study_without_photons_says_what_it_takes(caplog):
    with caplog.at_level(logging.INFO, "smlmsim"):
        simulate(TINY.replace({"photophysics.photons": None}), 0)
    assert "the study says no photons; molecules send photons=1000 per frame" in caplog.text


def test_a_study_is_read_from_toml_and_written_again(tmp_path):
    path = tmp_path / "study.toml"
    path.write_text(
        '[localization]\nkind = "imaged"\nlocalizer = "phasor"\ncamera = "emccd"\n'
        "[localization.settings]\nthreshold = 6.0\n"
    )
    study = read_study(path)
    assert study.localization == Imaged(localizer="phasor", camera="emccd", settings={"threshold": 6.0})
    path.write_text(study.to_toml())
    assert read_study(path) == study
    assert hash(read_study(path)) == hash(study)


def test_a_movie_of_statistical_localizations_is_as_before():
    truth = simulate(TINY.replace({"localization": Statistical()}), 0).truth
    assert not {"events_per_s", "localizations_per_s"} & truth.attrs.keys()


def test_crops_are_redrawn_through_the_camera():
    """Errors and false positives are what the frames make them, so the crop does not set them."""
    crop = Augmentation(time_points=4, height=40, width=40, rate_hz=(200, 200))
    study = TINY.replace({"acquisition.time_points": 4})
    ends = np.linspace(-1200, 1200, 41, dtype=np.int16)
    rows, zeros = np.tile(ends, (4, 1)), np.zeros((4, 41), np.int16)
    lines = Contours(rows, zeros, np.zeros(41, np.int32), 1.0, (np.inf, np.inf))
    observation, truth = crop.redraw(lines, study, np.random.default_rng(0))
    assert observation.sizes["localization"] > 10
    assert {"loc_intensity", "loc_background"} <= set(observation)
    assert truth.density.values[observation.counts.values > 0].mean() > 0.3 * truth.density.values.max()
    again, _ = crop.redraw(lines, study, np.random.default_rng(0))
    assert again.identical(observation)


@pytest.fixture(scope="module")
def axes():
    return (
        Axis(setting="localization.localizer", values=("mle", "phasor")),
        Axis(setting="photophysics.rate_hz", values=(20, 400)),
    )


def test_a_grid_runs_over_localizers_and_rates(axes, tmp_path, in_this_process):
    grid = Grid(study=TINY, axes=axes, seeds=(0,), reconstructors=("gaussian_time",), metrics=("pearson",))
    scores = run_grid(grid, tmp_path / "scores.zarr", movies_of=(), progress=False)
    assert list(scores["localization.localizer"].values) == ["mle", "phasor"]
    assert np.isfinite(scores.pearson).all()
    assert np.unique(scores.pearson).size == 4


def test_an_axis_of_a_setting_that_the_table_of_a_localizer_lacks_is_refused():
    axis = Axis(setting="localization.settings.threshold", values=(4, 5))
    with pytest.raises(pydantic.ValidationError, match="holds no 'threshold'; give it a value there first"):
        Grid(study=TINY, axes=(axis,))


@pytest.mark.parametrize(
    ("setting", "values"),
    [
        ("localization.camera.read_noise_e", (1, 20)),
        ("localization.psf.sigma_nm", (110, 160)),
        ("localization.background_photons", (1, 100)),
        ("localization.settings.sigma_nm", (110, 150)),
        ("photophysics.photons", (300, 3000)),
    ],
)
def test_settings_of_the_camera_and_of_molecules_are_axes(setting, values):
    study = TINY.replace({"localization.settings": {"sigma_nm": 130.0}})
    grid = Grid(study=study, axes=(Axis(setting=setting, values=values),), seeds=(0,))
    dim, bright = (simulate(grid.study_of(cell), 0).observation for cell in grid.cells())
    assert not np.array_equal(dim.loc_uncertainty, bright.loc_uncertainty)


def test_an_axis_may_compare_localizations_given_and_from_frames(tmp_path):
    kinds = Axis(setting="localization.kind", values=("statistical", "imaged"))
    grid = Grid(study=TINY.replace({"localization": Statistical()}), axes=(kinds,), seeds=(0,))
    given, imaged = (grid.study_of(cell).localization for cell in grid.cells())
    assert (given, imaged) == (Statistical(), Imaged())


def test_a_grid_of_a_localizer_that_is_not_installed_is_refused_before_it_begins(axes, tmp_path):
    grid = Grid(
        study=TINY, axes=(axes[0].replace({"values": ("mle", "nope")}),), reconstructors=("gaussian_time",)
    )
    with pytest.raises(LocalizerError, match="no localizer 'nope'"):
        run_grid(grid, tmp_path / "scores.zarr", progress=False)
    assert not (tmp_path / "scores.zarr").exists()


def test_the_frames_are_those_of_the_microscope_alone():
    """The same molecules and seed on an :class:`Imaging` of the same settings give the frames that are kept."""
    study = TINY.replace({"localization.keep_frames": True})
    kept = simulate(study, 5).observation.frames
    taken = Imaging().take(events_of(study, 5), FIELD, study.acquisition, stream(5, "localization"))
    np.testing.assert_array_equal(kept, taken.frames)


def test_a_table_with_its_frames_is_written_as_either(tmp_path):
    study = TINY.replace({"localization.keep_frames": True, "photophysics.rate_hz": 100})
    found = simulate(study, 0).observation
    io.write(found, tmp_path / "table.csv")
    io.write(found, tmp_path / "frames.ome.tif")
    assert io.read(tmp_path / "table.csv").sizes["localization"] == found.sizes["localization"]
    with stack.opened(tmp_path / "frames.ome.tif") as recorded:
        (block,) = recorded.blocks()
    np.testing.assert_array_equal(block.frames, found.frames)


def test_a_corpus_of_movies_from_frames_is_made(tmp_path, in_this_process):
    study = TINY.replace({"localization.keep_frames": True, "photophysics.rate_hz": 100})
    corpus = Corpus(study=study, movies=1)
    generate(corpus, tmp_path / "movies.zarr", progress=False)
    stored, made = read_movie(tmp_path / "movies.zarr", 0), simulate(study, corpus.recipe(0).seed)
    np.testing.assert_array_equal(stored.observation.counts, made.observation.counts)


def test_given_localizations_are_those_without_camera_frames():
    study = TINY.replace({"localization.localizer": "given", "photophysics.rate_hz": 200})
    plain = study.replace({"localization": Statistical()})
    assert study.imaging is None
    one, other = simulate(study, 3), simulate(plain, 3)
    xr.testing.assert_identical(one.observation, other.observation)
    assert "events_per_s" not in one.truth.attrs
    rough = study.replace({"localization.settings": {"precision_nm": 40.0}})
    assert (
        simulate(rough, 3).observation.loc_uncertainty.median() > 2 * one.observation.loc_uncertainty.median()
    )


def test_settings_of_given_localizations_are_those_of_the_statistical_kind():
    with pytest.raises(pydantic.ValidationError, match="sigma_nm"):
        Imaged(localizer="given", settings={"sigma_nm": 110.0})


def test_movies_of_one_seed_have_the_same_truth_given_or_from_frames():
    one, other = (
        simulate(TINY.replace({"localization.localizer": name}), 5).truth.density for name in ("given", "mle")
    )
    np.testing.assert_array_equal(one, other)
