"""The localizer decode separates molecules that a fit of single spots merges, and knows how precise it is."""

import logging

import numpy as np
import pytest
import torch
from spots_on_frames import errors_nm, events, one_each

from baselines._weights import WeightsError, save_weights
from baselines.decode.localize import DecodeStyle, _chosen
from baselines.decode.model import DecodeNetwork
from baselines.decode.train import DecodeTraining
from baselines.localizers.mle import MaximumLikelihood
from smlmsim.frames import Imaging
from smlmsim.metrics.localizations import score_localizations
from smlmsim.testing import make_frames

SHIPPED = DecodeTraining.configured("shipped")


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def crowd(density_per_um2, frames=10, edge=64, seed=0):
    """Molecules of 1000 photons anywhere in the frames."""
    rng = np.random.default_rng(seed)
    number = rng.poisson(density_per_um2 * (edge / 10) ** 2 * frames)
    frame = np.sort(rng.integers(0, frames, number))
    molecules = events(frame, *rng.uniform(0, edge * 100, (2, number)))
    return make_frames(molecules, (frames, edge, edge), seed=seed), molecules


def test_at_three_molecules_per_um2_it_finds_more_than_a_fit_of_single_spots():
    frames, molecules = crowd(3.0)
    decode, mle = (
        score_localizations(localizer.localize(frames), molecules)
        for localizer in (DecodeStyle(), MaximumLikelihood())
    )
    number = molecules.sizes["event"]
    # The Jaccard index is a share of about this many decisions, so its standard error is at most 0.5 / sqrt(number).
    assert float(decode.jaccard) > float(mle.jaccard) + 5 * 0.5 / np.sqrt(number)
    assert float(decode.rmse_nm) < float(mle.rmse_nm)


def test_bright_molecules_by_themselves_are_found_once_without_bias_and_nearly_as_precisely_as_reported():
    frames, molecules = one_each(200, 1000.0, edge=15)
    found = DecodeStyle().localize(frames)
    assert np.bincount(found.loc_frame.values, minlength=200).tolist().count(1) >= 190
    errors = errors_nm(found, molecules)
    reported = found.loc_uncertainty.values
    spread = float(np.sqrt(np.square(errors).mean()))
    assert np.abs(errors.mean(axis=1)).max() < 5 * spread / np.sqrt(errors.shape[1])
    assert 0.9 < spread / np.median(reported) < 1.7
    assert np.median(found.loc_intensity) == pytest.approx(1000, rel=0.1)


def test_a_molecule_between_two_pixels_is_one_and_likely_neighbours_are_two():
    probability = np.zeros((2, 5, 6), np.float32)
    probability[0, 2, 3:5] = 0.45, 0.5
    probability[1, 2, 3:5] = 0.9, 0.95
    frame, row, column = _chosen(probability, 0.5)
    assert list(zip(frame, row, column, strict=True)) == [(0, 2, 4), (1, 2, 3), (1, 2, 4)]


def test_of_equal_pixels_the_first_is_chosen():
    probability = np.zeros((1, 4, 4), np.float32)
    probability[0, 1:3, 1:3] = 0.4
    assert [int(index[0]) for index in _chosen(probability, 0.5)] == [0, 1, 1]


def test_a_lower_probability_finds_more():
    frames, _ = crowd(3.0, frames=3)
    few, many = (DecodeStyle(probability=least).localize(frames) for least in (0.9, 0.2))
    assert few.sizes["localization"] < many.sizes["localization"]


def test_large_frames_are_seen_in_parts_with_the_same_result(monkeypatch):
    frames, _ = crowd(2.0, frames=2, edge=96)
    whole = DecodeStyle().localize(frames)
    monkeypatch.setattr("baselines._learned_localizer.TILE_PIXELS", 32)
    parts = DecodeStyle().localize(frames)
    for name in whole.data_vars:
        np.testing.assert_allclose(parts[name], whole[name], rtol=1e-3)


@pytest.mark.parametrize(
    ("settings", "imaging", "words"),
    [
        (
            {"sigma_nm": 250.0},
            {},
            "spots are 2.5 pixels wide (sigma_nm=250 on pixels of 100 nm), trained for 1 to 1.6",
        ),
        ({}, {"background_photons": 120.0}, "the background is about 107 photons"),
        ({}, {"photons": 20000.0}, "trained for up to 5000"),
    ],
)
def test_frames_unlike_those_of_training_are_warned_about_once(settings, imaging, words, caplog):
    frames = one_each(2, edge=16, **imaging)[0]
    localizer = DecodeStyle(**settings)
    with caplog.at_level(logging.WARNING):
        localizer.localize(frames)
        localizer.localize(frames)
    assert len(caplog.messages) == 1
    assert caplog.messages[0].startswith("decode: ")
    assert words in caplog.messages[0]


def test_frames_like_those_of_training_are_localized_without_a_word(caplog):
    with caplog.at_level(logging.INFO):
        DecodeStyle().localize(crowd(1.0, frames=2)[0])
    assert not caplog.messages


def test_weights_of_another_network_are_refused(tmp_path):
    path = tmp_path / "other.safetensors"
    network = DecodeNetwork(frame_base=2, context_base=2, head=2).build()
    save_weights(path, network, name="dblink", settings={})
    with pytest.raises(WeightsError, match="holds the weights of dblink, expected decode"):
        DecodeStyle(weights=path).localize(one_each(1)[0])


def test_weights_that_do_not_say_on_what_they_were_trained_are_refused(tmp_path):
    path, settings = tmp_path / "decode.safetensors", DecodeNetwork(frame_base=2, context_base=2, head=2)
    about = {"network": settings.model_dump(mode="json")}
    save_weights(path, settings.build(), name="decode", settings=about)
    with pytest.raises(WeightsError, match="does not say what its network was trained for"):
        DecodeStyle(weights=path).localize(one_each(1)[0])


def test_the_weights_are_those_of_the_shipped_configuration():
    localizer = DecodeStyle()
    assert localizer.trained == SHIPPED.scenes
    assert localizer.parameters == SHIPPED.parameters()["network"]
    assert Imaging().psf.sigma_nm == localizer.sigma_nm
