"""The movies that a report shows: those kept while the grid was scored, and those that are still to be recorded."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from smlmsim import io, workers
from smlmsim.grid.clips import Recording, clip_path, keep, lacking, record, shown_cells, shown_seeds
from smlmsim.grid.grid import Cell, Grid
from smlmsim.store import complete

Place = tuple[int, ...]
Task = tuple[Grid, Cell, tuple[str, ...]]


def record_all(
    grid: Grid,
    folder: Path,
    seeds: Sequence[int] | None = None,
    *,
    processes: int | None = None,
    progress: bool = True,
) -> dict[Place, Path]:
    """Record what a folder does not hold yet of the clips of a grid; say where they all are, by the place of the cell.

    Parameters
    ----------
    grid : Grid
    folder : Path
        Made if absent.
    seeds : sequence of int, optional
        Those whose movies are shown; by default the first two.
    processes : int, optional
        Local processes; by default one per core.
    progress : bool
        Show a progress bar.

    Raises
    ------
    ValueError
        If the grid has no such seed, or a clip is damaged.
    OSError
        If the folder cannot be written.
    RuntimeError
        If the process that recorded a clip died.
    """
    workers.require_guarded()
    io.require_writable(folder)
    folder.mkdir(parents=True, exist_ok=True)
    cells = shown_cells(grid, shown_seeds(grid, seeds))
    paths = {cell.place: clip_path(grid, cell, folder) for cell in cells}
    missing = [(cell, lacking(paths[cell.place], grid.reconstructors)) for cell in cells]
    todo = [(grid, cell, names) for cell, names in missing if names]

    def kept(task: Task, made: Recording | Exception) -> None:
        if isinstance(made, Exception):
            raise made
        keep(paths[task[1].place], made, grid.reconstructors)

    complete(
        _record,
        todo,
        kept,
        total=len(todo),
        unit="clip",
        processes=processes,
        progress=progress and bool(todo),
    )
    return paths


def _record(task: Task) -> Recording:
    return record(*task)
