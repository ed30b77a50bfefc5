"""The store of a grid: a Zarr v3 group in which every cell is written whole or not at all."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import numpy.typing as npt
import xarray as xr
import zarr

from smlmsim.floor import floor_name
from smlmsim.grid.grid import ADDABLE, Cell, Grid
from smlmsim.grid.layout import arrays, lay_out, lay_out_seconds
from smlmsim.grid.scores import require_scores
from smlmsim.io import making, naming, remedy, require_writable
from smlmsim.io.limits import bounded_memory
from smlmsim.store import Kind, made_here, make_once

ADDING = "adding"
"""The attribute of a store that holds the grid it is being enlarged to."""


class StoreError(ValueError):
    """The store cannot be used: it holds something else, or it is damaged."""


GRID = Kind("grid", StoreError)


class Task(NamedTuple):
    """What the store lacks of a movie: the metrics of some reconstructors, and the floors of some metrics."""

    cell: Cell
    wanted: dict[str, tuple[str, ...]]
    floors: tuple[str, ...]


class CellScores(NamedTuple):
    """Scores (metric, reconstructor), NaN where there is none, and why, per reconstructor ("" for no failure).

    ``floors`` (metric,) are the scores of an empty estimate, and ``seconds`` (reconstructor,) how long the
    reconstructions took, if they are known.
    """

    scores: npt.NDArray[np.float64]
    reasons: list[str]
    floors: npt.NDArray[np.float64] | None = None
    seconds: npt.NDArray[np.float64] | None = None


class GridStore:
    """The scores of a grid on disk; they count from the moment their ``done`` flags are written, which comes last.

    Parameters
    ----------
    path : Path
        A folder; made if absent.
    grid : Grid
        What is scored.

    Raises
    ------
    StoreError
        If the folder holds anything but a store of this very grid, made by the same versions.
    OSError
        If the folder cannot be written.
    """

    def __init__(self, path: Path, grid: Grid) -> None:
        self.path, self.grid = path, grid
        make_once(path, lambda: _make(path, grid))
        self._group = open_store(path)
        GRID.require_same(path, self._group.attrs, grid, ADDABLE)
        GRID.require_layout(path, self._group, arrays(path, self._group, grid))
        if self._array("done").shape == grid.shape:
            raise StoreError(
                f"{path} is of an earlier version, and can only be read; choose another place with --out"
            )
        require_writable(path / "done")

    def pending(self, *, retry_failed: bool = False) -> list[Task]:
        """What is not scored yet, movie by movie; with ``retry_failed`` also the reconstructors that failed there."""
        todo = ~self._read("done")
        if retry_failed:
            todo |= (self._read("reason") != "")[..., None]
        return [self._task(cell, todo[cell.place]) for cell in self.grid.cells() if todo[cell.place].any()]

    def begin(self, *, scoring: bool) -> None:
        """Note which movies are kept from now on and, if any are scored, on what processor; make room for seconds."""
        if scoring:
            made_here(self.path, self._group.attrs)
        with naming(self.path):
            if "seconds" not in self._group:
                lay_out_seconds(self._group, self.grid)
            if self._group.attrs["grid"] != self.grid.to_toml():
                self._group.attrs["grid"] = self.grid.to_toml()

    def write(self, task: Task, result: CellScores) -> None:
        """Keep what was found of a task; all other scores stay as they are."""
        grid, place = self.grid, task.cell.place
        asked = _asked(grid, task.wanted)
        try:
            for name, scores, columns in zip(grid.metrics, result.scores, asked.T, strict=True):
                _write_some(self._array(name), place, scores, columns)
            if result.floors is not None:
                for name, floor in zip(grid.metrics, result.floors, strict=True):
                    if name in task.floors:
                        self._array(floor_name(name))[place] = floor
            ran = np.asarray(asked.any(axis=1))
            if result.seconds is not None:
                _write_some(self._array("seconds"), place, result.seconds, ran)
            reasons = np.array(self._reasons(place, asked, result.reasons), dtype=object)
            _write_some(self._array("reason"), place, reasons, ran)
            done = self._array("done")
            done[place] = np.asarray(done[place]) | asked
        except OSError as error:
            raise OSError(
                error.errno,
                f"cannot write to {self.path}: {remedy(error, self.path)}; "
                "all cells before are kept, run again to go on",
            ) from error

    def _task(self, cell: Cell, todo: npt.NDArray[np.bool_]) -> Task:
        """What is to be done of (reconstructor, metric); a floor is known where a reconstructor has its score."""
        metrics = np.array(self.grid.metrics, dtype=object)
        wanted = {
            name: tuple(metrics[row])
            for name, row in zip(self.grid.reconstructors, todo, strict=True)
            if row.any()
        }
        return Task(cell, wanted, tuple(metrics[todo.all(axis=0)]))

    def _reasons(self, place: tuple[int, ...], asked: npt.NDArray[np.bool_], found: list[str]) -> list[str]:
        """The reasons found, behind those of scores that were found before."""
        if asked.all():
            return found
        before = [str(reason) for reason in np.asarray(self._array("reason")[place]).tolist()]
        return [
            new if row.all() else "; ".join(filter(None, dict.fromkeys((old, new))))
            for old, new, row in zip(before, found, asked, strict=True)
        ]

    def _array(self, name: str) -> zarr.Array[Any]:
        return cast("zarr.Array[Any]", self._group[name])

    def _read(self, name: str) -> npt.NDArray[Any]:
        try:
            with bounded_memory():
                return np.asarray(self._array(name)[...])
        except Exception as error:
            raise GRID.damaged(self.path / name, error) from error


def read_scores(path: str | Path) -> xr.Dataset:
    """Read a store: one variable per metric with the axes, ``seed`` and ``reconstructor``, and ``reason`` for failures.

    ``floor_*`` of every metric, with the axes and ``seed``, is what an empty estimate scores. ``seconds``, which alone
    differs from run to run, is how long each reconstruction took, NaN where that is not known. Variables and
    coordinates come in the order of the grid, however the file system lists them.

    Raises
    ------
    StoreError
        If there is no grid store, or it is damaged.
    """
    path = Path(path)
    group = open_store(path)
    grid = grid_of(group.attrs, path)
    GRID.require_layout(path, group, arrays(path, group, grid))
    floors = {*map(floor_name, grid.metrics)}
    others = sorted(
        {entry.name for entry in path.iterdir()}
        - {*grid.metrics, *floors, *grid.dims, "reconstructor", "reason", "seconds"}
    )
    try:
        with (
            bounded_memory(8 * math.prod(grid.shape) * len(grid.reconstructors) * (len(grid.metrics) + 1)),
            xr.open_zarr(
                path, consolidated=False, zarr_format=3, decode_times=False, drop_variables=others
            ) as found,
        ):
            scores = _ordered(found.load(), grid)
    except Exception as error:  # the layers below meet damage with errors of many kinds
        raise GRID.damaged(path, error) from error
    require_scores(scores, str(path))
    return scores


def grid_of(attrs: Mapping[str, Any], source: object) -> Grid:
    """The grid that scores are of, from their attributes.

    Raises
    ------
    StoreError
        If they do not say it, or what they say fits no grid; the message names the source.
    """
    return GRID.settings(Grid, attrs, source)


def _make(path: Path, grid: Grid) -> None:
    """Make an empty store."""
    with making(path) as draft:
        group = zarr.open_group(draft, mode="w", zarr_format=3)
        lay_out(group, grid)
        group.attrs.update(GRID.identity(grid))


def _ordered(found: xr.Dataset, grid: Grid) -> xr.Dataset:
    """The scores in the order of the grid: metrics, floors, reason, seconds; axes, seed, reconstructor."""
    names = [*grid.metrics, *map(floor_name, grid.metrics), "reason", "seconds"]
    coords = {dim: found[dim].variable for dim in map(str, found["reason"].dims)}
    return xr.Dataset({name: found[name].variable for name in names if name in found}, coords, found.attrs)


def open_store(path: Path, *, adding: bool = False) -> zarr.Group:
    """Open the group of a store; one to which something is being added only if that is meant."""
    group = GRID.opened(path)
    if ADDING in group.attrs and not adding:
        raise StoreError(f"adding to {path} was interrupted; go on with: smlmsim grid --out DIR --add")
    return group


def _asked(grid: Grid, wanted: Mapping[str, Sequence[str]]) -> npt.NDArray[np.bool_]:
    """What was asked for, as (reconstructor, metric)."""
    return np.array(
        [[metric in wanted.get(name, ()) for metric in grid.metrics] for name in grid.reconstructors]
    )


def _write_some(
    array: zarr.Array[Any], place: tuple[int, ...], values: npt.NDArray[Any], chosen: npt.NDArray[np.bool_]
) -> None:
    """Write the chosen values of the last dim, in runs; chunks without any of them are not touched."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], chosen, [False]]).astype(np.int8)))
    for start, stop in edges.reshape(-1, 2):
        run = slice(int(start), int(stop))
        region: Any = (*place, run)
        array[region] = values[run]
