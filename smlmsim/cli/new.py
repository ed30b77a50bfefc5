"""The commands that write the package of a new reconstructor or localizer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Name = Annotated[str, typer.Argument(help="Lower-case letters, digits and underscores, as in my_method.")]
Parent = Annotated[Path, typer.Option("--out", help="Folder in which the folder NAME is made.")]


def new_localizer(name: Name, out: Parent = Path(".")) -> None:
    """Write a small package with a localizer that passes the contract test, as a start for your own."""
    from smlmsim import scaffold

    folder = scaffold.new_plugin(name, out, kind="localizer")
    source = folder / "src" / name / "localize.py"
    typer.echo(f"pip install -e '{folder}[test]' && pytest {folder}, then replace the centroid in {source}")


def new_reconstructor(
    name: Name,
    out: Parent = Path("."),
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
