"""The command that begins a reconstructor."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def new_reconstructor(
    name: Annotated[str, typer.Argument(help="Lower-case letters, digits and underscores, as in my_method.")],
    out: Annotated[Path, typer.Option("--out", help="Where to make the folder NAME.")] = Path("."),
) -> None:
    """Write a small package with a reconstructor that passes the contract test, to begin your own with."""
    from smlmsim import scaffold

    folder = scaffold.new_reconstructor(name, out)
    method = folder / "src" / name / "reconstruct.py"
    typer.echo(f"pip install -e '{folder}[test]' && pytest {folder}, then replace the blur in {method}")
