"""The network of deep_storm expects molecules in the places of a finer grid."""

import numpy as np
import pytest
import torch
from spots_on_frames import crowd

from baselines.deep_storm.localize import DeepStormStyle, maps
from baselines.deep_storm.model import FINER
from smlmsim.shot_noise import counts_of


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@torch.inference_mode()
def test_the_places_expect_as_many_molecules_as_there_are():
    frames, molecules = crowd(1.0, frames=8, edge=48)
    network = DeepStormStyle().network()
    expected = np.concatenate(list(maps(network, counts_of(frames), 1.3)))
    assert expected.shape == (8, 48 * FINER, 48 * FINER)
    number = molecules.sizes["event"]
    assert expected.sum() == pytest.approx(number, abs=4 * np.sqrt(number))
