"""The commands for networks that travel between programs and computers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from smlmsim.cli.messages import Command

model_app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="""Send networks with their weights, and receive them.

    * `smlmsim model export annapalm3d --out annapalm3d.zip` writes a model of BioImage.IO.
    * `smlmsim model import annapalm3d.zip --out annapalm3d.safetensors` takes weights out of one.
    """,
)


@model_app.command("export", cls=Command)
def export_command(
    network: Annotated[str, typer.Argument(help="The network; `smlmsim list --parameters` names them.")],
    out: Annotated[Path, typer.Option(help="The zip.")],
    weights: Annotated[
        Path | None, typer.Option(help="Weights from a training. [default: those it comes with]")
    ] = None,
    author: Annotated[
        list[str] | None, typer.Option(help="'Family, Given', for own weights; may be repeated.")
    ] = None,
    license: Annotated[
        str | None, typer.Option(help="SPDX identifier for own weights, as CC-BY-4.0.")
    ] = None,
) -> None:
    """Write a network as a model of BioImage.IO: weights, an input, and the output that belongs to it.

    The zip holds TorchScript for other programs, and safetensors for this one.
    """
    from smlmsim.models import Rights, export_model

    about = export_model(network, out, weights=weights, rights=Rights(tuple(author or ()), license or ""))
    typer.echo(f"{about['name']} ({about['license']}) in {out}, {out.stat().st_size / 1e6:.1f} MB")


@model_app.command("import", cls=Command)
def import_command(
    path: Annotated[Path, typer.Argument(metavar="ZIP", help="A model that `smlmsim model export` wrote.")],
    out: Annotated[Path, typer.Option(help="The weights, a safetensors file.")],
) -> None:
    """Take the weights out of a model of BioImage.IO, and check them with its test input and output.

    Nothing in the zip is run or unpickled.
    """
    from smlmsim.models import import_model

    name = import_model(path, out)
    typer.echo(
        f"weights of {name} in {out}; smlmsim reconstruct TABLE --with {name} --weights {out} uses them"
    )
