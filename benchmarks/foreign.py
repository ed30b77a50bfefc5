"""Rank reconstructors on movies of another generator: `python benchmarks/foreign.py --out out/foreign`."""

from __future__ import annotations

import functools
import itertools
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple, Self, cast

from smlmsim.cli import interruption, main

if __name__ == "__main__":
    interruption.end_while_loading()

import numpy as np
import pandas as pd
import pydantic
import typer
import xarray as xr
from foreign_scenes import SCENES, STUDY, simulate
from resumed import scored
from scipy import stats
from several import SOME, Several, numbers

from smlmsim import figures, io, reconstruct
from smlmsim._settings import suggestion
from smlmsim.acquisition import Acquisition
from smlmsim.cli.locate import REFERENCE
from smlmsim.cli.messages import Command
from smlmsim.cli.options import Workers
from smlmsim.cli.sweep import seeds_of
from smlmsim.estimate.location import RATE, VELOCITY
from smlmsim.grid.attempt import attempt
from smlmsim.grid.scores import require_scores
from smlmsim.io import netcdf
from smlmsim.metrics import METRICS, described, score, three_crests
from smlmsim.store import Kind

WINDOW, WINDOW_FRAMES = "acquisition.frames_per_point", 50
"""An axis that a reference map may have, and its value in these movies."""
_log = logging.getLogger("smlmsim.benchmarks.foreign")


class ForeignError(ValueError):
    """A folder holds other scores."""


KIND = Kind("comparison", ForeignError)


class Movie(NamedTuple):
    """The settings of a movie."""

    scene: str
    velocity_nm_per_s: float
    rate_hz: float
    seed: int

    def __str__(self) -> str:
        return f"{self.scene} at {self.velocity_nm_per_s:g} nm/s and {self.rate_hz:g} Hz, seed {self.seed}"

    @property
    def file(self) -> str:
        """Name of the file of its scores."""
        return f"{self.scene}.{self.velocity_nm_per_s:g}.{self.rate_hz:g}.{self.seed}.json"


def _of_localizations() -> tuple[str, ...]:
    """The installed reconstructors that need localizations alone: these movies have no camera frames."""
    return tuple(name for name in reconstruct.available() if not reconstruct.needs(reconstruct.load(name)))


class Foreign(Several):
    """The movies of another generator, and who is ranked on them.

    Parameters
    ----------
    scenes : tuple of str
        Names of scenes.
    velocities_nm_per_s, rates_hz : tuple of float
        Mean velocity across the lines, and mean number of localizations per second, of a field of 2.56 x 2.56 um.
    seeds : tuple of int
        A seed is a movie in each cell.
    time_points : int
        Number of time points of 1.5 s.
    reconstructors : tuple of str
    metric : str
    """

    scenes: Annotated[tuple[str, ...], SOME] = tuple(SCENES)
    velocities_nm_per_s: Annotated[tuple[pydantic.NonNegativeFloat, ...], SOME] = (0, 30, 75, 150, 220)
    rates_hz: Annotated[tuple[pydantic.PositiveFloat, ...], SOME] = (60, 245, 1200)
    seeds: Annotated[tuple[pydantic.NonNegativeInt, ...], SOME] = (0, 1, 2)
    time_points: pydantic.PositiveInt = 20
    reconstructors: Annotated[tuple[str, ...], SOME] = pydantic.Field(default_factory=_of_localizations)
    metric: str = "ms_ssim"

    @pydantic.model_validator(mode="after")
    def _known(self) -> Self:
        for found, known in ((self.scenes, SCENES), ((self.metric,), METRICS)):
            for name in found:
                if name not in known:
                    raise ValueError(f"no {name!r}; {suggestion(name, known)}")
        return self

    def movies(self) -> Iterator[Movie]:
        """All movies; the seed varies slowest, so that an early end leaves whole seeds."""
        for seed, scene, velocity, rate in itertools.product(
            self.seeds, self.scenes, self.velocities_nm_per_s, self.rates_hz
        ):
            yield Movie(scene, velocity, rate, seed)


app = typer.Typer(add_completion=False, rich_markup_mode="markdown", pretty_exceptions_enable=False)


@app.command(cls=Command)
def foreign(
    out: Annotated[Path, typer.Option("--out", help="Folder for the results; made if absent.")],
    scene: Annotated[
        list[str] | None, typer.Option(help="waves or rods; may be repeated. [default: both]")
    ] = None,
    velocities: Annotated[
        str, typer.Option(help="Mean velocities across the lines, nm/s.")
    ] = "0,30,75,150,220",
    rates: Annotated[
        str, typer.Option(help="Localizations per second in the field of 2.56 x 2.56 um.")
    ] = "60,245,1200",
    seeds: Annotated[
        str, typer.Option(help="Seeds, as in 0-9 or 0,3,7-9; each is a movie in each cell.")
    ] = "0-2",
    time_points: Annotated[int, typer.Option(min=1, help="Time points of 1.5 s in a movie.")] = 20,
    reconstructor: Annotated[
        list[str] | None,
        typer.Option(help="Reconstructor to rank; may be repeated. [default: all that are installed]"),
    ] = None,
    metric: Annotated[str, typer.Option(help="Metric to rank by.")] = "ms_ssim",
    reference: Annotated[
        Path,
        typer.Option(
            help="The grid to whose ranking this one is compared: a `scores.nc` over velocity and rate. "
            "[default: the map in the README]",
            show_default=False,
        ),
    ] = REFERENCE,
    workers: Workers = None,
) -> None:
    """Rank reconstructors on movies of a generator that has nothing in common with smlmsim's own.

    A ranking that depends on how a simulation makes its filaments says little about measured data. Here are two scenes
    whose lines, motion, localizations and truth are computed by other code and other formulas:

    * `waves`: arcs of large circles, along which transverse waves travel.
    * `rods`: stiff rods that glide along their axis while it turns, and that enter and leave the field.

    The velocity is the mean distance by which a place on a line shifts across the line in 1.5 s, over 1.5 s. The rate
    is that of localizations on lines; 4 % of false positives are added.

    The table shows the mean score of each reconstructor in each cell, and in brackets its rank, 1 being the best.
    `rho` is Spearman's rank correlation with the ranking of the reference map at this velocity and rate: 1 if both
    are the same, 0 if they have nothing in common, -1 if one is the other upside down.

    If killed at any moment, run the same command again to continue. Files in DIR: `scores.nc` (scores of every movie,
    with all settings), `ranking.csv` (the table), a picture of each scene, and the movies' scores to resume from.

    `python benchmarks/foreign.py --out DIR --seeds 0 --velocities 0,75 --rates 245 --reconstructor gaussian_time
    --reconstructor static_sum --reconstructor sparse` takes half a minute.
    """
    given = {
        "scenes": tuple(dict.fromkeys(scene or ())),
        "reconstructors": tuple(dict.fromkeys(reconstructor or ())),
    }
    study = Foreign(
        velocities_nm_per_s=numbers(velocities, "--velocities"), rates_hz=numbers(rates, "--rates"),
        seeds=seeds_of(seeds, "--seeds") or (), time_points=time_points, metric=metric,
        **{name: names for name, names in given.items() if names},
    )  # fmt: skip
    known = _reference(reference, metric)
    scores = run(study, out, processes=workers)
    netcdf.write(scores, out / "scores.nc")
    table = ranking(scores[metric], known)
    with io.replacing(out / "ranking.csv") as draft:
        table.to_csv(draft, index=False)
    _draw_scenes(study, out)
    typer.echo(in_words(table))
    typer.echo(f"scores.nc, ranking.csv and a picture of each scene are in {out}")


def run(study: Foreign, folder: Path, *, processes: int | None = None, progress: bool = True) -> xr.Dataset:
    """Score the movies that a folder does not hold yet, and return all scores.

    Raises
    ------
    ForeignError
        If the folder holds scores of other settings or versions.
    ReconstructionError
        If a reconstructor is not installed.
    """
    for name in study.reconstructors:
        reconstruct.load(name)
    movies = list(study.movies())
    found, identity = scored(
        KIND, study, folder, movies, functools.partial(score_movie, study),
        processes=processes, progress=progress,
    )  # fmt: skip
    return _gathered(study, movies, found).assign_attrs(identity)


def score_movie(study: Foreign, movie: Movie) -> dict[str, float | str]:
    """Simulate a movie, and score all reconstructors on it; where one failed, return the reason."""
    observation, truth = simulate(*movie, acquisition=Acquisition(time_points=study.time_points))
    attempts = {name: attempt(name, observation) for name in study.reconstructors}
    return {
        name: made.reason
        if made.estimate is None
        else float(score(made.estimate, cast(xr.Dataset, truth), metrics=[study.metric])[study.metric])
        for name, made in attempts.items()
    }


def ranking(scores: xr.DataArray, reference: xr.DataArray) -> pd.DataFrame:
    """Rank the reconstructors in each cell, by the mean over its seeds.

    Parameters
    ----------
    scores : DataArray
        (scene, velocity, rate, seed, reconstructor).
    reference : DataArray
        (velocity, rate, reconstructor).

    Returns
    -------
    DataFrame
        A row for each cell: ``scene``, velocity and rate, ``rho``, and ``NAME`` and ``NAME rank`` for each
        reconstructor.
    """
    names = [str(name) for name in scores.reconstructor.values]
    common = [name for name in names if name in reference.reconstructor.values]
    if left_out := sorted(set(names) - set(common)):
        _log.info("rho leaves out what the reference map has no scores of: %s", ", ".join(left_out))
    if len(common) < 3:
        _log.warning(
            "a rank correlation needs at least three reconstructors of the map, found %d", len(common)
        )
    rows = []
    for place in itertools.product(*(scores[dim].values for dim in ("scene", VELOCITY, RATE))):
        cell = dict(zip(("scene", VELOCITY, RATE), place, strict=True))
        here = scores.sel(cell).mean("seed", skipna=False, keep_attrs=True)
        there = at(reference, cell[VELOCITY], cell[RATE]).sel(reconstructor=common)
        rows.append({
            **cell, "rho": _rho(here.sel(reconstructor=common), there),
            **dict(zip(names, here.values.tolist(), strict=True)),
            **dict(zip([f"{name} rank" for name in names], _ranks(here), strict=True)),
        })  # fmt: skip
    table = pd.DataFrame(rows)
    overall = {name: table[f"{name} rank"].mean() for name in names}
    table.attrs["mean_ranks"] = overall
    return table


def at(reference: xr.DataArray, velocity_nm_per_s: float, rate_hz: float) -> xr.DataArray:
    """The reference at a velocity and a rate: linear in the velocity and in the logarithm of the rate, at the edge if
    it lies outside."""
    known = reference.assign_coords({RATE: np.log10(reference[RATE])})
    wanted = {VELOCITY: velocity_nm_per_s, RATE: np.log10(rate_hz)}
    inside = {
        axis: float(np.clip(value, known[axis].min(), known[axis].max())) for axis, value in wanted.items()
    }
    for axis, value in inside.items():
        order = np.sort(known[axis].values)
        low, high = order[order <= value][-1], order[order >= value][0]
        share = (value - low) / (high - low) if high > low else 0.0
        known = (1 - share) * known.sel({axis: low}) + share * known.sel({axis: high})
    return known


def in_words(table: pd.DataFrame) -> str:
    """The table, scores with their ranks in brackets, and what it says about the reference."""
    names = list(table.attrs["mean_ranks"])
    shown = pd.DataFrame({
        "scene": table["scene"], "nm/s": table[VELOCITY].map("{:g}".format), "Hz": table[RATE].map("{:g}".format),
        **{name: _with_rank(table, name) for name in names}, "rho": table["rho"].map("{:.2f}".format),
    })  # fmt: skip
    order = sorted(names, key=table.attrs["mean_ranks"].__getitem__)
    means = ", ".join(f"{name} {table.attrs['mean_ranks'][name]:.1f}" for name in order)
    rhos = ", ".join(
        f"{scene} {rows['rho'].mean():.2f}" for scene, rows in table.groupby("scene", sort=False)
    )
    return (
        f"{shown.to_string(index=False)}\nmean rank: {means}\n"
        f"mean rho with the reference map: {rhos}, all {table['rho'].mean():.2f} (lowest {table['rho'].min():.2f})"
    )


def _with_rank(table: pd.DataFrame, name: str) -> list[str]:
    pairs = zip(table[name], table[f"{name} rank"], strict=True)
    return [f"{score:.3f} ({rank:g})" for score, rank in pairs]


def _ranks(scores: xr.DataArray) -> list[float]:
    """Rank scores, 1 being the best; one that is missing has no rank."""
    sign = 1 if scores.attrs.get("better") == "lower" else -1
    return [float(rank) for rank in stats.rankdata(sign * scores.values, nan_policy="omit")]


def _rho(here: xr.DataArray, there: xr.DataArray) -> float:
    """Spearman's rank correlation; NaN for fewer than three, or if all are alike."""
    both = np.stack([here.values, there.values])
    both = both[:, np.isfinite(both).all(axis=0)]
    if both.shape[1] < 3 or not np.ptp(both, axis=1).all():
        return float("nan")
    return float(stats.spearmanr(*both).statistic)


def _reference(path: Path, metric: str) -> xr.DataArray:
    """Read the reference map, the mean over its seeds."""
    scores = netcdf.read(path / "scores.nc" if path.is_dir() else path)
    require_scores(scores, str(path))
    if metric not in scores:
        raise ValueError(f"{path} has no {metric}; {suggestion(metric, map(str, scores))}")
    found = scores[metric].mean("seed")
    if WINDOW in found.dims:
        found = found.sel({WINDOW: WINDOW_FRAMES}, method="nearest", drop=True)
    if set(found.dims) != {VELOCITY, RATE, "reconstructor"}:
        raise ValueError(f"a reference map is over {VELOCITY} and {RATE}, found {found.dims} in {path}")
    return found


def _gathered(study: Foreign, movies: Sequence[Movie], found: Sequence[Any]) -> xr.Dataset:
    """The scores of all movies, as a grid with one axis more."""
    axes: dict[str, Any] = {
        "scene": list(study.scenes), VELOCITY: list(map(float, study.velocities_nm_per_s)),
        RATE: list(map(float, study.rates_hz)), "seed": list(study.seeds),
        "reconstructor": list(study.reconstructors),
    }  # fmt: skip
    values = xr.DataArray(np.full([len(found) for found in axes.values()], np.nan), axes, list(axes))
    for movie, outcomes in zip(movies, found, strict=True):
        for name, outcome in outcomes.items():
            if isinstance(outcome, str):
                _log.warning("%s failed on %s, and has no rank there: %s", name, movie, outcome)
            else:
                values.loc[(*movie, name)] = outcome
    shape = (study.time_points, 128, 128)
    values.attrs = METRICS[study.metric].attrs(shape, described(three_crests(STUDY)))
    values[VELOCITY].attrs.update(long_name="velocity", units="nm/s")
    values[RATE].attrs.update(long_name="rate", units="Hz")
    return values.to_dataset(name=study.metric)


def _draw_scenes(study: Foreign, folder: Path) -> None:
    """Draw truth and counts of the first movie of each scene, at the middle velocity and rate."""
    cell = (axis[len(axis) // 2] for axis in (study.velocities_nm_per_s, study.rates_hz))
    velocity, rate = cell
    for scene in study.scenes:
        movie = simulate(
            scene, velocity, rate, study.seeds[0], acquisition=Acquisition(time_points=study.time_points)
        )
        images = {"truth": cast(xr.Dataset, movie.truth).density, "counts": movie.observation.counts}
        figures.save(figures.montage(images), folder / f"{scene}.png")


if __name__ == "__main__":
    main(app)
