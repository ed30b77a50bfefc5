"""A study of measured data: a localization table is read and cut into time points."""

from __future__ import annotations

import logging
import math
from typing import Literal

import numpy as np
import xarray as xr

from smlmsim import channels, io, schema
from smlmsim.acquisition import Acquisition, recorded_frames
from smlmsim.from_table import FromTable
from smlmsim.movie import Movie, require_room, seen
from smlmsim.provenance import provenance
from smlmsim.sparse import bin_localizations

_log = logging.getLogger(__name__)


class Experimental(FromTable):
    """A measured localization table, cut into time points; see :class:`FromTable` for its settings."""

    kind: Literal["experimental"] = "experimental"

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
        recorded = [0, recorded_frames(table)[1] - start]
        table = self.inside(table, field)
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
