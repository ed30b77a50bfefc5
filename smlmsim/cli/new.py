"""The command that writes the package of a new reconstructor."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def new_reconstructor(
    name: Annotated[str, typer.Argument(help="Lower-case letters, digits and underscores, as in my_method.")],
    out: Annotated[Path, typer.Option("--out", help="Folder in which the folder NAME is made.")] = Path("."),
    trainable: Annotated[
        bool, typer.Option("--trainable", help="Write a network for `smlmsim train NAME`.")
    ] = False,
) -> None:
    """Write a small package with a reconstructor that passes the contract test, as a start for your own."""
    from smlmsim import scaffold

    folder = scaffold.new_plugin(name, out, kind="trainable" if trainable else "reconstructor")
    source = folder / "src" / name
    todo = (
        f"replace the network in {source / 'network.py'}"
        if trainable
        else (f"replace the blur in {source / 'reconstruct.py'}")
    )
    typer.echo(f"pip install -e '{folder}[test]' && pytest {folder}, then {todo}")
    if trainable:
        typer.echo(f"smlmsim train {name} --study tiny --out run trains it")
