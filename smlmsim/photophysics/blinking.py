"""Blinking: molecules that switch on and off, and bleach."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

import numpy as np
import numpy.typing as npt
import pydantic
import xarray as xr
from pydantic import PositiveFloat

from smlmsim import schema
from smlmsim.acquisition import Acquisition
from smlmsim.contour import frames_between_steps
from smlmsim.field import FieldOfView
from smlmsim.photophysics import _blinking_kernels as _kernels
from smlmsim.photophysics import _span_kernels
from smlmsim.photophysics._kinetics import Kinetics
from smlmsim.photophysics.emission import Emission, blinks_of
from smlmsim.photophysics.spans import Contour, follow
from smlmsim.rng import key
from smlmsim.spec import read_toml

Floats = npt.NDArray[np.float64]

FLUOROPHORES = Path(__file__).with_name("fluorophores.toml")
MOST_MOLECULES = 1e8
"""Molecules that are simulated; more take minutes."""
ROOM = 1.5
"""Events for which there is room at first, over those expected."""


class TooFewMoleculesError(ValueError):
    """The molecules cannot give a rate at any activation; ``most_hz`` is the highest rate that they can give."""

    def __init__(self, most_hz: float, message: str) -> None:
        super().__init__(message)
        self.most_hz = most_hz


class Blinking(Emission):
    """Molecules on the contour switch on at random times, are localized repeatedly, and bleach.

    A molecule is dark at first. It switches on at a rate set by the activating light. A blink ends after an
    exponential time, by bleaching with the probability 1 / ``blinks``, or else in a dark state. So the number
    of blinks of a molecule in unlimited time is geometric. This Markov chain runs in continuous time: a
    blink begins anywhere in a camera frame, and is localized in every frame of which it fills at least
    ``least_share``. Blinks of the mean duration d in frames of the exposure T are localized (d / T + 1 - share)
    exp(-share T / d) times on average.

    The activation rate follows in closed form from ``rate_hz``, the mean over the movie. The localization rate falls
    over time as molecules bleach.

    Molecules keep their positions on the contour and move with it: a segment that stretches keeps its molecules. The
    settings of :class:`~smlmsim.photophysics.emission.Emission` say how bright they are, and which events are listed.

    Parameters
    ----------
    rate_hz : float
        Mean number of localized events per second inside the field, over the movie.
    labels_per_um : float
        Molecules per um of contour at the beginning of the movie.
    active_share : float
        Share of the molecules that can be activated at all, in (0, 1].
    on_s : float
        Mean duration of a blink.
    dark_s : float, optional
        Mean time in the dark state, from which a molecule returns spontaneously, as fluorescent proteins do.
        By default it returns at the rate of activation by light, as dyes in a thiol buffer do.
    blinks : float
        Mean number of blinks until bleaching, at least 1.
    least_share : float
        The share of a frame that a blink must fill to be localized in it, 0.5 to 1. As it is at least one half,
        no molecule is localized twice in a frame.

    References
    ----------
    Annibale et al. 2011, doi:10.1371/journal.pone.0022678; Dempsey et al. 2011, doi:10.1038/nmeth.1768.
    """

    kind: Literal["blinking"] = "blinking"
    rate_hz: PositiveFloat = 200.0
    labels_per_um: PositiveFloat = 500.0
    active_share: Annotated[float, pydantic.Field(gt=0, le=1)] = 1.0
    on_s: PositiveFloat = 0.06
    dark_s: PositiveFloat | None = None
    blinks: Annotated[float, pydantic.Field(ge=1)] = 14.0
    least_share: Annotated[float, pydantic.Field(ge=0.5, le=1)] = 0.5

    @classmethod
    def of(cls, fluorophore: str) -> Self:
        """Return the blinking of a fluorophore in ``fluorophores.toml``, which names the source of every number.

        Raises
        ------
        ValueError
            If there is no such fluorophore.

        Examples
        --------
        >>> Blinking.of("meos3_2").active_share
        0.42
        """
        known = read_toml(FLUOROPHORES)
        if fluorophore not in known:
            raise ValueError(f"no fluorophore {fluorophore!r}; there are: {', '.join(known)}")
        return cls(**{name: value for name, value in known[fluorophore].items() if name != "source"})

    def emit(
        self, moving: xr.Dataset, field: FieldOfView, acquisition: Acquisition, rng: np.random.Generator
    ) -> xr.Dataset:
        """Draw the events of a movie.

        Parameters
        ----------
        moving : Dataset
            ``vertex_y``, ``vertex_x`` (time, vertex) in nm at ``acquisition.step_times_s``, with the
            coordinate ``filament``. Between two steps vertices move along a straight line, the shortest one in
            the periodic box if the attribute ``box_nm`` = (y0, x0, height, width) names one; before the first
            step and after the last they are at rest.
        field : FieldOfView
        acquisition : Acquisition
        rng : Generator

        Returns
        -------
        Dataset
            ``event_frame``, ``event_time`` in s, ``event_y``, ``event_x`` in nm, ``event_molecule`` and
            ``event_on_fraction`` (event,), sorted by frame: where the molecules are in the middle of the frames in
            which they are localized, in the field and its margin. Empty if the contour is never in the field. With
            ``faint_frames``, where they are in the middle of the time that they are on in a frame, in all frames.
            ``event_photons`` if ``photons`` is set.

        Raises
        ------
        TooFewMoleculesError
            If the molecules cannot give the rate at any activation.
        ValueError
            If the structure lacks a variable, has other steps than the acquisition or a vertex that is not
            finite, or if there would be more than 10**8 molecules.
        """
        contour = Contour.of(moving, field, acquisition, self.margin_nm)
        molecules = self._molecules(contour.bonds, contour.rest_nm, rng)
        in_field = self._active_per_nm * _every_frame(contour.seen_nm, acquisition)
        if not in_field.any():
            molecules = molecules[0][:0], molecules[1][:0]
        kinetics, room = (
            self._kinetics(acquisition, in_field),
            round(ROOM * self.rate_hz * acquisition.recorded_s) + 1,
        )
        if self.faint_frames:
            return self._everywhere(contour, molecules, kinetics, room, field, acquisition, rng)
        frame, molecule, at_y, at_x, on_fraction = _kernels.emit(
            contour.y,
            contour.x,
            molecules,
            _frames(acquisition),
            kinetics,
            contour.near,
            field.edges(self.margin_nm),
            contour.box.period,
            key(rng),
            room,
        )
        photons = self._event_photons(blinks_of(frame, molecule), on_fraction, rng)
        order = np.argsort(frame, kind="stable")
        return schema.dataset(
            event_frame=frame[order],
            event_time=acquisition.frame_times_s(frame[order]),
            event_y=at_y[order],
            event_x=at_x[order],
            event_molecule=molecule[order],
            event_on_fraction=on_fraction[order],
            **{name: values[order] for name, values in photons.items()},
        )

    def _everywhere(
        self,
        contour: Contour,
        molecules: _kernels.Molecules,
        kinetics: _kernels.Kinetics,
        room: int,
        field: FieldOfView,
        acquisition: Acquisition,
        rng: np.random.Generator,
    ) -> xr.Dataset:
        """The events of the same blinks in all frames in which they are on."""
        molecule, times_s = _span_kernels.list_blinks(
            molecules, kinetics, acquisition.recorded_s, key(rng), room
        )
        bond, along = molecules
        blink, events = follow(
            contour,
            (bond[molecule], along[molecule], times_s),
            field,
            acquisition,
            share=0.0,
            margin_nm=self.margin_nm,
        )
        photons = self._event_photons(blink, events["event_on_fraction"], rng)
        return schema.dataset(**events, event_molecule=molecule[blink].astype(np.int32), **photons)

    @property
    def _active_per_nm(self) -> float:
        return self.labels_per_um * 1e-3 * self.active_share

    def _molecules(
        self, bonds: npt.NDArray[np.int64], rest_nm: Floats, rng: np.random.Generator
    ) -> _kernels.Molecules:
        """Scatter the molecules that can be activated uniformly along the contour."""
        ends_nm = np.cumsum(rest_nm)
        contour_nm = ends_nm[-1] if ends_nm.size else 0.0
        if (expected := self._active_per_nm * contour_nm) > MOST_MOLECULES:
            raise ValueError(
                f"{self.labels_per_um:g} labels per um on {contour_nm * 1e-3:.3g} um of contour are {expected:.2g} "
                f"molecules, more than {MOST_MOLECULES:.0e}; lower labels_per_um"
            )
        gaps = np.cumsum(rng.standard_exponential(rng.poisson(expected) + 1))
        place_nm = gaps[:-1] / gaps[-1] * contour_nm
        on = np.minimum(np.searchsorted(ends_nm, place_nm, side="right"), max(rest_nm.size - 1, 0))
        along = 1 - (ends_nm[on] - place_nm) / rest_nm[on]
        return bonds[on], along.astype(np.float32)

    def _kinetics(self, acquisition: Acquisition, in_field: Floats) -> _kernels.Kinetics:
        """Calibrate the activation rate; ``in_field`` is the expected number of molecules in the field per frame."""
        kinetics = Kinetics(
            ending_per_s=1 / self.on_s,
            bleaching=1 / self.blinks,
            reactivation_per_s=None if self.dark_s is None else 1 / self.dark_s,
            share=self.least_share,
            exposure_s=acquisition.exposure_s,
        )
        if not in_field.any():
            return kinetics.rates(0.0)
        wanted = self.rate_hz * acquisition.recorded_s
        activation = kinetics.activation_per_s(wanted, in_field)
        if np.isnan(activation):
            most = kinetics.expected(1 / acquisition.exposure_s, in_field)
            raise TooFewMoleculesError(
                most / acquisition.recorded_s,
                f"{self.rate_hz:g} Hz for {acquisition.recorded_s:g} s are {wanted:.3g} localizations, but "
                f"{in_field.mean():.3g} molecules in the field give {most:.3g} if all are activated at once; "
                f"set labels_per_um to {1.05 * self.labels_per_um * wanted / most:.3g}, or raise blinks",
            )
        return kinetics.rates(activation)


def _every_frame(seen_nm: Floats, acquisition: Acquisition) -> Floats:
    """Interpolate from the middles of the time points to those of the frames."""
    times_s = acquisition.frame_times_s(np.arange(acquisition.frames))
    return np.interp(times_s, acquisition.times_s, seen_nm)


def _frames(acquisition: Acquisition) -> _kernels.Frames:
    before, blend = frames_between_steps(acquisition)
    return before, blend.astype(np.float32), acquisition.exposure_s
