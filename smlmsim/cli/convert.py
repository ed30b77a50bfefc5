"""The command that writes a file in another format."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import smlmsim
from smlmsim.cli.options import PixelNm


def convert(
    source: Annotated[
        Path, typer.Argument(metavar="A", help="A table or a movie, in any format that is read.")
    ],
    target: Annotated[Path, typer.Argument(metavar="B", help="The file to make; its extension says how.")],
    pixel_nm: PixelNm = None,
) -> None:
    """Write a table or a movie in another format, with its metadata; columns that smlmsim does not know are kept.

    Tables: `.csv` (ThunderSTORM; metadata go to `B.json`), `.smlm`, `.hdf5` (Picasso, with a `.yaml`). Movies: `.tif`
    (ImageJ), `.zarr` (OME-Zarr 0.5).
    """
    data, lost, changed = smlmsim.io.convert(source, target, pixel_nm=pixel_nm)
    what = (
        f"{data.sizes['localization']} localizations"
        if "localization" in data.sizes
        else f"{data.sizes['time']} images of {data.sizes['y']} x {data.sizes['x']} pixels"
    )
    typer.echo(f"{what} in {target}")
    if lost:
        typer.echo(f"left out, as the format has no place for it: {', '.join(lost)}")
    for sentence in changed:
        typer.echo(sentence)
