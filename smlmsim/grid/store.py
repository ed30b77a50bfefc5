"""The store of a grid: a Zarr v3 group in which every cell is written completely or not at all."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import numpy.typing as npt
import xarray as xr
import zarr

from smlmsim.floor import floor_name
from smlmsim.grid.colocalized import measured_in
from smlmsim.grid.grid import ADDABLE, Cell, Grid
from smlmsim.grid.layout import arrays, lay_out, lay_out_seconds
from smlmsim.grid.scores import require_scores
from smlmsim.io import making, naming, remedy, require_writable
from smlmsim.io.limits import bounded_memory
from smlmsim.store import Kind, made_here, make_once

ADDING = "adding"
"""Name of the attribute that holds the grid to which a store is being enlarged."""
FORGETTING = "forgetting"
"""Name of the attribute that holds the reconstructors whose scores are being removed."""


class StoreError(ValueError):
    """The store cannot be used: it holds something else, or it is damaged."""


GRID = Kind("grid", StoreError)


class Task(NamedTuple):
    """The scores that a store lacks for a movie: metrics of some reconstructors, and floors of some metrics."""

    cell: Cell
    wanted: dict[str, tuple[str, ...]]
    floors: tuple[str, ...]


class CellScores(NamedTuple):
    """Scores (metric, reconstructor), NaN where one failed, and the reason for each reconstructor ("" if none failed).

    ``floors`` (metric,) are the scores of an empty estimate, ``seconds`` (reconstructor,) the times of the
    reconstructions, and ``agreement`` (measure, reconstructor) that of two colours, if they are known.
    """

    scores: npt.NDArray[np.float64]
    reasons: list[str]
    floors: npt.NDArray[np.float64] | None = None
    seconds: npt.NDArray[np.float64] | None = None
    agreement: npt.NDArray[np.float64] | None = None


class GridStore:
    """The scores of a grid on disk; they exist once their ``done`` flags are written, which comes last.

    Parameters
    ----------
    path : Path
        Folder of the store; made if absent.
    grid : Grid
        The grid that is scored.

    Raises
    ------
    StoreError
        If the folder is not a store of the same grid, made by the same versions.
    OSError
        If the folder cannot be written.
    """

    def __init__(self, path: Path, grid: Grid) -> None:
        self.path, self.grid = path, grid
        make_once(path, lambda: _make(path, grid))
        self._group = open_store(path)
        self._arrays: dict[str, zarr.Array[Any]] = {}
        GRID.require_same(path, self._group.attrs, grid, ADDABLE)
        GRID.require_layout(path, self._group, arrays(path, self._group, grid))
        if self._array("done").shape == grid.shape:
            raise StoreError(
                f"{path} is of an earlier version, and can only be read; choose another place with --out"
            )
        require_writable(path / "done")

    def pending(self, *, retry_failed: bool = False) -> list[Task]:
        """Return the missing scores, movie by movie; with ``retry_failed`` also those of reconstructors that failed."""
        todo = ~self._read("done")
        if retry_failed:
            todo |= (self._read("reason") != "")[..., None]
        return [self._task(cell, todo[cell.place]) for cell in self.grid.cells() if todo[cell.place].any()]

    def begin(self, *, scoring: bool) -> None:
        """Record which movies are kept and, if any are to be scored, the processor; make the array of times."""
        if scoring:
            made_here(self.path, self._group.attrs)
        with naming(self.path):
            if "seconds" not in self._group:
                lay_out_seconds(self._group, self.grid)
            if self._group.attrs["grid"] != self.grid.to_toml():
                self._group.attrs.update({"grid": self.grid.to_toml(), "grid_digest": self.grid.digest})

    def scored_cell(self, name: str) -> Cell | None:
        """Return the first cell in which a reconstructor has scores and did not fail; None if there is none."""
        number = self.grid.reconstructors.index(name)
        scored = self._read("done")[..., number, :].any(axis=-1) & (self._read("reason")[..., number] == "")
        return next((cell for cell in self.grid.cells() if scored[cell.place]), None)

    @property
    def forgetting(self) -> tuple[str, ...]:
        """The reconstructors whose scores a run that was killed has begun to remove."""
        names = self._group.attrs.get(FORGETTING)
        return tuple(name for name in self.grid.reconstructors if isinstance(names, list) and name in names)

    @contextlib.contextmanager
    def forget(self, names: Collection[str]) -> Iterator[None]:
        """Remove the scores of some reconstructors, which are missing from then on, and what is removed inside.

        The store names them until all is removed, so that a run that was killed is completed by the next one.

        Parameters
        ----------
        names : collection of str

        Raises
        ------
        StoreError
            If an array is damaged; nothing is removed then.
        OSError
            If the store cannot be written.
        """
        numbers = [self.grid.reconstructors.index(name) for name in names]
        others = [name for name in (*measured_in(self.grid.study), "seconds") if name in self._group]
        kept = {name: self._read(name) for name in ("done", *self.grid.metrics, *others, "reason")}
        kept["done"][..., numbers, :] = False
        kept["reason"][..., numbers] = ""
        for name in (*self.grid.metrics, *others):
            kept[name][..., numbers] = np.nan
        with naming(self.path):
            self._group.attrs.update({FORGETTING: list(names)})
            for name, values in kept.items():
                self._array(name)[...] = values
            yield
            del self._group.attrs[FORGETTING]

    def write(self, task: Task, result: CellScores) -> None:
        """Write the scores of a task; all other scores stay unchanged."""
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
            if result.agreement is not None:
                for name, values in zip(measured_in(grid.study), result.agreement, strict=True):
                    _write_some(self._array(name), place, values, ran)
            reasons = np.array(self._reasons(place, asked, result.reasons), dtype=object)
            _write_some(self._array("reason"), place, reasons, ran)
            done = self._array("done")
            done[place] = np.asarray(done[place]) | asked
        except OSError as error:
            raise OSError(
                error.errno,
                f"cannot write to {self.path}: {remedy(error, self.path)}; "
                "all previous cells are kept, run again to continue",
            ) from error

    def _task(self, cell: Cell, todo: npt.NDArray[np.bool_]) -> Task:
        """Make a task of the missing (reconstructor, metric); a floor is known if any reconstructor has its score."""
        metrics = np.array(self.grid.metrics, dtype=object)
        wanted = {
            name: tuple(metrics[row])
            for name, row in zip(self.grid.reconstructors, todo, strict=True)
            if row.any()
        }
        return Task(cell, wanted, tuple(metrics[todo.all(axis=0)]))

    def _reasons(self, place: tuple[int, ...], asked: npt.NDArray[np.bool_], found: list[str]) -> list[str]:
        """Append the new reasons to those of earlier scores."""
        if asked.all():
            return found
        before = [str(reason) for reason in np.asarray(self._array("reason")[place]).tolist()]
        return [
            new if row.all() else "; ".join(filter(None, dict.fromkeys((old, new))))
            for old, new, row in zip(before, found, asked, strict=True)
        ]

    def _array(self, name: str) -> zarr.Array[Any]:
        if name not in self._arrays:
            self._arrays[name] = cast("zarr.Array[Any]", self._group[name])
        return self._arrays[name]

    def _read(self, name: str) -> npt.NDArray[Any]:
        try:
            with bounded_memory():
                return np.asarray(self._array(name)[...])
        except Exception as error:
            raise GRID.damaged(self.path / name, error) from error


def read_scores(path: str | Path) -> xr.Dataset:
    """Read a store: one variable per metric over the axes, ``seed`` and ``reconstructor``, and ``reason`` of failures.

    ``floor_*`` of every metric, over the axes and ``seed``, is the score of an empty estimate. ``seconds``, the time
    of each reconstruction, is the only variable that differs from run to run; it is NaN if unknown. A grid of two
    colours also has the ``MEASURES`` of :mod:`smlmsim.agreement_ranks`. Variables and coordinates have the order of the
    grid.

    Raises
    ------
    StoreError
        If there is no grid store, it is damaged, or a run was killed while it changed what the store holds.
    """
    path = Path(path)
    group = open_store(path)
    if FORGETTING in group.attrs:
        raise StoreError(
            f"scoring again in {path} was interrupted; continue with: smlmsim grid --out DIR --add"
        )
    grid = grid_of(group.attrs, path)
    GRID.require_layout(path, group, arrays(path, group, grid))
    floors = {*map(floor_name, grid.metrics)}
    others = sorted(
        {entry.name for entry in path.iterdir()}
        - {*grid.metrics, *floors, *measured_in(grid.study), *grid.dims, "reconstructor", "reason", "seconds"}
    )
    try:
        with (
            bounded_memory(8 * math.prod(grid.shape) * len(grid.reconstructors) * (len(grid.metrics) + 1)),
            xr.open_zarr(
                path,
                consolidated=False,
                zarr_format=3,
                decode_times=False,
                drop_variables=others,
                chunks=None,
            ) as found,
        ):
            scores = _ordered(found.load(), grid)
    except Exception as error:  # damaged files raise errors of many kinds in the layers below
        raise GRID.damaged(path, error) from error
    require_scores(scores, str(path))
    return scores


def grid_of(attrs: Mapping[str, Any], source: object) -> Grid:
    """Return the grid of some scores, from their attributes.

    Raises
    ------
    StoreError
        If the attributes hold no grid, or an invalid one; the message names the source.
    """
    return GRID.settings(Grid, attrs, source)


def _make(path: Path, grid: Grid) -> None:
    """Make an empty store."""
    with making(path) as draft:
        group = zarr.open_group(draft, mode="w", zarr_format=3)
        lay_out(group, grid)
        group.attrs.update(GRID.identity(grid))


def _ordered(found: xr.Dataset, grid: Grid) -> xr.Dataset:
    """Return scores in the order of the grid: metrics, floors, reason, seconds; axes, seed, reconstructor."""
    names = [*grid.metrics, *map(floor_name, grid.metrics), *measured_in(grid.study), "reason", "seconds"]
    coords = {dim: found[dim].variable for dim in map(str, found["reason"].dims)}
    return xr.Dataset({name: found[name].variable for name in names if name in found}, coords, found.attrs)


def open_store(path: Path, *, adding: bool = False) -> zarr.Group:
    """Open the group of a store; a store that is being enlarged can only be opened with ``adding``."""
    group = GRID.opened(path)
    if ADDING in group.attrs and not adding:
        raise StoreError(f"adding to {path} was interrupted; continue with: smlmsim grid --out DIR --add")
    return group


def _asked(grid: Grid, wanted: Mapping[str, Sequence[str]]) -> npt.NDArray[np.bool_]:
    """Return the requested scores as flags (reconstructor, metric)."""
    return np.array(
        [[metric in wanted.get(name, ()) for metric in grid.metrics] for name in grid.reconstructors]
    )


def _write_some(
    array: zarr.Array[Any], place: tuple[int, ...], values: npt.NDArray[Any], chosen: npt.NDArray[np.bool_]
) -> None:
    """Write the chosen values along the last dim in contiguous runs, without touching other chunks."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], chosen, [False]]).astype(np.int8)))
    for start, stop in edges.reshape(-1, 2):
        run = slice(int(start), int(stop))
        region: Any = (*place, run)
        array[region] = values[run]
