"""Camera frames are gathered into time points."""

import numpy as np
import pytest

from smlmsim.acquisition import Acquisition
from smlmsim.pipeline import SimulatedDynamic
from smlmsim.spec import explain


def test_the_middle_steps_are_the_middles_of_the_time_points():
    acquisition = Acquisition(time_points=7, frames_per_point=30, steps_per_point=3)
    np.testing.assert_allclose(
        acquisition.step_times_s[acquisition.middle_steps], acquisition.times_s, rtol=1e-12
    )


def test_frames_fill_the_movie_without_a_gap():
    acquisition = Acquisition(time_points=2, frames_per_point=3, exposure_s=0.1)
    np.testing.assert_allclose(
        acquisition.frame_times_s(np.arange(acquisition.frames)), [0.05, 0.15, 0.25, 0.35, 0.45, 0.55]
    )
    assert acquisition.recorded_s == pytest.approx(0.6)


def test_an_even_number_of_steps_is_refused():
    with pytest.raises(ValueError, match="steps_per_point is odd"):
        Acquisition(steps_per_point=4)


@pytest.mark.parametrize(
    ("frames", "points"), [(10, 150), (20, 75), (30, 50), (50, 30), (70, 21), (100, 15), (1500, 1)]
)
def test_as_many_whole_time_points_as_fit_make_up_a_duration(frames, points):
    acquisition = Acquisition(duration_s=45, frames_per_point=frames)
    assert acquisition.time_points == points
    assert acquisition.recorded_s <= 45 < acquisition.recorded_s + acquisition.point_s + 1e-9
    assert acquisition.clock == Acquisition(duration_s=45).clock
    assert acquisition.clock.point_s == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (
            {"time_points": 300, "duration_s": 45},
            "time_points=300 and duration_s=45 contradict each other: 30 ",
        ),
        ({"duration_s": 1}, "duration_s=1 is shorter than a time point of 1.5 s"),
        ({"step_frames": 5, "steps_per_point": 5}, "leave one of the two out"),
        ({"duration_s": 45, "frames_per_point": 5}, "set step_frames=5 or less"),
        ({"duration_s": -1}, "greater than 0"),
    ],
)
def test_what_contradicts_itself_is_refused_in_one_line(settings, said):
    with pytest.raises(ValueError, match="validation error") as refused:
        Acquisition(**settings)
    words = explain(refused.value)
    assert said in words
    assert "\n" not in words


def test_a_duration_and_time_points_stand_in_place_of_each_other():
    study = SimulatedDynamic(acquisition=Acquisition(time_points=40))
    lasting = study.replace({"acquisition.duration_s": 45, "acquisition.frames_per_point": 100})
    assert lasting.acquisition.time_points == 15
    assert lasting.replace({"acquisition.frames_per_point": 20}).acquisition.time_points == 75
    assert lasting.replace({"acquisition.time_points": 7}).acquisition.duration_s is None
    assert Acquisition(time_points=30, duration_s=45) == Acquisition(duration_s=45)


@pytest.mark.parametrize("settings", [{}, {"time_points": 7}, {"duration_s": 45}, {"step_frames": 5}])
def test_only_what_was_given_is_written_and_reads_back(settings, tmp_path):
    study = SimulatedDynamic(acquisition=Acquisition(**settings))
    (tmp_path / "study.toml").write_text(study.to_toml())
    assert SimulatedDynamic.from_toml(tmp_path / "study.toml") == study
    written = set(study.acquisition.model_dump())
    lasting, stepped = "duration_s" in settings, bool({"duration_s", "step_frames"} & settings.keys())
    assert ("time_points" in written, "duration_s" in written) == (not lasting, lasting)
    assert ("steps_per_point" in written, "step_frames" in written) == (not stepped, stepped)


def test_a_long_exposure_has_a_step_in_every_frame():
    assert Acquisition(duration_s=45, exposure_s=0.1, frames_per_point=10).step_frames == 3
    assert Acquisition(duration_s=45, exposure_s=1.0, frames_per_point=2).step_frames == 1
