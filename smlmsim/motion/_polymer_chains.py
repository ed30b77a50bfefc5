"""The filaments of a structure as chains of equal bonds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import xarray as xr

from smlmsim.contour import Filaments, check_at_rest
from smlmsim.motion._polymer_modes import Modes, modes
from smlmsim.motion.open_chains import check_open

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

UNEQUAL_BONDS = 1e-3
"""Relative spread of segment lengths up to which they count as equal: rounding stays below."""


@dataclass(frozen=True)
class Chains:
    """Filaments that have one number of vertices.

    Parameters
    ----------
    number : int array, shape (filament,)
        Under which the structure knows them.
    first_vertex : int array, shape (filament,)
    bond_nm : array, shape (filament,)
        Length of one bond.
    centre_nm : array, shape (filament, 2)
        Centre of mass, y and x.
    persistence_length_nm : float
    angles : array, shape (filament, bond)
        Directions of the bonds from the x axis towards the y axis, in radian, without jumps along a filament.
    """

    number: Integers
    first_vertex: Integers
    bond_nm: Floats
    centre_nm: Floats
    persistence_length_nm: float
    angles: Floats

    @property
    def vertices(self) -> int:
        """Of one filament."""
        return int(self.angles.shape[1]) + 1

    @property
    def length_nm(self) -> Floats:
        """The contour lengths, shape (filament,)."""
        return np.asarray(self.bond_nm * self.angles.shape[1])

    @property
    def modes(self) -> Modes:
        """The normal modes that the filaments share."""
        return modes(self.vertices)


def chains(structure: xr.Dataset, persistence_length_nm: float | None = None) -> list[Chains]:
    """Read the filaments of a structure at rest, gathered by their number of vertices.

    Parameters
    ----------
    structure : xr.Dataset
        ``vertex_y``, ``vertex_x`` (vertex,) in nm with the coordinate ``filament``.
    persistence_length_nm : float, optional
        By default the attribute of the structure.

    Raises
    ------
    SchemaError
        If the structure lacks a variable, holds a value that is not finite, or moves already.
    ValueError
        If the persistence length is not known, or there is no filament, or one is closed or scattered, has a single
        vertex or bonds of unequal lengths.
    """
    check_at_rest(structure)
    filament = structure.filament.values
    first, vertices = Filaments.of(structure)
    if vertices.min() < 2:
        raise ValueError(
            f"filament {filament[first[vertices.argmin()]]} has a single vertex and a polymer two or more; "
            "the motions rigid and static take it"
        )
    check_open(structure)
    stiff = persistence_length_nm or structure.attrs.get("persistence_length_nm")
    if stiff is None:
        raise ValueError("the structure has no attribute persistence_length_nm; give it to the motion")
    place = np.stack([structure.vertex_y.values, structure.vertex_x.values], axis=-1).astype(np.float64)
    return [
        _gather(place, filament, first[vertices == count], int(count), float(stiff))
        for count in np.unique(vertices)
    ]


def _gather(
    place: Floats, filament: npt.NDArray[np.integer], first: Integers, vertices: int, stiff: float
) -> Chains:
    own = place[first[:, None] + np.arange(vertices)]
    bonds = np.diff(own, axis=1)
    lengths = np.hypot(bonds[..., 0], bonds[..., 1])
    uneven = np.ptp(lengths, axis=1) > UNEQUAL_BONDS * lengths.mean(axis=1)
    uneven |= lengths.min(axis=1) == 0
    if uneven.any():
        worst = int(np.flatnonzero(uneven)[0])
        raise ValueError(
            f"the bonds of filament {filament[first[worst]]} are {lengths[worst].min():.6g} to "
            f"{lengths[worst].max():.6g} nm long; those of a polymer are equal: space its vertices evenly"
        )
    return Chains(
        number=filament[first].astype(np.int64),
        first_vertex=first.astype(np.int64),
        bond_nm=lengths.mean(axis=1),
        centre_nm=own.mean(axis=1),
        persistence_length_nm=stiff,
        angles=_without_jumps(np.arctan2(bonds[..., 0], bonds[..., 1])),
    )


def _without_jumps(angles: Floats) -> Floats:
    """Add whole turns along filaments where an angle jumps by more than half a one, as some do."""
    jumping = (np.abs(np.diff(angles, axis=1)) > np.pi).any(axis=1)
    angles[jumping] = np.unwrap(angles[jumping], axis=1)
    return angles
