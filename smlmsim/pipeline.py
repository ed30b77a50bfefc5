"""The whole story on one page: a study and a seed become a movie."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
import pydantic
import xarray as xr
from pydantic import PositiveFloat, PositiveInt

from smlmsim import estimate, io, schema
from smlmsim.acquisition import Acquisition
from smlmsim.density import Density
from smlmsim.field import FieldOfView
from smlmsim.localization import Localization
from smlmsim.motion import Motion, Polymer
from smlmsim.photophysics import Photophysics, Poisson
from smlmsim.provenance import provenance
from smlmsim.rng import stream
from smlmsim.sparse import bin_localizations
from smlmsim.spec import Spec, read_toml
from smlmsim.structures import Microtubules, Structure


class Movie(NamedTuple):
    """What was observed, and what was there; the truth is None for measured data."""

    observation: xr.Dataset
    truth: xr.Dataset | None


class SimulatedDynamic(Spec):
    """A simulated structure that moves while its molecules are localized: every setting, and the truth is known.

    Parameters
    ----------
    field : FieldOfView
        Where the camera looks.
    acquisition : Acquisition
        When it looks.
    structure, motion : Spec
        What is there and how it moves.
    density : Density
        How the truth is drawn.
    photophysics : Spec
        When molecules light up.
    localization : Localization
        How well they are localized.
    """

    kind: Literal["simulated_dynamic"] = "simulated_dynamic"
    field: FieldOfView = FieldOfView()
    acquisition: Acquisition = Acquisition()
    structure: Structure = Microtubules()
    motion: Motion = Polymer()
    density: Density = Density()
    photophysics: Photophysics = Poisson()
    localization: Localization = Localization()

    def movie(self, seed: int) -> Movie:
        """Simulate the movie of a seed; see :func:`simulate`."""
        field, acquisition = self.field, self.acquisition
        structure = self.structure.build(field, stream(seed, "structure"))
        moving = self.motion.move(structure, acquisition.step_times_s, stream(seed, "motion"))
        truth = self.density.render(moving.isel(time=acquisition.middle_steps), field)
        events = self.photophysics.emit(moving, field, acquisition, stream(seed, "photophysics"))
        localizations = self.localization.localize(events, field, acquisition, stream(seed, "localization"))
        observation = bin_localizations(localizations, field, acquisition)
        return Movie(
            observation.assign_attrs(_seen(field, acquisition)),
            truth.assign_attrs(study=self.to_toml(), seed=seed, **provenance()),
        )


class Experimental(Spec):
    """A measured localization table, cut into time points.

    Parameters
    ----------
    table : Path
        A localization table of a format that :mod:`smlmsim.io` reads.
    frames_per_point, exposure_s :
        As in :class:`~smlmsim.acquisition.Acquisition`.
    pixel_nm : float
        The pixel of the images to make.
    field : FieldOfView, optional
        Where to look; by default all that the table covers.
    """

    kind: Literal["experimental"] = "experimental"
    table: Path
    frames_per_point: PositiveInt = 50
    exposure_s: PositiveFloat = 0.03
    pixel_nm: PositiveFloat = 20.0
    field: FieldOfView | None = None

    def movie(self, seed: int = 0) -> Movie:
        """Read the table; nothing is random here, so every seed gives the same movie."""
        localizations = io.read(self.table)
        schema.check(localizations, "loc_frame", "loc_y", "loc_x")
        field = self.field or estimate.field_of_view(localizations, pixel_nm=self.pixel_nm)
        acquisition = self._acquisition(int(localizations.loc_frame.max()))
        inside = field.contains(localizations.loc_y.values, localizations.loc_x.values)
        localizations = localizations.isel(localization=np.flatnonzero(inside))
        localizations["loc_time"] = schema.variable(
            "loc_time", acquisition.frame_times_s(localizations.loc_frame.values)
        )
        observation = bin_localizations(localizations, field, acquisition)
        return Movie(
            observation.assign_attrs(_seen(field, acquisition), table=self.table.name, **provenance()), None
        )

    def _acquisition(self, last_frame: int) -> Acquisition:
        return Acquisition(
            time_points=math.ceil((last_frame + 1) / self.frames_per_point),
            frames_per_point=self.frames_per_point,
            exposure_s=self.exposure_s,
        )


Study = Annotated[SimulatedDynamic | Experimental, pydantic.Field(discriminator="kind")]


def simulate(study: SimulatedDynamic | Experimental, seed: int) -> Movie:
    """Make the movie of a study and a seed.

    Parameters
    ----------
    study : SimulatedDynamic or Experimental
        All settings.
    seed : int
        Non-negative. It fixes every random draw: the same study and seed give the same bytes. Each stage draws from a
        stream of its own, so movies of one seed share their structure whatever their velocity or rate.

    Returns
    -------
    Movie
        ``observation``: ``counts`` (time, y, x) and the localizations ``loc_*`` (localization,).
        ``truth``: ``density`` (time, y, x) in nm^-1 and the vertices (time, vertex) in nm, or None.

    Examples
    --------
    >>> movie = simulate(SimulatedDynamic(acquisition=Acquisition(time_points=4)), seed=0)
    >>> dict(movie.observation.counts.sizes)
    {'time': 4, 'y': 128, 'x': 128}
    """
    return study.movie(seed)


def read_study(path: str | Path) -> SimulatedDynamic | Experimental:
    """Read a study of any kind from a TOML file.

    Raises
    ------
    ValueError
        If the file is not TOML, or a setting in it does not fit.
    """
    adapter: pydantic.TypeAdapter[SimulatedDynamic | Experimental] = pydantic.TypeAdapter(Study)
    return adapter.validate_python(read_toml(path))


def _seen(field: FieldOfView, acquisition: Acquisition) -> dict[str, Any]:
    """What an observer knows of how the movie was taken."""
    return {
        "pixel_nm": field.pixel_nm,
        "exposure_s": acquisition.exposure_s,
        "frames_per_point": acquisition.frames_per_point,
    }
