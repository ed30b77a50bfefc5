"""Localization from camera frames: molecules are recorded by a camera, and a localizer finds them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Literal, Self

import numpy as np
import pydantic
import xarray as xr

from smlmsim import localizers, schema
from smlmsim.acquisition import Acquisition
from smlmsim.field import FieldOfView
from smlmsim.frames import Imaging
from smlmsim.localization.statistical import Statistical
from smlmsim.memory import require_memory

WIDTH = "sigma_nm"
"""The setting of a localizer that is the width of spots."""


class Imaged(Imaging):
    """Every event shines on camera frames, in which a localizer finds the molecules.

    Errors, false positives and what is missed follow from photons, noise and overlap. The ``rate_hz`` of the
    photophysics is that of the molecules: where many shine at once, spots overlap and fewer are found. A simulated
    movie says both rates in the attributes of its truth, ``events_per_s`` of the molecules in the field that are on for
    half of a frame or longer, and ``localizations_per_s``. Without ``photophysics.photons``, molecules send 1000
    photons per frame on average. Frames are made and localized in blocks, on which the result does not depend.

    Parameters
    ----------
    localizer : str
        Name of an installed localizer. With "given", no frames are made: movies are those of the kind ``statistical``,
        so that a grid along the localizer also has localizations that are given.
    settings : dict
        Settings of the localizer; by default its own. If it has a setting ``sigma_nm``, this is that of the point
        spread function unless it is given here: experimenters measure it.
    keep_frames : bool
        Whether the observation holds the camera frames too, for reconstructors that need them: 2 bytes for each pixel
        of each frame.
    """

    kind: Literal["imaged"] = "imaged"
    localizer: str = pydantic.Field(default="mle", min_length=1)
    settings: dict[str, pydantic.JsonValue] = pydantic.Field(default={})
    keep_frames: bool = False

    @pydantic.model_validator(mode="after")
    def _known_settings(self) -> Self:
        self.given()
        return self

    def given(self) -> Statistical | None:
        """What localizes the molecules where the localizer is "given", with its settings; else None."""
        return Statistical.model_validate(self.settings) if self.localizer == localizers.GIVEN else None

    def __hash__(self) -> int:
        """Hash the settings, among which the table of the localizer is not hashable."""
        return hash(self.digest)

    def load(self) -> localizers.Localizer:
        """Make the localizer.

        Raises
        ------
        LocalizerError
            If it is not installed, cannot be imported, or does not take the settings.
        """
        made = localizers.load(self.localizer, self.settings)
        if WIDTH in self.settings or not hasattr(made, WIDTH):
            return made
        return localizers.load(self.localizer, {**self.settings, WIDTH: self.psf.sigma_nm})

    def localize(
        self, events: xr.Dataset, field: FieldOfView, acquisition: Acquisition, rng: np.random.Generator
    ) -> xr.Dataset:
        """Record the events of a movie with the camera, and find them.

        Parameters
        ----------
        events : Dataset
            As for :meth:`~smlmsim.frames.Imaging.blocks`, within and around the field.
        field : FieldOfView
        acquisition : Acquisition
        rng : Generator

        Returns
        -------
        Dataset
            ``loc_frame``, ``loc_time`` in s, ``loc_y``, ``loc_x``, ``loc_uncertainty`` in nm, ``loc_intensity`` in
            photons and what else the localizer reports (localization,), sorted by frame: all localizations inside the
            field. With ``keep_frames`` also ``frames`` (frame, camera_y, camera_x), with the attributes and maps that
            :func:`smlmsim.schema.check_frames` describes.

        Raises
        ------
        LocalizerError
            As :meth:`load`, and if the localizer returns no table of localizations.
        SchemaError, ValueError
            As :meth:`~smlmsim.frames.Imaging.blocks`; and if frames that are kept do not fit in memory.
        """
        if statistical := self.given():
            return statistical.localize(events, field, acquisition, rng)
        localizer, kept = self.load(), list[xr.Dataset]()
        if self.keep_frames:
            self._require_room(field, acquisition)
        blocks = self.blocks(events, field, acquisition, rng)
        table = localizers.localize(
            localizer, _keeping(blocks, kept) if self.keep_frames else blocks, total=acquisition.frames
        )
        inside = field.contains(table.loc_y.values, table.loc_x.values)
        found = table.isel(localization=np.flatnonzero(inside)).drop_attrs(deep=False)
        return found.assign_attrs(camera_pixel_nm=self.camera_pixel_nm, localizer=self.localizer).pipe(
            _with_frames, kept
        )

    def _require_room(self, field: FieldOfView, acquisition: Acquisition) -> None:
        rows, columns = self.view(field).shape
        require_memory(
            4 * acquisition.frames * rows * columns,
            f"{acquisition.frames} frames of {rows} x {columns} pixels",
            "set keep_frames=false, or ask for fewer acquisition.time_points",
        )


def _keeping(blocks: Iterable[xr.Dataset], kept: list[xr.Dataset]) -> Iterator[xr.Dataset]:
    """Pass blocks of frames on, and keep them."""
    for block in blocks:
        kept.append(block)
        yield block


def _with_frames(table: xr.Dataset, blocks: list[xr.Dataset]) -> xr.Dataset:
    """A table with the frames of all blocks, where any are kept."""
    if not blocks:
        return table
    first, levels = blocks[0], np.concatenate([block.frames.values for block in blocks])
    shared: dict[Any, Any] = {name: first[name] for name in first.variables if name != "frames"}
    return table.assign(frames=schema.variable("frames", levels), **shared).assign_attrs(first.attrs)
