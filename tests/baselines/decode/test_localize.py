"""The localizer decode separates molecules that a fit of single spots merges, and knows how precise it is."""

import numpy as np
import pytest
import torch
from spots_on_frames import crowd, errors_nm, one_each

from baselines.decode.localize import DecodeStyle, _chosen
from baselines.localizers.mle import MaximumLikelihood
from smlmsim.metrics.localizations import score_localizations


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


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
