"""Random scenes for training hold what their truth says."""

import numpy as np
import pytest

from baselines._scenes import PIXEL_NM, Scenes
from smlmsim.rng import stream

BRIGHT = Scenes(
    edge=24, frames=4, photons=(3000, 3000.1), background_photons=(2, 2.1), density_per_um2=(1, 1.1)
)


def test_the_same_stream_gives_the_same_scene():
    first, second = (BRIGHT.make(stream(3, "scene")) for _ in range(2))
    assert first.counts.values.tobytes() == second.counts.values.tobytes()
    assert first.y_px.tobytes() == second.y_px.tobytes()
    assert first.counts.values.tobytes() != BRIGHT.make(stream(4, "scene")).counts.values.tobytes()


@pytest.mark.parametrize("seed", range(6))
def test_light_of_the_frames_is_that_of_background_and_molecules(seed):
    scene = BRIGHT.make(stream(seed, "scene"))
    middle = slice(6, 18)
    seen = scene.counts.values[:, middle, middle].sum(dtype=np.float64)
    told = 4 * scene.background[middle, middle].sum(dtype=np.float64)
    y, x, sigma = scene.y_px[:, None], scene.x_px[:, None], scene.sigma_px
    from scipy.special import ndtr

    inside = [ndtr((17.5 - at) / sigma) - ndtr((5.5 - at) / sigma) for at in (y, x)]
    light = float((scene.light * (inside[0] * inside[1])[:, 0]).sum())
    # Molecules of fewer than 50 photons are left out of the truth: at most 2 % of the light of these scenes. Shot
    # noise, the readout's, and gains and offsets that differ from pixel to pixel are within five standard errors.
    noise = np.sqrt(seen + 4 * scene.counts.variance[middle, middle].sum(dtype=np.float64))
    assert abs(seen - told - light) < 5 * noise + 0.02 * light


def test_every_molecule_to_be_found_is_in_a_frame_and_bright_enough():
    scene = Scenes(edge=16, frames=3).make(stream(1, "scene"))
    assert ((np.floor(scene.y_px + 0.5) >= 0) & (np.floor(scene.y_px + 0.5) < 16)).all()
    assert ((np.floor(scene.x_px + 0.5) >= 0) & (np.floor(scene.x_px + 0.5) < 16)).all()
    assert set(scene.frame) <= {0, 1, 2}
    assert (scene.light >= 50 * scene.counts.per_photon - 1e-3).all()


def test_densities_are_those_asked_for():
    numbers = [len(BRIGHT.make(stream(seed, "density")).frame) for seed in range(60)]
    expected = 1.05 * (24 * PIXEL_NM / 1000) ** 2 * 4
    # The number of molecules is Poisson distributed; one that shines for several frames counts up to 5 times.
    assert np.mean(numbers) == pytest.approx(expected, abs=4 * np.sqrt(5 * expected / 60))
