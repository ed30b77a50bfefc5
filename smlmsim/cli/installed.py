"""The command that says what is installed."""

from __future__ import annotations

from typing import Annotated

import typer

import smlmsim
from smlmsim.cli.presets import presets
from smlmsim.cli.table import table


def list_installed(
    parameters: Annotated[
        bool, typer.Option("--parameters", help="Count the parameters of every network instead.")
    ] = False,
    formats: Annotated[
        bool, typer.Option("--formats", help="Say which files are read and written instead.")
    ] = False,
) -> None:
    """Say which reconstructors, metrics and presets there are, what networks see and what they were trained for."""
    if formats:
        typer.echo(table(formats_table()))
        return
    if parameters:
        typer.echo(_parameters())
        return
    typer.echo("reconstructors: " + ", ".join(smlmsim.available()))
    typer.echo("metrics: " + ", ".join(smlmsim.METRICS))
    typer.echo("presets of a grid: " + ", ".join(presets("grid")))
    typer.echo("presets of a corpus: " + ", ".join(presets("corpus")))
    for name in smlmsim.train.trainable():
        typer.echo(f"{name} sees: {_told(name, 'inputs')}")
        typer.echo(f"{name} was trained for: {_told(name, 'domain')}")


def formats_table() -> list[tuple[str, str, str, str]]:
    """The formats of files that are read: what they hold, what is written, and how that was verified."""
    head = ("format", "holds", "written as", "verified with")
    return [head, *((row.name, row.holds, row.written or "-", row.verified) for row in smlmsim.io.overview())]


def _told(name: str, about: str) -> str:
    """What the weights of a network that come with it tell of its ``inputs``, or of its ``domain``."""
    try:
        return str(getattr(smlmsim.load(name), about, None) or "not known")
    except ValueError as error:
        return f"not known ({error})"


def _parameters() -> str:
    """A table of every network's parameters, with the running means and variances of its normalization."""
    rows = [("network", "size", "part", "parameters")]
    for name in smlmsim.train.trainable():
        network = smlmsim.train.load_trainable(name)
        for size, configuration in smlmsim.train.configurations(network).items():
            counts = configuration.parameters()
            together = {"together": sum(counts.values())} if len(counts) > 1 else {}
            rows += [(name, size, part, f"{count:,}") for part, count in (counts | together).items()]
    return table(rows, right=3)
