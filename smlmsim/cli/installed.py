"""The command that lists what is installed."""

from __future__ import annotations

import contextlib
from typing import Annotated

import typer

import smlmsim
from smlmsim import localizers, reconstruct
from smlmsim.cli.presets import presets
from smlmsim.cli.table import table

NEEDED = {reconstruct.FRAMES: "camera frames", reconstruct.WIDEFIELD: "widefield images"}
"""Variable that a reconstructor may need besides localizations -> the word for it."""


def list_installed(
    parameters: Annotated[
        bool, typer.Option("--parameters", help="List the number of parameters of every network instead.")
    ] = False,
    formats: Annotated[
        bool, typer.Option("--formats", help="List the file formats that are read and written instead.")
    ] = False,
) -> None:
    """List reconstructors, localizers, metrics and presets, and the inputs and training conditions of networks."""
    if formats:
        typer.echo(table(formats_table()))
        return
    if parameters:
        typer.echo(_parameters())
        return
    typer.echo("reconstructors: " + ", ".join(smlmsim.available()))
    for need, words in NEEDED.items():
        if needing := _needing(need):
            typer.echo(f"reconstructors that need {words}: " + ", ".join(needing))
    typer.echo("localizers: " + ", ".join(localizers.available()))
    typer.echo("metrics: " + ", ".join(smlmsim.METRICS))
    typer.echo("presets of a grid: " + ", ".join(presets("grid")))
    typer.echo("presets of a corpus: " + ", ".join(presets("corpus")))
    for name in smlmsim.train.trainable():
        typer.echo(f"{name} sees: {_told(name, 'inputs')}")
        typer.echo(f"{name} was trained for: {_told(name, 'domain')}")


def formats_table() -> list[tuple[str, str, str, str]]:
    """Return the file formats: what they hold, what is written, and how that was verified."""
    head = ("format", "holds", "written as", "verified with")
    return [head, *((row.name, row.holds, row.written or "-", row.verified) for row in smlmsim.io.overview())]


def _needing(need: str) -> list[str]:
    """Return the reconstructors that need a variable besides localizations, of those that can be loaded."""
    found = []
    for name in smlmsim.available():
        with contextlib.suppress(ValueError):
            if need in reconstruct.needs(reconstruct.load(name)):
                found.append(name)
    return found


def _told(name: str, about: str) -> str:
    """Return the ``inputs`` or the ``domain`` of a network, according to its bundled weights."""
    try:
        return str(getattr(smlmsim.load(name), about, None) or "not known")
    except ValueError as error:
        return f"not known ({error})"


def _parameters() -> str:
    """Return a table of the parameters of every network, including running means and variances."""
    rows = [("network", "size", "part", "parameters")]
    for name in smlmsim.train.trainable():
        network = smlmsim.train.load_trainable(name)
        for size, configuration in smlmsim.train.configurations(network).items():
            counts = configuration.parameters()
            together = {"together": sum(counts.values())} if len(counts) > 1 else {}
            rows += [(name, size, part, f"{count:,}") for part, count in (counts | together).items()]
    return table(rows, right=3)
