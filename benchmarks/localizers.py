"""Compare localizers over density and photons: `python benchmarks/localizers.py --out out/localizers`."""

from __future__ import annotations

import functools
import itertools
import logging
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from smlmsim.cli import interruption, main

if __name__ == "__main__":
    interruption.end_while_loading()

import numpy as np
import pandas as pd
import pydantic
import typer
import xarray as xr
from resumed import scored
from several import SOME, Several, numbers

from smlmsim import figures, io, schema
from smlmsim import localizers as plugins
from smlmsim.acquisition import Acquisition
from smlmsim.cli.messages import Command
from smlmsim.cli.options import Workers
from smlmsim.cli.sweep import seeds_of
from smlmsim.field import FieldOfView
from smlmsim.frames import Imaging
from smlmsim.interval import mean_interval
from smlmsim.io import netcdf
from smlmsim.localization import Imaged
from smlmsim.metrics import score_localizations
from smlmsim.rng import stream
from smlmsim.spec import one_line
from smlmsim.store import Kind

DENSITY, PHOTONS = "density_per_um2", "photons"
AXES = {
    DENSITY: {"long_name": "density of molecules", "units": "um-2"},
    PHOTONS: {"long_name": "photons of a molecule", "units": "1"},
}
METRICS = ("jaccard", "rmse_nm", "efficiency")
"""The scores that are drawn and described; precision and recall are stored beside them."""
MARGIN_NM = 500.0
"""Width of the border in which molecules shine but do not count, and of that around the frames with more of them."""
_log = logging.getLogger("smlmsim.benchmarks.localizers")


class LocalizersError(ValueError):
    """A folder holds other scores, or a movie cannot be made."""


KIND = Kind("comparison", LocalizersError)


class Movie(NamedTuple):
    """The settings of a movie."""

    density_per_um2: float
    photons: float
    seed: int

    def __str__(self) -> str:
        return f"{self.density_per_um2:g} per um^2 of {self.photons:g} photons, seed {self.seed}"

    @property
    def file(self) -> str:
        """Name of the file of its scores."""
        return f"{self.density_per_um2:g}.{self.photons:g}.{self.seed}.json"


class Localizers(Several):
    """Movies of molecules at random places, and the localizers that find them.

    Parameters
    ----------
    densities_per_um2 : tuple of float
        Molecules per um^2 that shine in a frame, on average.
    photons : tuple of float
        Expected photons of a molecule in a frame.
    seeds : tuple of int
        A seed is a movie in each cell.
    localizers : tuple of str
    molecules : int
        Expected number of molecules in all frames of a movie.
    edge_um : float
        Edge of the square field, more than 1 um, of which 0.5 um on each side do not count.
    imaging : Imaging
        The microscope and its camera.
    """

    densities_per_um2: Annotated[tuple[pydantic.PositiveFloat, ...], SOME] = (0.1, 0.3, 1, 2, 3, 5, 7)
    photons: Annotated[tuple[pydantic.PositiveFloat, ...], SOME] = (300, 1000, 3000)
    seeds: Annotated[tuple[pydantic.NonNegativeInt, ...], SOME] = (0, 1, 2)
    localizers: Annotated[tuple[str, ...], SOME] = pydantic.Field(
        default_factory=lambda: tuple(plugins.available())
    )
    molecules: pydantic.PositiveInt = 1000
    edge_um: Annotated[float, pydantic.Field(gt=2 * MARGIN_NM / 1000)] = 6.4
    imaging: Imaging = Imaging()

    def movies(self) -> Iterator[Movie]:
        """All movies; the seed varies slowest, so that an early end leaves whole seeds."""
        for seed, density, photons in itertools.product(self.seeds, self.densities_per_um2, self.photons):
            yield Movie(density, photons, seed)

    def load(self, name: str) -> plugins.Localizer:
        """A localizer that knows the width of the spots, if it has such a setting."""
        return Imaged.model_validate({**self.imaging.model_dump(), "localizer": name}).load()


app = typer.Typer(add_completion=False, rich_markup_mode="markdown", pretty_exceptions_enable=False)


@app.command(cls=Command)
def localizers(
    out: Annotated[Path, typer.Option("--out", help="Folder for the results; made if absent.")],
    densities: Annotated[str, typer.Option(help="Molecules per um^2 and frame.")] = "0.1,0.3,1,2,3,5,7",
    photons: Annotated[str, typer.Option(help="Photons of a molecule in a frame.")] = "300,1000,3000",
    seeds: Annotated[
        str, typer.Option(help="Seeds, as in 0-9 or 0,3,7-9; each is a movie in each cell.")
    ] = "0-2",
    localizer: Annotated[
        list[str] | None,
        typer.Option(help="Localizer to score; may be repeated. [default: all that are installed]"),
    ] = None,
    molecules: Annotated[int, typer.Option(min=1, help="Molecules in all frames of a movie.")] = 1000,
    camera: Annotated[str, typer.Option(help="emccd, scmos or ideal.")] = "scmos",
    background: Annotated[float, typer.Option(min=0, help="Background photons per pixel and frame.")] = 10,
    workers: Workers = None,
) -> None:
    """Score localizers on molecules at random places, by the metrics of the localization challenge.

    The Jaccard index says how many molecules are found and how few are invented, the lateral error (RMSE) how far off
    they are, and the efficiency joins both (Sage et al. 2019, doi:10.1038/s41592-019-0364-4). A localization belongs to
    a molecule within 250 nm. Brackets are 95 % intervals of the mean over the seeds.

    If killed at any moment, run the same command again to continue. Files in DIR: `scores.nc` (scores of every movie,
    with all settings), `table.csv` (means and intervals), and `jaccard`, `rmse_nm` and `efficiency` as PNG and PDF.

    `python benchmarks/localizers.py --out DIR --densities 0.3,3 --photons 1000 --localizer mle --localizer phasor`
    takes ten seconds.
    """
    names = tuple(dict.fromkeys(localizer or ()))
    study = Localizers.model_validate({
        "densities_per_um2": numbers(densities, "--densities"), "photons": numbers(photons, "--photons"),
        "seeds": seeds_of(seeds, "--seeds"), "molecules": molecules,
        "imaging": {"camera": camera, "background_photons": background},
        **({"localizers": names} if names else {}),
    })  # fmt: skip
    scores = run(study, out, processes=workers)
    netcdf.write(scores, out / "scores.nc")
    table = tabled(scores)
    with io.replacing(out / "table.csv") as draft:
        table.to_csv(draft, index=False)
    for name in METRICS:
        shown = scores[name].rename(localizer="reconstructor").to_dataset(name=name)
        if shown[name].notnull().any():
            for suffix in (".png", ".pdf"):
                figures.save(figures.heatmap(shown, name), out / f"{name}{suffix}")
    typer.echo(in_words(table))
    typer.echo(f"scores.nc, table.csv and the pictures are in {out}")


def run(
    study: Localizers, folder: Path, *, processes: int | None = None, progress: bool = True
) -> xr.Dataset:
    """Score the movies that a folder does not hold yet, and return all scores.

    Returns
    -------
    Dataset
        The scores of :func:`smlmsim.score_localizations` over density, photons, seed and localizer.

    Raises
    ------
    LocalizersError
        If the folder holds scores of other settings or versions.
    LocalizerError
        If a localizer is not installed.
    """
    for name in study.localizers:
        study.load(name)
    movies = list(study.movies())
    found, identity = scored(
        KIND, study, folder, movies, functools.partial(score_movie, study),
        processes=processes, progress=progress,
    )  # fmt: skip
    return _gathered(study, movies, found).assign_attrs(identity)


def score_movie(study: Localizers, movie: Movie) -> dict[str, dict[str, float] | str]:
    """Simulate a movie, and score all localizers on it; where one failed, return the reason."""
    frames, events = simulate(study, movie)
    return {name: _score(study, name, frames, events) for name in study.localizers}


def simulate(study: Localizers, movie: Movie) -> tuple[xr.Dataset, xr.Dataset]:
    """Make the camera frames of a movie, and the molecules in and around them.

    Molecules are spread evenly and shine in one frame. As many frames are made as hold ``molecules`` of them.
    """
    edge_nm = 1000 * study.edge_um
    field, wide_nm = FieldOfView(height_nm=edge_nm, width_nm=edge_nm), edge_nm + 2 * MARGIN_NM
    acquisition = Acquisition(
        time_points=max(1, math.ceil(study.molecules / (movie.density_per_um2 * study.edge_um**2))),
        frames_per_point=1,
    )
    rng = stream(movie.seed, "molecules")
    number = int(rng.poisson(movie.density_per_um2 * (wide_nm / 1000) ** 2 * acquisition.frames))
    frame = np.sort(rng.integers(0, acquisition.frames, number)).astype(np.int32)
    y, x = rng.uniform(-MARGIN_NM, wide_nm - MARGIN_NM, (2, number)).astype(np.float32)
    events = schema.dataset(
        event_frame=frame, event_y=y, event_x=x, event_photons=np.full(number, movie.photons, np.float32)
    )
    return study.imaging.take(events, field, acquisition, stream(movie.seed, "camera")), events


def tabled(scores: xr.Dataset) -> pd.DataFrame:
    """Return a row for each density, photons and localizer, with mean, ``low`` and ``high`` of each metric over seeds.

    An interval needs two seeds at least. Where a movie has no score there is neither mean nor interval.
    """
    stacked = scores[list(METRICS)].stack(row=(DENSITY, PHOTONS, "localizer"))
    table = pd.DataFrame({name: stacked[name].values for name in (DENSITY, PHOTONS, "localizer")})
    for name in METRICS:
        rows = stacked[name].transpose("row", "seed").values
        low, high = mean_interval(np.where(np.isfinite(rows).all(axis=1, keepdims=True), rows, np.nan))
        table[name], table[f"{name} low"], table[f"{name} high"] = rows.mean(axis=1), low, high
    return table


def in_words(table: pd.DataFrame) -> str:
    """The table in text, and which localizer has the best Jaccard index in how many cells."""
    shown = pd.DataFrame({
        "per um^2": table[DENSITY].map("{:g}".format), "photons": table[PHOTONS].map("{:g}".format),
        "localizer": table["localizer"], "Jaccard": _between(table, "jaccard", 2),
        "RMSE (nm)": _between(table, "rmse_nm", 0), "efficiency": _between(table, "efficiency", 2),
    })  # fmt: skip
    known = table.dropna(subset=["jaccard"])
    best = known.loc[known.groupby([DENSITY, PHOTONS])["jaccard"].idxmax()]
    cells = len(best)
    wins = ", ".join(f"{name} in {count}" for name, count in best["localizer"].value_counts().items())
    return f"{shown.to_string(index=False)}\nbest Jaccard index of {cells} cells: {wins or 'none'}"


def _between(table: pd.DataFrame, name: str, digits: int) -> list[str]:
    """Means with their intervals in brackets, where these are known."""
    texts = []
    for mean, low, high in zip(table[name], table[f"{name} low"], table[f"{name} high"], strict=True):
        interval = f" [{low:.{digits}f}, {high:.{digits}f}]" if np.isfinite(low) else ""
        texts.append(f"{mean:.{digits}f}{interval}" if np.isfinite(mean) else "none")
    return texts


def _score(study: Localizers, name: str, frames: xr.Dataset, events: xr.Dataset) -> dict[str, float] | str:
    try:
        found = plugins.localize(study.load(name), frames)
    except Exception as error:  # of any package; the others go on
        return one_line(f"{type(error).__name__}: {error}")
    inner = 1000 * study.edge_um - 2 * MARGIN_NM
    scores = score_localizations(found, events, rectangle_nm=(MARGIN_NM, MARGIN_NM, inner, inner))
    return {str(metric): float(value) for metric, value in scores.items()}


def _gathered(study: Localizers, movies: Sequence[Movie], found: Sequence[Any]) -> xr.Dataset:
    """The scores of all movies over their axes."""
    nothing = score_localizations(
        schema.dataset(loc_frame=[], loc_y=[], loc_x=[]),
        schema.dataset(event_frame=[], event_y=[], event_x=[]),
    )
    axes: dict[str, Any] = {
        DENSITY: list(map(float, study.densities_per_um2)), PHOTONS: list(map(float, study.photons)),
        "seed": list(study.seeds), "localizer": list(study.localizers),
    }  # fmt: skip
    shape = [len(values) for values in axes.values()]
    scores = xr.Dataset(
        {name: (list(axes), np.full(shape, np.nan), dict(nothing[name].attrs)) for name in nothing}, axes
    )
    for movie, outcomes in zip(movies, found, strict=True):
        for name, outcome in outcomes.items():
            if isinstance(outcome, str):
                _log.warning("%s failed on %s: %s", name, movie, outcome)
                continue
            for metric, value in outcome.items():
                scores[metric].loc[(*movie, name)] = value
    for axis, attrs in AXES.items():
        scores[axis].attrs.update(attrs)
    return scores.assign_attrs(within_nm=nothing.attrs["within_nm"], doi=nothing.attrs["doi"])


if __name__ == "__main__":
    main(app)
