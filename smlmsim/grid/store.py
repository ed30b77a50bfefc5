"""The store of a grid: a Zarr v3 group in which every cell is written whole or not at all."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import numpy.typing as npt
import pydantic
import xarray as xr
import zarr

from smlmsim.floor import floor_name
from smlmsim.grid.difference import difference
from smlmsim.grid.grid import Cell, Grid
from smlmsim.grid.layout import DamagedError, lay_out, require_layout
from smlmsim.grid.scores import require_scores
from smlmsim.io import making, naming, remedy, require_writable, zarr_store
from smlmsim.io.limits import bounded_memory
from smlmsim.provenance import PROCESSOR, also_here, other_version, provenance
from smlmsim.spec import explain, one_line, parse_toml

ADDING = "adding"
"""The attribute of a store that holds the grid it is being enlarged to."""


class StoreError(ValueError):
    """The store cannot be used: it holds something else, or it is damaged."""


class Task(NamedTuple):
    """What the store lacks of a movie: the metrics of some reconstructors, and the floors of some metrics."""

    cell: Cell
    wanted: dict[str, tuple[str, ...]]
    floors: tuple[str, ...]


class CellScores(NamedTuple):
    """Scores (metric, reconstructor), NaN where there is none, and why, per reconstructor ("" for no failure).

    ``floors`` (metric,) are the scores of an empty estimate, if they are known.
    """

    scores: npt.NDArray[np.float64]
    reasons: list[str]
    floors: npt.NDArray[np.float64] | None = None


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
        if not path.exists():
            _make(path, grid)
        self._group = open_store(path)
        _require_same(path, dict(self._group.attrs), identity(grid))
        _require_layout(path, self._group, grid)
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

    def made_here(self) -> None:
        """Note that this kind of processor scores cells of the grid too, and warn if it is another one."""
        made = also_here(self._group.attrs, str(self.path))
        if made != self._group.attrs.get(PROCESSOR, made):
            with naming(self.path):
                self._group.attrs[PROCESSOR] = made

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
            reasons = np.array(self._reasons(place, asked, result.reasons), dtype=object)
            _write_some(self._array("reason"), place, reasons, np.asarray(asked.any(axis=1)))
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

    def sweep(self, *, all_of_them: bool) -> None:
        """Remove what writers that were killed left behind; unless all of it, what is older than a day."""
        zarr_store.sweep(self.path, all_of_them=all_of_them)

    def _array(self, name: str) -> zarr.Array[Any]:
        return cast("zarr.Array[Any]", self._group[name])

    def _read(self, name: str) -> npt.NDArray[Any]:
        try:
            with bounded_memory():
                return np.asarray(self._array(name)[...])
        except Exception as error:
            raise _damaged(self.path / name, error) from error


def read_scores(path: str | Path) -> xr.Dataset:
    """Read a store: one variable per metric with the axes, ``seed`` and ``reconstructor``, and ``reason`` for failures.

    ``floor_*`` of every metric, with the axes and ``seed``, is what an empty estimate scores. Variables and coordinates
    come in the order of the grid, however the file system lists them.

    Raises
    ------
    StoreError
        If there is no grid store, or it is damaged.
    """
    path = Path(path)
    group = open_store(path)
    grid = grid_of(dict(group.attrs), path)
    _require_layout(path, group, grid)
    floors = {*map(floor_name, grid.metrics)}
    others = sorted(
        {entry.name for entry in path.iterdir()}
        - {*grid.metrics, *floors, *grid.dims, "reconstructor", "reason"}
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
        raise _damaged(path, error) from error
    require_scores(scores, str(path))
    return scores


def grid_of(attrs: Mapping[str, Any], source: object) -> Grid:
    """The grid that scores are of, from their attributes.

    Raises
    ------
    StoreError
        If they do not say it, or what they say fits no grid; the message names the source.
    """
    try:
        return Grid.model_validate(parse_toml(str(attrs["grid"]), "its grid"))
    except KeyError:
        raise StoreError(f"{source} does not say what grid it is of") from None
    except pydantic.ValidationError as error:
        raise StoreError(
            f"{source} is of no grid that this version knows: {one_line(explain(error))}"
        ) from None
    except ValueError as error:
        raise StoreError(f"{source} is damaged: {error}") from None


def _make(path: Path, grid: Grid) -> None:
    """Make an empty store, unless another run is faster."""
    try:
        with making(path) as draft:
            group = zarr.open_group(draft, mode="w", zarr_format=3)
            lay_out(group, grid)
            group.attrs.update(identity(grid))
    except OSError:
        if not path.exists():
            raise


def _ordered(found: xr.Dataset, grid: Grid) -> xr.Dataset:
    """The scores in the order of the grid: metrics, floors, reason; axes, seed, reconstructor."""
    floors = filter(found.__contains__, map(floor_name, grid.metrics))
    names = [*grid.metrics, *floors, "reason"]
    coords = {dim: found[dim].variable for dim in map(str, found["reason"].dims)}
    return xr.Dataset({name: found[name].variable for name in names}, coords, found.attrs)


def open_store(path: Path, *, adding: bool = False) -> zarr.Group:
    """Open the group of a store; one to which something is being added only if that is meant."""
    try:
        group = zarr_store.opened(path, "r+")
    except Exception as error:
        reason = f" ({error})" if type(error) is ValueError else ""
        raise StoreError(
            f"{path} is not the store of a grid{reason}; choose another place with --out"
        ) from error
    if "grid_digest" not in group.attrs:
        raise StoreError(f"{path} is not the store of a grid; choose another place with --out")
    if ADDING in group.attrs and not adding:
        raise StoreError(f"adding to {path} was interrupted; go on with: smlmsim grid --out DIR --add")
    return group


def _require_layout(path: Path, group: zarr.Group, grid: Grid) -> None:
    """Refuse a store whose arrays are not those of its grid, before any is read."""
    try:
        require_layout(path, group, grid)
    except DamagedError as error:
        raise _damaged(path / error.array, error) from error


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


def _damaged(path: Path, error: Exception) -> StoreError:
    return StoreError(
        f"{path} is damaged ({one_line(error) or type(error).__name__}); delete the store to start anew"
    )


def identity(grid: Grid) -> dict[str, str]:
    """The attributes that say what grid a store is of, and which versions made it."""
    return {"grid": grid.to_toml(), "grid_digest": grid.digest, **provenance()}


def _require_same(path: Path, found: dict[str, Any], wanted: dict[str, str]) -> None:
    """Refuse another grid or other versions; another commit of the same version is let through."""
    if found["grid_digest"] != wanted["grid_digest"]:
        words, addable = difference(str(found.get("grid", "")), wanted["grid"])
        remedy = "give --add to keep both" if addable else "or delete it"
        raise StoreError(
            f"{path} belongs to another grid: {words}; choose another place with --out, {'or ' * addable}{remedy}"
        )
    require_version(path, found)


def require_version(path: Path, found: Mapping[str, Any]) -> None:
    """Refuse a store of other versions."""
    if differs := other_version(found):
        raise StoreError(f"{path} {differs}, or choose another place with --out")
