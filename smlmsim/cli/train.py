"""The command that trains networks."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from smlmsim.cli.corpus import read_corpus

if TYPE_CHECKING:
    from smlmsim.corpus import Corpus
    from smlmsim.train import Run

STUDY, HYBRID, TINY, SHIPPED = "thesis-train", "hybrid-train", "tiny", "shipped"


def train(
    network: Annotated[
        str | None, typer.Argument(help="The network; `smlmsim list --parameters` names them.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the training; made if absent.")] = None,
    resume: Annotated[Path | None, typer.Option(help="Continue the training in this folder.")] = None,
    study: Annotated[
        str | None,
        typer.Option(
            help=f"The corpus to make and train on: a preset or a TOML file. [default: {STUDY}; "
            f"{HYBRID} with --table]",
            show_default=False,
        ),
    ] = None,
    table: Annotated[
        list[Path] | None, typer.Option(help="A measured table of fixed cells to train on; may be repeated.")
    ] = None,
    corpus: Annotated[Path | None, typer.Option(help="An existing corpus to train on.")] = None,
    validation: Annotated[
        Path | None, typer.Option(help="A corpus of another seed for validation, with --corpus.")
    ] = None,
    size: Annotated[
        str | None,
        typer.Option(
            help="`tiny`, `shipped`, `published`, or a TOML file as below. [default: shipped; tiny with --study tiny]",
            show_default=False,
        ),
    ] = None,
    steps: Annotated[
        int | None, typer.Option(min=1, help="Number of optimizer steps. [default: as in SIZE]")
    ] = None,
    batch: Annotated[
        int | None, typer.Option(min=1, help="Number of crops in a step. [default: as in SIZE]")
    ] = None,
    crop: Annotated[
        str | None,
        typer.Option(
            metavar="TxYxX", help="Time points, height and width of a crop: 12x64x64. [default: as in SIZE]"
        ),
    ] = None,
    init: Annotated[Path | None, typer.Option("--init", "--continue", help="Weights to start from.")] = None,
    keep: Annotated[
        str | None,
        typer.Option(
            help="With --continue: the old corpus, on which the network shall stay as good; a preset, a TOML file, "
            "or an existing corpus. The learning rate is then a tenth, unless SIZE is a file."
        ),
    ] = None,
    keep_share: Annotated[
        float | None,
        typer.Option(help="Fraction of crops that are of the old corpus. [default: 0.5]", show_default=False),
    ] = None,
    freeze: Annotated[
        str, typer.Option(help="Part of the network that is not trained, such as `encoder`.")
    ] = "",
    workers: Annotated[int, typer.Option(min=0, help="Number of processes that prepare crops.")] = 1,
) -> None:
    """Train a network on a corpus; if killed, `--resume DIR` continues from the last checkpoint.

    `smlmsim train annapalm3d --study tiny --out DIR` takes about a minute, to test an installation.

    Files in DIR: `weights.safetensors`, for `smlmsim reconstruct --with NETWORK --weights FILE`; `log.csv`; a preview
    of every epoch; `tensorboard`, if that is installed; and `corpus.zarr`, `validation.zarr` if they were not given.
    `smlmsim train annapalm3d --continue OLD.safetensors --study NEW --keep thesis-train --out DIR` teaches a network a
    new study while it rehearses the old one, and says what it then scores on both.

    Under `torchrun` every process trains on its share of each batch.

    Your own configuration is given with `--size my.toml`. Settings that it leaves out are those of the published
    network, and `smlmsim settings NETWORK` lists all:

    ```toml
    [annapalm3d.network]      # the table is named after the network
    ndim = 3
    base = 16                 # channels of the first level
    levels = 4                # halvings of y and x; crops are multiples of 16
    time_levels = 0           # halvings of time

    # [annapalm3d.network.inputs]
    # fine_bins = 5           # bins per time point, each a channel; default 1
    # wide_sums = [3, "all"]  # means over more time points; default none

    [annapalm3d.loss]
    gamma = 0                 # no discriminator

    [annapalm3d.budget]
    steps = 2400              # optimizer steps
    batch = 4                 # crops in each step
    learning_rate = 6e-4
    schedule = "cosine"       # falls to 0 by the last step
    warmup = 0.02             # share of the steps in which it rises
    settle = 0.4              # share after which normalizations are fixed
    epoch_steps = 100         # steps between validations and checkpoints
    precision = "float32"     # or bfloat16, where benchmarks/bench_training.py finds it faster

    [annapalm3d.budget.crops]
    time_points = 32
    height = 64               # pixels
    width = 64
    point_s = 1.5             # seconds of a time point
    rate_hz = [25, 1800]      # per second in 2.56 x 2.56 um, new for every crop
    ```
    """
    options = {
        "network": network, "out": out, "study": study, "table": table, "corpus": corpus, "validation": validation,
        "size": size, "steps": steps, "batch": batch, "crop": crop, "init": init, "freeze": freeze or None,
        "keep": keep, "keep_share": keep_share,
    }  # fmt: skip
    given = {name: value for name, value in options.items() if value is not None}
    run, folder = (_resumed(resume, given), resume) if resume else _started(given)
    best = run.train(folder, workers=workers)
    for name, (before, after) in (run.kept(folder) or {}).items():
        typer.echo(
            f"MS-SSIM on the {name} validation crops: {before:.4f} before, {after:.4f} after, {after - before:+.4f}"
        )
    typer.echo(f"MS-SSIM {best:.4f} on the validation crops; {folder / 'weights.safetensors'}")


def _resumed(folder: Path, given: dict[str, Any]) -> Run:
    from smlmsim import train as training

    if given:
        names = ", ".join(name if name == "network" else f"--{name.replace('_', '-')}" for name in given)
        raise ValueError(f"--resume continues the training with its settings; leave out {names}")
    return training.read_run(folder)


def _started(given: dict[str, Any]) -> tuple[Run, Path]:
    """Check all settings, make the movies, and record the training in its folder."""
    from smlmsim import train as training
    from smlmsim.corpus.held_out import require_held_out, study_of

    if "network" not in given or "out" not in given:
        raise ValueError("name a network and a folder: smlmsim train annapalm3d --out DIR, or --resume DIR")
    folder, init, freeze = given["out"], given.get("init"), given.get("freeze", "")
    configuration = training.with_budget(
        training.load_trainable(given["network"]).configured(_size(given)),
        steps=given.get("steps"), batch=given.get("batch"), crop=_crop(given.get("crop")),
    )  # fmt: skip
    there, wanted = _corpora(given)
    old = _kept(given)
    if old and _size(given) in training.SIZES:
        configuration = training.gently(configuration)
    studies = [wanted.study] if wanted else [study_of(path) for path in there]
    studies += [study_of(old) if isinstance(old, Path) else old.study] if old else []
    for study in studies:
        configuration.require_fit(study, init=init, freeze=freeze)
    corpus, validation = training.make_corpora(folder, wanted) if wanted else there
    require_held_out(corpus, validation)
    keep = tuple(path.resolve() for path in training.keep_corpora(folder, old)) if old else None
    run = training.Run(
        network=given["network"], configuration=configuration.model_dump(mode="json", exclude_none=True),
        corpus=corpus.resolve(), validation=validation.resolve(), init=init.resolve() if init else None, freeze=freeze,
        keep=keep, keep_share=given.get("keep_share"),
    )  # fmt: skip
    return training.start(folder, run), folder


def _corpora(given: dict[str, Any]) -> tuple[tuple[Path, ...], Corpus | None]:
    """Return the existing corpora, or else the corpus to make."""
    there = tuple(given[name] for name in ("corpus", "validation") if name in given)
    if len(there) == 1:
        raise ValueError("--corpus and --validation go together")
    if not there:
        study = given.get("study", HYBRID if "table" in given else STUDY)
        return (), read_corpus(study, tables=given.get("table"))
    if odd := [f"--{name}" for name in ("study", "table") if name in given]:
        raise ValueError(
            f"--corpus is an existing corpus, so {' and '.join(odd)} cannot be used; leave out one of both"
        )
    return there, None


def _kept(given: dict[str, Any]) -> Corpus | Path | None:
    """Return the old corpus to keep: one to make again, or the folder of an existing one."""
    if "keep" not in given:
        if "keep_share" in given:
            raise ValueError("keep_share=0.5 is of an old corpus; name it with keep=STUDY")
        return None
    if "init" not in given:
        raise ValueError("keep=STUDY is for weights that were trained on it; name them with init=FILE")
    if not 0 < given.get("keep_share", 0.5) < 1:
        raise ValueError(f"keep_share is between 0 and 1, found {given['keep_share']:g}")
    path = Path(given["keep"])
    return path if path.is_dir() else read_corpus(given["keep"])


def _size(given: dict[str, Any]) -> str:
    """Return the requested configuration, or the default for the corpus."""
    return str(given.get("size", TINY if given.get("study") == TINY else SHIPPED))


def _crop(text: str | None) -> tuple[int, int, int] | None:
    if text is None:
        return None
    sizes = re.fullmatch(r"([1-9]\d*)[x,]([1-9]\d*)[x,]([1-9]\d*)", text.replace(" ", ""))
    if not sizes:
        raise ValueError(f"--crop is time points x height x width, as in 12x64x64, found {text!r}")
    time_points, height, width = map(int, sizes.groups())
    return time_points, height, width
