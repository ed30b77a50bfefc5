"""The movies of a report: those kept while the grid was scored, and those that are recorded now."""

from __future__ import annotations

import logging
from pathlib import Path

import xarray as xr

from smlmsim import io, workers
from smlmsim.grid.attempt import reason_of
from smlmsim.grid.clips import blank, clip_path, keep, lacking, record, shown_cells
from smlmsim.grid.grid import Cell, Grid
from smlmsim.spec import one_line
from smlmsim.store import complete

log = logging.getLogger(__name__)

Place = tuple[int, ...]


def record_all(
    grid: Grid,
    folder: Path,
    *,
    processes: int | None = None,
    progress: bool = True,
) -> dict[Place, Path]:
    """Record the missing clips of a grid, and return the paths of all, by the place of the cell.

    Parameters
    ----------
    grid : Grid
        The grid; its ``movies`` define the seeds that are shown.
    folder : Path
        Folder of the clips; made if absent.
    processes : int, optional
        Number of local processes; by default one per core.
    progress : bool
        Whether to show a progress bar.

    A movie that cannot be simulated is shown black, with the reason.

    Raises
    ------
    ValueError
        If the grid has no such seed, or a clip is damaged.
    OSError
        If the folder cannot be written.
    RuntimeError
        If a process that recorded a clip died.
    """
    workers.require_guarded()
    io.require_writable(folder)
    folder.mkdir(parents=True, exist_ok=True)
    cells = shown_cells(grid)
    paths = {cell.place: clip_path(grid, cell, folder) for cell in cells}
    missing = [(cell, lacking(paths[cell.place], grid.reconstructors)) for cell in cells]
    todo = [(grid, cell, names) for cell, names in missing if names]
    outcomes = complete(
        _record, todo, total=len(todo), unit="clip", processes=processes, progress=progress and bool(todo)
    )
    refused = []
    for (_, cell, names), made in outcomes:
        if isinstance(made, ValueError):
            refused.append(made)
            clip = blank(grid, cell, names, reason_of(made))
        elif isinstance(made, Exception):
            raise made
        else:
            clip = made
        keep(paths[cell.place], clip, grid.reconstructors)
    if refused:
        log.warning("%d movies cannot be simulated and are black; the first because: %s",
                    len(refused), one_line(refused[0]))  # fmt: skip
    return paths


def _record(task: tuple[Grid, Cell, tuple[str, ...]]) -> xr.Dataset:
    return record(*task)
