"""Two labels on one structure: the second is displaced, and drawn independently of the first."""

import numpy as np
import pytest
import xarray as xr

from smlmsim import channels, io, schema
from smlmsim.acquisition import Acquisition
from smlmsim.field import FieldOfView
from smlmsim.localization import Imaged, Statistical
from smlmsim.photophysics import Poisson
from smlmsim.pipeline import SimulatedDynamic, TwoColours, read_study, simulate
from smlmsim.rng import stream
from smlmsim.second_label import LABELS, SecondLabel, in_channels

FIELD = FieldOfView(height_nm=1280, width_nm=1280)
MOVIE = {"field": FIELD, "acquisition": Acquisition(time_points=3)}


def _events(field, number=31):
    """Events on a square lattice over a field."""
    y, x = (start + (np.arange(number) + 0.5) / number * size for start, size in (
        (field.origin_y_nm, field.height_nm), (field.origin_x_nm, field.width_nm)))  # fmt: skip
    at_y, at_x = (found.ravel().astype(np.float32) for found in np.meshgrid(y, x, indexing="ij"))
    return schema.dataset(event_y=at_y, event_x=at_x)


def test_the_chromatic_shift_is_the_same_everywhere_and_in_all_movies():
    label, events = SecondLabel(shift_y_nm=-7, shift_x_nm=30), _events(FIELD)
    for seed in (0, 1):
        found = label.displaced(events, FIELD, stream(seed, "registration"))
        np.testing.assert_allclose(found.event_y - events.event_y, -7, atol=1e-3)
        np.testing.assert_allclose(found.event_x - events.event_x, 30, atol=1e-3)


def test_the_registration_error_has_its_standard_deviation_over_fields_and_movies():
    label, events, movies = SecondLabel(registration_nm=20), _events(FIELD), 400
    squares = []
    for seed in range(movies):
        found = label.displaced(events, FIELD, stream(seed, "registration"))
        squares.append([float(((found[name] - events[name]) ** 2).mean()) for name in ("event_y", "event_x")])
    # A mean square is 400/3 (n1^2 + n2^2 + n3^2) with normal n: its relative standard deviation is sqrt(2/3).
    tolerance = 4 * np.sqrt(2 / 3 / movies)
    np.testing.assert_allclose(np.mean(squares, axis=0), 20**2, rtol=tolerance)


def test_the_first_channel_is_the_movie_of_one_label():
    observation, truth = simulate(TwoColours(**MOVIE, second_label={"shift_x_nm": 40}), 5)
    alone = simulate(SimulatedDynamic(**MOVIE), 5)
    first, second = channels.split(observation).values()
    np.testing.assert_array_equal(first.counts, alone.observation.counts)
    np.testing.assert_array_equal(np.sort(first.loc_x), np.sort(alone.observation.loc_x))
    assert truth.density.dims == ("channel", "time", "y", "x")
    for part in channels.split(truth[["density"]]).values():
        np.testing.assert_array_equal(part.density, alone.truth.density)
    assert list(observation.channel.values) == list(LABELS)
    assert not np.array_equal(first.counts, second.counts)
    assert second.sizes["localization"] == pytest.approx(first.sizes["localization"], rel=0.3)


def test_the_second_label_has_its_own_photophysics_and_precision():
    label = SecondLabel(photophysics=Poisson(rate_hz=1600), localization=Statistical(precision_nm=40))
    first, second = channels.split(simulate(TwoColours(**MOVIE, second_label=label), 0).observation).values()
    assert second.sizes["localization"] > 4 * first.sizes["localization"]
    assert np.median(first.loc_uncertainty) == pytest.approx(15, rel=0.1)
    assert np.median(second.loc_uncertainty) == pytest.approx(40, rel=0.1)


def test_a_shift_leaves_no_empty_strip_at_the_edge():
    still = {"motion": {"kind": "static"}, "photophysics": {"rate_hz": 20000}}
    shifted = TwoColours(**MOVIE, **still, second_label={"shift_x_nm": 400})
    second = channels.split(simulate(shifted, 2).observation)["second_label"]
    plain = channels.split(simulate(TwoColours(**MOVIE, **still), 2).observation)["second_label"]
    wanted, found = (int(part.counts.sum()) for part in (plain, second))
    strip = second.counts.isel(x=slice(0, 10)).sum() / found
    assert 0.02 < strip < 0.5  # 10 of 64 columns; with events of the field alone there would be none
    assert found == pytest.approx(wanted, rel=0.5)


def test_a_known_shift_is_found_in_the_movie():
    still = {"motion": {"kind": "static"}, "photophysics": {"rate_hz": 20000}}
    found = simulate(TwoColours(**MOVIE, **still, second_label={"shift_x_nm": 60}), 1).observation
    first, second = (part.counts.sum("time").values.astype(float) for part in channels.split(found).values())
    ranks = {shift: np.corrcoef(first[:, 8:-8].ravel(), np.roll(second, -shift, 1)[:, 8:-8].ravel())[0, 1]
             for shift in range(-6, 7)}  # fmt: skip
    assert max(ranks, key=ranks.get) == 3  # pixels of 20 nm


def test_camera_frames_of_two_colours_are_refused():
    for settings in ({"localization": Imaged(keep_frames=True)},
                     {"second_label": {"localization": Imaged(keep_frames=True)}}):  # fmt: skip
        with pytest.raises(ValueError, match="keep_frames=false"):
            TwoColours(**settings)


def test_a_study_in_toml_gives_the_same_movie(tmp_path):
    study = TwoColours(**MOVIE, second_label=SecondLabel(photophysics=Poisson(rate_hz=90), registration_nm=5))
    (tmp_path / "study.toml").write_text(study.to_toml())
    assert read_study(tmp_path / "study.toml") == study
    assert study.replace({"second_label.photophysics.rate_hz": 30}).second_label.photophysics.rate_hz == 30


def test_tables_are_joined_by_frame_and_taken_apart_by_channel():
    one = schema.dataset({"localizer": "mle"}, loc_frame=[0, 2], loc_x=[1.0, 2.0], loc_z=[0.0, 0.0])
    other = schema.dataset({"localizer": "mle"}, loc_frame=[1], loc_x=[3.0])
    found = in_channels({"a": one, "b": other})
    np.testing.assert_array_equal(found.loc_frame, [0, 1, 2])
    np.testing.assert_array_equal(found.loc_channel, [0, 1, 0])
    assert "loc_z" not in found
    assert found.attrs == {"localizer": "mle", "channels": ["a", "b"]}


def test_the_table_of_a_movie_is_written_with_its_channels(tmp_path):
    observation = simulate(TwoColours(**MOVIE), 0).observation
    io.write(observation, tmp_path / "two.csv")
    found = io.read(tmp_path / "two.csv", io.Reading(channel="all"))
    sizes = {name: int((found.loc_channel == number).sum()) for number, name in channels.names(found).items()}
    wanted = {name: part.sizes["localization"] for name, part in channels.split(observation).items()}
    assert list(sizes.values()) == list(wanted.values())


def test_one_movie_is_shown_in_several_channels_without_a_copy():
    movie = xr.DataArray(np.arange(8.0).reshape(2, 2, 2), dims=("time", "y", "x"))
    found = channels.repeated(movie, ("a", "b"))
    assert np.shares_memory(found.values, movie.values)
    np.testing.assert_array_equal(channels.first(found), movie)
    assert channels.first(movie) is movie
