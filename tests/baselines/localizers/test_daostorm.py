"""DAOSTORM separates molecules that a fit of single spots merges; without its package, an error says how to get it."""

import importlib.util

import numpy as np
import pytest
from spots_on_frames import events

from baselines.localizers.mle import MaximumLikelihood
from smlmsim.localizers import LocalizerError, load
from smlmsim.metrics.localizations import score_localizations
from smlmsim.testing import make_frames

installed = importlib.util.find_spec("sdt") is not None


@pytest.mark.skipif(not installed, reason="needs the extra localizers")
def test_it_finds_more_of_crowded_molecules_than_a_fit_of_single_spots():
    rng = np.random.default_rng(0)
    frame = np.sort(rng.integers(0, 10, 10 * 40))  # 1 per um^2
    molecules = events(frame, *rng.uniform(0, 6400, (2, frame.size)), 1000)
    frames = make_frames(molecules, (10, 64, 64))
    found = {
        name: score_localizations(load(name).localize(frames), molecules) for name in ("daostorm", "mle")
    }
    assert float(found["daostorm"].jaccard) > float(found["mle"].jaccard) + 0.03


@pytest.mark.skipif(not installed, reason="needs the extra localizers")
def test_spots_too_wide_for_it_are_refused():
    frames = make_frames(events([0], [500], [500]), (1, 32, 32))
    with pytest.raises(ValueError, match=r"daostorm needs spots below 3 pixels, found sigma_nm=400"):
        load("daostorm", {"sigma_nm": 400}).localize(frames)


@pytest.mark.skipif(installed, reason="the extra is installed")
def test_without_its_package_it_says_how_to_get_it():
    with pytest.raises(LocalizerError, match=r"daostorm.*pip install 'smlmsim\[localizers\]'"):
        load("daostorm")


def test_a_fit_of_single_spots_merges_two_molecules_at_a_sigma():
    frames = make_frames(events([0, 0], [1000, 1000], [1000, 1130], 3000), (1, 21, 21))
    found = MaximumLikelihood().localize(frames)
    assert found.sizes["localization"] == 1
    assert float(found.loc_x[0]) == pytest.approx(1065, abs=15)
