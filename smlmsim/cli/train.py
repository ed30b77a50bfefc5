"""The command that trains networks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from smlmsim.cli.corpus import read_corpus


def train(
    network: Annotated[
        str | None, typer.Argument(help="The network; `smlmsim list --parameters` names them.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the training; made if absent.")] = None,
    resume: Annotated[Path | None, typer.Option(help="Go on with the training in this folder.")] = None,
    study: Annotated[
        str, typer.Option(help="The corpus to make and train on: a preset or a TOML file.")
    ] = "thesis-train",
    corpus: Annotated[Path | None, typer.Option(help="A corpus that is there already, instead.")] = None,
    validation: Annotated[
        Path | None, typer.Option(help="A corpus to validate on, of other seeds, to go with --corpus.")
    ] = None,
    size: Annotated[
        str, typer.Option(help="`shipped`, `published`, or a TOML file with a configuration.")
    ] = "shipped",
    init: Annotated[Path | None, typer.Option(help="Weights to start from.")] = None,
    freeze: Annotated[
        str, typer.Option(help="Part of the network that stays as it is: `encoder`, say.")
    ] = "",
    workers: Annotated[int, typer.Option(min=0, help="Processes that make crops.")] = 1,
) -> None:
    """Train a network on a corpus; killed at any moment, `--resume DIR` goes on from the last checkpoint.

    Leaves in DIR: `weights.safetensors`, for `smlmsim reconstruct --with NETWORK --weights FILE`; `log.csv`; a preview
    of every epoch; `tensorboard`, if that is installed; and `corpus.zarr`, `validation.zarr` where they were not given.
    Under `torchrun` every process trains on its share of each batch.
    """
    from smlmsim import train as training

    if resume:
        run, folder = training.read_run(resume), resume
    else:
        if not (network and out):
            raise ValueError(
                "name a network and a folder: smlmsim train annapalm3d --out DIR, or --resume DIR"
            )
        folder = out
        if (corpus is None) != (validation is None):
            raise ValueError("--corpus and --validation go together")
        configuration = training.load_trainable(network).configured(size)
        if corpus is None or validation is None:
            corpus, validation = training.make_corpora(folder, read_corpus(study))
        chosen = configuration.model_dump(mode="json", exclude_none=True)
        wanted = training.Run(
            network=network, configuration=chosen, corpus=corpus.resolve(),
            validation=validation.resolve(), init=init.resolve() if init else None, freeze=freeze,
        )  # fmt: skip
        run = training.start(folder, wanted)
    best = run.train(folder, workers=workers)
    typer.echo(f"MS-SSIM {best:.4f} on the validation; {folder / 'weights.safetensors'}")
