"""A widefield stack of the same sample as measured data: an input of some reconstructors, and a judge of all."""

from __future__ import annotations

import logging
import math
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
import xarray as xr

import smlmsim
from smlmsim import schema
from smlmsim.aligned import SIGMA_NM, aligned
from smlmsim.io import tiff
from smlmsim.metrics.against_widefield import LEAST_PIXELS, paired, require_overlap
from smlmsim.registration import is_noise

LEAST_RSP = 0.3
"""Correlation with a reconstruction from which images are not taken for noise."""
MOST_TURNED = 0.02
"""Angle in radians between stack and localizations that is told: 26 nm at the border of a field of 2.56 um."""
_log = logging.getLogger(__name__)

Widefield = Annotated[
    Path | None,
    typer.Option(
        help="A widefield image or stack (TIFF) of the same sample, to compare the reconstruction with; "
        "reconstructors that see widefield images also see it."
    ),
]
WidefieldPixelNm = Annotated[
    float | None, typer.Option(help="Pixel size of the widefield stack, nm. [default: from the file]")
]
WidefieldIntervalS = Annotated[
    float | None,
    typer.Option(help="Time between widefield images, s. [default: from the file]"),
]


def read_widefield(path: Path, pixel_nm: float | None, interval_s: float | None) -> xr.DataArray:
    """Read a widefield stack; options give the scale that the file lacks.

    Raises
    ------
    ValueError
        If the file is not an image stack, or its scale is unknown.
    OSError
        If there is no such file.
    """
    try:
        stack = tiff.read(path, pixel_nm=pixel_nm, point_s=interval_s)
        movie = next(iter(stack.data_vars.values()))
        schema.times_s(movie)
    except ValueError as error:
        said = str(error).replace(" pixel_nm=", " widefield_pixel_nm=")
        said = said.replace(" point_s=", " widefield_interval_s=")
        raise ValueError(said if said.startswith(str(path)) else f"{path}: {said}") from None
    return movie


def registered_widefield(
    counts: xr.DataArray,
    path: Path,
    pixel_nm: float | None,
    interval_s: float | None,
    *,
    needed_by: str | None = None,
) -> xr.DataArray:
    """Read a widefield stack, and shift and scale it onto the localizations that were counted.

    :func:`smlmsim.aligned.aligned` finds how; what was done is logged. A stack that cannot be registered is returned as
    it lies, with a warning, unless a reconstructor needs it.

    Parameters
    ----------
    counts : xr.DataArray
        (time, y, x) or (channel, time, y, x), with times in s like those of the stack.
    path : Path
    pixel_nm, interval_s : float or None
        The scale of the stack, where the file lacks it.
    needed_by : str, optional
        The name of a reconstructor that needs the images on the localizations.

    Raises
    ------
    ValueError
        If the file is not an image stack, its scale is unknown, it has other channels than the localizations, it is
        constant, fewer than 6 x 6 of its pixels lie in the field of the localizations, none of several images was
        taken meanwhile, or it is needed and cannot be registered.
    OSError
        If there is no such file.
    """
    stack = read_widefield(path, pixel_nm, interval_s)
    try:
        _require_images(stack, counts)
        placed = _registered(stack, counts, path, needed_by)
        require_overlap(counts, placed)
        return placed
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def against_widefield(estimate: xr.DataArray, stack: xr.DataArray, path: Path) -> xr.Dataset:
    """Score a reconstruction against a registered widefield stack, whose path is named in errors.

    Raises
    ------
    ValueError
        If the stack shows noise alone, or hardly overlaps with the reconstruction.
    """
    try:
        found = smlmsim.score_against_widefield(estimate, stack)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    pixel_nm = float(stack.x[1] - stack.x[0])
    if float(found.rsp.max()) < LEAST_RSP and is_noise(stack.values.astype(np.float64), SIGMA_NM / pixel_nm):
        raise ValueError(
            f"{path}: the widefield images show no structure beyond noise: there is nothing to compare"
        )
    return found


def _require_images(stack: xr.DataArray, counts: xr.DataArray) -> None:
    """Require images of the channels of a movie that are large enough and not constant."""
    paired(counts, stack)
    if min(stack.sizes["y"], stack.sizes["x"]) < LEAST_PIXELS:
        raise ValueError(
            f"the widefield images have {stack.sizes['y']} x {stack.sizes['x']} pixels; at least {LEAST_PIXELS} per "
            "axis are needed"
        )
    if not np.ptp(stack.values) > 0:
        raise ValueError("the widefield images are constant: there is nothing to see in them or to compare")


def _registered(stack: xr.DataArray, counts: xr.DataArray, path: Path, needed_by: str | None) -> xr.DataArray:
    """Move a stack onto the localizations, and log by how much."""
    made = aligned(stack, counts)
    found = made.found
    if found is None:
        if needed_by:
            raise ValueError(_refusal(stack, made.problem, needed_by))
        _log.warning(
            "%s could not be registered with the localizations: %s; it stays where it lies, so that a low agreement "
            "may come from its position alone", path.name, made.problem,
        )  # fmt: skip
        return stack
    if not made.is_moved:
        _log.info(
            "%s lies on the localizations within %.0f nm, and is left there",
            path.name,
            math.ceil(made.away_nm),
        )
        return stack
    _log.info("%s is shifted by y %.0f nm, x %.0f nm, each to %.0f nm, and scaled by %.3f onto the localizations, with "
              "a correlation of %.2f", path.name, found.shift_y_nm, found.shift_x_nm, found.error_nm, found.scale,
              found.correlation)  # fmt: skip
    if abs(found.angle) > MOST_TURNED:
        _log.warning("%s is turned by %.3f rad against the localizations, which is not corrected", path.name,
                     found.angle)  # fmt: skip
    return made.stack


def _refusal(stack: xr.DataArray, problem: str, needed_by: str) -> str:
    """Why images are not given to a reconstructor that needs them, and what would help."""
    pixel_nm = float(stack.x[1] - stack.x[0])
    if is_noise(stack.values.astype(np.float64), SIGMA_NM / pixel_nm):
        problem = "they show no structure beyond noise"
    return (
        f"{needed_by} needs widefield images that lie on the localizations, and these could not be registered: "
        f"{problem}; give images of the same sample, their pixel if it is not {pixel_nm:g} nm, as in "
        f"widefield_pixel_nm={1.6 * pixel_nm:.3g}, or another reconstructor, as in --with gaussian_time"
    )


def verdict(found: xr.Dataset) -> str:
    """Return the scores in words."""
    return (
        f"against widefield: RSP {float(found.rsp):.3f}, RSE {float(found.rse):.3g} grey levels, "
        f"with a point spread function of sigma {float(found.sigma_nm):.0f} nm. RSP is the correlation of the "
        "blurred reconstruction with the widefield image (best: 1); RSE is the root-mean-square difference "
        "between them (best: 0)"
    )
