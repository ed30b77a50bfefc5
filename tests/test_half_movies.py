"""Half movies have the pixels and times of the whole, and the localizations of one half each."""

import numpy as np
import pytest

from smlmsim import simulate
from smlmsim.half_movies import half_movies
from smlmsim.rng import stream


def test_halves_add_up_to_the_whole(small_study):
    observation = simulate(small_study, 0).observation
    first, second = half_movies(observation, stream(0, "halves"))
    assert np.array_equal(first.counts + second.counts, observation.counts)
    assert first.attrs["frames_per_point"] == observation.attrs["frames_per_point"]
    for axis in ("time", "y", "x"):
        assert np.array_equal(first[axis], observation[axis])


def test_a_movie_of_one_localization_has_no_two_halves(small_study):
    observation = simulate(small_study, 0).observation
    alone = observation.isel(localization=[0])
    with pytest.raises(ValueError, match="too few localizations or molecules"):
        half_movies(alone, stream(0, "halves"))


def test_channels_are_not_mixed(small_study):
    observation = simulate(small_study, 0).observation
    several = observation.assign(counts=observation.counts.expand_dims(channel=["a", "b"]))
    with pytest.raises(ValueError, match="choose it, as in channel=1"):
        half_movies(several, stream(0, "halves"))
