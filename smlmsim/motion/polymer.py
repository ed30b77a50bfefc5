"""Polymer: semiflexible filaments that independently drift, rotate and bend, at a set velocity."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Literal

import numpy as np
import numpy.typing as npt
import xarray as xr
from pydantic import Field, NonNegativeFloat, PositiveFloat
from scipy.optimize import brentq
from scipy.special import ellipe

from smlmsim.contour import Box, moving
from smlmsim.motion._persistent_noise import DrivenCoordinates
from smlmsim.motion._polymer_chains import Chains, chains
from smlmsim.motion._polymer_paths import fill_paths
from smlmsim.rng import key
from smlmsim.spec import Spec

Floats = npt.NDArray[np.float64]

BOLTZMANN_PN_NM_PER_K = 1.380649e-2
"""Boltzmann constant in pN nm/K."""
PN_S_PER_NM2_PER_PA_S = 1e-6
"""A viscosity of 1 Pa s in pN s/nm^2."""
TURN = 0.5
"""Speed of the ends by rotation, relative to that of the centre of mass."""


class Polymer(Spec):
    """Semiflexible filaments in the plane, solved exactly in time: steps of any length are allowed.

    A filament of bonds of length b has the bending energy sum (kappa / 2b) theta^2 over the angles theta
    between its bonds, with kappa = persistence length * kT, so that in equilibrium an angle has the variance
    b / persistence length. A vertex has the drag zeta = 4 pi viscosity b / (ln(L / diameter) + 0.84), its
    share of the drag on a rod of contour length L (Tirado & Garcia de la Torre 1979, doi:10.1063/1.438613). The
    directions of the bonds are a sum over all normal modes of the free chain. Mode k relaxes at the rate
    kappa mu_k / (zeta b^3) towards the variance b / (persistence length mu_k); mu_0 = 0 is rotation. Since
    directions are summed and not positions, bonds keep their length, and shapes are those of the worm-like
    chain, after a step of any length. Filaments do not interact.

    Two noises drive the modes and the centre of mass and share the variance of each:

    - a persistent active force, as exerted by motors in a cell, where thermal bending would not be visible
      (Brangwynne et al. 2008, doi:10.1103/PhysRevLett.100.118104), which gives smooth motion. It moves the centre
      of mass at ``drive_nm_per_s``, the ends by rotation at half of this, and bends the filament such that the
      variance of each mode is unchanged;
    - thermal noise, which gives jitter, with the diffusion coefficient kT / (N zeta) for the centre of mass of N
      vertices.

    One number, the activity, multiplies all rates, diffusion coefficients and speeds; at activity 1, bends
    relax as in a passive fluid. It is chosen to give the set velocity. The velocity is the mean, over filaments,
    the central 80 % of their contours and time, of |shift of the contour along its normal| over a lag, per lag.
    As shifts are Gaussian, it is sqrt(2 / pi) / lag times the mean standard deviation of the shifts, whose variance
    is a sum over modes in closed form: the calibration needs no simulation. A velocity must be quoted with its lag,
    since that of Brownian motion grows without bound as the lag shrinks.

    Parameters
    ----------
    velocity_nm_per_s : float
        Velocity of the contour along its normal; at 0 the structure is exactly static.
    velocity_lag_s : float
        Lag of the velocity, for example a time point.
    persistence_time_s : float
        Persistence time of the active force.
    thermal_fraction : float
        Share of the variance due to thermal noise, from 0 (all active) to 1 (all thermal).
    drive_nm_per_s : float
        Root-mean-square velocity along each axis of the centre of mass, for active forces alone at activity 1. A
        larger value gives more drift and less bending at the same velocity.
    persistence_length_nm : float, optional
        Persistence length in the plane; by default the attribute of the structure.
    viscosity_pa_s, temperature_k : float
        Viscosity and temperature of the fluid.
    diameter_nm : float
        Diameter of the filaments.
    precision : "float32" or "float64"
        Floating-point type of the arithmetic and of the vertices.
    """

    kind: Literal["polymer"] = "polymer"
    velocity_nm_per_s: NonNegativeFloat = 60.0
    velocity_lag_s: PositiveFloat = 1.5
    persistence_time_s: PositiveFloat = 7.5
    thermal_fraction: float = Field(default=0.0, ge=0.0, le=1.0)
    drive_nm_per_s: PositiveFloat = 60.0
    persistence_length_nm: PositiveFloat | None = None
    viscosity_pa_s: PositiveFloat = 0.1
    temperature_k: PositiveFloat = 310.0
    diameter_nm: PositiveFloat = 25.0
    precision: Literal["float32", "float64"] = "float32"

    def move(self, structure: xr.Dataset, times_s: Floats, rng: np.random.Generator) -> xr.Dataset:
        """Move a structure, which is at the first time as it was built.

        Parameters
        ----------
        structure : xr.Dataset
            ``vertex_y``, ``vertex_x`` (vertex,) in nm with the coordinate ``filament``; the vertices of a
            filament are contiguous and equally spaced. With the attribute ``box_nm`` = [y0, x0, height,
            width], a filament whose centre of mass leaves the box enters on the other side.
        times_s : ndarray, (time,)
            Increasing times in s. All are exact; equally spaced ones are fastest.
        rng : np.random.Generator
            Source of the key of the random numbers, and of the forces at the first time.

        Returns
        -------
        xr.Dataset
            ``vertex_y``, ``vertex_x`` (time, vertex) in nm; the attributes of the structure and
            ``velocity_nm_per_s`` as set, its ``velocity_lag_s``, the root mean square
            ``velocity_rms_nm_per_s``, the mean ``speed_nm_per_s`` of the whole shift, and the ``activity``.

        Raises
        ------
        SchemaError
            If the structure lacks a variable, holds a value that is not finite, or moves already.
        ValueError
            If the persistence length is not known, a filament is closed, too thick or has unequal bonds, or the
            times do not increase.
        """
        times_s = np.asarray(times_s, dtype=np.float64)
        if times_s.size == 0 or not (np.isfinite(times_s).all() and (np.diff(times_s) > 0).all()):
            raise ValueError(
                "the times of a movie must be finite and increase; sort them and drop repeated ones"
            )
        groups = chains(structure, self.persistence_length_nm)
        variances = functools.cache(functools.partial(self._shift_variances, groups))
        activity = self._activity(variances)
        y, x = (np.empty((times_s.size, structure.sizes["vertex"]), self.precision) for _ in range(2))
        box, path_key = Box.of(structure), key(rng)
        for group in groups:
            fill_paths(y, x, group, self._driven(group, activity), times_s, box, path_key, rng)
        return moving(structure, times_s, y, x, **self._measures(activity, *variances(activity)))

    def _drag_pn_s_per_nm(self, group: Chains) -> Floats:
        """Drag on one vertex, shape (filament,)."""
        slenderness = np.log(group.length_nm / self.diameter_nm) + 0.84
        if slenderness.min() <= 0:
            raise ValueError(
                f"a filament {group.length_nm.min():g} nm long and {self.diameter_nm:g} nm thick is no rod; "
                "set a smaller diameter_nm"
            )
        drag: Floats = 4 * np.pi * self.viscosity_pa_s * PN_S_PER_NM2_PER_PA_S * group.bond_nm / slenderness
        return drag

    def _driven(self, group: Chains, activity: float) -> DrivenCoordinates:
        """Make the amplitudes of all modes and the centre of mass in nm, shape (filament, vertices)."""
        thermal_pn_nm = BOLTZMANN_PN_NM_PER_K * self.temperature_k
        drag, bond_nm = self._drag_pn_s_per_nm(group)[:, None], group.bond_nm[:, None]
        shake = np.broadcast_to(activity * thermal_pn_nm / (drag * bond_nm**2), group.angles.shape)
        rate = shake * group.modes.stiffness * group.persistence_length_nm / bond_nm
        drift = np.full_like(drag, activity * self.drive_nm_per_s)
        turn = TURN * drift / (group.length_nm[:, None] / 2) / group.modes.angles[0, 0]
        bend = np.sqrt(shake * (rate + 1 / self.persistence_time_s))[:, 1:]
        diffusion = activity * thermal_pn_nm / (drag * group.vertices)
        return DrivenCoordinates(
            rate=np.hstack([rate, np.zeros_like(drag)]),
            diffusion=self.thermal_fraction * np.hstack([shake, diffusion]),
            drive=math.sqrt(1 - self.thermal_fraction) * np.hstack([turn, bend, drift]),
            persistence_s=self.persistence_time_s,
        )

    def _shift_variances(self, groups: list[Chains], activity: float) -> tuple[Floats, Floats, Floats]:
        """Variances of the shifts over the lag, in nm^2, across and along the contour, and the weights of positions."""
        parts = []
        for group in groups:
            moved = self._driven(group, activity).mean_square_displacement(self.velocity_lag_s)
            shape = group.modes.central
            along = np.repeat(moved[:, -1:], len(shape), axis=1)
            across = along + group.bond_nm[:, None] ** 2 * (moved[:, :-1] @ shape.T**2)
            parts.append([across.ravel(), along.ravel(), np.full(along.size, 1 / len(shape))])
        across, along, weight = np.concatenate(parts, axis=1)
        return across, along, weight / weight.sum()

    def _activity(self, variances: Callable[[float], tuple[Floats, Floats, Floats]]) -> float:
        """The activity that gives the set velocity, which increases with it without bound."""
        if self.velocity_nm_per_s == 0:
            return 0.0

        def excess(log_activity: float) -> float:
            across, _, weight = variances(math.exp(log_activity))
            mean_nm = math.sqrt(2 / math.pi) * (weight @ np.sqrt(across))
            return math.log(mean_nm / self.velocity_lag_s / self.velocity_nm_per_s)

        near = math.log(self.velocity_nm_per_s / self.drive_nm_per_s)
        step = -math.copysign(1.0, excess(near))
        while excess(near + step) * step < 0:
            near += step
        return math.exp(brentq(excess, near, near + step, xtol=1e-7))

    def _measures(self, activity: float, across: Floats, along: Floats, weight: Floats) -> dict[str, float]:
        """The attributes that describe the motion; the mean length of a Gaussian shift is an elliptic integral."""
        flatness = 1 - along / np.maximum(across, np.finfo(float).tiny)
        length_nm = math.sqrt(2 / math.pi) * np.sqrt(across) * ellipe(flatness)
        return {
            "velocity_nm_per_s": self.velocity_nm_per_s,
            "velocity_lag_s": self.velocity_lag_s,
            "velocity_rms_nm_per_s": math.sqrt(weight @ across) / self.velocity_lag_s,
            "speed_nm_per_s": float(weight @ length_nm) / self.velocity_lag_s,
            "activity": activity,
        }
