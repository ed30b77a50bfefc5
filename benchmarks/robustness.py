"""Where networks were not trained: `python benchmarks/robustness.py --out out/robustness` tests them there.

A study file names laboratories, each a few settings by which its movies differ from those of the others, and a
perturbation of the cells. Of one network, M0 is trained in all laboratories and M1, M2, ... in all but one. All are then
tested on movies of every laboratory, before and after the perturbation, beside a reconstructor that learned nothing.

Leaves in the folder: `laboratories` (does a network do worse in a laboratory it never saw?) and `perturbation` (does it
show perturbed cells as they are?) as PNG and PDF, `robustness.csv` (every comparison with its p-value), `report.txt` (the
result in words), `scores.nc` (all scores, labelled), and what it resumes from: `study.toml`, the trained models `M0`,
`M1`, ..., and `tests`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from smlmsim import figures, io
from smlmsim.cli.options import Workers
from smlmsim.robustness import Robustness, differences, in_words, run_robustness

STUDIES = Path(__file__).parent / "studies"


def main(
    out: Annotated[Path, typer.Option("--out", help="Folder for the results; made if absent.")],
    study: Annotated[
        Path, typer.Option(help="What to do, in TOML; robustness.toml beside it is the full size.")
    ] = STUDIES / "robustness-quick.toml",
    trainings: Annotated[
        int, typer.Option(min=1, help="Models to train at a time, each on one core; a GPU takes 1.")
    ] = 2,
    crop_workers: Annotated[
        int, typer.Option(min=0, help="Further processes for each training, which make its crops.")
    ] = 0,
    workers: Workers = None,
) -> None:
    """Train, test and compare; killed at any moment, the same command goes on where it was."""
    scores = run_robustness(
        Robustness.from_toml(study), out, processes=workers, trainings=trainings, crop_workers=crop_workers
    )
    table = differences(scores)
    with io.replacing(out / "scores.nc") as draft:
        scores.to_netcdf(draft, engine="h5netcdf")
    with io.replacing(out / "robustness.csv") as draft:
        table.to_csv(draft, index=False)
    for name, draw in {"laboratories": figures.laboratories, "perturbation": figures.perturbation}.items():
        figure = draw(scores, table)
        for suffix in (".png", ".pdf"):
            figures.save(figure, out / f"{name}{suffix}")
    with io.replacing(out / "report.txt") as draft:
        draft.write_text(in_words(scores), encoding="utf-8")
    typer.echo(in_words(scores))
    typer.echo(f"laboratories.png, perturbation.png, robustness.csv and scores.nc are in {out}")


if __name__ == "__main__":
    typer.run(main)
