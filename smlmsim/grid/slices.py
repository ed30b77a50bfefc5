"""Slices of a grid: the scores at one value of some of its axes, which is a grid of the others."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr

from smlmsim._settings import suggestion
from smlmsim.grid.grid import Axis, Grid
from smlmsim.spec import brief

At = Mapping[str, float | str]
"""Setting of an axis -> the value at which a grid is cut."""


def cut(grid: Grid, at: At) -> Grid:
    """Return the grid of the axes that are left, whose study has the values of the others.

    Parameters
    ----------
    grid : Grid
    at : mapping
        Setting of an axis -> one of its values.

    Raises
    ------
    ValueError
        If there is no such axis or value, or if no axis would be left; the message lists what there is.
    """
    axes = {axis.setting: axis for axis in grid.axes}
    chosen = {setting: _value(axes, setting, value) for setting, value in at.items()}
    rest = tuple(axis for axis in grid.axes if axis.setting not in chosen)
    if not rest:
        raise ValueError(f"no axis is left to show; the grid has no other than {', '.join(axes)}")
    parts = {name: getattr(grid, name) for name in Grid.model_fields}
    return Grid.model_validate(parts | {"study": grid.study.replace(chosen), "axes": rest})


def sliced(scores: xr.Dataset, grid: Grid, at: At) -> tuple[xr.Dataset, Grid]:
    """Return the scores at one value of some axes, and the grid of the others; parameters and errors as :func:`cut`."""
    if not at:
        return scores, grid
    kept = cut(grid, at)
    axes = {axis.setting: axis for axis in grid.axes}
    chosen = {setting: _value(axes, setting, value) for setting, value in at.items()}
    return scores.sel(chosen, drop=True).assign_attrs(grid=kept.to_toml(), grid_digest=kept.digest), kept


def require_shown(axes: Mapping[str, float | str]) -> None:
    """Raise a ValueError that says how to cut a grid, unless it has one axis or two.

    Parameters
    ----------
    axes : mapping
        Setting of each axis -> its first value.
    """
    if len(axes) in (1, 2):
        return
    found = f"a report shows one axis or two, found {', '.join(axes) or 'none'}"
    if not axes:
        raise ValueError(found)
    setting, value = list(axes.items())[-1]
    plain = f"{value:g}" if isinstance(value, int | float) else value
    raise ValueError(
        f"{found}; cut the grid at a value of {len(axes) - 2} of them, as in at={setting}={plain}"
    )


def _value(axes: Mapping[str, Axis], setting: str, value: float | str) -> float | str:
    """The value of an axis that is asked for."""
    if setting not in axes:
        raise ValueError(f"the grid has no axis {setting!r}; {suggestion(setting, axes)}")
    values: tuple[float | str, ...] = axes[setting].values
    found = [known for known in values if _same(known, value)]
    if not found:
        raise ValueError(f"{setting} has no value {brief(value)} in the grid; it has {brief(list(values))}")
    return found[0]


def _same(known: float | str, value: float | str) -> bool:
    if isinstance(known, str) or isinstance(value, str):
        return str(known) == value
    return bool(np.isclose(known, value, rtol=1e-9, atol=0))
