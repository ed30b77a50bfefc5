"""Camera frames are gathered into time points."""

import numpy as np
import pytest

from smlmsim.acquisition import Acquisition


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
