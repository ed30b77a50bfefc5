"""What is taken apart by channel comes together again, and localizations stay with their channel."""

import numpy as np
import pytest
import xarray as xr

from smlmsim import channels, schema
from smlmsim.testing import make_observation


@pytest.fixture
def observation():
    counts = np.random.default_rng(0).poisson(0.3, (3, 4, 5, 6))
    return make_observation(counts).assign_coords(channel=["red", "green", "blue"])


def test_each_channel_has_its_own_counts_and_localizations_and_no_dim(observation):
    parts = channels.split(observation)
    assert list(parts) == ["red", "green", "blue"]
    for number, part in enumerate(parts.values()):
        assert part.counts.dims == ("time", "y", "x")
        assert "channel" not in part.variables
        np.testing.assert_array_equal(part.counts, observation.counts[number])
        assert part.sizes["localization"] == int(part.counts.sum())
        assert set(part.loc_channel.values) == {number}
        assert (np.diff(part.loc_frame) >= 0).all()


def test_what_has_no_channel_is_in_all_of_them(observation):
    wide = schema.variable("widefield", np.zeros((2, 4, 4)))
    assert all("widefield" in part for part in channels.split(observation.assign(widefield=wide)).values())


def test_a_movie_without_channels_is_left_as_it_is():
    movie = make_observation(np.ones((2, 3, 4)))
    assert channels.joined(channels.split(movie)) is movie


def test_channels_without_names_are_counted(observation):
    assert list(channels.split(observation.counts.drop_vars("channel"))) == ["0", "1", "2"]


def test_names_that_repeat_are_refused(observation):
    with pytest.raises(schema.SchemaError, match="names that repeat: red, green, red"):
        channels.split(observation.assign_coords(channel=["red", "green", "red"]))


def test_parts_come_together_in_their_order_and_what_differs_is_a_list(observation):
    images = observation.drop_dims("localization")
    parts = {
        name: part.assign_attrs(alike=[1, 2], width=number)
        for number, (name, part) in enumerate(channels.split(images).items())
    }
    parts["green"].attrs["only"] = "green"
    found = channels.joined(parts)
    xr.testing.assert_equal(found, images)
    assert found.counts.dims == ("channel", "time", "y", "x")
    assert found.counts.attrs == images.counts.attrs
    assert found.attrs == images.attrs | {"alike": [1, 2], "width": [0, 1, 2], "only": ["", "green", ""]}


@pytest.mark.parametrize(
    ("numbers", "known", "wanted"),
    [
        ([2, 0, 2], ("a", "b", "c"), {0: "a", 2: "c"}),
        ([1, 3], (), {1: "1", 3: "3"}),
        ([0, 3], ("a",), {0: "0", 3: "3"}),
        ([0, 1], ("a", "a"), {0: "0", 1: "1"}),
        ([0, 1], ("a", ""), {0: "0", 1: "1"}),
    ],
)
def test_channels_are_called_by_names_only_if_these_tell_all_of_them_apart(numbers, known, wanted):
    table = schema.dataset({"channels": known}, loc_channel=np.int32(numbers))
    assert channels.names(table) == wanted
    counted = channels.counted(table)
    assert counted.attrs["channels"] == list(wanted.values())
    assert [counted.attrs["channels"][n] for n in counted.loc_channel.values] == [wanted[n] for n in numbers]
