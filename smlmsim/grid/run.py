"""Running a grid: simulate, reconstruct and score every cell that the store does not hold yet."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt
import xarray as xr
from tqdm import tqdm

from smlmsim import reconstruct, workers
from smlmsim.grid.grid import Cell, Grid
from smlmsim.grid.store import CellScores, GridStore, read_scores
from smlmsim.io.lock import sole_writer
from smlmsim.metrics import score
from smlmsim.pipeline import Movie, simulate

__all__ = ["read_scores", "run_grid", "score_cell"]


def run_grid(
    grid: Grid,
    path: str | Path,
    *,
    processes: int | None = None,
    scheduler: str | None = None,
    retry_failed: bool = False,
    progress: bool = True,
) -> xr.Dataset:
    """Score every cell of a grid and return the scores; killed at any moment, a second call goes on from there.

    Cells run in spawned processes: a script that calls this keeps the call below ``if __name__ == "__main__":``.

    Parameters
    ----------
    grid : Grid
        What to score.
    path : str or Path
        The store, a folder; made if absent.
    processes : int, optional
        Local processes; by default one per core.
    scheduler : str, optional
        Address of a Dask scheduler whose workers are used instead.
    retry_failed : bool
        Run again the cells in which a reconstructor failed.
    progress : bool
        Show a progress bar.

    Returns
    -------
    xr.Dataset
        One variable per metric with the dims (*axes, seed, reconstructor). A reconstructor that failed has NaN there
        and its ``reason``. ``floor_*`` (*axes, seed) of every metric is what an empty estimate scores. The result does
        not depend on the number of processes; its attribute ``processor`` names the kinds of processor, between which
        scores differ in late digits.

    Raises
    ------
    StoreError
        If the store belongs to another grid.
    ReconstructorError
        If a reconstructor is not installed or does not load.
    OSError
        If the store cannot be written, or another run writes to it.
    """
    workers.require_guarded()
    for name in grid.reconstructors:
        reconstruct.load(name)
    store = GridStore(Path(path), grid)
    with sole_writer(store.path) as locked:
        store.sweep(all_of_them=locked)
        _run(grid, store, processes, scheduler, retry_failed, progress)
    return read_scores(path)


def _run(
    grid: Grid,
    store: GridStore,
    processes: int | None,
    scheduler: str | None,
    retry_failed: bool,
    progress: bool,
) -> None:
    """Score every cell that the store does not hold yet."""
    todo = store.pending(retry_failed=retry_failed)
    if todo:
        store.made_here()
    total = int(np.prod(grid.shape))
    outcomes = workers.spread(
        functools.partial(score_cell, grid), todo, workers=processes, scheduler=scheduler
    )
    with tqdm(
        total=total, initial=total - len(todo), unit="movie", disable=not progress, smoothing=0.1
    ) as bar:
        failures = 0
        for cell, outcome in outcomes:
            result = _failed(grid, outcome) if isinstance(outcome, Exception) else outcome
            store.write(cell, result)
            failures += any(result.reasons)
            bar.set_postfix({"failed": failures} if failures else {}, refresh=False)
            bar.update()


def score_cell(grid: Grid, cell: Cell) -> CellScores:
    """Simulate the movie of a cell and score every reconstructor on it."""
    movie = simulate(grid.study_of(cell), cell.seed)
    truth = cast(xr.Dataset, movie.truth)
    columns = [_score(grid, truth, functools.partial(_estimate, name, movie)) for name in grid.reconstructors]
    floors, _ = _score(grid, truth, lambda: truth.assign(density=xr.zeros_like(truth.density)))
    return CellScores(
        np.stack([scores for scores, _ in columns], axis=1), [reason for _, reason in columns], floors
    )


def _estimate(name: str, movie: Movie) -> xr.Dataset:
    return reconstruct.reconstruct(reconstruct.load(name), movie.observation)


def _score(
    grid: Grid, truth: xr.Dataset, estimate: Callable[[], xr.Dataset]
) -> tuple[npt.NDArray[np.float64], str]:
    """The scores of what makes an estimate; NaN where there is none, and the reasons."""
    try:
        found = score(estimate(), truth, metrics=grid.metrics)
    except Exception as error:
        return np.full(len(grid.metrics), np.nan), _reason(error)
    reasons = dict.fromkeys(str(value.attrs["reason"]) for value in found.values() if "reason" in value.attrs)
    return np.array([float(found[metric]) for metric in grid.metrics]), "; ".join(reasons)


def _failed(grid: Grid, error: Exception) -> CellScores:
    shape = len(grid.metrics), len(grid.reconstructors)
    return CellScores(np.full(shape, np.nan), [_reason(error)] * shape[1])


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
