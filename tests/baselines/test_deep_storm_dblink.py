"""DBlink sees how many molecules Deep-STORM expects in every pixel and time point."""

import numpy as np
import pytest
import torch
from spots_on_frames import crowd, events

from baselines import deep_storm_dblink
from baselines._weights import WeightsError
from baselines.dblink.reconstruct import DBlinkStyle
from baselines.deep_storm_dblink import DeepStormDBlink, _shares
from smlmsim.reconstruct import needs, reconstruct
from smlmsim.testing import make_frames, make_observation


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def observed(recording, frames, edge_px=16, time_points=2):
    """An observation of pixels of 20 nm with the frames of a recording."""
    shape = time_points, edge_px * 5, edge_px * 5
    empty = make_observation(np.zeros(shape), point_s=frames * 0.03 / time_points)
    return empty.assign(recording.variables).assign_attrs(empty.attrs | recording.attrs)


@pytest.fixture(scope="module")
def movie():
    """A bright molecule in three of the first five frames, and another one in the sixth."""
    molecules = events([0, 1, 4, 5], [510.0] * 3 + [1110.0], [830.0] * 3 + [630.0], 3000.0)
    return observed(make_frames(molecules, (10, 16, 16)), 10)


def test_every_molecule_is_expected_in_its_time_point_and_around_its_pixel(movie):
    expected = DeepStormDBlink().expected(movie)
    first, second = expected[0, 20:31, 36:47].sum(), expected[1, 50:61, 26:37].sum()
    assert first == pytest.approx(3, abs=0.5)
    # A spot may be two molecules at one place, so that more than one is expected.
    assert second == pytest.approx(1, abs=0.5)
    assert expected.sum() - first - second < 0.7


def test_places_are_divided_between_pixels_by_their_length():
    shares = _shares(np.array([10.0, 30.0, 50.0]), -12.5, 12.5, 6)
    assert shares.sum(axis=0) == pytest.approx([0, 1, 1, 1, 1, 0.8])
    assert shares[0] == pytest.approx([0, 1, 0.6, 0, 0, 0])


def test_the_same_is_expected_if_large_frames_are_seen_in_parts(monkeypatch):
    recording = crowd(2.0, frames=2, edge=80)[0]
    movie = observed(recording, 2, edge_px=80)
    whole = DeepStormDBlink().expected(movie)
    monkeypatch.setattr("baselines._learned_localizer.TILE_PIXELS", 32)
    parts = DeepStormDBlink().expected(movie)
    np.testing.assert_allclose(parts, whole, atol=1e-4)


def test_the_density_is_that_of_dblink_for_what_is_expected(movie, monkeypatch):
    counts = np.random.default_rng(0).poisson(0.2, movie.counts.shape).astype(np.float32)
    monkeypatch.setattr(deep_storm_dblink.DeepStormDBlink, "expected", lambda self, observation: counts)
    found = reconstruct(DeepStormDBlink(), movie)
    whole = movie.assign(counts=movie.counts.copy(data=counts.astype(np.uint16)))
    np.testing.assert_array_equal(found.density, DBlinkStyle().reconstruct(whole).density)


def test_it_needs_frames():
    assert needs(DeepStormDBlink()) == ("frames",)


def test_weights_that_are_not_there_are_named(movie, tmp_path):
    for setting in ("weights", "deep_storm_weights"):
        with pytest.raises(WeightsError, match=r"there is no file .*none\.safetensors"):
            DeepStormDBlink(**{setting: tmp_path / "none.safetensors"}).reconstruct(movie)
