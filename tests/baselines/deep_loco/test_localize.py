"""The localizer deep_loco joins what overlapping windows say of a frame."""

import numpy as np
import pytest
import torch
from spots_on_frames import crowd, errors_nm, one_each

from baselines.deep_loco.localize import DeepLocoStyle
from baselines.localizers.mle import MaximumLikelihood
from smlmsim.metrics.localizations import score_localizations


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def test_at_three_molecules_per_um2_it_finds_more_than_a_fit_of_single_spots():
    frames, molecules = crowd(3.0, frames=6, edge=48)
    found, mle = (
        score_localizations(localizer.localize(frames), molecules)
        for localizer in (DeepLocoStyle(), MaximumLikelihood())
    )
    number = molecules.sizes["event"]
    # The Jaccard index is a share of about this many decisions, so its standard error is at most 0.5 / sqrt(number).
    assert float(found.jaccard) > float(mle.jaccard) + 5 * 0.5 / np.sqrt(number)


def test_bright_molecules_by_themselves_are_found_once_without_bias():
    frames, molecules = one_each(100, 1000.0, edge=15)
    found = DeepLocoStyle().localize(frames)
    assert np.bincount(found.loc_frame.values, minlength=100).tolist().count(1) >= 95
    errors = errors_nm(found, molecules)
    spread = float(np.sqrt(np.square(errors).mean()))
    assert np.abs(errors.mean(axis=1)).max() < 5 * spread / np.sqrt(errors.shape[1])
    assert np.median(found.loc_intensity) == pytest.approx(1000, rel=0.1)


def test_a_lower_probability_finds_more():
    frames, _ = crowd(3.0, frames=2, edge=40)
    few, many = (DeepLocoStyle(probability=least).localize(frames) for least in (0.9, 0.2))
    assert few.sizes["localization"] < many.sizes["localization"]
