"""The command that writes a report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from smlmsim.cli.options import Workers
from smlmsim.cli.sweep import At, MoviesOf, Pairs, seeds_of, slice_of


def report(
    result: Annotated[Path, typer.Argument(help="The scores.zarr of a grid, or its folder.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for index.html; made if absent.")],
    at: At = None,
    pairs: Pairs = None,
    movies_of: MoviesOf = None,
    workers: Workers = None,
) -> None:
    """Compare the reconstructors of a grid in one HTML file, which also plays the movie of every cell.

    It needs no internet connection. Movies are read from the folder `clips` beside the scores; missing ones are
    simulated and reconstructed again.
    """
    from smlmsim.report import write_report

    seeds = seeds_of(movies_of, "--movies-of")
    path = write_report(result, out, at=slice_of(at), pairs=pairs, movies_of=seeds, processes=workers)
    typer.echo(f"{path}: {path.stat().st_size / 1e6:.1f} MB")
