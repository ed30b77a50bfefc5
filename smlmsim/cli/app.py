"""The commands for movies, tables and grids."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import pydantic
import typer

import smlmsim
from smlmsim.cli.agree import agree
from smlmsim.cli.catalogue import catalogue_app
from smlmsim.cli.convert import convert
from smlmsim.cli.corpus import corpus_app
from smlmsim.cli.drawing import draw_grid
from smlmsim.cli.drift import drift
from smlmsim.cli.fetch import fetch
from smlmsim.cli.frames import frames
from smlmsim.cli.info import info
from smlmsim.cli.installed import list_installed
from smlmsim.cli.interruption import INTERRUPTED, raise_again
from smlmsim.cli.localize import localize
from smlmsim.cli.locate import locate_on_map
from smlmsim.cli.messages import Command, as_options, listen, options
from smlmsim.cli.model import model_app
from smlmsim.cli.new import new_localizer, new_reconstructor
from smlmsim.cli.options import Out, Scheduler, Workers, make_folder
from smlmsim.cli.pair import pair
from smlmsim.cli.presets import preset_path
from smlmsim.cli.publish import publish
from smlmsim.cli.reconstruct import reconstruct
from smlmsim.cli.report import report
from smlmsim.cli.settings import settings
from smlmsim.cli.sweep import Add, Again, Metrics, MoviesOf, Reconstructors, Seeds, seeds_of, sweep_of
from smlmsim.cli.train import train
from smlmsim.cli.trust import trust
from smlmsim.cli.view import view
from smlmsim.from_table import FromTable
from smlmsim.spec import explain
from smlmsim.widefield import as_movie

if TYPE_CHECKING:
    import xarray as xr

app = typer.Typer(
    name="smlmsim",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    help="""Simulate, reconstruct and score live-cell single-molecule localization microscopy.

    * `smlmsim grid --preset quick --out DIR` scores every installed reconstructor at several velocities and
      localization rates, and draws heatmaps.
    * `smlmsim reconstruct TABLE.csv --with gaussian_time --out DIR` runs a reconstructor on your own table.
    * `smlmsim pair TABLE.csv --frames 300 --out DIR` scores reconstructors on a part of a table of fixed cells
      against all of it.
    * `smlmsim agree TABLE.csv --with annapalm2d --out DIR` compares reconstructions of two halves of a table.
    * `smlmsim trust TABLE.csv --out DIR` says in words, on one page, how far the movie of a table can be trusted.
    * `smlmsim localize STACK.tif --with mle --out TABLE.csv` finds the molecules in camera frames.
    * `smlmsim drift TABLE.csv --out STEADY.csv` removes the drift of the sample from a table.
    * `smlmsim report DIR --out REPORT` compares the reconstructors of a grid, and plays the movies.
    * `smlmsim simulate --out DIR` simulates one movie with a known truth.
    * `smlmsim frames --out DIR` simulates the camera frames of one movie, with the molecules that are in them.
    * `smlmsim info PATH` summarises a table or a movie; `smlmsim convert A B` writes it in another format.
    * `smlmsim corpus tiny --out corpus.zarr` simulates many movies for training.
    * `smlmsim train annapalm3d --out DIR` trains a network.
    * `smlmsim model export annapalm3d --out X.zip` writes it for other programs; `import` reads it.
    * `smlmsim new-reconstructor NAME` writes a package as a start for your own reconstructor, and `new-localizer`
      for your own localizer.
    * `smlmsim view PATH` opens a movie or a result in napari; `view TABLE --browser` a table in the browser.
    * `smlmsim locate-on-map TABLE.csv --map scores.nc` finds reconstructors that are good enough for your experiment.
    * `smlmsim list` shows what is installed, and `smlmsim settings` lists the settings of a study.
    """,
)

app.add_typer(corpus_app, name="corpus")
app.add_typer(catalogue_app, name="catalogue")
app.add_typer(model_app, name="model")
for command in (
    frames,
    info,
    convert,
    localize,
    drift,
    reconstruct,
    pair,
    agree,
    trust,
    train,
    report,
    new_reconstructor,
    new_localizer,
    view,
    locate_on_map,
    fetch,
    publish,
    settings,
):
    app.command(cls=Command)(command)
app.command("list", cls=Command)(list_installed)


@app.callback(invoke_without_command=True)
def common(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Show only warnings and errors, no notes.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Show details besides notes.")] = False,
) -> None:
    """Set which messages are shown."""
    if version:
        typer.echo(f"smlmsim {smlmsim.__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit
    listen(logging.WARNING if quiet else logging.DEBUG if verbose else logging.INFO)


@app.command(cls=Command)
def simulate(
    out: Out,
    study: Annotated[Path | None, typer.Argument(help="A study in TOML. [default: all defaults]")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of all random numbers.")] = 0,
    widefield: Annotated[
        bool,
        typer.Option(
            "--widefield",
            help="Also simulate a widefield image every 10 camera frames, enough to measure velocities.",
        ),
    ] = False,
) -> None:
    """Simulate one movie: the localization table, the images, the truth, and the settings.

    Files in DIR: `localizations.csv` (ThunderSTORM, with a `.json` for the exposure), `counts.tif`, `truth.tif` (Fiji
    opens them at the right scale), `overview.png` and `study.toml`, which gives the same movie again; and
    `widefield.tif` with `--widefield`, or if the study has a widefield microscope; and `frames.ome.tif` if the study
    keeps its camera frames.
    """
    smlmsim.io.require_writable(out)
    chosen = smlmsim.read_study(study) if study else smlmsim.SimulatedDynamic()
    if widefield and isinstance(chosen, FromTable):
        raise ValueError(
            f"{study} is of a measured table, of which no images can be taken; leave out --widefield"
        )
    if widefield and chosen.get("widefield") is None:
        chosen = chosen.replace({"widefield": smlmsim.Widefield(frames_between=10)})
    movie = smlmsim.simulate(chosen, seed)
    make_folder(out)
    smlmsim.write(movie.observation, out / "localizations.csv")
    smlmsim.write(movie.observation.counts, out / "counts.tif")
    images = {"counts": movie.observation.counts}
    if "frames" in movie.observation:
        smlmsim.write(movie.observation, out / "frames.ome.tif")
    if "widefield" in movie.observation:
        smlmsim.write(as_movie(movie.observation), out / "widefield.tif")
    if movie.truth is not None:
        smlmsim.write(movie.truth.density, out / "truth.tif")
        images["truth"] = movie.truth.density
    smlmsim.figures.save(smlmsim.figures.montage(images), out / "overview.png")
    with smlmsim.io.replacing(out / "study.toml") as draft:
        draft.write_text(chosen.to_toml(), encoding="utf-8")
    said = movie.truth.attrs if movie.truth is not None else {}
    per_s = "; {localizations_per_s:.4g} per s, of {events_per_s:.4g} events per s" * ("events_per_s" in said)
    typer.echo(f"{movie.observation.sizes['localization']} localizations in {out}{per_s.format(**said)}")


@app.command("grid", cls=Command)
def grid_command(
    out: Out,
    sweep: Annotated[Path | None, typer.Argument(help="A sweep in TOML, instead of a preset.")] = None,
    preset: Annotated[
        str | None,
        typer.Option(help="A bundled sweep; `smlmsim list` names them. [default: quick]"),
    ] = None,
    reconstructor: Reconstructors = None,
    seeds: Seeds = None,
    metric: Metrics = None,
    add: Add = False,
    movies_of: MoviesOf = None,
    workers: Workers = None,
    scheduler: Scheduler = None,
    retry_failed: Annotated[bool, typer.Option(help="Run reconstructors again where they failed.")] = False,
    again: Again = False,
) -> None:
    """Score every reconstructor on a grid of velocities and localization rates, and draw the heatmaps.

    If killed at any moment, run the same command again to continue. Files in DIR: `heatmap.png`, `heatmap.pdf`,
    `scores.nc` (xarray opens it), `scores.csv`, the store `scores.zarr` to resume from, and movies for
    `smlmsim report` in `clips`.

    `smlmsim grid --out DIR --reconstructor mine --add` adds a reconstructor to a finished grid; `--seeds 0-9 --add`
    and `--metric frc_nm --add` add seeds and metrics.

    `smlmsim grid --out DIR --reconstructor mine --again` scores it anew after a change of its code or weights, which
    are not looked at; all other scores stay. The same command would begin anew: once it has said that scores are
    removed, continue with `--add` in place of `--again`.

    A grid along `acquisition.frames_per_point`, as of `--preset window`, also says and draws which time window is best:
    `windows.png`, `windows.pdf` and `windows.csv`. Its heatmap shows every reconstructor with its best window.

    A grid of two colours, as of `--preset two-colours`, also says and draws how far the agreement of the two colours,
    which needs no truth, predicts the scores: `agreement.png`, `agreement.pdf` and `agreement.csv`.

    A grid along `localization.localizer`, of which one is `given`, as of `--preset frames`, says where the localizer
    limits and where the motion, and up to which rate more localizations help: `limits.png`, `limits.pdf` and
    `limits.csv`. Its heatmap has a row with localizations given, and one from camera frames.
    """
    named = sweep or (preset_path("grid", preset) if preset else None)
    store = out / "scores.zarr"
    grid = sweep_of(
        named, preset_path("grid", "quick"), store,
        reconstructors=reconstructor, seeds=seeds, metrics=metric, add=add, again=again,
    )  # fmt: skip
    make_folder(out)
    scores = smlmsim.run_grid(
        grid, store, add=add or again, movies_of=seeds_of(movies_of, "--movies-of"),
        processes=workers, scheduler=scheduler, retry_failed=retry_failed, again=(reconstructor or ()) if again else (),
    )  # fmt: skip
    from smlmsim.io import netcdf  # here, since it loads HDF5

    netcdf.write(scores, out / "scores.nc")
    with smlmsim.io.replacing(out / "scores.csv") as draft:
        scores.drop_vars("seconds", errors="ignore").to_dataframe().reset_index().to_csv(draft, index=False)
    drawn = draw_grid(scores, str(next(iter(scores))), out)
    typer.echo(f"{', '.join([*drawn, 'scores.nc'])} and scores.csv are in {out}")
    _report_failures(scores)


def main(run: Callable[[], None]) -> None:
    """Run a command line; errors that a user can correct are one line, not a traceback."""
    listen(logging.INFO)
    try:
        raise_again()
        run()
    except KeyboardInterrupt:
        said, code = "interrupted", INTERRUPTED
    except SystemExit as ended:
        if ended.code != INTERRUPTED:
            raise
        said, code = "interrupted", INTERRUPTED
    except (ValueError, OSError, MemoryError) as error:
        said, code = f"error: {as_options(_in_words(error), options())}", 1
    else:
        return
    # After the handler, because until then the error keeps unfinished objects, such as processes, alive.
    typer.echo(said, err=True)
    sys.exit(code)


def _in_words(error: Exception) -> str:
    """Return the message of an error for the user."""
    if isinstance(error, pydantic.ValidationError):
        return explain(error)
    if isinstance(error, OSError):
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror or str(error)
    if isinstance(error, MemoryError):
        return (
            f"there is not enough memory ({error}); larger pixels, pixel_nm=40, or a smaller part, "
            "crop_nm=0,2560,0,2560, take less"
        )
    return str(error)


def _report_failures(scores: xr.Dataset) -> None:
    reasons = [str(reason) for reason in scores.reason.values.ravel() if reason]
    if reasons:
        typer.echo(f"{len(reasons)} scores are missing; the first because: {reasons[0]}", err=True)
