"""Judging a reconstruction of measured data by a widefield stack of the same sample."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
import xarray as xr

import smlmsim
from smlmsim.io import tiff

Widefield = Annotated[
    Path | None,
    typer.Option(
        help="A widefield image or stack (TIFF) of the same sample, to judge the reconstruction by."
    ),
]
WidefieldPixelNm = Annotated[
    float | None, typer.Option(help="Pixel of the widefield stack, nm. [default: as the file says]")
]
WidefieldIntervalS = Annotated[
    float | None,
    typer.Option(help="From one widefield image to the next, s. [default: as the file says]"),
]


def against_widefield(
    estimate: xr.DataArray, path: Path, pixel_nm: float | None, interval_s: float | None
) -> xr.Dataset:
    """Read a widefield stack, in the coordinates of the table, and score a reconstruction against it.

    Raises
    ------
    ValueError
        If the stack is none, does not say its scale, or hardly overlaps with the reconstruction.
    OSError
        If there is no such file.
    """
    stack = tiff.read(path, pixel_nm=pixel_nm, point_s=interval_s)
    try:
        return smlmsim.score_against_widefield(estimate, next(iter(stack.data_vars.values())))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def verdict(found: xr.Dataset) -> str:
    """The scores in words."""
    return (
        f"against widefield: RSP {float(found.rsp):.3f}, RSE {float(found.rse):.3g} grey levels, "
        f"with a point spread function of sigma {float(found.sigma_nm):.0f} nm"
    )
