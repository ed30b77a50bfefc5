"""Joint cumulants of pixels over the frames of a window.

For every place in a row of pixels the same pixels relative to it are combined, so the inner loop goes along the row and
is vectorised. ``tests/baselines/frames/test_cumulants.py`` holds the kernel against a numpy twin that sums over all
partitions.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from smlmsim.compiled import njit

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]

PAIRS = 6
"""Number of pairs of four pixels."""


@njit(error_model="numpy")
def add_cumulants(fluctuations: F32, pixels: Int, total: F64, number: Int) -> None:
    """Add the joint cumulant of given pixels beside every place where all of them are in the frame, and count it.

    Parameters
    ----------
    fluctuations : array of float32, shape (frame, y, x)
        Of mean 0 over the frames.
    pixels : array, shape (order, yx)
        Rows and columns of different pixels, from that of the place; two to four of them.
    total : array, shape (y, x)
        Cumulants are added to it.
    number : array, shape (y, x)
        The number of cumulants that were added.
    """
    frames, height, width = fluctuations.shape
    order = pixels.shape[0]
    top, left = max(0, -pixels[:, 0].min()), max(0, -pixels[:, 1].min())
    bottom, right = height - max(0, pixels[:, 0].max()), width - max(0, pixels[:, 1].max())
    length = right - left
    if length <= 0:
        return
    whole = np.empty(length)
    pairs = np.empty((PAIRS, length))
    for y in range(top, bottom):
        whole[:] = 0
        pairs[:] = 0
        for frame in range(frames):
            a = fluctuations[frame, y + pixels[0, 0], left + pixels[0, 1] : right + pixels[0, 1]]
            b = fluctuations[frame, y + pixels[1, 0], left + pixels[1, 1] : right + pixels[1, 1]]
            if order == 2:
                for x in range(length):
                    whole[x] += a[x] * b[x]
                continue
            c = fluctuations[frame, y + pixels[2, 0], left + pixels[2, 1] : right + pixels[2, 1]]
            if order == 3:
                for x in range(length):
                    whole[x] += a[x] * b[x] * c[x]
                continue
            d = fluctuations[frame, y + pixels[3, 0], left + pixels[3, 1] : right + pixels[3, 1]]
            for x in range(length):
                ab, cd = a[x] * b[x], c[x] * d[x]
                whole[x] += ab * cd
                pairs[0, x] += ab
                pairs[1, x] += cd
                pairs[2, x] += a[x] * c[x]
                pairs[3, x] += b[x] * d[x]
                pairs[4, x] += a[x] * d[x]
                pairs[5, x] += b[x] * c[x]
        for x in range(length):
            found = whole[x] / frames
            for k in range(0, PAIRS, 2):
                found -= pairs[k, x] * pairs[k + 1, x] / frames**2
            total[y, left + x] += found
            number[y, left + x] += 1
