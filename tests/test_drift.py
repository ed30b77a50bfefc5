"""Drift of fixed cells is removed to a few nm; where the structure moves on its own, it is refused."""

import logging

import numpy as np
import pytest
import xarray as xr

from smlmsim import schema
from smlmsim.acquisition import Acquisition
from smlmsim.drift import Course, Drift, DriftError
from smlmsim.motion import Polymer, Static
from smlmsim.photophysics import Poisson
from smlmsim.pipeline import SimulatedDynamic, simulate

STUDY = SimulatedDynamic(
    acquisition=Acquisition(time_points=20), motion=Static(), photophysics=Poisson(rate_hz=400)
)
FRAMES = STUDY.acquisition.frames


def drift_nm(frame):
    """A drift of 150 nm along y and 80 nm along x that is not straight."""
    share = np.asarray(frame) / FRAMES
    return 150 * share + 30 * np.sin(5 * share), -80 * share**2 + 15 * np.sin(7 * share)


def shifted(study, seed=0):
    """The localizations of a movie with the drift."""
    found = simulate(study, seed).observation
    table = found[[name for name in found.data_vars if str(name).startswith("loc_")]].assign_attrs(
        frames=FRAMES
    )
    y_nm, x_nm = drift_nm(table.loc_frame.values)
    return table.assign(
        loc_y=schema.variable("loc_y", (table.loc_y.values + y_nm).astype("f4")),
        loc_x=schema.variable("loc_x", (table.loc_x.values + x_nm).astype("f4")),
    )


@pytest.fixture(scope="module")
def fixed():
    return shifted(STUDY)


def error_nm(course):
    """Root mean square error of a course over all frames, per axis; a constant shift is none."""
    every = np.arange(FRAMES)
    off = np.stack(course.at(every)) - drift_nm(every)
    return float(np.sqrt(np.square(off - off.mean(axis=1, keepdims=True)).mean()))


def test_drift_of_a_fixed_structure_is_found_within_a_few_nm(fixed):
    course = Drift().find(fixed)
    assert error_nm(course) < 4
    assert course.residual_nm < 3
    assert course.disagreement_nm < 6
    # From the middle of the first window to that of the last.
    first, last = (drift_nm(frame)[0] for frame in (FRAMES * 0.05, FRAMES * 0.95))
    assert course.range_nm == pytest.approx(last - first, abs=10)


def test_what_is_left_after_correction_is_a_constant_shift(fixed):
    corrected, course = Drift().correct(fixed)
    true = simulate(STUDY, 0).observation
    left = np.stack([corrected[f"loc_{axis}"].values - true[f"loc_{axis}"].values for axis in "yx"])
    assert np.sqrt(np.square(left - left.mean(axis=1, keepdims=True)).mean()) < 4
    for name in ("loc_frame", "loc_uncertainty"):
        xr.testing.assert_identical(corrected[name], fixed[name])
    assert corrected.attrs == fixed.attrs
    assert corrected.loc_y.dtype == fixed.loc_y.dtype
    again = Drift().find(corrected)
    assert again.range_nm < 10 < course.range_nm


def test_the_drift_does_not_depend_on_the_order_of_the_table(fixed):
    mixed = fixed.isel(localization=np.random.default_rng(0).permutation(fixed.sizes["localization"]))
    ours, theirs = Drift().find(fixed), Drift().find(mixed)
    np.testing.assert_allclose(ours.y_nm, theirs.y_nm, atol=1e-6)
    np.testing.assert_allclose(ours.at([0, 500])[1], theirs.at([0, 500])[1], atol=1e-6)


@pytest.mark.parametrize("velocity_nm_per_s", [10, 75])
def test_motion_of_the_structure_is_not_removed_as_drift(velocity_nm_per_s):
    moving = shifted(STUDY.replace({"motion": Polymer(velocity_nm_per_s=velocity_nm_per_s)}))
    with pytest.raises(DriftError, match="cannot be told from drift"):
        Drift().find(moving)


def test_a_field_whose_halves_move_apart_is_refused_with_the_numbers():
    rng = np.random.default_rng(0)
    molecules = rng.uniform(0, 2560, (300, 2))
    frame = np.sort(rng.integers(0, FRAMES, 15000))
    y, x = (molecules[rng.integers(0, 300, frame.size)] + rng.normal(0, 10, (frame.size, 2))).T
    apart = np.where(x > 1280, 1, -1) * 60 * frame / FRAMES
    torn = schema.dataset(
        {"frames": FRAMES}, loc_frame=frame.astype("i4"), loc_y=(y + apart).astype("f4"), loc_x=x.astype("f4")
    )
    said = r"quarters of the field shift by 1\d\.?\d* nm .* accept it with disagreement_nm=\d+$"
    with pytest.raises(DriftError, match=said):
        Drift(outlier_nm=1000).find(torn)
    # The halves shift by up to 60 nm along one of two axes, the whole by neither or with one of them.
    accepted = Drift(disagreement_nm=1000, outlier_nm=1000).find(torn)
    assert 60 / np.sqrt(12) / np.sqrt(2) * 0.8 < accepted.disagreement_nm < 120 / np.sqrt(12)


def test_too_few_localizations_are_refused_with_what_would_do(fixed):
    few = fixed.isel(localization=slice(None, None, 8))
    with pytest.raises(DriftError, match=r"window \d+ of 10 has 1\d\d localizations, .* windows=5"):
        Drift().find(few)
    assert error_nm(Drift(windows=5, disagreement_nm=100).find(few)) < 15
    with pytest.raises(DriftError, match="no localizations"):
        Drift().find(fixed.isel(localization=slice(0)))


def test_a_field_of_which_one_part_is_empty_is_said_not_to_tell_motion(fixed, caplog):
    """Localizations in one spot: three quarters about its median hold too few, or all are alike."""
    rng = np.random.default_rng(0)
    frame = np.sort(rng.integers(0, FRAMES, 2500))
    y, x = rng.normal(0, 5, (2, 2500)) + drift_nm(frame)
    spot = schema.dataset(
        {"frames": FRAMES}, loc_frame=frame.astype("i4"), loc_y=y.astype("f4"), loc_x=x.astype("f4")
    )
    with caplog.at_level(logging.WARNING, "smlmsim"):
        course = Drift(disagreement_nm=1000).find(spot)
    assert error_nm(course) < 4
    assert np.isnan(course.disagreement_nm) == ("all that moves is taken for drift" in caplog.text)


def test_between_windows_the_course_is_smooth_and_beyond_them_straight():
    course = Course(np.array([10.0, 20.0, 30.0]), np.array([0.0, 5.0, 20.0]), np.zeros(3), 0.0, 0.0)
    y_nm, x_nm = course.at([0, 10, 15, 20, 30, 40])
    np.testing.assert_allclose(y_nm[[1, 3, 4]], [0, 5, 20])
    assert 0 < y_nm[2] < 5
    np.testing.assert_allclose(y_nm[[0, 5]], [-5, 35], atol=1)
    assert not x_nm.any()
