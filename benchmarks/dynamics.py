"""Judge learned motion by the motion that it imitates: `python benchmarks/dynamics.py --out out/dynamics`."""

from __future__ import annotations

import enum
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, cast

from smlmsim.cli import interruption, main

if __name__ == "__main__":
    interruption.end_while_loading()

import numpy as np
import numpy.typing as npt
import pandas as pd
import typer
import xarray as xr
from scipy import stats
from tqdm import tqdm

from smlmsim import figures, io, load
from smlmsim.acquisition import Acquisition
from smlmsim.cli.messages import Command
from smlmsim.cli.sweep import seeds_of
from smlmsim.contour import Box, across, bonds, central_vertices
from smlmsim.corpus import Corpus, Range, generate
from smlmsim.figures.style import styled
from smlmsim.interval import mean_interval
from smlmsim.metrics import score
from smlmsim.motion import Deformation, Learned, Polymer, Wandering
from smlmsim.photophysics import Poisson
from smlmsim.pipeline import SemiSimulated, SimulatedDynamic, simulate
from smlmsim.reconstruct import reconstruct
from smlmsim.train import WEIGHTS, load_trainable, with_budget

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Floats = npt.NDArray[np.float64]

REFERENCE, OTHER_SEEDS = "polymer", "polymer, other seeds"
"""The motion that is imitated, and as a floor the same motion in other movies."""
IMITATIONS = {"deformation": Deformation, "wandering": Wandering, "learned": Learned}
APART = 1000
"""What is added to a seed for the other movies."""
TRAINED = ("deformation", "learned")
NETWORK = "annapalm3d"
STEP_S = 1.5
THINNED = 3
"""Only every third vertex enters the pairs of points."""
EDGES_NM = np.arange(0.0, 1700.0, 100.0)
"""Edges of the ranges of distances between points."""
LAGS = 10
"""Most time points between two shifts of one point."""


class Size(NamedTuple):
    """How much is measured.

    Parameters
    ----------
    seeds : str
        Seeds of the movies whose motion is measured.
    time_points : int
        Time points in them.
    steps, movies : int
        Steps of a training, and movies that it learns from; 0 steps leave out trainings.
    cells : tuple of (float, float)
        Velocity and rate of the movies on which networks are scored.
    test_seeds : str
        Their seeds.
    """

    seeds: str
    time_points: int
    steps: int
    movies: int
    cells: tuple[tuple[float, float], ...]
    test_seeds: str


SIZES = {
    "tiny": Size("0-1", 6, 2, 2, ((75.0, 380.0),), "0-1"),
    "quick": Size("0-4", 40, 150, 32, tuple(itertools.product((60.0, 90.0), (110.0, 380.0))), "0-4"),
}  # fmt: skip


class Preset(enum.StrEnum):
    """Names of sizes."""

    tiny = "tiny"
    quick = "quick"


QUICK = Preset.quick


class Shifts(NamedTuple):
    """The shifts of points on contours over a time point.

    Parameters
    ----------
    place, shift : array (time, yx, point)
        In nm.
    normal : array (time, point)
        The part of the shift along the normal of the contour, in nm.
    seen : bool array (time, point)
        Whether a point is in the field.
    weight : array (point,)
        The weight of a point in a velocity.
    stretch : float
        Root mean square logarithm of the length of segments relative to their mean over the movie.
    """

    place: Floats
    shift: Floats
    normal: Floats
    seen: npt.NDArray[np.bool_]
    weight: Floats
    stretch: float


class Measured(NamedTuple):
    """What is compared of a motion: |velocities along normals| with their weights, and both correlations."""

    speed_nm_per_s: Floats
    weight: Floats
    over_distance: Floats
    over_time: Floats
    stretch: float


def moved(motion: str, velocity_nm_per_s: float, seed: int, time_points: int) -> Shifts:
    """Simulate a motion as movies have it: two scenes superposed, or for the polymer a single one."""
    acquisition = Acquisition(time_points=time_points + 1, steps_per_point=1)
    if motion in (REFERENCE, OTHER_SEEDS):
        seed += APART if motion == OTHER_SEEDS else 0
        study: Any = SimulatedDynamic(
            motion=Polymer(velocity_nm_per_s=velocity_nm_per_s), acquisition=acquisition
        )
    else:
        study = SemiSimulated(
            motion=IMITATIONS[motion](velocity_nm_per_s=velocity_nm_per_s), acquisition=acquisition
        )
    scene = study.moving(seed)
    place = np.stack([scene.vertex_y.values, scene.vertex_x.values], axis=1).astype(np.float64)
    shift = np.moveaxis(Box.of(scene).nearest_nm(np.moveaxis(np.diff(place, axis=0), 1, 0)), 0, 1)
    chosen, weight = central_vertices(scene)
    chosen, weight = chosen[::THINNED], weight[::THINNED]
    normal = np.array([across(at, by[:, chosen], chosen) for at, by in zip(place[:-1], shift, strict=True)])
    seen = np.array([study.field.contains(*at[:, chosen]) for at in place[:-1]])
    first = bonds(scene.filament.values)
    lengths = np.hypot(*np.moveaxis(place[:, :, first + 1] - place[:, :, first], 1, 0))
    stretch = np.sqrt(np.mean(np.log(lengths / lengths.mean(axis=0)) ** 2))
    return Shifts(place[:-1, :, chosen], shift[:, :, chosen], normal, seen, weight, float(stretch))


def measured(shifts: Shifts) -> Measured:
    """Measure velocities, and the correlations of shifts over distance and over time."""
    seen = shifts.seen
    weight = np.broadcast_to(shifts.weight, seen.shape)[seen]
    return Measured(
        np.abs(shifts.normal[seen]) / STEP_S,
        weight,
        _over_distance(shifts),
        _over_time(shifts),
        shifts.stretch,
    )


def _over_distance(shifts: Shifts) -> Floats:
    """The mean scalar product of the shifts of two points at one time over the mean square shift, (distance,)."""
    sums, number, square, points = np.zeros(len(EDGES_NM) - 1), np.zeros(len(EDGES_NM) - 1), 0.0, 0
    for place, shift, seen in zip(shifts.place, shifts.shift, shifts.seen, strict=True):
        at, by = place[:, seen], shift[:, seen]
        one, other = np.triu_indices(at.shape[1], 1)
        distance = np.hypot(*(at[:, one] - at[:, other]))
        product = (by[:, one] * by[:, other]).sum(axis=0)
        sums += np.histogram(distance, EDGES_NM, weights=product)[0]
        number += np.histogram(distance, EDGES_NM)[0]
        square, points = square + (by**2).sum(), points + at.shape[1]
    return np.asarray(sums / np.maximum(number, 1) / (square / max(points, 1)))


def _over_time(shifts: Shifts) -> Floats:
    """The mean scalar product of two shifts of one point over the mean square shift, (lag,)."""
    found = []
    for lag in range(1, min(LAGS, len(shifts.shift) - 1) + 1):
        seen = shifts.seen[:-lag] & shifts.seen[lag:]
        earlier, later = shifts.shift[:-lag], shifts.shift[lag:]
        scale = np.sqrt((earlier**2).sum(axis=1)[seen].mean() * (later**2).sum(axis=1)[seen].mean())
        found.append((earlier * later).sum(axis=1)[seen].mean() / scale)
    return np.array(found)


def distances(found: Measured, reference: list[Measured]) -> dict[str, float]:
    """How far a movie is from all movies of the reference."""
    speeds, weights = (
        np.concatenate([getattr(each, name) for each in reference]) for name in Measured._fields[:2]
    )
    wasserstein = stats.wasserstein_distance(found.speed_nm_per_s, speeds, found.weight, weights)
    over = {
        name: float(np.sqrt(np.mean((getattr(found, name) - _mean(reference, name)) ** 2)))
        for name in ("over_distance", "over_time")
    }
    return {"velocity_nm_per_s": float(wasserstein), **over, "stretch": found.stretch}


def _mean(movies: list[Measured], name: str) -> Floats:
    return np.asarray(np.mean([getattr(each, name) for each in movies], axis=0))


def judged(
    velocity_nm_per_s: float, seeds: tuple[int, ...], time_points: int
) -> tuple[pd.DataFrame, dict[str, list[Measured]]]:
    """Measure all motions; return a row of distances for each movie, and what was measured."""
    names = (REFERENCE, OTHER_SEEDS, *IMITATIONS)
    found: dict[str, list[Measured]] = {name: [] for name in names}
    for name, seed in tqdm(list(itertools.product(names, seeds)), "motions", leave=False):
        found[name].append(measured(moved(name, velocity_nm_per_s, seed, time_points)))
    rows = [
        {"motion": name, "seed": seed, **distances(one, found[REFERENCE])}
        for name in names[1:]
        for seed, one in zip(seeds, found[name], strict=True)
    ]
    return pd.DataFrame(rows), found


def trained(motion: str, size: Size, folder: Path, seed: int) -> Path:
    """Train a small network on movies of a motion, or resume it; return its weights."""
    study = SemiSimulated(
        motion=IMITATIONS[motion](), acquisition=Acquisition(time_points=24, steps_per_point=1)
    )
    ranges = (
        Range(setting="motion.velocity_nm_per_s", low=20, high=150),
        Range(setting="photophysics.rate_hz", low=60, high=600, scale="log"),
    )
    # Seeds of corpora are mixed into those of movies, which are drawn below 2^53: none is a test seed.
    corpus = Corpus(study=study, movies=size.movies, seed=APART + seed, ranges=ranges)
    held_out = corpus.replace({"movies": 2, "seed": 2 * APART + seed})
    for name, wanted in (("corpus", corpus), ("validation", held_out)):
        generate(wanted, folder / f"{name}.zarr", processes=1, progress=False)
    configuration: Any = with_budget(load_trainable(NETWORK).configured("tiny"), steps=size.steps)
    configuration = configuration.replace({"budget.seed": seed, "budget.validation_crops": 4})
    configuration.train(
        folder, corpus=folder / "corpus.zarr", validation=folder / "validation.zarr", workers=0
    )
    return folder / WEIGHTS


def scored(size: Size, out: Path, training_seeds: tuple[int, ...]) -> pd.DataFrame:
    """Train a network on each motion, and score all on the same test movies, in which every filament is on its own."""
    rows: list[dict[str, Any]] = []
    for seed in training_seeds:
        weights = {name: trained(name, size, out / f"{name}-{seed}", seed) for name in TRAINED}
        for movie, (velocity, rate, test_seed) in _tests(size):
            for name, path in weights.items():
                estimate = reconstruct(load(NETWORK, {"weights": path}), movie.observation)
                found = score(estimate, cast(xr.Dataset, movie.truth), metrics=("ms_ssim", "pearson"))
                rows.append({
                    "motion": name, "training_seed": seed, "velocity": velocity, "rate": rate, "seed": test_seed,
                    "ms_ssim": float(found.ms_ssim), "pearson": float(found.pearson),
                })  # fmt: skip
    return pd.DataFrame(rows)


def _tests(size: Size) -> Iterator[tuple[Any, tuple[float, float, int]]]:
    seeds = seeds_of(size.test_seeds, "--test-seeds") or (0,)
    for (velocity, rate), seed in tqdm(
        list(itertools.product(size.cells, seeds)), "test movies", leave=False
    ):
        study = SimulatedDynamic(
            motion=Polymer(velocity_nm_per_s=velocity), photophysics=Poisson(rate_hz=rate),
            acquisition=Acquisition(time_points=24),
        )  # fmt: skip
        yield simulate(study, seed), (velocity, rate, seed)


def in_words(table: pd.DataFrame) -> str:
    """The mean distance from the polymer over the seeds, and its 95 % interval."""
    shown = []
    for name, rows in table.groupby("motion", sort=False):
        means = {column: _said(rows[column].to_numpy()) for column in rows.columns[2:]}
        shown.append({"motion": name, **means})
    return pd.DataFrame(shown).to_string(index=False)


def difference_in_words(table: pd.DataFrame) -> str:
    """The score of each network, and the paired difference over the seeds of the movies."""
    lines = []
    for metric in ("ms_ssim", "pearson"):
        means = table.pivot_table(metric, "seed", "motion", aggfunc="mean")
        values = ", ".join(f"{name} {_said(means[name].to_numpy())}" for name in TRAINED)
        paired = (means[TRAINED[1]] - means[TRAINED[0]]).to_numpy()
        lines.append(f"{metric}: {values}; {TRAINED[1]} - {TRAINED[0]} = {_said(paired)}")
    return "\n".join(lines)


def _said(values: Floats) -> str:
    low, high = (float(end[0]) for end in mean_interval(values[None]))
    return f"{values.mean():.3f} ({low:.3f} to {high:.3f})"


def drawn(found: dict[str, list[Measured]]) -> Figure:
    """Draw the distributions of velocities, and the correlations over distance and over time."""
    from matplotlib.figure import Figure

    with styled():
        figure = Figure(figsize=(8.4, 2.7), layout="constrained")
        speeds, distance, lag = figure.subplots(1, 3)
        edges = np.linspace(0, np.quantile(found[REFERENCE][0].speed_nm_per_s, 0.995), 30)
        for name, movies in found.items():
            style = {"color": "0.2", "linestyle": ":"} if name == OTHER_SEEDS else {}
            style |= {"color": "0.0", "linewidth": 2.0} if name == REFERENCE else {}
            values = np.concatenate([each.speed_nm_per_s for each in movies])
            weights = np.concatenate([each.weight for each in movies])
            height = np.histogram(values, edges, weights=weights, density=True)[0]
            speeds.plot((edges[1:] + edges[:-1]) / 2, height, label=name, **style)
            distance.plot((EDGES_NM[1:] + EDGES_NM[:-1]) / 2, _mean(movies, "over_distance"), **style)
            over_time = _mean(movies, "over_time")
            lag.plot(STEP_S * np.arange(1, len(over_time) + 1), over_time, **style)
        speeds.set(xlabel="velocity along the normal (nm/s)", ylabel="probability density (s/nm)")
        distance.set(xlabel="distance of two points (nm)", ylabel="correlation of shifts")
        lag.set(xlabel="time between two shifts (s)", ylabel="correlation of shifts")
        speeds.legend(frameon=False, fontsize="x-small")
    return figure


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command(cls=Command)
def dynamics(
    out: Annotated[Path, typer.Option("--out", help="Folder for the figure and numbers; made if absent.")],
    preset: Annotated[Preset, typer.Option(help="tiny takes seconds, to test an installation.")] = QUICK,
    velocity: Annotated[float, typer.Option(min=1, help="Velocity of all motions, nm/s.")] = 75.0,
    seeds: Annotated[str | None, typer.Option(help="Seeds of the movies, as in 0-4.")] = None,
    steps: Annotated[
        int | None, typer.Option(min=0, help="Steps of each training; 0 trains no network.")
    ] = None,
    training_seeds: Annotated[str, typer.Option(help="Seeds of the trainings, as in 0-1.")] = "0",
) -> None:
    """Compare learned motion, polynomial deformation and wandering with the polymer motion of test movies.

    The first table shows how far the movies of each motion are from those of polymers, at the same velocity: the
    Wasserstein-1 distance of the distributions of the velocity along normals in nm/s, the root mean square differences
    of the correlation of shifts over distance and over time, and, as it is 0 for polymers, by how much segments are
    stretched. Mean and 95 % interval over the seeds. Movies of polymers of other seeds give the floor.

    Then a small annapalm3d is trained on movies of `deformation`, and one on those of `learned`, from the same seeds
    and with the same number of steps. Both are scored on the same test movies of polymer motion.

    The bundled weights of `learned` were trained on movies of polymer motion, so this measures an imitation of the test
    generator, and is no fair comparison of reconstructors.

    Files in DIR: `dynamics.png`, `motions.json` and `networks.json`, all numbers, and the trainings, which are resumed.
    """
    io.require_writable(out)
    out.mkdir(parents=True, exist_ok=True)
    size = SIZES[preset]
    if steps is not None:
        size = size._replace(steps=steps)
    table, found = judged(velocity, seeds_of(seeds or size.seeds, "--seeds") or (0,), size.time_points)
    figures.save(drawn(found), out / "dynamics.png")
    _write(table, out / "motions.json")
    typer.echo(in_words(table))
    if size.steps:
        scores = scored(size, out, tuple(seeds_of(training_seeds, "--training-seeds") or (0,)))
        _write(scores, out / "networks.json")
        typer.echo(difference_in_words(scores))


def _write(table: pd.DataFrame, path: Path) -> None:
    with io.replacing(path) as draft:
        draft.write_text(json.dumps(table.to_dict("records"), indent=1), encoding="utf-8")


if __name__ == "__main__":
    main(app)
