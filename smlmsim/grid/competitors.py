"""Pairs of a localizer and a reconstructor as competitors: an axis of the localization joins the reconstructors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from smlmsim._settings import suggestion
from smlmsim.grid.clips import OBSERVED
from smlmsim.grid.grid import Axis, Grid

LOCALIZATION = "localization."
"""How the settings begin on which the truth of a movie does not depend."""
AND = " + "
Place = tuple[int, ...]


def pairs_of(grid: Grid, setting: str) -> dict[str, str]:
    """Return the names of the pairs, as ``mle + gaussian_time``, each with that of its reconstructor.

    Parameters
    ----------
    grid : Grid
    setting : str
        An axis of the grid, as ``localization.localizer``.

    Raises
    ------
    ValueError
        If it is not an axis, is no setting of the localization, or is the only axis.
    """
    axis = axis_of_pairs(grid, setting)
    return {_name(value, name): name for value in axis.values for name in grid.reconstructors}


def axis_of_pairs(grid: Grid, setting: str) -> Axis:
    """Return an axis whose values can be paired with reconstructors; errors as :func:`pairs_of`."""
    axes = {axis.setting: axis for axis in grid.axes}
    if setting not in axes:
        raise ValueError(f"the grid has no axis {setting!r}; {suggestion(setting, axes)}")
    if not setting.startswith(LOCALIZATION):
        raise ValueError(
            f"reconstructors are paired with an axis of the localization, such as localization.localizer, since its "
            f"movies have the same truth; found {setting}"
        )
    if len(axes) == 1:
        raise ValueError(f"no axis is left to show; the grid has no other than {setting}")
    return axes[setting]


def paired(scores: xr.Dataset, grid: Grid, setting: str) -> xr.Dataset:
    """Return scores in which every value of an axis, with every reconstructor, is a competitor.

    Parameters
    ----------
    scores : Dataset
        Scores over the axes of ``grid``, ``seed`` and ``reconstructor``.
    grid, setting :
        As for :func:`pairs_of`, with its errors.

    Returns
    -------
    Dataset
        The same scores without the axis; ``reconstructor`` holds the names of the pairs. What is not of a
        reconstructor, as the score of an empty estimate, is the same along the axis.
    """
    names = list(pairs_of(grid, setting))
    folded: dict[str, xr.DataArray] = {}
    for name, values in scores.items():
        if setting not in values.dims:
            folded[str(name)] = values
        elif "reconstructor" in values.dims:
            folded[str(name)] = _folded(values, setting, names)
        else:
            folded[str(name)] = values.isel({setting: 0}, drop=True)
    return xr.Dataset(folded, attrs=scores.attrs)


def grouped(clips: Mapping[Place, Any], grid: Grid, setting: str) -> dict[Place, tuple[Any, ...]]:
    """Gather what there is of every cell (place along all axes and the seed) along an axis, in its order."""
    along = [axis.setting for axis in grid.axes].index(setting)
    found: dict[Place, tuple[Any, ...]] = {}
    for place in sorted(clips):
        rest = place[:along] + place[along + 1 :]
        found[rest] = (*found.get(rest, ()), clips[place])
    return found


def joined_clip(clips: list[xr.Dataset], axis: Axis) -> xr.Dataset:
    """Join the clips of one cell at all values of an axis: layers are the pairs.

    The first layer shows the localizations at the first value, and its name says so.
    """
    values: tuple[float | str, ...] = axis.values
    if len(clips) != len(values):
        raise ValueError(f"{len(values)} clips make a cell with all of {axis.setting}, found {len(clips)}")
    named = [_named(clip, value) for clip, value in zip(clips, values, strict=True)]
    first = clips[0].isel(layer=[0]).assign_coords(layer=[f"{OBSERVED}, {_shown(values[0])}"])
    layers = [first, *named, clips[0].isel(layer=[-1])]
    parts = [clip[["brightness", "white"]].drop_vars("reconstructor", errors="ignore") for clip in layers]
    of_names = [clip[["parameters", "reason"]].drop_vars("layer", errors="ignore") for clip in named]
    joined = xr.concat(parts, "layer").merge(xr.concat(of_names, "reconstructor"))
    return joined.assign_attrs(clips[0].attrs)


def _named(clip: xr.Dataset, value: float | str) -> xr.Dataset:
    """The reconstructions of a clip, named as pairs."""
    names = [_name(value, str(name)) for name in clip.reconstructor.values]
    return clip.isel(layer=slice(1, -1)).assign_coords(layer=names, reconstructor=names)


def _folded(values: xr.DataArray, setting: str, names: list[str]) -> xr.DataArray:
    dims = [str(dim) for dim in values.dims if dim not in (setting, "reconstructor")]
    ordered = values.transpose(*dims, setting, "reconstructor")
    made = ordered.values.reshape(*(ordered.sizes[dim] for dim in dims), len(names))
    coords = {dim: ordered[dim] for dim in dims} | {"reconstructor": np.array(names, dtype=object)}
    return xr.DataArray(made, coords, (*dims, "reconstructor"), attrs=values.attrs)


def _name(value: float | str, name: str) -> str:
    return f"{_shown(value)}{AND}{name}"


def _shown(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:g}"
