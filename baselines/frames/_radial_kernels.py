"""How much the gradients around each place of a frame point at it.

Gradients lie on a grid two times finer than the pixels, places on one ``magnification`` times finer, so the
arrangement of gradients around a place repeats from pixel to pixel. ``converge`` goes through the gradients of one
arrangement in the outer loops and along a row of pixels in the inner one, which is then vectorised.
``tests/baselines/frames/test_esrrf.py`` holds it against a numpy twin place by place.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from smlmsim.compiled import njit

F32 = npt.NDArray[np.float32]
Int = npt.NDArray[np.int64]


@njit(error_model="numpy")
def converge(along: F32, begin: Int, steps: Int, towards: F32, share: F32, out: F32) -> None:
    """Write the radial gradient convergence of every place, 0 to 1, where gradients on all sides are in the frame.

    Parameters
    ----------
    along : array of float32, shape (frame, yx, 2, 2, y + 2 pad, x + 2 pad)
        Gradients of unit length, or 0; the axes of two are the halves of a pixel.
    begin : array, shape (magnification^2 + 1,)
        The first of the gradients around each place in a pixel, and the one after the last.
    steps : array, shape (gradient, 4)
        Half of the pixel along y and x, then the row and column from that of the place, plus the padding.
    towards : array of float32, shape (gradient, yx)
        Direction from the gradient to the place, of unit length.
    share : array of float32, shape (gradient,)
        Weights; those around a place sum to one.
    out : array of float32, shape (frame, magnification y, magnification x)
        Overwritten.
    """
    magnification = int(np.sqrt(begin.size - 1) + 0.5)
    height, width = out.shape[1] // magnification, out.shape[2] // magnification
    row = np.empty(width, np.float32)
    nothing = np.float32(0)
    for frame in range(out.shape[0]):
        for y in range(height):
            for place in range(begin.size - 1):
                row[:] = nothing
                for k in range(begin[place], begin[place + 1]):
                    half_y, half_x, below, right = steps[k]
                    down, across, weight = towards[k, 0], towards[k, 1], share[k]
                    gy = along[frame, 0, half_y, half_x, y + below, right : right + width]
                    gx = along[frame, 1, half_y, half_x, y + below, right : right + width]
                    for x in range(width):
                        # The sine of the angle is the distance of the gradient's line from the place, over its own.
                        sine = abs(gy[x] * across - gx[x] * down)
                        closer = gy[x] * down + gx[x] * across > nothing
                        row[x] += weight * (np.float32(1) - sine) if closer else nothing
                out[
                    frame, magnification * y + place // magnification, place % magnification :: magnification
                ] = row
