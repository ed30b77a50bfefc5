"""Test networks under conditions without training data: `python benchmarks/robustness.py --out out/robustness`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from smlmsim.cli import interruption, main

if __name__ == "__main__":
    interruption.end_while_loading()

import typer

from smlmsim import figures, io
from smlmsim.cli.messages import Command
from smlmsim.cli.options import Workers
from smlmsim.io import netcdf
from smlmsim.robustness import Robustness, differences, in_words, run_robustness

QUICK = Path(__file__).parent / "studies" / "robustness-quick.toml"

app = typer.Typer(add_completion=False, rich_markup_mode="markdown", pretty_exceptions_enable=False)


@app.command(cls=Command)
def robustness(
    out: Annotated[Path, typer.Option("--out", help="Folder for the results; made if absent.")],
    study: Annotated[
        Path,
        typer.Option(
            help="The study in TOML: robustness-quick.toml in benchmarks/studies takes minutes, robustness.toml is "
            "the full size.",
            show_default="robustness-quick.toml",
        ),
    ] = QUICK,
    trainings: Annotated[
        int, typer.Option(min=1, help="Models to train at a time, each on one core; on a GPU give 1.")
    ] = 2,
    crop_workers: Annotated[
        int, typer.Option(min=0, help="Number of further processes that prepare crops for each training.")
    ] = 0,
    workers: Workers = None,
) -> None:
    """Train networks in all simulated laboratories except one, and test them in all.

    A study defines laboratories, each by a few settings in which its movies differ from the others, and a perturbation
    of the cells. Model M0 of a network is trained in all laboratories, and M1, M2, ... in all except one. All models
    are tested on movies of every laboratory, before and after the perturbation, and compared with a reconstructor
    without training.

    If killed at any moment, run the same command again to continue. Files in DIR:

    * `laboratories.png`, `.pdf`: does a network score lower in a laboratory without training data?
    * `perturbation.png`, `.pdf`: does it score lower in perturbed cells, and show structure that is not there?
    * `report.txt`: the result in words; `robustness.csv`: every comparison, with its interval and p-values.
    * `scores.nc`: all scores (xarray opens it).
    * The data to resume from: `study.toml`, the models `M0`, `M1`, ..., and `tests`.
    """
    scores = run_robustness(
        Robustness.from_toml(study), out, processes=workers, trainings=trainings, crop_workers=crop_workers
    )
    table, words = differences(scores), in_words(scores)
    netcdf.write(scores, out / "scores.nc")
    with io.replacing(out / "robustness.csv") as draft:
        table.to_csv(draft, index=False)
    with io.replacing(out / "report.txt") as draft:
        draft.write_text(words, encoding="utf-8")
    for name, draw in {"laboratories": figures.laboratories, "perturbation": figures.perturbation}.items():
        figure = draw(scores, table)
        for suffix in (".png", ".pdf"):
            figures.save(figure, out / f"{name}{suffix}")
    typer.echo(f"{words}\nlaboratories.png, perturbation.png, robustness.csv and scores.nc are in {out}")


if __name__ == "__main__":
    main(app)
