"""The command that removes drift from a table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import typer

import smlmsim
from smlmsim.cli.localize import require_table
from smlmsim.cli.options import reads_a_table
from smlmsim.drift import Course, Drift
from smlmsim.io import Reading
from smlmsim.io.columns import LEFT_OUT


@reads_a_table
def drift(
    table: Annotated[
        Path, typer.Argument(help="A localization table; `smlmsim list --formats` lists the formats.")
    ],
    out: Annotated[Path, typer.Option("--out", help="The table to write, without drift.")],
    reading: Reading,
    windows: Annotated[
        int,
        typer.Option(help="Number of time windows; more follow faster drift, and need more localizations."),
    ] = 10,
    pixel_nm: Annotated[float, typer.Option(help="Pixel of the images that are correlated, nm.")] = 20.0,
    largest_nm: Annotated[float, typer.Option(help="Largest shift that is looked for, nm.")] = 500.0,
    outlier_nm: Annotated[
        float, typer.Option(help="Pairs of windows that differ by more from the drift are left out, nm.")
    ] = 30.0,
    disagreement_nm: Annotated[
        float,
        typer.Option(
            help="Largest difference, root mean square, of the drift of the quarters of the field from that of all, nm."
        ),
    ] = 10.0,
    curve: Annotated[
        Path | None, typer.Option(help="A CSV file for the drift in every frame: frame, y_nm, x_nm.")
    ] = None,
) -> None:
    """Remove the drift of the sample from a table, by cross-correlation of time windows.

    Drift shifts the whole field alike. In live cells the structure moves as well, every part its own way: if the
    quarters of the field disagree, its motion cannot be told from drift, and nothing is written. Structure that moves
    as a whole is taken for drift. Drift in camera frames: `smlmsim localize` them first.

    For example, `smlmsim drift fixed.csv --out fixed_steady.csv --curve drift.csv`. Redundant cross-correlation: Wang
    et al. 2014, doi:10.1364/OE.22.015982.
    """
    require_table(out)
    for file in filter(None, (out, curve)):
        smlmsim.io.require_writable_file(file)
        if file.exists() and table.exists() and file.samefile(table):
            raise ValueError(f"{table} would be replaced by what is made of it; choose another name")
    method = Drift(
        windows=windows, pixel_nm=pixel_nm, largest_nm=largest_nm, outlier_nm=outlier_nm,
        disagreement_nm=disagreement_nm,
    )  # fmt: skip
    data = smlmsim.read(table, reading, others=True)
    left_out = data.attrs.pop(LEFT_OUT, ())
    corrected, course = method.correct(data)
    smlmsim.write(corrected, out)
    if curve:
        _write_curve(course, corrected.loc_frame.values, curve)
    if left_out:
        typer.echo(f"left out, because it cannot be stored: {', '.join(left_out)}")
    parts = (
        "" if np.isnan(course.disagreement_nm) else f", quarters of the field {course.disagreement_nm:.2g} nm"
    )
    typer.echo(
        f"drift of up to {course.range_nm:.3g} nm removed, table in {out}; differences from it (root mean square): "
        f"pairs of windows {course.residual_nm:.2g} nm{parts}"
    )


def _write_curve(course: Course, frames: np.ndarray, file: Path) -> None:
    """Write the drift in every frame from the first to the last localization."""
    every = np.arange(int(frames.min()), int(frames.max()) + 1)
    y_nm, x_nm = course.at(every)
    with smlmsim.io.replacing(file) as draft:
        pd.DataFrame({"frame": every, "y_nm": y_nm, "x_nm": x_nm}).to_csv(
            draft, index=False, float_format="%.3f"
        )
