"""The command that fetches shared data."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated

import typer

from smlmsim.share.fetch import LIMIT_GB

_log = logging.getLogger(__name__)


def fetch(
    source: Annotated[
        list[str],
        typer.Argument(metavar="DOI|URL...", help="DOIs or addresses of records, or addresses of files."),
    ],
    file: Annotated[
        list[str] | None,
        typer.Option(
            help="Name or pattern, as '*.smlm', of the files to fetch; may be repeated. [default: all]"
        ),
    ] = None,
    into: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Where a folder is made for each record. [default: $SMLMSIM_CACHE, or the cache of your system]",
        ),
    ] = None,
    limit_gb: Annotated[
        float, typer.Option(min=0.0, help="Greatest size of the files of a record, GB.")
    ] = LIMIT_GB,
    server: Annotated[
        str | None,
        typer.Option(
            help="Address of another server with the interface of Zenodo. [default: $SMLMSIM_SERVER, or Zenodo]"
        ),
    ] = None,
) -> None:
    """Fetch shared data by their DOI, with checksums, licence and citation.

    The files of a record go to a folder of their own, as `zenodo-123`; `fetched.json` there says all that is known of
    them, and `CITATION.txt` how to cite them. What is there already is not fetched again; after an interruption the
    same command goes on where it was.
    """
    from smlmsim.share import fetch as share

    for one in source:
        offer = share.look_up(one, file or (), server=server, limit_gb=limit_gb)
        said = offer.publication
        typer.echo(said.name)
        typer.echo(
            f"  licence   {said.license or 'none stated: ask the authors before you use or share them'}"
        )
        typer.echo(f"  citation  {said.citation}")
        number = len(offer.chosen)
        typer.echo(f"  files     {number} of {len(said.files)}, {share.shown_bytes(offer.size_bytes)}")
        for path in share.fetch(offer, into, limit_gb=limit_gb):
            typer.echo(path)
