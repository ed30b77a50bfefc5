"""The command that locates an experiment on a map of scores."""

from __future__ import annotations

import logging
from importlib import resources
from pathlib import Path
from typing import Annotated

import typer
import xarray as xr

import smlmsim
from smlmsim import channels
from smlmsim.cli.against import read_widefield
from smlmsim.cli.options import Coverage, reads_a_table, selects_localizations
from smlmsim.grid.scores import require_scores
from smlmsim.io import Reading, netcdf
from smlmsim.selection import Selection
from smlmsim.spec import one_line
from smlmsim.windows import at_best_windows, has_windows

STRETCHES = 10
"""Number of parts of equal length into which a movie is cut to measure how its rate changes."""
MOST_OF_IT = 0.9
"""If a widefield movie covers a smaller fraction of the field or the time, a note says so."""
AS_AN_EXAMPLE_S = 0.9
MAP_LAG_S, LONG_LAGS = 1.5, 1.2
"""Time over which a map tells velocities, and how much longer another may be without a note."""
_log = logging.getLogger(__name__)

REFERENCE = Path(str(resources.files("smlmsim") / "grid" / "maps" / "reference.nc"))


@selects_localizations
@reads_a_table
def locate_on_map(
    table: Annotated[Path, typer.Argument(help="A localization table with units in its header.")],
    reading: Reading,
    selection: Selection,
    scores: Annotated[
        Path,
        typer.Option(
            "--map",
            help="Scores of a grid over velocity and rate, and perhaps time windows: `scores.nc`, or the folder that "
            "holds it. "
            "[default: the map in the README]",
            show_default=False,
        ),
    ] = REFERENCE,
    out: Annotated[Path, typer.Option(help="The figure to write: .png, .pdf or .svg.")] = Path("located.png"),
    widefield: Annotated[
        Path | None, typer.Option(help="A widefield movie (TIFF stack) to measure the velocity on.")
    ] = None,
    widefield_pixel_nm: Annotated[
        float | None, typer.Option(help="Pixel size of the widefield movie, nm. [default: from the file]")
    ] = None,
    widefield_interval_s: Annotated[
        float | None,
        typer.Option(help="Time between widefield images, s. [default: from the file]"),
    ] = None,
    coverage: Coverage = 1.0,
    sigma_nm: Annotated[float, typer.Option(help="Sigma of the widefield point spread function, nm.")] = 90.0,
    threshold: Annotated[float, typer.Option(help="A score that is good enough.")] = 0.7,
    metric: Annotated[str, typer.Option(help="The metric.")] = "ms_ssim",
) -> None:
    """Locate an experiment on a map of scores, and list the reconstructors that are good enough there.

    The rate is measured in ten parts of the table, from the lowest to the highest. The velocity is measured in a
    widefield movie; without one, it is that of the localizations, or, if they do not tell it, all velocities of the
    map are considered. If the map has time windows, as that of
    `smlmsim grid --preset window`, the best window of every reconstructor is recommended.
    """
    smlmsim.figures.require_known(out)
    smlmsim.io.require_writable_file(out)
    found = read_map(scores)
    study = smlmsim.Experimental(table=table, coverage=coverage, reading=reading, selection=selection)
    localizations = study.localizations()
    if len(known := list(channels.names(localizations).values())) > 1:
        raise ValueError(
            f"a map tells of one channel, found {', '.join(known)}; choose one with {channels.choice(known[0])}"
        )
    field = study.covered(localizations)
    exposure_s = smlmsim.io.exposure_s(localizations, table.name)
    summary = smlmsim.estimate.summarise([localizations])
    for doubt in smlmsim.estimate.implausible(summary, exposure_s=exposure_s):
        _log.warning("%s", doubt)
    typer.echo(
        f"rate: {smlmsim.estimate.localization_rate(localizations, exposure_s=exposure_s, field=field)}"
    )
    stretches = min(STRETCHES, summary.frames)
    rates = smlmsim.estimate.localization_rates(
        localizations, stretches=stretches, exposure_s=exposure_s, field=field
    )
    velocity = told_velocity(localizations, exposure_s=exposure_s, field=field)
    if velocity:
        typer.echo(f"velocity from the localizations: {velocity}")
    if widefield:
        movie = read_widefield(widefield, widefield_pixel_nm, widefield_interval_s)
        if (number := len(channels.split(movie))) > 1:
            raise ValueError(f"{widefield} holds {number} channels; save the one to measure on alone")
        seen = smlmsim.estimate.filament_velocity(movie, sigma_nm=sigma_nm)
        _say_what_moves(movie, field, summary.frames * exposure_s)
        typer.echo(f"velocity: {seen}")
        _say_where_they_differ(seen, velocity)
        velocity = seen
    box = smlmsim.estimate.experiment_box(rates, velocity)
    if has_windows(found):
        typer.echo(smlmsim.estimate.window_advice(found, box, metric=metric))
        frames = max(1, round(AS_AN_EXAMPLE_S / exposure_s))
        typer.echo(
            f"  give it to `smlmsim reconstruct` as --frames-per-point: {frames} are {AS_AN_EXAMPLE_S:g} s at an "
            f"exposure of {exposure_s:g} s"
        )
    typer.echo(smlmsim.estimate.verdict(found, box, metric=metric, threshold=threshold))
    on_map = smlmsim.estimate.is_on_map(found, box)
    marks = "this experiment" if on_map else "this experiment, beyond the map"
    drawn = at_best_windows(found, metric) if has_windows(found) else found
    figure = smlmsim.figures.heatmap(drawn, metric, marked=box.known, marks=marks, beyond=True)
    smlmsim.figures.save(figure, out)
    typer.echo(f"{out} shows {'where' if on_map else 'which way beyond the map the experiment lies'}")


def read_map(path: Path) -> xr.Dataset:
    """Read the scores of a grid: a file, or the folder of a grid that holds them as ``scores.nc``.

    Raises
    ------
    ValueError
        If the file does not hold scores over velocity and rate.
    OSError
        If there is no such file.
    """
    if path.is_dir() and not (path / "scores.nc").is_file():
        raise ValueError(
            f"{path} is a folder without a map, the scores.nc that `smlmsim grid --out DIR` makes"
        )
    if path.is_dir():
        path /= "scores.nc"
    if not path.exists():
        raise FileNotFoundError(
            f"there is no map {path}; `smlmsim grid --out DIR` makes one, DIR/scores.nc, for --map"
        )
    try:
        found = netcdf.read(path)
    except ValueError as error:
        raise ValueError(f"{path} is not the scores of a grid ({one_line(error)})") from error
    smlmsim.estimate.require_map(found)
    require_scores(found, str(path))
    return found


def told_velocity(
    localizations: xr.Dataset, *, exposure_s: float, field: smlmsim.FieldOfView
) -> smlmsim.estimate.FilamentVelocity | None:
    """Measure the velocity from localizations; if they do not tell it, log the reason and return None."""
    try:
        return smlmsim.estimate.localization_velocity(localizations, exposure_s=exposure_s, field=field)
    except ValueError as error:
        _log.info("no velocity from the localizations: %s", error)
        return None


def _say_where_they_differ(
    seen: smlmsim.estimate.FilamentVelocity, told: smlmsim.estimate.FilamentVelocity | None
) -> None:
    """Log how the velocity of a widefield movie differs from that of the map and from that of the localizations."""
    if seen.lag_s > LONG_LAGS * MAP_LAG_S:
        _log.info("the velocity is the mean over %g s, that of a map over %g s; filaments that turn round within "
                  "seconds have a higher one over a shorter time", seen.lag_s, MAP_LAG_S)  # fmt: skip
    if told and seen.differs(told):
        _log.warning("the widefield movie and the localizations tell different velocities, %s and %s: is the movie of "
                     "the same sample, and is its interval right?", seen, told)  # fmt: skip


def _say_what_moves(movie: xr.DataArray, field: smlmsim.FieldOfView, duration_s: float) -> None:
    """Log a note if the velocity was measured in only a part of the field or of the time."""
    pixel_nm = float(movie.x[1] - movie.x[0])
    height_nm, width_nm = (pixel_nm * movie.sizes[dim] for dim in "yx")
    share = min(height_nm / field.height_nm, 1.0) * min(width_nm / field.width_nm, 1.0)
    if share < MOST_OF_IT:
        _log.info("the widefield movie is %.3g x %.3g um, the localizations cover %.3g x %.3g um: the velocity is that "
                  "of a part of the field", *(nm / 1000 for nm in (height_nm, width_nm, field.height_nm,
                                                                    field.width_nm)))  # fmt: skip
    step_s = float(movie.time[1] - movie.time[0])
    if movie.sizes["time"] * step_s < MOST_OF_IT * duration_s:
        _log.info("the widefield movie lasts %.3g s, the localizations %.3g s: the velocity is that of a part of the "
                  "time", movie.sizes["time"] * step_s, duration_s)  # fmt: skip
