"""The scale on which networks see localizations: similar at every rate, so that one network serves all rates.

Divided by the noise, the pixels of a movie have a Poisson variance of about 1 near localizations. The value of a single
localization is then higher at lower rates, so a network can infer the rate from it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional as F

BLOCK_PX = 32
"""Edge length in px of the blocks in which the local density is counted: wider than a filament, less than a cell."""


def noise(still: npt.NDArray[np.float32], points: int) -> np.float32:
    """Return the standard deviation of the counts in a pixel of one time point; 1 for an empty movie.

    It is the square root of the mean count near localizations: the mean over blocks of 32 px, each weighted by its
    number of localizations. So empty parts of a large field make no difference.

    Parameters
    ----------
    still : ndarray (y, x)
        The sum of a movie over time.
    points : int
        Number of time points of the movie.
    """
    still_BCYX = torch.from_numpy(still)[None, None]
    density = F.avg_pool2d(still_BCYX, BLOCK_PX, ceil_mode=True, count_include_pad=False).flatten(2)
    found = F.avg_pool2d(still_BCYX, BLOCK_PX, ceil_mode=True, divisor_override=1).flatten(2)
    total = found.sum(dim=2)
    mean = (density * found).sum(dim=2) / total.clamp_min(1) / points
    return np.float32(torch.where(total > 0, mean, 1).sqrt().item())
