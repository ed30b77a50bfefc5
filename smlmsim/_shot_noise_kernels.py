"""Numba kernel of the noise of an image, relative to that which its camera should have.

The twin in numpy is in the test of ``smlmsim.shot_noise``.
"""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from smlmsim.compiled import njit

Floats = npt.NDArray[np.float32]
MOST_SAMPLES = 4096
"""Pixels of an image from which the median is taken; more do not make it better than 2 %."""
FEW = 5.0
"""Expected variance of a pixel in counts below which it is left out: there, most differences are 0."""
FEWEST = 9
"""Fewest pixels of which a median is believed."""
MEDIAN = 0.6744897501960817
"""Median of the absolute value of a standard normal variable."""


@njit(error_model="numpy")
def noise_ratio(counts: Floats, mean: Floats, variance: Floats) -> float:
    """Measure the standard deviation of the noise of an image, divided by the expected one.

    The second difference along both axes (Immerkaer 1996, doi:10.1006/cviu.1996.0060) removes what is smooth, also
    spots as wide as a pixel or more, and multiplies white noise by 6. Its median does not see a few bright spots.

    Parameters
    ----------
    counts, mean, variance : array of float32, shape (y, x)
        An image in counts, its local mean, and the variance of the readout.

    Returns
    -------
    float
        About 1 for a calibrated camera; 1 for images too dark or too small to tell.
    """
    rows, columns = counts.shape
    if rows < 3 or columns < 3:
        return 1.0
    pixels = (rows - 2) * (columns - 2)
    step, n = 1 + (pixels - 1) // MOST_SAMPLES, 0
    relative = np.empty((pixels - 1) // step + 1, np.float32)
    for place in range(0, pixels, step):
        y, x = 1 + place // (columns - 2), 1 + place % (columns - 2)
        expected = mean[y, x] + variance[y, x]
        if expected >= FEW:
            corners = (
                counts[y - 1, x - 1] + counts[y - 1, x + 1] + counts[y + 1, x - 1] + counts[y + 1, x + 1]
            )
            sides = counts[y - 1, x] + counts[y + 1, x] + counts[y, x - 1] + counts[y, x + 1]
            relative[n] = abs(corners - 2 * sides + 4 * counts[y, x]) / (6 * np.sqrt(expected))
            n += 1
    return float(np.median(relative[:n])) / MEDIAN if n >= FEWEST else 1.0
