"""Compare a reconstruction of measured data with a widefield stack of the same sample."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
import xarray as xr

import smlmsim
from smlmsim import schema
from smlmsim.io import tiff

Widefield = Annotated[
    Path | None,
    typer.Option(
        help="A widefield image or stack (TIFF) of the same sample, to compare the reconstruction with."
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


def against_widefield(
    estimate: xr.DataArray, path: Path, pixel_nm: float | None, interval_s: float | None
) -> xr.Dataset:
    """Read a widefield stack, in the coordinates of the table, and score a reconstruction against it.

    Raises
    ------
    ValueError
        If the file is not an image stack, its scale is unknown, or it hardly overlaps with the reconstruction.
    OSError
        If there is no such file.
    """
    stack = read_widefield(path, pixel_nm, interval_s)
    try:
        return smlmsim.score_against_widefield(estimate, stack)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def verdict(found: xr.Dataset) -> str:
    """Return the scores in words."""
    return (
        f"against widefield: RSP {float(found.rsp):.3f}, RSE {float(found.rse):.3g} grey levels, "
        f"with a point spread function of sigma {float(found.sigma_nm):.0f} nm. RSP is the correlation of the "
        "blurred reconstruction with the widefield image (best: 1); RSE is the root-mean-square difference "
        "between them (best: 0)"
    )
