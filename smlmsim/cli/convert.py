"""The command that writes a file in another format."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import smlmsim
from smlmsim.cli.options import (
    PixelNm,
    PointS,
    reads_a_table,
    say_what_is_not_used,
    selects_localizations,
)
from smlmsim.io import Reading
from smlmsim.selection import Selection


@selects_localizations
@reads_a_table
def convert(
    source: Annotated[
        Path, typer.Argument(metavar="A", help="A table or a movie, in any format that is read.")
    ],
    target: Annotated[
        Path, typer.Argument(metavar="B", help="The file to write; its extension selects the format.")
    ],
    reading: Reading,
    selection: Selection,
    pixel_nm: PixelNm = None,
    point_s: PointS = None,
) -> None:
    """Write a table or a movie in another format, with its metadata and its unknown columns.

    Tables: `.csv` (ThunderSTORM; metadata go to `B.json`), `.smlm`, `.hdf5` (Picasso, with a `.yaml`). Movies: `.tif`
    (ImageJ), `.zarr` (OME-Zarr 0.5). To convert a table to images, use `smlmsim reconstruct`.
    """
    is_table = smlmsim.io.holds_table(source)
    say_what_is_not_used(source, is_table, reading, selection, pixel_nm, point_s)
    data, lost, changed = smlmsim.io.convert(
        source, target, reading, selection, pixel_nm=pixel_nm, point_s=point_s
    )
    what = (
        f"{data.sizes['localization']} localizations"
        if "localization" in data.sizes
        else f"{data.sizes['time']} images of {data.sizes['y']} x {data.sizes['x']} pixels"
        + (f" in each of {data.sizes['channel']} channels" if "channel" in data.sizes else "")
    )
    typer.echo(f"{what} in {target}")
    if lost:
        typer.echo(f"left out, because the format cannot store it: {', '.join(lost)}")
    for sentence in changed:
        typer.echo(sentence)
