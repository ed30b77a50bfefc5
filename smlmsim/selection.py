"""Selection of the localizations of a table by precision, brightness, frame and position."""

from __future__ import annotations

import logging
from typing import Self

import numpy as np
import numpy.typing as npt
import pydantic
import xarray as xr
from pydantic import NonNegativeFloat, NonNegativeInt, PositiveFloat

from smlmsim import schema
from smlmsim.acquisition import recorded_frames
from smlmsim.linking import link
from smlmsim.spec import Spec

_log = logging.getLogger(__name__)


class Selection(Spec):
    """Which localizations of a table are used; by default all.

    A localization whose value is missing is left out if a limit is set for that value.

    Parameters
    ----------
    max_uncertainty_nm : float, optional
        The largest reported lateral standard error.
    min_photons, max_photons : float, optional
        The smallest and the largest number of photons in the spot.
    from_frame, to_frame : int, optional
        The first and the last camera frame, as the file counts them.
    crop_nm : tuple of 4 floats, optional
        The rectangle x0, x1, y0, y1; its upper and left edges belong to it.
    link_nm : float, optional
        Join localizations in successive frames that are at most this far apart, as those of one molecule. See
        :func:`~smlmsim.linking.link`.
    link_dark_frames : int
        Number of successive frames in which a molecule may be dark.
    """

    max_uncertainty_nm: PositiveFloat | None = None
    min_photons: NonNegativeFloat | None = None
    max_photons: PositiveFloat | None = None
    from_frame: NonNegativeInt | None = None
    to_frame: NonNegativeInt | None = None
    crop_nm: tuple[float, float, float, float] | None = None
    link_nm: PositiveFloat | None = None
    link_dark_frames: NonNegativeInt = 1

    @pydantic.model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.crop_nm and not (self.crop_nm[0] < self.crop_nm[1] and self.crop_nm[2] < self.crop_nm[3]):
            raise ValueError(f"crop_nm is x0, x1, y0, y1 with x0 < x1 and y0 < y1, found {self.crop_nm}")
        for low, high in (("from_frame", "to_frame"), ("min_photons", "max_photons")):
            least, most = getattr(self, low), getattr(self, high)
            if least is not None and most is not None and least > most:
                raise ValueError(f"{low} = {least:g} is above {high} = {most:g}")
        return self

    @property
    def limits(self) -> bool:
        """Whether any localization is left out or joined."""
        return self != Selection(link_dark_frames=self.link_dark_frames)

    def select(self, table: xr.Dataset) -> xr.Dataset:
        """Select localizations, and join those of one molecule if ``link_nm`` is set.

        Parameters
        ----------
        table : xr.Dataset
            ``loc_y``, ``loc_x`` and the variables that limits are set for, (localization,); the attribute
            ``first_frame`` is the number that the file gives to the first camera frame.

        Raises
        ------
        smlmsim.schema.SchemaError
            If the table lacks a variable that a limit is set for.
        ValueError
            If no localization is left.
        """
        if not self.limits:
            return table
        keep = np.ones(table.sizes["localization"], np.bool_)
        for what, inside in self._tests(table):
            keep &= inside
            left_out = np.count_nonzero(~inside)
            _log.info("%s: %d of %d localizations are outside and left out", what, left_out, inside.size)
        if not keep.any():
            raise ValueError(f"none of {keep.size} localizations is left; loosen the limits")
        kept = table if keep.all() else table.isel(localization=np.flatnonzero(keep))
        if "loc_frame" in table:
            kept = kept.assign_attrs(recorded_frames=self._recorded(table))
        if self.link_nm is None:
            return kept
        linked = link(kept, distance_nm=self.link_nm, dark_frames=self.link_dark_frames)
        _log.info(
            "joined %d localizations to %d by link_nm=%g, link_dark_frames=%d",
            kept.sizes["localization"], linked.sizes["localization"], self.link_nm, self.link_dark_frames,
        )  # fmt: skip
        return linked

    def _recorded(self, table: xr.Dataset) -> list[int]:
        """The recorded frames that are used, counted from 0; empty frames at either end still belong to them."""
        begin, end = recorded_frames(table)
        first = int(table.attrs.get("first_frame", 0))
        if self.from_frame is not None:
            begin = max(begin, self.from_frame - first)
        if self.to_frame is not None:
            end = min(end, self.to_frame - first + 1)
        return [begin, end]

    def _tests(self, table: xr.Dataset) -> list[tuple[str, npt.NDArray[np.bool_]]]:
        """Each limit in words, and which localizations comply with it."""
        first = int(table.attrs.get("first_frame", 0))
        ranges = [
            ("loc_uncertainty", "reported uncertainties in nm", None, self.max_uncertainty_nm, 0),
            ("loc_intensity", "photons", self.min_photons, self.max_photons, 0),
            ("loc_frame", "camera frames", self.from_frame, self.to_frame, first),
        ]
        found = []
        for name, what, low, high, shift in ranges:
            if low is None and high is None:
                continue
            if name not in table:
                raise schema.SchemaError(f"the table has no {what}, so no localization can be chosen by them")
            least, most = (-np.inf if low is None else low), (np.inf if high is None else high)
            values = table[name].values.astype(np.float64) + shift
            found.append((f"{what}{_between(low, high)}", (values >= least) & (values <= most)))
        if self.crop_nm:
            x0, x1, y0, y1 = self.crop_nm
            x, y = table.loc_x.values, table.loc_y.values
            inside = (x >= x0) & (x < x1) & (y >= y0) & (y < y1)
            found.append((f"x from {x0:g} to {x1:g} nm, y from {y0:g} to {y1:g} nm", inside))
        return found


def _between(low: float | None, high: float | None) -> str:
    """The limits in words."""
    return ("" if low is None else f" from {low:g}") + ("" if high is None else f" up to {high:g}")
