"""Networks that localize separate molecules that a fit of single spots merges, and say what they were trained for."""

import functools
import logging

import numpy as np
import pytest
import torch
from spots_on_frames import crowd, errors_nm, one_each

from baselines._weights import WeightsError, save_weights
from baselines.decode.localize import DecodeStyle
from baselines.decode.train import DecodeTraining
from baselines.deep_loco.localize import DeepLocoStyle
from baselines.deep_loco.train import DeepLocoTraining
from baselines.deep_storm.localize import DeepStormStyle
from baselines.deep_storm.train import DeepStormTraining
from baselines.localizers.mle import MaximumLikelihood
from smlmsim.frames import Imaging
from smlmsim.metrics.localizations import score_localizations

REPORTED = {"decode": (0.9, 1.7), "deep_storm": (0.4, 1.0), "deep_loco": (0.4, 1.0)}
"""Error of bright molecules by themselves, in reported precisions: lowest and highest."""
KINDS = {
    "decode": (DecodeStyle, DecodeTraining),
    "deep_storm": (DeepStormStyle, DeepStormTraining),
    "deep_loco": (DeepLocoStyle, DeepLocoTraining),
}


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(params=KINDS)
def name(request):
    return request.param


@pytest.fixture
def kind(name):
    return KINDS[name][0]


@functools.cache
def large():
    return crowd(2.0, frames=1, edge=80)[0]


def test_at_three_molecules_per_um2_it_finds_more_than_a_fit_of_single_spots(kind):
    frames, molecules = crowd(3.0, frames=6, edge=48)
    found, mle = (
        score_localizations(localizer.localize(frames), molecules)
        for localizer in (kind(), MaximumLikelihood())
    )
    number = molecules.sizes["event"]
    # The Jaccard index is a share of about this many decisions, so its standard error is at most 0.5 / sqrt(number).
    assert float(found.jaccard) > float(mle.jaccard) + 5 * 0.5 / np.sqrt(number)
    assert float(found.rmse_nm) < float(mle.rmse_nm)


def test_bright_molecules_by_themselves_are_found_once_without_bias_and_about_as_precisely_as_reported(
    name, kind
):
    frames, molecules = one_each(200, 1000.0, edge=15)
    found = kind().localize(frames)
    assert np.bincount(found.loc_frame.values, minlength=200).tolist().count(1) >= 190
    errors = errors_nm(found, molecules)
    spread, (least, most) = float(np.sqrt(np.square(errors).mean())), REPORTED[name]
    assert np.abs(errors.mean(axis=1)).max() < 5 * spread / np.sqrt(errors.shape[1])
    assert least < spread / np.median(found.loc_uncertainty) < most
    assert np.median(found.loc_intensity) == pytest.approx(1000, rel=0.1)


def test_a_lower_probability_finds_more(kind):
    frames, _ = crowd(3.0, frames=2, edge=40)
    few, many = (kind(probability=least).localize(frames) for least in (0.9, 0.2))
    assert few.sizes["localization"] < many.sizes["localization"]


def test_large_frames_are_seen_in_parts_with_the_same_result(kind, monkeypatch):
    whole = kind().localize(large())
    monkeypatch.setattr("baselines._learned_localizer.TILE_PIXELS", 32)
    parts = kind().localize(large())
    assert whole.sizes["localization"] > 70
    # Rounding may change which of two molecules in a row of pixels comes first.
    orders = [np.argsort(found.loc_y.values) for found in (parts, whole)]
    for column in whole.data_vars:
        found, expected = (
            table[column].values[order] for table, order in zip((parts, whole), orders, strict=True)
        )
        np.testing.assert_allclose(found, expected, rtol=2e-3)


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
def test_frames_unlike_those_of_training_are_warned_about_once(name, kind, settings, imaging, words, caplog):
    frames = one_each(2, edge=16, **imaging)[0]
    localizer = kind(**settings)
    with caplog.at_level(logging.WARNING):
        localizer.localize(frames)
        localizer.localize(frames)
    assert len(caplog.messages) == 1
    assert caplog.messages[0].startswith(f"{name}: ")
    assert words in caplog.messages[0]


def test_frames_like_those_of_training_are_localized_without_a_word(kind, caplog):
    with caplog.at_level(logging.INFO):
        kind().localize(crowd(1.0, frames=2, edge=32)[0])
    assert not caplog.messages


def test_weights_of_another_network_are_refused(name, kind, tmp_path):
    path = tmp_path / "other.safetensors"
    save_weights(path, torch.nn.Linear(1, 1), name="dblink", settings={})
    with pytest.raises(WeightsError, match=f"holds the weights of dblink, expected {name}"):
        kind(weights=path).localize(one_each(1)[0])


def test_weights_that_do_not_say_on_what_they_were_trained_are_refused(name, kind, tmp_path):
    path, settings = tmp_path / f"{name}.safetensors", KINDS[name][1].configured().network
    about = {"network": settings.model_dump(mode="json")}
    save_weights(path, settings.build(), name=name, settings=about)
    with pytest.raises(WeightsError, match="does not say what its network was trained for"):
        kind(weights=path).localize(one_each(1)[0])


def test_without_bundled_weights_it_says_how_to_make_them(name, kind, monkeypatch, tmp_path):
    monkeypatch.setattr("baselines._weights.resources.files", lambda package: tmp_path)
    with pytest.raises(WeightsError, match=rf"{name} comes without weights; train it .*weights=RUN/{name}"):
        kind().localize(one_each(1)[0])


def test_the_weights_are_those_of_the_shipped_configuration(name, kind):
    shipped, localizer = KINDS[name][1].configured("shipped"), kind()
    assert localizer.trained == shipped.scenes
    assert localizer.parameters == shipped.parameters()["network"]
    assert Imaging().psf.sigma_nm == localizer.sigma_nm
