"""The arrays in the store of a grid."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import zarr

from smlmsim.floor import floor_name
from smlmsim.grid.colocalized import ATTRS, measured_in
from smlmsim.grid.grid import Grid
from smlmsim.io import zarr_store
from smlmsim.metrics import METRICS, described, three_crests
from smlmsim.store import Arrays

SECONDS = {
    "long_name": "time of a reconstruction",
    "units": "s",
    "comment": "wall-clock time of reconstructing the movie on one thread, beside other processes; weights are loaded "
    "before, and the first reconstruction in a process may include compiling",
}


def lay_out(group: zarr.Group, grid: Grid) -> None:
    """Make all arrays of a grid, or enlarge existing ones; values in them stay where they are.

    A chunk is a cell. ``done`` marks every score (*axes, seed, reconstructor, metric) that was computed.
    """
    names = len(grid.reconstructors)
    for axis in grid.axes:
        _coordinate(
            group, axis.setting, np.array(axis.values, dtype=object if axis.is_text else float), axis.attrs
        )
    _coordinate(group, "seed", np.array(grid.seeds), {"long_name": "seed", "units": "1"})
    _coordinate(group, "reconstructor", np.array(grid.reconstructors, dtype=object), {})
    normalisation = described(three_crests(grid.study.to_toml()))
    field, acquisition = grid.study.extent()
    movie = (acquisition.time_points, *field.shape)
    for name in grid.metrics:
        metric = METRICS[name]
        _array(group, grid, name, (names,), ("reconstructor",), metric.attrs(movie, normalisation))
        attrs = {"long_name": f"{metric.long_name} of an empty estimate", "units": metric.units}
        _array(group, grid, floor_name(name), (), (), attrs)
    for name in measured_in(grid.study):
        _array(group, grid, name, (names,), ("reconstructor",), ATTRS[name])
    lay_out_seconds(group, grid)
    attrs = {"long_name": "why there is no score"}
    _array(group, grid, "reason", (names,), ("reconstructor",), attrs, dtype=str, fill="")
    last = (names, len(grid.metrics)), ("reconstructor", "metric")
    _array(group, grid, "done", *last, {}, dtype=bool, fill=False)


def lay_out_seconds(group: zarr.Group, grid: Grid) -> None:
    """Make the array of the times of reconstructions, which older stores lack."""
    _array(group, grid, "seconds", (len(grid.reconstructors),), ("reconstructor",), SECONDS)


def arrays(path: Path, group: zarr.Group, grid: Grid) -> Arrays:
    """Return the arrays of the store of a grid; floors and seconds only if it has them.

    The flags may be those of an earlier version, with one flag for all scores of a cell.
    """
    scored = (*grid.shape, len(grid.reconstructors))
    floors = [floor for floor in map(floor_name, grid.metrics) if (path / floor).exists()]
    earlier = False
    with contextlib.suppress(Exception):  # a damaged array is reported later
        earlier = getattr(group["done"], "shape", None) == grid.shape
    return {
        "seed": ((len(grid.seeds),), "fiu"),
        **{axis.setting: ((len(axis.values),), "T" if axis.is_text else "fiu") for axis in grid.axes},
        **dict.fromkeys(grid.metrics, (scored, "f")),
        "reconstructor": ((scored[-1],), "T"),
        "reason": (scored, "T"),
        "done": (grid.shape if earlier else (*scored, len(grid.metrics)), "b"),
        **dict.fromkeys(floors, (grid.shape, "f")),
        **dict.fromkeys(measured_in(grid.study), (scored, "f")),
        **({"seconds": (scored, "f")} if (path / "seconds").exists() else {}),
    }


def _array(
    group: zarr.Group,
    grid: Grid,
    name: str,
    last: tuple[int, ...],
    last_dims: tuple[str, ...],
    attrs: dict[str, Any],
    *,
    dtype: Any = "f8",
    fill: Any = np.nan,
) -> None:
    """Make an array over the cells and further dims, with a chunk for each cell, or enlarge an existing one."""
    shape = (*grid.shape, *last)
    if name not in group:
        group.create_array(
            name, shape=shape, chunks=(*(1 for _ in grid.shape), *last), dtype=dtype, fill_value=fill,
            dimension_names=(*grid.dims, *last_dims), attributes=attrs,
        )  # fmt: skip
    elif (found := group[name]).shape != shape:  # type: ignore[union-attr]
        found.resize(shape)  # type: ignore[union-attr]


def _coordinate(group: zarr.Group, name: str, values: npt.NDArray[Any], attrs: Mapping[str, Any]) -> None:
    """Write the values of an axis that is new or longer than before."""
    if name not in group or getattr(group[name], "shape", None) != values.shape:
        zarr_store.write_along(group, name, name, values, attrs)
