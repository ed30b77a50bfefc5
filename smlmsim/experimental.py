"""A study of measured data: a localization table is read and cut into time points."""

from __future__ import annotations

import logging
import math
from pathlib import Path
from typing import Literal

import numpy as np
import pydantic
import xarray as xr
from pydantic import PositiveFloat, PositiveInt

from smlmsim import channels, io, schema
from smlmsim.acquisition import Acquisition, recorded_frames
from smlmsim.field import FieldOfView
from smlmsim.io import Reading
from smlmsim.movie import Movie, require_room, seen
from smlmsim.provenance import provenance
from smlmsim.selection import Selection
from smlmsim.sparse import bin_localizations
from smlmsim.spec import Spec

_log = logging.getLogger(__name__)


class Experimental(Spec):
    """A measured localization table, cut into time points.

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

    kind: Literal["experimental"] = "experimental"
    table: Path
    frames_per_point: PositiveInt = 50
    exposure_s: PositiveFloat | None = None
    pixel_nm: PositiveFloat = 20.0
    field: FieldOfView | None = None
    coverage: float = pydantic.Field(default=1.0, gt=0, le=1)
    reading: Reading = Reading()
    selection: Selection = Selection()

    def movie(self, seed: int = 0) -> Movie:
        """Read the table; nothing is random here, so every seed gives the same movie.

        The movie begins with the first recorded frame, so a table that is a stretch of a longer recording gives no
        empty time points in front. The attribute ``start_frame`` is the number of frames left out before it, and
        ``first_frame`` the number that the file gives to the first frame of the movie. If all of several channels are
        requested, ``counts`` has a leading dim ``channel``.
        """
        table = self.localizations()
        field = self.covered(table)
        acquisition, start = self._acquisition(table)
        inside = field.contains(table.loc_y.values, table.loc_x.values)
        if not inside.all():
            _log.info("%s: %d of %d localizations lie outside the field and are left out",
                      self.table.name, np.count_nonzero(~inside), inside.size)  # fmt: skip
        recorded = [0, recorded_frames(table)[1] - start]
        table = self._without_lost_channels(table, table.isel(localization=np.flatnonzero(inside)))
        frame = table.loc_frame.values - np.int32(start)
        table["loc_frame"] = schema.variable("loc_frame", frame)
        table["loc_time"] = schema.variable("loc_time", acquisition.frame_times_s(frame))
        several = len(channels.names(table)) > 1
        if several:
            table = channels.counted(table)
        colours = table.attrs["channels"] if several else None
        require_room(
            field,
            acquisition,
            "ask for more frames_per_point, a larger pixel_nm, or a part of the table: coverage=0.999 leaves out "
            "localizations far outside, crop_nm, from_frame and to_frame choose a part",
            channels=len(colours) if colours else 1,
        )
        observation = bin_localizations(table, field, acquisition, channels=colours)
        frames = {"start_frame": start, "first_frame": table.attrs.get("first_frame", 0) + start}
        said = seen(field, acquisition) | {"table": self.table.name, "recorded_frames": recorded} | frames
        return Movie(observation.assign_attrs(said, **provenance()), None)

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
        return self._without_lost_channels(found, self.selection.select(found))

    def _without_lost_channels(self, table: xr.Dataset, part: xr.Dataset) -> xr.Dataset:
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

    def _acquisition(self, table: xr.Dataset) -> tuple[Acquisition, int]:
        """The acquisition, and the number of frames of the recording before it."""
        begin, end = recorded_frames(table)
        if begin:
            _log.info(
                "%s: the movie begins with frame %d",
                self.table.name,
                begin + table.attrs.get("first_frame", 0),
            )
        acquisition = Acquisition(
            time_points=math.ceil((end - begin) / self.frames_per_point),
            frames_per_point=self.frames_per_point,
            exposure_s=io.exposure_s(table, self.table.name),
        )
        return acquisition, begin
