"""A second label on the structure: another colour, with photophysics, precision and errors of its own."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import xarray as xr
from pydantic import NonNegativeFloat

from smlmsim import schema
from smlmsim.field import FieldOfView
from smlmsim.localization import Localization
from smlmsim.photophysics import Photophysics
from smlmsim.photophysics.emission import Emission
from smlmsim.spec import Spec

LABELS = ("first_label", "second_label")
"""The names of the two channels."""
REGISTRATION_SIGMAS = 4.0
"""How far, in standard deviations, a registration error is expected to reach."""


class SecondLabel(Spec):
    """The second of two labels, seen in a colour that is registered to that of the first.

    Positions of the second colour are displaced by the chromatic shift, which is the same everywhere and in all movies,
    and by what is left after a registration: a random shift, rotation, magnification and shear of each movie.

    Parameters
    ----------
    photophysics, localization : Spec, optional
        When its molecules light up, and with what errors they are localized; by default as those of the first label,
        drawn independently.
    shift_y_nm, shift_x_nm : float
        Chromatic shift of the second colour against the first.
    registration_nm : float
        Standard deviation per axis of the registration error over fields and movies, at least 0; below
        10 nm if registered with beads (Churchman et al. 2005, doi:10.1073/pnas.0409487102).
    """

    photophysics: Photophysics | None = None
    localization: Localization | None = None
    shift_y_nm: float = 0.0
    shift_x_nm: float = 0.0
    registration_nm: NonNegativeFloat = 0.0

    @property
    def reach_nm(self) -> float:
        """How far positions are displaced at most, with a chance of 1e-4 of more."""
        return math.hypot(self.shift_y_nm, self.shift_x_nm) + REGISTRATION_SIGMAS * self.registration_nm

    def wider(self, photophysics: Photophysics) -> Photophysics:
        """The photophysics with a margin around the field from which molecules can be displaced into it."""
        if not self.reach_nm or not isinstance(photophysics, Emission):
            return photophysics
        return photophysics.replace({"margin_nm": photophysics.margin_nm + self.reach_nm})

    def displaced(self, events: xr.Dataset, field: FieldOfView, rng: np.random.Generator) -> xr.Dataset:
        """Displace events ``event_y``, ``event_x`` (event,) by the shift and the registration error of a movie.

        The error along each axis is a + b u + c v, where u and v run from -1 to 1 over the field. All coefficients are
        normal; the variances of a, b and c are in the ratio 1 : 3 : 3, so that each term contributes a third to the
        variance ``registration_nm``^2, averaged over the field (the mean of u^2 is 1/3).
        """
        y, x = events.event_y.values, events.event_x.values
        u = (y - field.origin_y_nm) / field.height_nm * 2 - 1
        v = (x - field.origin_x_nm) / field.width_nm * 2 - 1
        parts = self.registration_nm * rng.standard_normal((2, 3)) / np.sqrt([3, 1, 1])
        shifts = (self.shift_y_nm, self.shift_x_nm)
        at = (
            (place + shift + part @ np.stack([np.ones_like(u), u, v])).astype(place.dtype)
            for place, shift, part in zip((y, x), shifts, parts, strict=True)
        )
        return events.assign(
            {
                name: schema.variable(name, found)
                for name, found in zip(("event_y", "event_x"), at, strict=True)
            }
        )


def in_channels(tables: Mapping[str, xr.Dataset]) -> xr.Dataset:
    """Join tables of localizations ``loc_*`` by channel, sorted by frame; ``loc_channel`` counts them from 0.

    What only some of the tables report is left out, and so are attributes that differ.
    """
    shared = [
        str(name)
        for name, variable in next(iter(tables.values())).variables.items()
        if variable.dims == ("localization",) and all(name in table for table in tables.values())
    ]
    columns = {name: np.concatenate([table[name].values for table in tables.values()]) for name in shared}
    sizes = [table.sizes["localization"] for table in tables.values()]
    columns["loc_channel"] = np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)
    order = np.argsort(columns["loc_frame"], kind="stable")
    first, *others = (table.attrs for table in tables.values())
    attrs = {
        name: value for name, value in first.items() if all(other.get(name) == value for other in others)
    }
    return schema.dataset(
        attrs | {"channels": list(tables)}, **{name: v[order] for name, v in columns.items()}
    )
