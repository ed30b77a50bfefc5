"""The scale on which networks see localizations: much the same at every rate, so that one network serves all.

Divided by the noise, the pixels of a movie have a Poisson variance of about 1 where it has localizations. A single
localization is the higher the fewer there are, which tells a network the rate.
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

    It is the root of the mean count, taken over the surroundings of the localizations: blocks of 32 px, each with its
    number of localizations as its weight. So empty parts of a large field make no difference.

    Parameters
    ----------
    still : ndarray (y, x)
        The sum of a movie over time.
    points : int
        Its number of time points.
    """
    still_BCYX = torch.from_numpy(still)[None, None]
    density = F.avg_pool2d(still_BCYX, BLOCK_PX, ceil_mode=True, count_include_pad=False).flatten(2)
    found = F.avg_pool2d(still_BCYX, BLOCK_PX, ceil_mode=True, divisor_override=1).flatten(2)
    total = found.sum(dim=2)
    mean = (density * found).sum(dim=2) / total.clamp_min(1) / points
    return np.float32(torch.where(total > 0, mean, 1).sqrt().item())
