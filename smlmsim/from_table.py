"""A study of a measured localization table: what all such studies read and show of it."""

from __future__ import annotations

import abc
import logging
from pathlib import Path

import numpy as np
import pydantic
import xarray as xr
from pydantic import PositiveFloat, PositiveInt

from smlmsim import channels, io
from smlmsim.field import FieldOfView
from smlmsim.io import Reading
from smlmsim.movie import Movie
from smlmsim.selection import Selection
from smlmsim.spec import Spec

_log = logging.getLogger(__name__)


class FromTable(Spec, abc.ABC):
    """The settings that all studies of a measured localization table share.

    Parameters
    ----------
    table : Path
        A localization table of a format that :mod:`smlmsim.io` reads.
    frames_per_point : int
        Camera frames in one time point.
    exposure_s : float, optional
        Duration of a camera frame; by default the value in the table, or else 0.03 s.
    pixel_nm : float
        Edge length of a pixel of the images.
    field : FieldOfView, optional
        The field of the images; by default all that the table covers.
    coverage : float
        The central share of the localizations that the field covers along either axis, in (0, 1]; 0.999 leaves out a
        few stray ones far outside.
    reading : Reading
        Units and columns of the table where the file does not state them, or states them wrongly.
    selection : Selection
        Which localizations of the table are used.
    """

    table: Path
    frames_per_point: PositiveInt = 50
    exposure_s: PositiveFloat | None = None
    pixel_nm: PositiveFloat = 20.0
    field: FieldOfView | None = None
    coverage: float = pydantic.Field(default=1.0, gt=0, le=1)
    reading: Reading = Reading()
    selection: Selection = Selection()

    @abc.abstractmethod
    def movie(self, seed: int = 0) -> Movie:
        """Make the movie of a seed."""

    def localizations(self) -> xr.Dataset:
        """The localizations that are used, with frames and positions, sorted by frame."""
        understood = self.reading
        if self.exposure_s is not None:
            understood = understood.replace({"exposure_s": self.exposure_s})
        found = io.read(self.table, understood)
        if "localization" not in found.dims:
            raise ValueError(f"{self.table} holds images; a table of localizations is needed")
        if "loc_frame" not in found:
            raise ValueError(
                f"{self.table} does not say in which camera frames molecules were localized; "
                "if a column does, name it, as in columns=frame=NAME"
            )
        understood.require_one_channel(found, self.table.name, "take each by itself")
        return self.without_lost_channels(found, self.selection.select(found))

    def without_lost_channels(self, table: xr.Dataset, part: xr.Dataset) -> xr.Dataset:
        """Return a part of a table; says which channels have no localization in it."""
        before, after = channels.names(table), channels.names(part)
        if lost := [name for number, name in before.items() if number not in after]:
            _log.info("%s: no localization of the channel %s is left", self.table.name, ", ".join(lost))
        return part

    def covered(self, table: xr.Dataset) -> FieldOfView:
        """The field of the images: the one that is set, or the area that the table covers."""
        # Imported here: it loads statistics and image processing, which take longer than all the rest.
        from smlmsim import estimate

        if self.field:
            return self.field
        found = estimate.field_of_view(table, pixel_nm=self.pixel_nm, coverage=self.coverage)
        if self.coverage == 1:
            estimate.require_no_strays(table, found)
        return found

    def inside(self, table: xr.Dataset, field: FieldOfView) -> xr.Dataset:
        """The localizations in a field; says how many are left out."""
        within = field.contains(table.loc_y.values, table.loc_x.values)
        if not within.all():
            _log.info("%s: %d of %d localizations lie outside the field and are left out",
                      self.table.name, np.count_nonzero(~within), within.size)  # fmt: skip
        return self.without_lost_channels(table, table.isel(localization=np.flatnonzero(within)))
