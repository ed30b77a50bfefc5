"""Run a grid: simulate, reconstruct and score every cell that the store does not hold yet."""

from __future__ import annotations

import functools
import itertools
import logging
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, cast

import numpy as np
import numpy.typing as npt
import xarray as xr

from smlmsim import reconstruct, workers
from smlmsim.grid.adding import enlarge, stored_grid
from smlmsim.grid.again import forget, grid_to_score_again, require_stored, trials
from smlmsim.grid.attempt import Attempt, attempt, reason_of
from smlmsim.grid.clips import clip_path, keep, recording, seed_bytes, shown_seeds, wanted_seeds
from smlmsim.grid.colocalized import measured, measured_in
from smlmsim.grid.grid import Grid
from smlmsim.grid.needs import require_met_needs, without_unmet_needs
from smlmsim.grid.outside import Outside
from smlmsim.grid.store import CellScores, GridStore, Task, read_scores
from smlmsim.grid.warned import Warned, Warnings, gathered_warnings
from smlmsim.io import require_writable
from smlmsim.io.lock import sole_writer
from smlmsim.localization import Imaged
from smlmsim.metrics import score
from smlmsim.pipeline import simulate
from smlmsim.spec import one_line
from smlmsim.store import complete, sole_run
from smlmsim.windows import WINDOW

__all__ = ["read_scores", "run_grid", "score_task"]

LOCALIZERS = ("localization.kind", "localization.localizer", "localization.settings.")
"""Beginnings of the settings on which it depends whether a localizer can be loaded."""
log = logging.getLogger(__name__)


class Outcome(NamedTuple):
    """The scores of a task, its clip if that is to be kept, and what is to be said about it.

    ``outside`` is how it lies outside of the range of trainings, and ``warned`` the warnings, which were not shown.
    """

    scores: CellScores
    clip: xr.Dataset | None = None
    outside: Mapping[str, tuple[str, ...]] | None = None
    warned: Sequence[Warned] = ()


def run_grid(
    grid: Grid,
    path: str | Path,
    *,
    processes: int | None = None,
    scheduler: str | None = None,
    add: bool = False,
    movies_of: Sequence[int] | None = None,
    retry_failed: bool = False,
    again: Collection[str] = (),
    progress: bool = True,
) -> xr.Dataset:
    """Score every cell of a grid and return the scores; if killed at any moment, call again to continue.

    Cells run in spawned processes, so a script must call this below ``if __name__ == "__main__":``.

    Parameters
    ----------
    grid : Grid
        The grid to score.
    path : str or Path
        The store, a folder; made if absent.
    processes : int, optional
        Number of local processes; by default one per core.
    scheduler : str, optional
        Address of a Dask scheduler whose workers are used instead.
    add : bool
        Whether to extend an existing store: seeds, reconstructors and metrics of the store and of ``grid`` are joined,
        and only missing scores are computed.
    movies_of : sequence of int, optional
        The seeds whose movies are kept for the report while they are scored, in the folder ``clips`` beside the store;
        none if it is empty, and by default those in the ``movies`` of the grid.
    retry_failed : bool
        Whether to run reconstructors again where they failed.
    again : collection of str
        Reconstructors of the store whose scores, and reconstructions in ``clips``, are removed first, since their code
        or weights have changed. Nothing is removed if one cannot be loaded, lacks what it needs, or fails on a movie
        that it has scores of. Once the log says that they are removed, a run that was killed is continued without it.
    progress : bool
        Whether to show a progress bar.

    Returns
    -------
    xr.Dataset
        One variable per metric with the dims (*axes, seed, reconstructor). Where a reconstructor failed, its score is
        NaN and ``reason`` says why. ``floor_*`` (*axes, seed) is the score of an empty estimate. Scores do not depend
        on the number of processes; the attribute ``processor`` names the kinds of processor, between which they differ
        in the last digits. ``seconds``, the time of each reconstruction, differs from run to run. Reconstructors that
        need camera frames are left out if no movie has any. Of two colours, scores are means over both channels, and
        ``agreement_*`` is how well the two reconstructions agree.

    Raises
    ------
    StoreError
        If the store belongs to another grid, or there is none to add to or to score again.
    ValueError
        If the grid lacks a seed of ``movies_of``, the store lacks a reconstructor of ``again`` or anything that
        ``grid`` has besides, or reconstructors need camera frames that no movie has: all of them, or one of ``again``.
    ReconstructionError, LocalizerError
        If a reconstructor or a localizer is not installed or cannot be loaded, or one of ``again`` fails.
    OSError
        If the store cannot be written, or another run writes to it.
    """
    workers.require_guarded()
    if movies_of is not None:
        grid = grid.replace({"movies.seeds": tuple(movies_of)})
    stored = grid_to_score_again(Path(path)) if again else stored_grid(Path(path)) if add else None
    if stored and again:
        require_stored(stored, grid, again)
        require_met_needs(grid, again)
    known = {*stored.reconstructors} if stored and add else set()
    grid = without_unmet_needs(grid, known - {*again})
    _require_localizers(grid)
    seeds = _kept_seeds(stored.joined(grid) if stored and add else grid)
    if add:
        with sole_writer(Path(path)):
            grid = enlarge(Path(path), grid)
    _say_what_kinds_lack(grid)
    _say_what_windows_differ_in(grid)
    store = GridStore(Path(path), grid)
    with sole_run(store.path):
        # Opened once more, since another run may have added to it before it was locked.
        store = GridStore(store.path, grid)
        _run(store, seeds, again, processes, scheduler, retry_failed, progress)
    return read_scores(path)


def _run(
    store: GridStore,
    seeds: tuple[int, ...],
    again: Collection[str],
    processes: int | None,
    scheduler: str | None,
    retry_failed: bool,
    progress: bool,
) -> None:
    """Score all cells that the store does not hold yet, and some reconstructors again; checks come first."""
    grid, clips = store.grid, store.path.parent / "clips"
    todo = store.pending(retry_failed=retry_failed)
    removed = tuple(name for name in grid.reconstructors if name in {*again, *store.forgetting})
    _require_loading({*removed, *(name for task in todo for name in task.wanted)})
    if (seeds and todo) or (removed and (seeds or clips.exists())):
        require_writable(clips)
    if removed:
        _try_out(store, again, processes, scheduler)
        forget(store, clips, removed)
        todo = store.pending(retry_failed=retry_failed)
    store.begin(scoring=bool(todo))
    if seeds and todo:
        clips.mkdir(exist_ok=True)
    outcomes = complete(
        functools.partial(score_task, grid, seeds), todo, total=math.prod(grid.shape), unit="movie",
        processes=processes, scheduler=scheduler, progress=progress, failed=lambda made: any(made.scores.reasons),
    )  # fmt: skip
    outside, warnings = Outside(), Warnings()
    try:
        for task, outcome in outcomes:
            found = _failed(grid, outcome) if isinstance(outcome, Exception) else outcome
            if found.clip is not None:
                keep(clip_path(grid, task.cell, clips), found.clip, grid.reconstructors)
            store.write(task, found.scores)
            outside.add(found.outside or {})
            warnings.add(found.warned)
    finally:
        warnings.say()
        outside.say()


def _kept_seeds(grid: Grid) -> tuple[int, ...]:
    """Return the seeds whose movies are kept; log those that are left out because of their size."""
    wanted, kept = wanted_seeds(grid), shown_seeds(grid)
    if lost := wanted[len(kept) :]:
        log.warning(
            "the movies of seed %s are not kept for the report: those of each seed take %.3g bytes, and "
            "movies.most_bytes of the sweep is %.3g for all",
            ", ".join(map(str, lost)), seed_bytes(grid), grid.movies.most_bytes,
        )  # fmt: skip
    return kept


def _say_what_kinds_lack(grid: Grid) -> None:
    """Say which settings of the study are left out where an axis makes a part another kind."""
    for axis in grid.axes:
        for value in axis.values if axis.setting.endswith(".kind") else ():
            lost = grid.study.lost({axis.setting: value})
            if rest := [found for found in lost if found.partition("=")[0] not in grid.dims]:
                log.info(
                    "movies of %s=%s are made without %s of the study", axis.setting, value, ", ".join(rest)
                )


def _say_what_windows_differ_in(grid: Grid) -> None:
    """Warn if movies of several time windows differ in more than that."""
    _, acquisition = grid.study.extent() if WINDOW in grid.dims else (None, None)
    if acquisition is not None and acquisition.duration_s is None:
        log.warning(
            "along %s the movies have %d time points each, so they differ in duration%s; "
            "study.acquisition.duration_s in place of time_points keeps both",
            WINDOW, acquisition.time_points,
            "" if acquisition.step_frames else " and in the courses of the structure",
        )  # fmt: skip


def _require_loading(names: Iterable[str]) -> None:
    for name in sorted(names):
        reconstruct.load(name)


def _try_out(store: GridStore, names: Collection[str], processes: int | None, scheduler: str | None) -> None:
    """Refuse reconstructors that fail, where they will run, on a movie that they have scores of."""
    tried = {trial.name: trial for trial in trials(store, names)}
    tasks = [trial.task for trial in tried.values()]
    alone = functools.partial(score_task, store.grid, ())
    for task, outcome in list(workers.spread(alone, tasks, workers=processes, scheduler=scheduler)):
        (name,) = task.wanted
        made = _failed(store.grid, outcome) if isinstance(outcome, Exception) else outcome
        reason = made.scores.reasons[store.grid.reconstructors.index(name)]
        if reason and tried[name].scored:
            raise reconstruct.ReconstructionError(
                f"{name!r} fails on a movie that it has scores of, so all scores stay: {one_line(reason)}"
            )


def _require_localizers(grid: Grid) -> None:
    """Load the localizers of all cells."""
    axes = [axis for axis in grid.axes if axis.setting.startswith(LOCALIZERS)]
    choices: list[tuple[float | str, ...]] = [axis.values for axis in axes]
    for values in itertools.product(*choices):
        settings = dict(zip((axis.setting for axis in axes), values, strict=True))
        localization = getattr(grid.study.replace(settings), "localization", None)
        if isinstance(localization, Imaged) and not localization.given():
            localization.load()


def score_task(grid: Grid, seeds: Sequence[int], task: Task) -> Outcome:
    """Simulate the movie of a task and compute its scores; also return a clip if its seed is one of ``seeds``."""
    with gathered_warnings() as warned:
        return _scored_task(grid, seeds, task)._replace(warned=tuple(warned))


def _scored_task(grid: Grid, seeds: Sequence[int], task: Task) -> Outcome:
    movie = simulate(grid.study_of(task.cell), task.cell.seed)
    truth = cast(xr.Dataset, movie.truth)
    attempts = {name: attempt(name, movie.observation) for name in task.wanted}
    columns = {name: _score(grid, truth, found, task.wanted[name]) for name, found in attempts.items()}
    nothing = np.full(len(grid.metrics), np.nan), ""
    found = [columns.get(name, nothing) for name in grid.reconstructors]
    empty = Attempt(truth.assign(density=xr.zeros_like(truth.density)))
    floors, _ = _score(grid, truth, empty, task.floors)
    seconds = [attempts[name].seconds if name in attempts else np.nan for name in grid.reconstructors]
    scores = CellScores(
        np.stack([scores for scores, _ in found], axis=1), [reason for _, reason in found], floors,
        np.array(seconds), _agreement(grid, movie.observation, attempts),
    )  # fmt: skip
    shown = recording(task.cell, movie, attempts) if task.cell.seed in seeds else None
    return Outcome(scores, shown, {name: found.outside for name, found in attempts.items() if found.outside})


def _agreement(
    grid: Grid, observation: xr.Dataset, attempts: Mapping[str, Attempt]
) -> npt.NDArray[np.float64] | None:
    """Measure how well the two channels of each estimate agree (measure, reconstructor); None for one channel."""
    if not measured_in(grid.study):
        return None
    estimates = [attempts[name].estimate if name in attempts else None for name in grid.reconstructors]
    return np.stack([measured(estimate, observation) for estimate in estimates], axis=1)


def _score(
    grid: Grid, truth: xr.Dataset, found: Attempt, metrics: Sequence[str]
) -> tuple[npt.NDArray[np.float64], str]:
    """Return the scores of an estimate by some metrics of the grid, NaN where one failed, and the reasons."""
    values = np.full(len(grid.metrics), np.nan)
    if found.estimate is None or not metrics:
        return values, found.reason
    try:
        scored = score(found.estimate, truth, metrics=metrics)
    except Exception as error:
        return values, reason_of(error)
    for place, metric in enumerate(grid.metrics):
        if metric in scored:
            values[place] = float(scored[metric].mean(skipna=False))  # over channels, if there are any
    reasons = dict.fromkeys(
        str(value.attrs["reason"]) for value in scored.values() if "reason" in value.attrs
    )
    return values, "; ".join(reasons)


def _failed(grid: Grid, error: Exception) -> Outcome:
    shape = len(grid.metrics), len(grid.reconstructors)
    return Outcome(CellScores(np.full(shape, np.nan), [reason_of(error)] * shape[1]))
