"""The command that drafts a publication of data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from smlmsim.cli.options import reads_a_table
from smlmsim.io import Reading


@reads_a_table
def publish(
    source: Annotated[
        Path,
        typer.Argument(metavar="TABLE|CORPUS|RESULT", help="A table, a corpus, or the folder of a result."),
    ],
    draft: Annotated[Path, typer.Option(metavar="DIR", help="Folder of the draft; it must not exist.")],
    reading: Reading,
    title: Annotated[
        str | None, typer.Option(help="Title. [default: that of the data, or their file name]")
    ] = None,
    description: Annotated[
        str | None, typer.Option(help="What they show. [default: that of the data]")
    ] = None,
    author: Annotated[
        list[str] | None,
        typer.Option(help="'Family, Given'; may be repeated. [default: those of the data]"),
    ] = None,
    license: Annotated[
        str | None, typer.Option(help="SPDX identifier, as CC-BY-4.0. [default: that of the data]")
    ] = None,
    tag: Annotated[
        list[str] | None,
        typer.Option(help="As structure:microtubules; may be repeated. [default: those of the data]"),
    ] = None,
) -> None:
    """Make a folder that is ready to upload to a repository; nothing is uploaded.

    Files in DIR: the data (a table as `.smlm`; a corpus and the folders of a result as archives), `rdf.yaml` (the
    description of ShareLoc), `metadata.json` (that of a deposit at Zenodo), `thumbnail.png`, `LICENSE`, `CITATION.cff`
    and `checksums.sha256`.
    """
    from smlmsim.share.draft import About, publish
    from smlmsim.share.fetch import shown_bytes

    about = About(title, description, tuple(author or ()), license, tuple(tag or ()))
    made = publish(source, draft, about, reading)
    size = sum(file.size_bytes or 0 for file in made.files)
    typer.echo(f"{made.name}: {made.license}, {', '.join(made.tags) or 'no tags'}")
    typer.echo(f"{draft} is ready: {len(made.files) + 1} files, {shown_bytes(size)}; nothing was uploaded")
