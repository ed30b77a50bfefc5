"""3D-DAOSTORM, through the package sdt-python: spots that overlap are fitted together."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr
from pydantic import PositiveFloat, PositiveInt

from baselines.localizers._precision import precision_px
from baselines.localizers._table import pixel_of, table
from smlmsim.shot_noise import Counts, counts_of
from smlmsim.spec import Spec

WIDEST_PX = 3.0
"""Standard deviation of a spot from which on sdt-python warns that it may crash."""
LEAST_COUNT = 1e-3
"""Smallest count of a pixel, since sdt-python divides by it."""
LEAST_EDGE = 32
"""Smaller frames are enlarged to this edge in pixels, since sdt-python mirrors ten pixels at every border."""

Floats = npt.NDArray[np.float64]


class Daostorm(Spec):
    """Fit all spots of a frame together, and look for more in what the fit leaves.

    Babcock, Sigal & Zhuang 2012, doi:10.1186/2192-2853-1-6, as implemented by Schrangl in sdt-python. It works at
    densities at which fits of single spots merge them. The reported precision is that of a spot by itself (Rieger &
    Stallinga 2014, doi:10.1002/cphc.201300711), so it is too good where spots overlap.

    Parameters
    ----------
    sigma_nm : float
        Standard deviation of the point spread function, at which fits begin; below three pixels.
    threshold : float
        Smallest height of a spot above the background, in standard deviations of a pixel at the median of the frame.
    fit_width : bool
        Whether the width of every spot is fitted.
    rounds : int
        Greatest number of times that further spots are looked for.
    """

    sigma_nm: PositiveFloat = 130.0
    threshold: PositiveFloat = 6.0
    fit_width: bool = False
    rounds: PositiveInt = 20

    def model_post_init(self, context: Any, /) -> None:
        """Refuse settings of a localizer whose package is not installed."""
        _package()

    def localize(self, frames: xr.Dataset) -> xr.Dataset:
        """Return the localizations of all frames.

        Raises
        ------
        ValueError
            If spots are three pixels wide or more.
        """
        counts, pixel = counts_of(frames), pixel_of(frames)
        sigma_px = self.sigma_nm / pixel.nm
        if sigma_px >= WIDEST_PX:
            raise ValueError(
                f"daostorm needs spots below {WIDEST_PX:g} pixels, found sigma_nm={self.sigma_nm:g} on pixels of "
                f"{pixel.nm:g} nm"
            )
        found = [self._found(image, counts, sigma_px) for image in counts.values]
        frame = np.repeat(np.arange(len(found)), [len(spots) for spots in found])
        y, x, light, background, width = np.concatenate(found).T
        return table(
            frames, counts, frame, y, x, light=light, background=background, sigma_px=width,
            uncertainty_px=precision_px(light, background + float(counts.variance.mean()), width),
        )  # fmt: skip

    def _found(self, image: npt.NDArray[np.float32], counts: Counts, sigma_px: float) -> Floats:
        """The spots of a frame, (spot, 5): y, x, counts, background per pixel and width in pixels."""
        seen = np.maximum(image + counts.variance, LEAST_COUNT).astype(np.float64)
        noise = math.sqrt(max(float(np.median(seen)), 1.0))
        enlarged = np.pad(seen, [(0, max(0, LEAST_EDGE - size)) for size in seen.shape], mode="median")
        spots = _package().locate(
            enlarged, sigma_px, "2d" if self.fit_width else "2dfixed", self.threshold * noise,
            max_iterations=self.rounds,
        )  # fmt: skip
        found = spots[["y", "x", "mass", "bg", "size"]].to_numpy(np.float64)
        found[:, 3] -= float(counts.variance.mean())
        return found


def _package() -> Any:
    """Return the module of sdt-python, which is an extra.

    Raises
    ------
    ModuleNotFoundError
        If it is not installed; the message says how to install it.
    """
    try:
        from sdt.loc import daostorm_3d
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "it needs the package sdt-python; install it with pip install 'smlmsim[localizers]'",
            name=error.name,
        ) from error
    return daostorm_3d
