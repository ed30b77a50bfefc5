"""Test networks under conditions without training data: `python benchmarks/robustness.py --out out/robustness`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from smlmsim.cli import interruption, main

if __name__ == "__main__":
    interruption.end_while_loading()

import typer

from smlmsim.cli.messages import Command
from smlmsim.cli.options import Workers
from smlmsim.robustness import Robustness, run_robustness, write_results

QUICK = Path(__file__).parent / "studies" / "robustness-quick.toml"

app = typer.Typer(add_completion=False, rich_markup_mode="markdown", pretty_exceptions_enable=False)


@app.command(cls=Command)
def robustness(
    out: Annotated[Path, typer.Option("--out", help="Folder for the results; made if absent.")],
    study: Annotated[
        Path,
        typer.Option(
            help="The study in TOML: robustness-quick.toml in benchmarks/studies takes minutes, robustness.toml, whose "
            "figure is in the README, most of an hour on one core.",
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
    """Train networks in all laboratories except one, and test them in all.

    A study defines laboratories, each by a few settings in which its movies differ from the others or by measured
    tables, and a perturbation of the cells. Model M0 of a network is trained on few fields of one laboratory, M1, M2,
    ... in all laboratories except one, and "all" in all. All models are tested on movies of every laboratory, before
    and after the perturbation, and compared with a reconstructor without training. A study can also train models on
    few and on many fields, and follow the perturbation over time.

    If killed at any moment, run the same command again to continue. Files in DIR:

    * `laboratories.png`, `.pdf`: does a network score lower in a laboratory without training data?
    * `perturbation.png`, `.pdf`: does it score lower in perturbed cells, and show structure that is not there?
    * `profiles.png`, `.pdf`: intensity profiles across filaments, and their widths.
    * `quantity.png`, `.pdf`: what do more fields gain? `course.png`, `.pdf`: the area fraction over time.
    * `robustness.png`, `.pdf`: these in one figure, if the study asks for all of them.
    * `report.txt`: the result in words; `robustness.csv`: every comparison, with its interval and p-values.
      `quantity.csv`, `course.csv` and `widths.csv`: the numbers behind the other figures.
    * `scores.nc`, `quantity.nc`, `course.nc`, `profiles.nc`: all measurements (xarray opens them).
    * The data to resume from: `study.toml`, the models `M0`, `M1`, ..., and `tests`.
    """
    results = run_robustness(
        Robustness.from_toml(study), out, processes=workers, trainings=trainings, crop_workers=crop_workers
    )
    words, names = write_results(results, out)
    typer.echo(f"{words}\n{', '.join(names)} are in {out}")


if __name__ == "__main__":
    main(app)
