"""The command that writes a report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from smlmsim.cli.options import Workers
from smlmsim.cli.sweep import MoviesOf, seeds_of


def report(
    result: Annotated[Path, typer.Argument(help="The scores.zarr of a grid, or the folder that holds it.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for index.html; made if absent.")],
    movies_of: MoviesOf = None,
    workers: Workers = None,
) -> None:
    """Write one HTML file that says who is best, where and how sure, and plays the movie of every cell.

    It needs no network. The movies were kept in `clips`, beside the scores, while these were made; those that are
    missing there are made now.
    """
    from smlmsim.report import write_report

    seeds = seeds_of(movies_of, "--movies-of")
    path = write_report(result, out, movies_of=seeds, processes=workers)
    typer.echo(f"{path}: {path.stat().st_size / 1e6:.1f} MB")
