"""An observation with widefield images, for tests of what sees them."""

import numpy as np

from smlmsim import schema
from smlmsim.testing import make_observation


def observed(images, *, pixel_nm=100.0):
    """Counts of 5 time points of 40 x 60 pixels of 20 nm, and widefield images on some other pixels."""
    observation = make_observation(np.random.default_rng(0).poisson(0.1, (5, 40, 60)))
    times, rows, columns = np.shape(images)
    return observation.merge(
        schema.dataset(
            widefield=np.asarray(images, np.uint16),
            widefield_time=(np.arange(times) + 1) * 1.5,
            widefield_y=(np.arange(rows) + 0.5) * pixel_nm,
            widefield_x=(np.arange(columns) + 0.5) * pixel_nm,
        )
    )
