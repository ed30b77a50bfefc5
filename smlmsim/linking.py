"""Localizations of one molecule in frames that follow each other, joined to one."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from smlmsim import schema

Array = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]


class _Last(NamedTuple):
    """The last localization of each molecule that may still go on."""

    molecule: Indices
    frame: Indices
    place: Array


def link(table: xr.Dataset, *, distance_nm: float, dark_frames: int = 1) -> xr.Dataset:
    """Join localizations that follow each other in time at nearly the same place.

    Frame by frame, localizations are given to the molecules that were last seen near them, the nearest pairs first;
    what is left over begins a new molecule. Molecules of different channels are never joined.

    Parameters
    ----------
    table : xr.Dataset
        ``loc_frame``, ``loc_y``, ``loc_x`` and any other ``loc_*``, (localization,).
    distance_nm : float
        The farthest that a localization lies from the one before it; about three reported standard errors.
    dark_frames : int
        How many frames a molecule may be dark for in between.

    Returns
    -------
    xr.Dataset
        One localization for each molecule, in the frame that it was first seen in: its position is the mean, weighted
        by the inverse of the reported variances or, where there are none, by the photons; its photons are the sum,
        its standard errors those of the weighted mean, and everything else is the plain mean. Sorted by frame.

    Raises
    ------
    smlmsim.schema.SchemaError
        If frames or positions are missing.
    ValueError
        If the distance is not positive or the number of frames negative.

    Examples
    --------
    >>> found = schema.dataset(loc_frame=[0, 1, 5], loc_y=[0.0, 2.0, 1.0], loc_x=[0.0, 0.0, 0.0])
    >>> link(found, distance_nm=10).loc_y.values.tolist()
    [1.0, 1.0]
    """
    schema.check(table, "loc_frame", "loc_y", "loc_x")
    if not (0 < distance_nm < np.inf and dark_frames >= 0):
        raise ValueError(
            f"the distance is positive and the dark frames are not negative, found {distance_nm!r}, {dark_frames!r}"
        )
    table = table.isel(localization=np.argsort(table.loc_frame.values, kind="stable"))
    molecule = np.empty(table.sizes["localization"], np.int64)
    channel = table.loc_channel.values if "loc_channel" in table else np.zeros(molecule.size, np.int32)
    found = 0
    for number in np.unique(channel):
        chosen = np.flatnonzero(channel == number)
        molecule[chosen] = found + _molecules(table.isel(localization=chosen), distance_nm, dark_frames)
        found = int(molecule[chosen].max()) + 1
    return _joined(table, molecule)


def _molecules(table: xr.Dataset, distance_nm: float, dark_frames: int) -> Indices:
    """The molecule of each localization, counted from 0 in the order of their first ones."""
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
    """Pairs of places, each place in one pair at most, the nearest pairs first."""
    if not (len(before) and len(now)):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    from scipy.spatial import (
        cKDTree,  # here, since it takes longer to load than everything else in this module
    )

    pairs = cKDTree(before).sparse_distance_matrix(cKDTree(now), distance_nm, output_type="ndarray")
    taken_before, taken_now, chosen = set(), set(), []
    for i, j, _ in np.sort(pairs, order=("v", "i", "j")):
        if i not in taken_before and j not in taken_now:
            taken_before.add(i)
            taken_now.add(j)
            chosen.append((i, j))
    first, second = np.array(chosen, np.int64).reshape(-1, 2).T
    return first, second


def _joined(table: xr.Dataset, molecule: Indices) -> xr.Dataset:
    """One localization for each molecule."""
    number = np.bincount(molecule).astype(np.float64)

    def mean(values: npt.NDArray[np.generic], weight: Array) -> Array:
        total = np.bincount(molecule, weight)
        return np.bincount(molecule, weight * values.astype(np.float64)) / total

    equal = np.ones(molecule.size)
    lateral, axial = (_weight(table, name) for name in ("loc_uncertainty", "loc_uncertainty_z"))
    weights = {"loc_y": lateral, "loc_x": lateral, "loc_z": axial}
    joined = {}
    for name, variable in table.variables.items():
        if variable.dims != ("localization",):
            continue
        values = variable.values
        if name in ("loc_frame", "loc_channel", "loc_molecule", "loc_time"):
            made = np.full(number.size, np.inf)
            np.minimum.at(made, molecule, values)
        elif name == "loc_intensity":
            made = np.bincount(molecule, values.astype(np.float64))
        elif name in ("loc_uncertainty", "loc_uncertainty_z"):
            with np.errstate(divide="ignore"):
                made = np.bincount(molecule, 1 / values.astype(np.float64) ** 2) ** -0.5
        else:
            made = mean(values, weights.get(str(name), equal))
        joined[name] = (variable.dims, made.astype(values.dtype), variable.attrs)
    found = table.drop_dims("localization").assign(joined)
    return found.isel(localization=np.argsort(found.loc_frame.values, kind="stable"))


def _weight(table: xr.Dataset, uncertainty: str) -> Array:
    """How much each localization counts for the place of its molecule."""
    for name, power in ((uncertainty, -2), ("loc_intensity", 1)):
        if name in table:
            values = table[name].values.astype(np.float64)
            if (np.isfinite(values) & (values > 0)).all():
                return np.asarray(values**power)
    return np.ones(table.sizes["localization"])
