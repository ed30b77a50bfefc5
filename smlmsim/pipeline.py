"""The pipeline on one page: a study and a seed become a movie."""

from __future__ import annotations

import abc
import logging
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import numpy as np
import pydantic
import xarray as xr

from smlmsim import channels, schema
from smlmsim.acquisition import Acquisition
from smlmsim.contour import at_points, snapshots
from smlmsim.density import Density
from smlmsim.experimental import Experimental
from smlmsim.field import FieldOfView
from smlmsim.fixed_pair import FixedPair
from smlmsim.frames import Imaging
from smlmsim.from_table import FromTable
from smlmsim.localization import Imaged, Localization, Statistical
from smlmsim.motion import Deformation, Learned, Motion, Polymer, Wandering
from smlmsim.movie import Movie, require_room, seen
from smlmsim.photophysics import Photophysics, Poisson
from smlmsim.photophysics.emission import CAMERA_PHOTONS, LEAST_SHARE, Emission
from smlmsim.provenance import provenance
from smlmsim.rng import stream
from smlmsim.second_label import LABELS, SecondLabel, in_channels
from smlmsim.sparse import bin_localizations
from smlmsim.spec import Spec, kind_or, read_settings
from smlmsim.structures import Measured, Microtubules, Structure, periodic
from smlmsim.superpose import superpose
from smlmsim.widefield import Widefield
from smlmsim.workers import one_thread

_log = logging.getLogger(__name__)

__all__ = [
    "Experimental",
    "FixedPair",
    "Hybrid",
    "Movie",
    "SemiSimulated",
    "Simulated",
    "SimulatedDynamic",
    "Study",
    "TwoColours",
    "read_study",
    "simulate",
]


class Simulated(Spec, abc.ABC):
    """The settings that all simulated movies share: how a moving structure is observed.

    Parameters
    ----------
    field : FieldOfView
        Where the camera looks.
    acquisition : Acquisition
        Time points, camera frames and their duration.
    density : Density
        How the ground truth is drawn.
    photophysics : Spec
        When molecules light up.
    localization : Spec
        How molecules are localized, and with what errors.
    widefield : Widefield, optional
        Widefield images taken between the localization frames; by default none.
    """

    field: FieldOfView = FieldOfView()
    acquisition: Acquisition = Acquisition()
    density: Density = Density()
    photophysics: Photophysics = Poisson()
    localization: Localization = Statistical()
    widefield: Widefield | None = None

    def extent(self) -> tuple[FieldOfView, Acquisition]:
        """The field and the acquisition of the movies."""
        return self.field, self.acquisition

    @abc.abstractmethod
    def moving(self, seed: int) -> xr.Dataset:
        """The moving structure: ``vertex_y``, ``vertex_x`` (time, vertex) at all steps of the acquisition."""

    @property
    def imaging(self) -> Imaging | None:
        """What takes camera frames of the molecules; None if localizations do not come from frames."""
        return self.localizing if isinstance(self.localizing, Imaged) else None

    @property
    def localizing(self) -> Statistical | Imaged:
        """What finds the molecules: the localization, or what it stands for where its localizer is "given"."""
        localization = self.localization
        return (localization.given() or localization) if isinstance(localization, Imaged) else localization

    def emission(self, imaging: Imaging | None = None) -> Photophysics:
        """The photophysics; for camera frames, see :meth:`smlmsim.photophysics.emission.Emission.for_camera`."""
        if imaging and isinstance(self.photophysics, Emission):
            return self.photophysics.for_camera(imaging.psf.reach_nm)
        return self.photophysics

    def events(self, moving: xr.Dataset, seed: int, imaging: Imaging | None = None) -> xr.Dataset:
        """The events ``event_*`` (event,) of the moving structure of a seed.

        Parameters
        ----------
        moving : xr.Dataset
            From :meth:`moving`.
        seed : int
        imaging : Imaging, optional
            What takes camera frames of the molecules; by default :attr:`imaging`. The events are then those that it
            sees, see :meth:`smlmsim.photophysics.emission.Emission.for_camera`, with ``out_of_focus``
            (time, camera_y, camera_x) if it asks for it.
        """
        return self._recorded(self._lit(moving, seed, imaging)[0], "event")

    def _lit(
        self, moving: xr.Dataset, seed: int, imaging: Imaging | None = None, label: tuple[str, ...] = ()
    ) -> tuple[xr.Dataset, Acquisition]:
        """The events, and the acquisition in which they are: its movie may be longer than that of the study.

        They are drawn from the random stream of a label.
        """
        photophysics, acquisition = self.photophysics, self.acquisition.clock
        if acquisition is not self.acquisition and getattr(photophysics, "frozen", False):
            # The structure rests at the middle of a time point, so the steps are these middles.
            points = {"time_points": self.acquisition.time_points, "steps_per_point": 1}
            moving, acquisition = at_points(moving, self.acquisition), self.acquisition.replace(points)
        imaging = imaging or self.imaging
        if isinstance(photophysics, Emission):
            if imaging and photophysics.photons is None:
                _log.info("the study says no photons; molecules send photons=%g per frame", CAMERA_PHOTONS)
            elif not imaging and photophysics.photons is not None:
                _log.info("no camera frames are made, so photons=%g changes nothing", photophysics.photons)
        events = self.emission(imaging).emit(
            moving, self.field, acquisition, stream(seed, "photophysics", *label)
        )
        if imaging and imaging.out_of_focus_photons:
            events = events.merge(out_of_focus(imaging, moving, self.field, acquisition))
        return events, acquisition

    def _recorded(self, found: xr.Dataset, prefix: str) -> xr.Dataset:
        """Leave out events or localizations after the last whole time point."""
        kept = found[f"{prefix}_frame"] < self.acquisition.frames
        return found if kept.all() else found.isel({kept.dims[0]: kept.values})

    def movie(self, seed: int) -> Movie:
        """Simulate the movie of a seed; see :func:`simulate`."""
        remedy = "ask for fewer acquisition.time_points, or a smaller field"
        require_room(self.field, self.acquisition, remedy)
        return self.shown(self.moving(seed), seed)

    def shown(self, moving: xr.Dataset, seed: int) -> Movie:
        """The movie of a moving structure; the seed determines all but the structure and its motion."""
        field, acquisition = self.field, self.acquisition
        truth = self.density.render(at_points(moving, acquisition), field)
        observation, found = self._observed(moving, seed)
        if self.widefield:
            rng = stream(seed, "widefield")
            observation = observation.merge(widefield_images(self.widefield, moving, field, acquisition, rng))
        return Movie(
            observation.assign_attrs(seen(field, acquisition)),
            truth.assign_attrs(study=self.to_toml(), seed=seed, **found, **provenance()),
        )

    def _observed(self, moving: xr.Dataset, seed: int) -> tuple[xr.Dataset, dict[str, float]]:
        """The observation of a moving structure, without widefield images, and its yield."""
        localizations, found = self._localized(moving, seed)
        return bin_localizations(localizations, self.field, self.acquisition), found

    def _localized(
        self, moving: xr.Dataset, seed: int, second: SecondLabel | None = None
    ) -> tuple[xr.Dataset, dict[str, float]]:
        """The localizations of a label, and its yield; those of a second one are displaced."""
        label = () if second is None else (LABELS[1],)
        events, clock = self._lit(moving, seed, label=label)
        if second is not None:
            events = second.displaced(events, self.field, stream(seed, "registration"))
        rng = stream(seed, "localization", *label)
        localizations = self.localization.localize(events, self.field, clock, rng)
        return self._recorded(localizations, "loc"), self._yield(events, localizations, clock)

    def _yield(
        self, events: xr.Dataset, localizations: xr.Dataset, acquisition: Acquisition
    ) -> dict[str, float]:
        """How many events in the field there are, and how many are localized, where this is found out by a camera."""
        if self.imaging is None:
            return {}
        inside = self.field.contains(events.event_y.values, events.event_x.values)
        if "event_on_fraction" in events:
            inside &= events.event_on_fraction.values >= LEAST_SHARE
        duration_s = acquisition.recorded_s
        return {
            "events_per_s": int(np.count_nonzero(inside)) / duration_s,
            "localizations_per_s": localizations.sizes["localization"] / duration_s,
        }


class OneStructure(Simulated, abc.ABC):
    """The settings of a single simulated structure.

    Parameters
    ----------
    structure, motion : Spec
        The structure, and how it moves.
    """

    structure: Structure = Microtubules()
    motion: Motion = Polymer()

    def moving(self, seed: int) -> xr.Dataset:
        """The moving filaments."""
        structure = self.structure.build(self.field, stream(seed, "structure"))
        return self.motion.move(structure, self.acquisition.step_times_s, stream(seed, "motion"))


class SimulatedDynamic(OneStructure):
    """A simulated structure, each filament of which moves independently.

    Parameters
    ----------
    structure, motion : Spec
        The structure, and how it moves.
    """

    kind: Literal["simulated_dynamic"] = "simulated_dynamic"


class TwoColours(OneStructure):
    """A simulated structure with two labels, each seen in a channel of its own (Bai 2023, tel-04772446, III.3.4).

    The two channels are independent observations of one truth: how well their reconstructions agree can be measured
    without it, see :func:`smlmsim.metrics.agreement`. The channel ``first_label`` is that of ``simulated_dynamic`` with
    the same settings and seed; the truth, in both channels, is where the first label lies. Widefield images are of the
    first label.

    Parameters
    ----------
    structure, motion : Spec
        The structure, and how it moves.
    second_label : SecondLabel
        What is different about the second label; ``photophysics`` and ``localization`` are those of the first.
    """

    kind: Literal["two_colours"] = "two_colours"
    second_label: SecondLabel = SecondLabel()

    @pydantic.model_validator(mode="after")
    def _without_frames(self) -> Self:
        for localization in (self.localization, self.second_label.localization):
            if getattr(localization, "keep_frames", False):
                raise ValueError("camera frames of two colours are not kept; set keep_frames=false")
        return self

    def movie(self, seed: int) -> Movie:
        """Simulate the movie of a seed; ``counts`` and the truth have a leading ``channel``."""
        remedy = "ask for fewer acquisition.time_points, or a smaller field"
        require_room(self.field, self.acquisition, remedy, channels=len(LABELS))
        observation, truth = super().movie(seed)
        assert truth is not None
        return Movie(observation, truth.assign(density=channels.repeated(truth.density, LABELS)))

    def _observed(self, moving: xr.Dataset, seed: int) -> tuple[xr.Dataset, dict[str, float]]:
        label = self.second_label
        other = self.model_copy(
            update={
                "photophysics": label.wider(label.photophysics or self.photophysics),
                "localization": label.localization or self.localization,
            }
        )
        parts = [self._localized(moving, seed), other._localized(moving, seed, label)]
        tables = dict(zip(LABELS, (table for table, _ in parts), strict=True))
        found = {name: sum(part.get(name, 0.0) for _, part in parts) for _, part in parts for name in part}
        return bin_localizations(in_channels(tables), self.field, self.acquisition, channels=LABELS), found


class SemiSimulated(Simulated):
    """Two simulated scenes, superposed, to train on: their motions are others than those of test movies.

    With ``deformation`` each scene flows as a whole, so that only the crossings of both move; with ``learned`` groups
    of filaments flow; with ``wandering`` every filament moves on its own.

    Parameters
    ----------
    structure, motion : Spec
        The structure and motion of both scenes, which are drawn independently of each other.
    """

    kind: Literal["semi_simulated"] = "semi_simulated"
    structure: Structure = Microtubules(density_per_um=1.5)
    motion: Annotated[
        Deformation | Wandering | Learned, pydantic.Field(discriminator="kind"), kind_or("deformation")
    ] = Deformation()

    def moving(self, seed: int) -> xr.Dataset:
        """The superposition of both scenes."""
        return self.moving_scenes(seed, seed)

    def moving_scenes(self, scenes: int, seed: int) -> xr.Dataset:
        """The superposition of both scenes of a seed, which move as those of another one do."""
        return superpose(self._scene(scenes, seed, "first"), self._scene(scenes, seed, "second"))

    def _scene(self, scenes: int, seed: int, name: str) -> xr.Dataset:
        structure = self.scene_at_rest(stream(scenes, "structure", name))
        return self.motion.move(structure, self.acquisition.step_times_s, stream(seed, "motion", name))

    def scene_at_rest(self, rng: np.random.Generator) -> xr.Dataset:
        """Build a scene: whole filaments if each moves on its own, or pieces in a small box if the whole plane does."""
        if isinstance(self.motion, Wandering) or (
            isinstance(self.motion, Learned) and self.motion.groups > 1
        ):
            return self.structure.build(self.field, rng)
        cell = self.field.grown(0.5)
        structure = periodic(
            self.structure.build(cell, rng), cell, piece_nm=min(self.field.height_nm, self.field.width_nm) / 5
        )
        return structure.assign_attrs(field_nm=self.field.rectangle_nm)


class Hybrid(Simulated):
    """Patches of two measured localization tables of fixed cells, each of which flows as a whole, superposed.

    Parameters
    ----------
    tables : tuple of Measured
        Two of them are drawn for a movie; if there is a single one, both patches come from it. A ``table`` such as
        ``catalogue:structure:microtubules`` stands for all tables of the catalogue that fit.
    motion : Deformation or Learned
        The motion of both patches, which flow independently of each other.
    """

    kind: Literal["hybrid"] = "hybrid"
    tables: tuple[Measured, ...] = pydantic.Field(min_length=1)
    motion: Annotated[Deformation | Learned, pydantic.Field(discriminator="kind"), kind_or("deformation")] = (
        Deformation()
    )

    @pydantic.field_validator("tables", mode="before")
    @classmethod
    def _catalogued(cls, found: Any) -> Any:
        from smlmsim.catalogue.tables import expanded  # here, since it loads statistics and a database

        return expanded(found)

    @pydantic.model_validator(mode="after")
    def _in_one_group(self) -> Self:
        if isinstance(self.motion, Learned) and self.motion.groups > 1:
            raise ValueError("the points of a measured table have no filaments to group; set motion.groups=1")
        return self

    def moving(self, seed: int) -> xr.Dataset:
        """The superposition of both patches."""
        return self.moving_scenes(seed, seed)

    def moving_scenes(self, scenes: int, seed: int) -> xr.Dataset:
        """The superposition of both patches of a seed, which move as those of another one do."""
        chosen = stream(scenes, "tables").choice(len(self.tables), size=2, replace=len(self.tables) == 1)
        first, second = (self.tables[index] for index in chosen)
        return superpose(
            self._patch(first, scenes, seed, "first"), self._patch(second, scenes, seed, "second")
        )

    def _patch(self, table: Measured, scenes: int, seed: int, name: str) -> xr.Dataset:
        structure = table.build(self.field, stream(scenes, "structure", name))
        return self.motion.move(structure, self.acquisition.step_times_s, stream(seed, "motion", name))


Study = Annotated[
    SimulatedDynamic | TwoColours | SemiSimulated | Hybrid | Experimental | FixedPair,
    pydantic.Field(discriminator="kind"),
    kind_or("simulated_dynamic"),
]


def simulate(study: Simulated | FromTable, seed: int, *, scenes: int | None = None) -> Movie:
    """Make the movie of a study and a seed.

    Parameters
    ----------
    study : SimulatedDynamic, TwoColours, SemiSimulated, Hybrid, Experimental or FixedPair
        The settings of the movie.
    seed : int
        Non-negative. It fixes every random draw: the same study and seed give the same bytes on one kind of
        processor. Between kinds of processor, positions and truth differ by a relative 1e-8, and counts and frames are
        equal. Each stage draws from its own random stream, so movies of one seed share their structure whatever their
        velocity or rate.
    scenes : int, optional
        Seed of the structures of a ``semi_simulated`` or ``hybrid`` movie, so that movies of several seeds show the
        same structures, which move and light up otherwise; by default ``seed``.

    Raises
    ------
    ValueError
        If ``scenes`` is given for another kind of study.

    Returns
    -------
    Movie
        ``observation``: ``counts`` (time, y, x), the localizations ``loc_*`` (localization,) and, if the study has a
        microscope for it, ``widefield`` (widefield_time, widefield_y, widefield_x).
        ``truth``: ``density`` (time, y, x) in nm^-1 and the vertices (time, vertex) in nm, or None. Images of two
        colours have a leading ``channel``.

    Examples
    --------
    >>> movie = simulate(SimulatedDynamic(acquisition=Acquisition(time_points=4)), seed=0)
    >>> dict(movie.observation.counts.sizes)
    {'time': 4, 'y': 128, 'x': 128}
    """
    with one_thread():
        if scenes is None:
            return study.movie(seed)
        if not isinstance(study, SemiSimulated | Hybrid):
            raise ValueError(
                f"movies of {type(study).__name__} have no scenes of their own; leave out scenes={scenes}"
            )
        return study.shown(study.moving_scenes(scenes, seed), seed)


def read_study(path: str | Path) -> Simulated | FromTable:
    """Read a study of any kind from a TOML file.

    Raises
    ------
    ValueError
        If the file is not TOML, is no study, or a setting in it does not fit.
    """
    adapter: pydantic.TypeAdapter[Simulated | FromTable] = pydantic.TypeAdapter(Study)
    return read_settings(path, adapter.validate_python, family="study")


def widefield_images(
    microscope: Widefield,
    moving: xr.Dataset,
    field: FieldOfView,
    acquisition: Acquisition,
    rng: np.random.Generator,
) -> xr.Dataset:
    """The images of a moving structure, ``vertex_y``, ``vertex_x`` (time, vertex), that a widefield microscope takes.

    Raises
    ------
    ValueError
        If the movie is too short for a single image.
    """
    scene = snapshots(moving, microscope.times_s(acquisition))
    contours = Density(sigma_nm=microscope.pixel_sigma_nm)
    return microscope.take(contours.render(scene, microscope.view(field)).density, rng)


def out_of_focus(
    imaging: Imaging, moving: xr.Dataset, field: FieldOfView, acquisition: Acquisition
) -> xr.Dataset:
    """The light of a moving structure out of focus: its density, blurred, at the pixels of a camera.

    Returns
    -------
    xr.Dataset
        ``out_of_focus`` (time, camera_y, camera_x), float32, of mean one in the middles of the time points; zero if the
        structure is never near the field.
    """
    view = imaging.view(field)
    blurred = Density(sigma_nm=imaging.out_of_focus_nm).render(at_points(moving, acquisition), view)
    light = blurred.density.values
    mean = light.mean(dtype=np.float64)
    return schema.dataset(
        out_of_focus=light / np.float32(mean) if mean > 0 else light,
        time=acquisition.times_s,
        camera_y=view.y_nm,
        camera_x=view.x_nm,
    )
