"""Linking: localizations of one molecule in successive frames are joined to one."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from smlmsim import schema

MOST_PAIRS = 2_000_000
"""Pairs of neighbours in two frames; where there are more, molecules do not come apart."""

Array = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]


class _Last(NamedTuple):
    """The last localization of each molecule that may still be continued."""

    molecule: Indices
    frame: Indices
    place: Array


def link(table: xr.Dataset, *, distance_nm: float, dark_frames: int = 1) -> xr.Dataset:
    """Join localizations in successive frames at nearly the same position.

    Frame by frame, localizations are assigned to the molecules that were last seen near them, the nearest pairs first;
    each unassigned localization begins a new molecule. Localizations of different channels are never joined.

    Parameters
    ----------
    table : xr.Dataset
        ``loc_frame``, ``loc_y``, ``loc_x`` and any other ``loc_*``, (localization,).
    distance_nm : float
        Largest distance of a localization from the one before it; about three reported standard errors.
    dark_frames : int
        Number of successive frames in which a molecule may be dark.

    Returns
    -------
    xr.Dataset
        One localization for each molecule, in the frame in which it was first seen, sorted by frame. The position is
        the mean, weighted by the inverse of the reported variances or, for a molecule that lacks one, by the photons.
        The photons are summed, and the standard errors are those of the weighted mean. Whole numbers are taken from
        the first localization; all other columns are averaged without weights.

    Raises
    ------
    smlmsim.schema.SchemaError
        If frames or positions are missing.
    ValueError
        If the distance is not positive, the number of frames is negative, or the distance is so large that millions of
        pairs are within it.

    Examples
    --------
    >>> found = schema.dataset(loc_frame=[0, 1, 5], loc_y=[0.0, 2.0, 1.0], loc_x=[0.0, 0.0, 0.0])
    >>> link(found, distance_nm=10).loc_y.values.tolist()
    [1.0, 1.0]
    """
    table, molecule = _linked(table, distance_nm, dark_frames)
    return _joined(table, molecule)


def molecules(table: xr.Dataset, *, distance_nm: float, dark_frames: int = 1) -> Indices:
    """Number the molecules of a table: (localization,), in the order of the table.

    Parameters and errors are those of :func:`link`, which joins the localizations of each.
    """
    order = np.argsort(table.loc_frame.values, kind="stable")
    found = np.empty(order.size, np.int64)
    found[order] = _linked(table, distance_nm, dark_frames)[1]
    return found


def _linked(table: xr.Dataset, distance_nm: float, dark_frames: int) -> tuple[xr.Dataset, Indices]:
    """The table sorted by frame, and the molecule of each localization."""
    schema.check(table, "loc_frame", "loc_y", "loc_x")
    if not (0 < distance_nm < np.inf and dark_frames >= 0):
        raise ValueError(
            f"the distance must be positive and the dark frames at least 0, found {distance_nm!r}, {dark_frames!r}"
        )
    table = table.isel(localization=np.argsort(table.loc_frame.values, kind="stable"))
    molecule = np.empty(table.sizes["localization"], np.int64)
    channel = table.loc_channel.values if "loc_channel" in table else np.zeros(molecule.size, np.int32)
    found = 0
    for number in np.unique(channel):
        chosen = np.flatnonzero(channel == number)
        molecule[chosen] = found + _molecules(table.isel(localization=chosen), distance_nm, dark_frames)
        found = int(molecule[chosen].max()) + 1
    return table, molecule


def _molecules(table: xr.Dataset, distance_nm: float, dark_frames: int) -> Indices:
    """The molecule of each localization, numbered from 0 in the order of first appearance."""
    frame = table.loc_frame.values.astype(np.int64)
    place = np.stack([table.loc_y.values, table.loc_x.values], axis=1).astype(np.float64)
    molecule = np.empty(frame.size, np.int64)
    last = _Last(np.empty(0, np.int64), np.empty(0, np.int64), np.empty((0, 2)))
    begun = 0
    starts = np.flatnonzero(np.diff(frame, prepend=-1))
    for start, stop in zip(starts, [*starts[1:], frame.size], strict=True):
        lit = last.frame >= frame[start] - dark_frames - 1
        last = _Last(*(values[lit] for values in last))
        before, now = _nearest(last.place, place[start:stop], distance_nm)
        assigned = np.full(stop - start, -1)
        assigned[now] = last.molecule[before]
        new = assigned < 0
        assigned[new] = begun + np.arange(np.count_nonzero(new))
        begun += int(np.count_nonzero(new))
        molecule[start:stop] = assigned
        dark = np.ones(last.frame.size, np.bool_)
        dark[before] = False
        last = _Last(
            np.concatenate([last.molecule[dark], assigned]),
            np.concatenate([last.frame[dark], frame[start:stop]]),
            np.concatenate([last.place[dark], place[start:stop]]),
        )
    return molecule


def _nearest(before: Array, now: Array, distance_nm: float) -> tuple[Indices, Indices]:
    """Pair positions of two frames, the nearest pairs first; each position is in one pair at most."""
    if not (len(before) and len(now)):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    from scipy.spatial import (
        cKDTree,  # imported here: it takes longer to load than everything else in this module
    )

    trees = cKDTree(before), cKDTree(now)
    number = int(trees[0].count_neighbors(trees[1], distance_nm))
    if number > MOST_PAIRS:
        raise ValueError(
            f"{number:.2g} pairs of localizations in two frames are within link_nm={distance_nm:g} of each other: "
            "molecules cannot be distinguished there; about three reported uncertainties are usual"
        )
    pairs = trees[0].sparse_distance_matrix(trees[1], distance_nm, output_type="ndarray")
    pairs = np.sort(pairs, order=("v", "i", "j"))
    chosen: list[npt.NDArray[Any]] = []
    while pairs.size:
        # Take every pair that is the nearest pair of both its positions, and drop their other pairs.
        nearest = np.zeros(pairs.size, np.int8)
        for end in "ij":
            nearest[np.unique(pairs[end], return_index=True)[1]] += 1
        taken = pairs[nearest == 2]
        chosen.append(taken)
        pairs = pairs[~np.isin(pairs["i"], taken["i"]) & ~np.isin(pairs["j"], taken["j"])]
    found = np.concatenate(chosen) if chosen else pairs
    return found["i"].astype(np.int64), found["j"].astype(np.int64)


def _joined(table: xr.Dataset, molecule: Indices) -> xr.Dataset:
    """One localization for each molecule."""
    _, first = np.unique(molecule, return_index=True)
    lateral, axial = (_weight(table, molecule, name) for name in ("loc_uncertainty", "loc_uncertainty_z"))
    weights = {"loc_y": lateral, "loc_x": lateral, "loc_z": axial}
    equal = np.ones(molecule.size)
    joined = {}
    for name, variable in table.variables.items():
        if variable.dims != ("localization",):
            continue
        values = variable.values
        made: npt.NDArray[Any]
        if name == "loc_intensity":
            made = np.bincount(molecule, values.astype(np.float64))
        elif str(name).startswith("loc_uncertainty"):
            with np.errstate(divide="ignore"):
                made = np.bincount(molecule, 1 / values.astype(np.float64) ** 2) ** -0.5
        elif name == "loc_time" or values.dtype.kind in "iub" or variable.attrs.get("whole"):
            made = values[first]  # a mean of frame, channel or group numbers is meaningless
        else:
            weight = weights.get(str(name), equal)
            made = np.bincount(molecule, weight * values.astype(np.float64)) / np.bincount(molecule, weight)
        joined[name] = (variable.dims, made.astype(values.dtype), variable.attrs)
    found = table.drop_dims("localization").assign(joined)
    return found.isel(localization=np.argsort(found.loc_frame.values, kind="stable"))


def _weight(table: xr.Dataset, molecule: Indices, uncertainty: str) -> Array:
    """Weight of each localization in the position of its molecule: by variance, else photons, else equal."""
    weight = np.ones(molecule.size)
    for name, power in (("loc_intensity", 1), (uncertainty, -2)):
        if name not in table:
            continue
        values = table[name].values.astype(np.float64)
        usable = np.isfinite(values) & (values > 0)
        all_usable = np.bincount(molecule, ~usable) == 0
        weight[all_usable[molecule]] = values[all_usable[molecule]] ** power
    return weight
