"""A scene for the metrics: straight filaments across a field, with the profile of a truth."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter


def _scene(rng: np.random.Generator, filaments: int = 10, size: int = 128) -> np.ndarray:
    """Draw filaments at random places and directions, each a Gaussian of 1.5 px across; (filament, y, x)."""
    along = np.arange(-2 * size, 2 * size, 0.1)
    images = np.empty((filaments, size, size))
    for image in images:
        (y, x), direction = rng.uniform(0, size, 2), rng.uniform(0, 2 * np.pi)
        points = y + np.sin(direction) * along, x + np.cos(direction) * along
        line = np.histogram2d(*points, bins=size, range=[[0, size], [0, size]])[0]
        image[:] = gaussian_filter(line, 1.5)
    return images


@pytest.fixture(scope="session")
def scene() -> Callable[..., np.ndarray]:
    return _scene


@pytest.fixture(scope="session")
def truth() -> np.ndarray:
    """Four time points of 128 x 128 px, in [0, 1]."""
    rng = np.random.default_rng(5)
    movie = np.stack([_scene(rng).sum(0) for _ in range(4)])
    return (movie / movie.max()).astype(np.float32)


@pytest.fixture(scope="session")
def estimate(truth: np.ndarray) -> np.ndarray:
    """An imperfect estimate of that truth, with errors of every kind: blur, noise, background, flicker."""
    rng = np.random.default_rng(6)
    blurred = gaussian_filter(truth, (0, 1, 1)) * rng.uniform(0.8, 1.2, (len(truth), 1, 1))
    return (blurred + 0.05 * rng.random(truth.shape)).astype(np.float32)
