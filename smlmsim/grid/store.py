"""The store of a grid: a Zarr v3 group in which every cell is written whole or not at all."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import numpy.typing as npt
import pydantic
import xarray as xr
import zarr

from smlmsim.floor import floor_name
from smlmsim.grid.grid import Cell, Grid
from smlmsim.grid.scores import require_scores
from smlmsim.io import making, require_writable, zarr_store
from smlmsim.io.limits import bounded_memory
from smlmsim.metrics import METRICS, described, three_crests
from smlmsim.provenance import PROCESSOR, also_here, other_version, provenance
from smlmsim.spec import brief, explain, one_line, parse_toml


class StoreError(ValueError):
    """The store cannot be used: it holds something else, or it is damaged."""


class CellScores(NamedTuple):
    """Scores (metric, reconstructor), NaN where there is none, and why, per reconstructor ("" for no failure).

    ``floors`` (metric,) are the scores of an empty estimate, if they are known.
    """

    scores: npt.NDArray[np.float64]
    reasons: list[str]
    floors: npt.NDArray[np.float64] | None = None


class GridStore:
    """The scores of a grid on disk; a cell counts from the moment its ``done`` flag is written, which comes last.

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
        self._group = _open(path)
        _require_same(path, dict(self._group.attrs), _identity(grid))
        _require_layout(path, self._group, grid)
        require_writable(path / "done")

    def pending(self, *, retry_failed: bool = False) -> list[Cell]:
        """The cells without a score; with ``retry_failed`` also those where a reconstructor failed."""
        todo = ~self._read("done")
        if retry_failed:
            todo |= (self._read("reason") != "").any(axis=-1)
        return [cell for cell in self.grid.cells() if todo[cell.place]]

    def made_here(self) -> None:
        """Note that this kind of processor scores cells of the grid too, and warn if it is another one."""
        made = also_here(self._group.attrs, str(self.path))
        if made != self._group.attrs.get(PROCESSOR, made):
            self._group.attrs[PROCESSOR] = made

    def write(self, cell: Cell, result: CellScores) -> None:
        """Keep the result of a cell."""
        try:
            for name, scores in zip(self.grid.metrics, result.scores, strict=True):
                self._array(name)[cell.place] = scores
            for name, floor in zip(
                self.grid.metrics, () if result.floors is None else result.floors, strict=False
            ):
                self._array(floor_name(name))[cell.place] = floor
            self._array("reason")[cell.place] = np.array(result.reasons, dtype=object)
            self._array("done")[cell.place] = True
        except OSError as error:
            raise OSError(
                f"cannot write to {self.path}: {error.strerror or error}; all cells before are kept, run again to go on"
            ) from error

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
    group = _open(path)
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
            _fill(zarr.open_group(draft, mode="w", zarr_format=3), grid)
    except OSError:
        if not path.exists():
            raise


def _ordered(found: xr.Dataset, grid: Grid) -> xr.Dataset:
    """The scores in the order of the grid: metrics, floors, reason; axes, seed, reconstructor."""
    floors = filter(found.__contains__, map(floor_name, grid.metrics))
    names = [*grid.metrics, *floors, "reason"]
    coords = {dim: found[dim].variable for dim in map(str, found["reason"].dims)}
    return xr.Dataset({name: found[name].variable for name in names}, coords, found.attrs)


def _open(path: Path) -> zarr.Group:
    try:
        group = zarr_store.opened(path, "r+")
    except Exception as error:
        reason = f" ({error})" if type(error) is ValueError else ""
        raise StoreError(
            f"{path} is not the store of a grid{reason}; choose another place with --out"
        ) from error
    if "grid_digest" not in group.attrs:
        raise StoreError(f"{path} is not the store of a grid; choose another place with --out")
    return group


def _require_layout(path: Path, group: zarr.Group, grid: Grid) -> None:
    """Refuse a store whose arrays are not those of its grid, before any is read."""
    scored = (*grid.shape, len(grid.reconstructors))
    wanted: dict[str, tuple[tuple[int, ...], str]] = {
        **{dim: ((size,), "fiu") for dim, size in zip(grid.dims, grid.shape, strict=True)},
        **dict.fromkeys(grid.metrics, (scored, "f")),
        "reconstructor": ((scored[-1],), "T"),
        "reason": (scored, "T"),
        "done": (grid.shape, "b"),
    }
    floors = [floor for floor in map(floor_name, grid.metrics) if (path / floor).exists()]
    for name, (shape, kinds) in (wanted | dict.fromkeys(floors, (grid.shape, "f"))).items():
        try:
            zarr_store.require_shape(group[name], shape, kinds)
        except Exception as error:
            raise _damaged(path / name, error) from error


def _damaged(path: Path, error: Exception) -> StoreError:
    return StoreError(
        f"{path} is damaged ({one_line(error) or type(error).__name__}); delete the store to start anew"
    )


def _identity(grid: Grid) -> dict[str, str]:
    return {"grid": grid.to_toml(), "grid_digest": grid.digest, **provenance()}


def _require_same(path: Path, found: dict[str, Any], wanted: dict[str, str]) -> None:
    """Refuse another grid or other versions; another commit of the same version is let through."""
    if found["grid_digest"] != wanted["grid_digest"]:
        raise StoreError(
            f"{path} belongs to another grid: {_difference(str(found.get('grid', '')), wanted['grid'])}; "
            "choose another place with --out, or delete it"
        )
    if differs := other_version(found):
        raise StoreError(f"{path} {differs}, or choose another place with --out")


def _difference(theirs: str, ours: str) -> str:
    """The first setting in which two grids, as TOML, differ."""
    there, here = (dict(_settings(parse_toml(text, "its grid"))) for text in (theirs, ours))
    name = next((key for key in [*here, *there] if there.get(key) != here.get(key)), None)
    if name is None:
        return "the settings are the same, but another version of smlmsim knew fewer or more of them"
    return f"{name} is {_shown(there, name)} there and {_shown(here, name)} here"


def _shown(settings: Mapping[str, Any], name: str) -> str:
    return brief(settings[name]) if name in settings else "not set"


def _settings(tree: dict[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """All leaves with their dotted paths."""
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from _settings(value, f"{path}{name}.")
        else:
            yield f"{path}{name}", value


def _fill(group: zarr.Group, grid: Grid) -> None:
    dims, shape, cell = grid.dims, grid.shape, (1,) * len(grid.shape)
    names = len(grid.reconstructors)
    movie = (grid.study.acquisition.time_points, *grid.study.field.shape)
    normalisation = described(three_crests(grid.study.to_toml()))
    for axis in grid.axes:
        _coordinate(group, axis.setting, np.array(axis.values), axis.attrs)
    _coordinate(group, "seed", np.array(grid.seeds), {"long_name": "seed", "units": "1"})
    _coordinate(group, "reconstructor", np.array(grid.reconstructors, dtype=object), {})
    for metric in grid.metrics:
        scores = group.create_array(
            metric, shape=(*shape, names), chunks=(*cell, names), dtype="f8", fill_value=np.nan,
            dimension_names=(*dims, "reconstructor"),
        )  # fmt: skip
        scores.attrs.update(METRICS[metric].attrs(movie, normalisation))
        floors = group.create_array(
            floor_name(metric), shape=shape, chunks=cell, dtype="f8", fill_value=np.nan, dimension_names=dims
        )
        floors.attrs.update(
            long_name=f"{METRICS[metric].long_name} of an empty estimate", units=METRICS[metric].units
        )
    reason = group.create_array(
        "reason", shape=(*shape, names), chunks=(*cell, names), dtype=str, fill_value="",
        dimension_names=(*dims, "reconstructor"),
    )  # fmt: skip
    reason.attrs["long_name"] = "why there is no score"
    group.create_array("done", shape=shape, chunks=cell, dtype=bool, fill_value=False, dimension_names=dims)
    group.attrs.update(_identity(grid))


def _coordinate(group: zarr.Group, name: str, values: npt.NDArray[Any], attrs: dict[str, str]) -> None:
    dtype = str if values.dtype == object else values.dtype
    array = group.create_array(name, shape=values.shape, dtype=dtype, dimension_names=(name,))
    array[...] = values
    array.attrs.update(attrs)
