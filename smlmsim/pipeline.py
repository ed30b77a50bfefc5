"""The whole story on one page: a study and a seed become a movie."""

from __future__ import annotations

import abc
import logging
import math
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
import pydantic
import xarray as xr
from pydantic import PositiveFloat, PositiveInt

from smlmsim import io, schema
from smlmsim.acquisition import Acquisition, recorded_frames
from smlmsim.density import Density
from smlmsim.field import FieldOfView
from smlmsim.io import Reading
from smlmsim.localization import Localization, Statistical
from smlmsim.memory import require_memory
from smlmsim.motion import Deformation, Motion, Polymer
from smlmsim.photophysics import Photophysics, Poisson
from smlmsim.provenance import provenance
from smlmsim.rng import stream
from smlmsim.selection import Selection
from smlmsim.sparse import bin_localizations
from smlmsim.spec import Spec, kind_or, read_settings
from smlmsim.structures import Measured, Microtubules, Structure, periodic
from smlmsim.superpose import superpose
from smlmsim.widefield import Widefield, snapshots

BYTES_PER_PIXEL = 16  # of a movie: its counts, an estimate, and what is made in between
_log = logging.getLogger(__name__)


class Movie(NamedTuple):
    """What was observed, and what was there; the truth is None for measured data."""

    observation: xr.Dataset
    truth: xr.Dataset | None


class Simulated(Spec, abc.ABC):
    """What all simulated movies share: how a moving structure is observed.

    Parameters
    ----------
    field : FieldOfView
        Where the camera looks.
    acquisition : Acquisition
        When it looks.
    density : Density
        How the truth is drawn.
    photophysics : Spec
        When molecules light up.
    localization : Spec
        How, and how well, they are localized.
    widefield : Widefield, optional
        The images that are taken in between; by default none.
    """

    field: FieldOfView = FieldOfView()
    acquisition: Acquisition = Acquisition()
    density: Density = Density()
    photophysics: Photophysics = Poisson()
    localization: Localization = Statistical()
    widefield: Widefield | None = None

    @abc.abstractmethod
    def moving(self, seed: int) -> xr.Dataset:
        """The moving structure: ``vertex_y``, ``vertex_x`` (time, vertex) at all steps of the acquisition."""

    def movie(self, seed: int) -> Movie:
        """Simulate the movie of a seed; see :func:`simulate`."""
        field, acquisition = self.field, self.acquisition
        rows, columns = field.shape
        require_memory(
            BYTES_PER_PIXEL * acquisition.time_points * rows * columns,
            f"{acquisition.time_points} time points of {rows} x {columns} pixels",
            "ask for fewer acquisition.time_points, or a smaller field",
        )
        moving = self.moving(seed)
        truth = self.density.render(moving.isel(time=acquisition.middle_steps), field)
        events = self.photophysics.emit(moving, field, acquisition, stream(seed, "photophysics"))
        localizations = self.localization.localize(events, field, acquisition, stream(seed, "localization"))
        observation = bin_localizations(localizations, field, acquisition)
        if self.widefield:
            observation = observation.merge(self._images(self.widefield, moving, seed))
        return Movie(
            observation.assign_attrs(_seen(field, acquisition)),
            truth.assign_attrs(study=self.to_toml(), seed=seed, **provenance()),
        )

    def _images(self, microscope: Widefield, moving: xr.Dataset, seed: int) -> xr.Dataset:
        """The widefield images of a moving structure."""
        scene = snapshots(moving, microscope.times_s(self.acquisition))
        contours = Density(sigma_nm=microscope.pixel_sigma_nm)
        blurred = contours.render(scene, microscope.view(self.field)).density
        return microscope.take(blurred, stream(seed, "widefield"))


class SimulatedDynamic(Simulated):
    """Simulated filaments, every one of which moves its own way.

    Parameters
    ----------
    structure, motion : Spec
        What is there and how it moves.
    """

    kind: Literal["simulated_dynamic"] = "simulated_dynamic"
    structure: Structure = Microtubules()
    motion: Motion = Polymer()

    def moving(self, seed: int) -> xr.Dataset:
        """The moving filaments."""
        structure = self.structure.build(self.field, stream(seed, "structure"))
        return self.motion.move(structure, self.acquisition.step_times_s, stream(seed, "motion"))


class SemiSimulated(Simulated):
    """Two simulated scenes, each of which flows as a whole, superposed: their crossings move.

    Parameters
    ----------
    structure, motion : Spec
        Of both scenes, which are drawn independently of each other.
    """

    kind: Literal["semi_simulated"] = "semi_simulated"
    structure: Structure = Microtubules(density_per_um=1.5)
    motion: Deformation = Deformation()

    def moving(self, seed: int) -> xr.Dataset:
        """Both scenes in one."""
        return superpose(self._scene(seed, "first"), self._scene(seed, "second"))

    def _scene(self, seed: int, name: str) -> xr.Dataset:
        cell = self.field.grown(0.5)
        scattered = self.structure.build(cell, stream(seed, "structure", name))
        structure = periodic(scattered, cell, piece_nm=min(self.field.height_nm, self.field.width_nm) / 5)
        structure = structure.assign_attrs(field_nm=self.field.rectangle_nm)
        return self.motion.move(structure, self.acquisition.step_times_s, stream(seed, "motion", name))


class Hybrid(Simulated):
    """Patches of two measured localization tables of fixed cells, each of which flows as a whole, superposed.

    Parameters
    ----------
    tables : tuple of Measured
        Two of them are drawn for a movie; if there is a single one, both patches come from it.
    motion : Deformation
        Of both patches, which flow independently of each other.
    """

    kind: Literal["hybrid"] = "hybrid"
    tables: tuple[Measured, ...] = pydantic.Field(min_length=1)
    motion: Deformation = Deformation()

    def moving(self, seed: int) -> xr.Dataset:
        """Both patches in one."""
        chosen = stream(seed, "tables").choice(len(self.tables), size=2, replace=len(self.tables) == 1)
        first, second = (self.tables[index] for index in chosen)
        return superpose(self._patch(first, seed, "first"), self._patch(second, seed, "second"))

    def _patch(self, table: Measured, seed: int, name: str) -> xr.Dataset:
        structure = table.build(self.field, stream(seed, "structure", name))
        return self.motion.move(structure, self.acquisition.step_times_s, stream(seed, "motion", name))


class Experimental(Spec):
    """A measured localization table, cut into time points.

    Parameters
    ----------
    table : Path
        A localization table of a format that :mod:`smlmsim.io` reads.
    frames_per_point : int
        As in :class:`~smlmsim.acquisition.Acquisition`.
    exposure_s : float, optional
        The duration of a camera frame; by default as the table says, or else 0.03 s.
    pixel_nm : float
        The pixel of the images to make.
    field : FieldOfView, optional
        Where to look; by default all that the table covers.
    coverage : float
        The central part of the localizations that the field covers along either axis, in (0, 1]: with 0.999, a few
        stray ones far outside are left out.
    reading : Reading
        How the table is to be understood where it does not say, or says otherwise.
    selection : Selection
        What of the table is used.
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

        The movie begins with the first frame that is recorded: a table that is a stretch of a longer recording has no
        empty time points in front. The attribute ``start_frame`` tells how many frames come before, and ``first_frame``
        what the file calls the first one of the movie.
        """
        table = self.localizations()
        field = self.covered(table)
        acquisition, start = self._acquisition(table)
        inside = field.contains(table.loc_y.values, table.loc_x.values)
        if not inside.all():
            _log.info("%s: %d of %d localizations lie outside of the field and are left out",
                      self.table.name, np.count_nonzero(~inside), inside.size)  # fmt: skip
        recorded = [0, recorded_frames(table)[1] - start]
        table = table.isel(localization=np.flatnonzero(inside))
        frame = table.loc_frame.values - np.int32(start)
        table["loc_frame"] = schema.variable("loc_frame", frame)
        table["loc_time"] = schema.variable("loc_time", acquisition.frame_times_s(frame))
        size = math.prod(field.shape) * acquisition.time_points
        require_memory(
            BYTES_PER_PIXEL * size,
            f"{acquisition.time_points} time points of {field.shape[0]} x {field.shape[1]} pixels",
            "ask for more frames_per_point, a larger pixel_nm, or a part of the table: coverage=0.999 leaves out "
            "localizations far outside, crop_nm, from_frame and to_frame choose a part",
        )
        observation = bin_localizations(table, field, acquisition)
        frames = {"start_frame": start, "first_frame": table.attrs.get("first_frame", 0) + start}
        seen = _seen(field, acquisition) | {"table": self.table.name, "recorded_frames": recorded} | frames
        return Movie(observation.assign_attrs(seen, **provenance()), None)

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
        understood.require_one_channel(found, self.table.name)
        return self.selection.select(found)

    def covered(self, table: xr.Dataset) -> FieldOfView:
        """The field to look at: the one that is set, or what the table covers."""
        # Here, since it loads statistics and image processing, which take longer than the rest of this module.
        from smlmsim import estimate

        if self.field:
            return self.field
        found = estimate.field_of_view(table, pixel_nm=self.pixel_nm, coverage=self.coverage)
        if self.coverage == 1:
            estimate.require_no_strays(table, found)
        return found

    def _acquisition(self, table: xr.Dataset) -> tuple[Acquisition, int]:
        """When the camera looked, and how many frames of the recording come before."""
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


Study = Annotated[
    SimulatedDynamic | SemiSimulated | Hybrid | Experimental,
    pydantic.Field(discriminator="kind"),
    kind_or("simulated_dynamic"),
]


def simulate(study: Simulated | Experimental, seed: int) -> Movie:
    """Make the movie of a study and a seed.

    Parameters
    ----------
    study : SimulatedDynamic, SemiSimulated, Hybrid or Experimental
        All settings.
    seed : int
        Non-negative. It fixes every random draw: the same study and seed give the same bytes on one kind of
        processor. Between kinds, positions and truth differ by about 1e-8 of their size, counts and frames do not.
        Each stage draws from a stream of its own, so movies of one seed share their structure whatever their velocity
        or rate.

    Returns
    -------
    Movie
        ``observation``: ``counts`` (time, y, x), the localizations ``loc_*`` (localization,) and, if the study has a
        microscope for it, ``widefield`` (widefield_time, widefield_y, widefield_x).
        ``truth``: ``density`` (time, y, x) in nm^-1 and the vertices (time, vertex) in nm, or None.

    Examples
    --------
    >>> movie = simulate(SimulatedDynamic(acquisition=Acquisition(time_points=4)), seed=0)
    >>> dict(movie.observation.counts.sizes)
    {'time': 4, 'y': 128, 'x': 128}
    """
    return study.movie(seed)


def read_study(path: str | Path) -> Simulated | Experimental:
    """Read a study of any kind from a TOML file.

    Raises
    ------
    ValueError
        If the file is not TOML, is no study, or a setting in it does not fit.
    """
    adapter: pydantic.TypeAdapter[Simulated | Experimental] = pydantic.TypeAdapter(Study)
    return read_settings(path, adapter.validate_python, family="study")


def _seen(field: FieldOfView, acquisition: Acquisition) -> dict[str, Any]:
    """What an observer knows of how the movie was taken."""
    return {
        "pixel_nm": field.pixel_nm,
        "exposure_s": acquisition.exposure_s,
        "frames_per_point": acquisition.frames_per_point,
    }
