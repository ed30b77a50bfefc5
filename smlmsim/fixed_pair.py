"""Pairs from fixed cells: a part of a measured table is the observation, and all of it the truth."""

from __future__ import annotations

import logging
from typing import Literal, Self

import numpy as np
import pydantic
import xarray as xr
from pydantic import PositiveFloat, PositiveInt

from smlmsim import io, schema
from smlmsim.acquisition import Acquisition, recorded_frames
from smlmsim.field import FieldOfView
from smlmsim.from_table import FromTable
from smlmsim.localization_density import localization_density, precisions
from smlmsim.movie import Movie, require_room, seen
from smlmsim.provenance import provenance
from smlmsim.rng import stream
from smlmsim.sparse import bin_localizations

_log = logging.getLogger(__name__)

Take = Literal["first", "random", "every"]
MOST_OBSERVED = 0.5
"""Share of the localizations of the truth above which an observation is said to hold too many of them."""


class FixedPair(FromTable):
    """A measured table of fixed cells: a part of it is the observation, all of it the truth.

    Nothing moves, so the truth is one image, repeated at every time point of the observation: each localization as a
    Gaussian of its reported precision, in localizations per nm^2. Its attributes say which precision was used. The
    observation is a part of the truth; the attribute ``observed_share`` says how large a part.

    ``first`` takes a stretch of camera frames as they were recorded. ``random`` keeps the camera frames of that
    stretch, but fills each with localizations drawn from the whole recording: it holds as many localizations, in the
    same frames. The two differ by blinking: in a stretch a molecule appears several times, and molecules that blink at
    other times are missing. ``every`` takes equidistant frames of the whole recording, as if they had followed each
    other. Drift and fading of the label during the recording add to the difference.

    Seeds take other parts of the same recording: the seed s is the stretch s of ``first``, counted from 0, and the
    frames from s on of ``every``. For ``random`` it draws as many localizations as there are in the stretch s, counted
    from the first again after the last one, so that ``first`` and ``random`` of a seed hold equally many. Seeds share
    the truth, so their spread is that of the observation alone.

    Parameters
    ----------
    frames : int
        Camera frames of the observation, a whole number of time points.
    take : str
        Which part of the table is observed: ``first``, ``random`` or ``every``.
    precision_nm : float, optional
        Precision of localizations that report none; by default the median of the reported ones, or 15 nm without any.
    """

    kind: Literal["fixed_pair"] = "fixed_pair"
    frames: PositiveInt = 300
    take: Take = "first"
    precision_nm: PositiveFloat | None = None

    @pydantic.model_validator(mode="after")
    def _whole_points(self) -> Self:
        if self.frames % self.frames_per_point:
            near = max(1, round(self.frames / self.frames_per_point)) * self.frames_per_point
            raise ValueError(
                f"frames={self.frames} is {self.frames / self.frames_per_point:.3g} time points of "
                f"frames_per_point={self.frames_per_point}; frames={near} would be a whole number"
            )
        if self.reading.channel == "all":
            raise ValueError("a fixed pair is of one channel; name it instead of channel=all")
        return self

    def extent(self) -> tuple[FieldOfView, Acquisition]:
        """The field and the acquisition of the movies; the table is read for them."""
        table = self.localizations()
        return self.covered(table), self._acquisition(table)

    def movie(self, seed: int = 0) -> Movie:
        """Read the table and make the observation and the truth.

        Raises
        ------
        ValueError
            If the table has too few frames for the seed, or no localization is observed.
        """
        table = self.localizations()
        field, acquisition = self.covered(table), self._acquisition(table)
        require_room(
            field, acquisition, "ask for fewer frames, a larger pixel_nm, or a part of it with crop_nm"
        )
        whole = self.inside(table, field)
        begin, step = self._frames_of(table, seed)
        part = self._observed(whole, begin, step, seed)
        if not part.sizes["localization"]:
            raise ValueError(
                f"no localization of {self.table.name} is in these frames; take more with frames=1000"
            )
        frame = part.loc_frame.values
        part = part.assign(
            loc_frame=schema.variable("loc_frame", frame),
            loc_time=schema.variable("loc_time", acquisition.frame_times_s(frame)),
        )
        said = seen(field, acquisition) | {
            "table": self.table.name, "recorded_frames": [0, self.frames], "start_frame": begin,
            "first_frame": int(table.attrs.get("first_frame", 0)) + begin,
        }  # fmt: skip
        observation = bin_localizations(part, field, acquisition).assign_attrs(said, **provenance())
        return Movie(observation, self._truth(table, whole, part, field, acquisition, seed))

    def _acquisition(self, table: xr.Dataset) -> Acquisition:
        return Acquisition(
            time_points=self.frames // self.frames_per_point,
            frames_per_point=self.frames_per_point,
            exposure_s=io.exposure_s(table, self.table.name),
        )

    def _frames_of(self, table: xr.Dataset, seed: int) -> tuple[int, int]:
        """The first observed frame of the table, and the step from one to the next."""
        begin, end = recorded_frames(table)
        parts = (end - begin) // self.frames
        if parts == 0:
            raise ValueError(
                f"{self.table.name} has {end - begin} recorded frames, fewer than frames={self.frames}; "
                "take fewer of them"
            )
        if seed >= parts and self.take != "random":
            raise ValueError(
                f"the {end - begin} recorded frames of {self.table.name} hold {parts} parts of frames={self.frames}, "
                f"for the seeds from 0 to {parts - 1}; found the seed {seed}"
            )
        if self.take == "every":
            _log.info("%s: one of %d frames is taken, as if they followed each other", self.table.name, parts)
            return begin + seed, parts
        return begin + seed % parts * self.frames, 1

    def _observed(self, whole: xr.Dataset, begin: int, step: int, seed: int) -> xr.Dataset:
        """The observed localizations, with frames counted from 0."""
        after = whole.loc_frame.values.astype(np.int64) - begin
        places = np.flatnonzero((after >= 0) & (after % step == 0) & (after < step * self.frames))
        frame = (after[places] // step).astype(np.int32)
        if self.take == "random":
            rng = stream(seed, "fixed_pair")
            places = rng.choice(whole.sizes["localization"], size=places.size, replace=False)
        return whole.isel(localization=places).assign(loc_frame=schema.variable("loc_frame", frame))

    def _truth(
        self,
        table: xr.Dataset,
        whole: xr.Dataset,
        part: xr.Dataset,
        field: FieldOfView,
        acquisition: Acquisition,
        seed: int,
    ) -> xr.Dataset:
        """All localizations, at every time point; those beyond the edges reach into the field."""
        found = precisions(table, self.precision_nm)
        log = _log.warning if found.assumed else _log.info
        log("%s: the precision of the localizations in the truth is %s", self.table.name, found.origin)
        share = part.sizes["localization"] / whole.sizes["localization"]
        if share > MOST_OBSERVED:
            _log.warning(
                "the observation holds %.0f %% of the localizations of the truth, so that scores are too good; "
                "take fewer than frames=%d", 100 * share, self.frames,
            )  # fmt: skip
        image = localization_density(table, found.nm, field)
        return schema.estimate(
            {
                "study": self.to_toml(), "seed": seed, "localizations": whole.sizes["localization"],
                "observed_share": share, "precision": found.origin,
                "precision_nm": float(np.median(found.nm)), **provenance(),
            },
            units="nm-2",
            meaning="localizations per area",
            density=np.repeat(image[None], acquisition.time_points, axis=0),
            time=acquisition.times_s, y=field.y_nm, x=field.x_nm,
        )  # fmt: skip
