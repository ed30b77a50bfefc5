"""The command that says how far a reconstruction of one's own data can be trusted."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import smlmsim
from smlmsim.cli import against
from smlmsim.cli.locate import REFERENCE, read_map
from smlmsim.cli.messages import said
from smlmsim.cli.options import Coverage, Out, make_folder, reads_a_table, selects_localizations
from smlmsim.io import Reading
from smlmsim.selection import Selection


@selects_localizations
@reads_a_table
def trust(
    table: Annotated[
        Path, typer.Argument(help="A localization table; `smlmsim list --formats` lists the formats.")
    ],
    out: Out,
    reading: Reading,
    selection: Selection,
    name: Annotated[
        str | None,
        typer.Option(
            "--with", help="The reconstructor. [default: the best of the map whose training the table fits]"
        ),
    ] = None,
    structure: Annotated[
        str | None, typer.Option(help="What is labelled, such as microtubules. [default: from the table]")
    ] = None,
    widefield: against.Widefield = None,
    widefield_pixel_nm: against.WidefieldPixelNm = None,
    widefield_interval_s: against.WidefieldIntervalS = None,
    velocity_nm_per_s: Annotated[
        float | None,
        typer.Option(
            help="The velocity, nm/s, if it is known: 0 for fixed cells. [default: from the widefield stack, or from "
            "the localizations]"
        ),
    ] = None,
    sigma_nm: Annotated[float, typer.Option(help="Sigma of the widefield point spread function, nm.")] = 90.0,
    frames_per_point: Annotated[
        int | None,
        typer.Option(min=1, help="Camera frames in one time point. [default: as advised by the map]"),
    ] = None,
    time_points: Annotated[
        int,
        typer.Option(min=1, help="Most time points to reconstruct, in the middle of the recording."),
    ] = 40,
    pixel_nm: Annotated[float, typer.Option(help="Pixel size of the images, nm.")] = 20.0,
    coverage: Coverage = 1.0,
    uncertainty: Annotated[
        int, typer.Option(min=0, help="Monte-Carlo dropout passes of a network, 0 for none.")
    ] = 8,
    weights: Annotated[
        Path | None, typer.Option(help="Weights of a network, instead of the bundled ones.")
    ] = None,
    scores: Annotated[
        Path,
        typer.Option(
            "--map",
            help="Scores over velocity and rate: the `scores.nc` of a grid, or its folder. "
            "[default: the map in the README]",
            show_default=False,
        ),
    ] = REFERENCE,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the random halves.")] = 0,
) -> None:
    """Say in words how far the movie of a measured table can be trusted, on one page that needs no internet.

    The table is placed on a map of scores of simulated movies; the reconstructor that is best there, and whose training
    the table fits, reconstructs it, and two random halves of it. The velocity is that which the localizations tell.
    `--widefield` measures it in images as well, moves them onto the localizations and compares the movie with them. The
    page warns of what is outside the training, of drift, blinking, compact structures and too few localizations.

    Files in DIR: `index.html`; the movies `NAME.tif`, `uncertainty.tif` and `disagreement.tif`; `agreement.png` and
    `map.png`; and `summary.json`, every number and sentence.

    For example, `smlmsim trust cell.csv --exposure-s 0.03 --structure microtubules --out trust`.
    """
    from smlmsim.trust import Given, examine, write_page

    smlmsim.io.require_writable(out)
    if weights and not name:
        raise ValueError(f"weights={weights} are of a network; say of which, as in --with annapalm2d")
    if uncertainty == 1:
        raise ValueError(
            "a spread takes at least 2 passes, found uncertainty=1; give uncertainty=8, or 0 for none"
        )
    if name:
        smlmsim.load(name, {"weights": weights} if weights else {})
    found = read_map(scores)
    study = smlmsim.Experimental(
        table=table, pixel_nm=pixel_nm, coverage=coverage, reading=reading, selection=selection
    )
    stack = against.read_widefield(widefield, widefield_pixel_nm, widefield_interval_s) if widefield else None
    given = Given(
        name,
        frames_per_point,
        structure,
        weights,
        time_points,
        uncertainty,
        sigma_nm,
        seed,
        velocity_nm_per_s,
    )
    examination = examine(study, found, given, widefield=stack)
    make_folder(out)
    page = write_page(examination, out, said=said())
    from smlmsim.trust.words import verdict

    typer.echo(verdict(examination.findings))
    typer.echo(f"{page}: {page.stat().st_size / 1e6:.1f} MB")
