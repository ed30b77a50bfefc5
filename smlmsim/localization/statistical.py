"""Statistical localization: random errors are added to the positions of molecules, without camera images."""

from __future__ import annotations

import logging
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
import pydantic
import xarray as xr
from pydantic import NonNegativeFloat

from smlmsim import schema
from smlmsim.acquisition import Acquisition
from smlmsim.field import FieldOfView
from smlmsim.localization import _statistical_kernels as _kernels
from smlmsim.localization.spot import Spot
from smlmsim.rng import key
from smlmsim.spec import Spec

_log = logging.getLogger(__name__)

Floats = npt.NDArray[np.float32]
Fraction = Annotated[float, pydantic.Field(ge=0, le=1)]


class Statistical(Spec):
    """Every event is localized with a random error and a reported precision; false positives are added.

    The reported precision is drawn; the photons are then the number for which the spot has this precision.

    Parameters
    ----------
    precision_nm : float
        Median reported standard error per axis, at least 0; 10-30 nm in practice (PMC4368834). At 0, which would need
        infinitely many photons, photons are left out.
    precision_spread : float
        Standard deviation of the logarithm of the reported standard error, 0 to 2, since photon numbers differ
        between molecules.
    error_factor : float
        True divided by reported standard error, at least 0; in practice about 2 (doi:10.1101/2024.10.10.617567).
    linkage_nm : float
        Standard deviation per axis of the displacement of a label from the contour, at least 0; not part of
        the reported standard error.
    false_positive_uniform : float
        Mean number of false positives, uniform over the field and the movie, per event in the field: 0 to 1.
    false_positive_structured : float
        Mean number of false positives that follow the blurred structure, per event in the field: 0 to 1. Each
        has the frame of a random event in the field, and its position displaced by ``structured_blur_nm``.
    structured_blur_nm : float
        Standard deviation per axis of that displacement, at least 0; 25 px of 20 nm in Bai 2023 (tel-04772446,
        chapter II.3). Positions are reflected at the borders of the field, as if the structure continued beyond.
    spot : Spot
        Width and background of spots, which relate the reported standard error to the number of photons.
    """

    kind: Literal["statistical"] = "statistical"
    precision_nm: NonNegativeFloat = 15.0
    precision_spread: Annotated[float, pydantic.Field(ge=0, le=2)] = 0.25
    error_factor: NonNegativeFloat = 1.0
    linkage_nm: NonNegativeFloat = 0.0
    false_positive_uniform: Fraction = 0.02
    false_positive_structured: Fraction = 0.02
    structured_blur_nm: NonNegativeFloat = 500.0
    spot: Spot = Spot()

    def localize(
        self, events: xr.Dataset, field: FieldOfView, acquisition: Acquisition, rng: np.random.Generator
    ) -> xr.Dataset:
        """Localize the events of a movie.

        Parameters
        ----------
        events : Dataset
            ``event_frame``, ``event_y`` and ``event_x`` in nm (event,), sorted by frame; events outside the field
            can be localized inside it.
        field : FieldOfView
        acquisition : Acquisition
        rng : Generator

        Returns
        -------
        Dataset
            ``loc_frame``, ``loc_time`` in s, ``loc_y``, ``loc_x``, ``loc_uncertainty``, ``loc_sigma`` in nm,
            ``loc_intensity`` and ``loc_background`` in photons (localization,), sorted by frame: all
            localizations inside the field. ``loc_intensity`` is absent if a standard error is so small that no
            number of photons gives it.

        Raises
        ------
        SchemaError
            If one of the variables is missing, or a position is NaN or infinite.
        """
        schema.check(events, "event_frame", "event_y", "event_x")
        frame = np.ascontiguousarray(events.variables["event_frame"].values, np.int32)
        y, x = (np.ascontiguousarray(events.variables[f"event_{axis}"].values, np.float32) for axis in "yx")
        loc_frame, loc_y, loc_x, loc_uncertainty = self._find(frame, y, x, field, acquisition, rng)
        return schema.dataset(
            loc_frame=loc_frame,
            loc_time=acquisition.frame_times_s(loc_frame),
            loc_y=loc_y,
            loc_x=loc_x,
            loc_uncertainty=loc_uncertainty,
            **self._spots(loc_uncertainty),
        )

    def _spots(self, uncertainty_nm: Floats) -> dict[str, Floats]:
        """What a fit reports about spots besides their positions: width, background and photons.

        Width and background are read-only views of a single number, which need no memory.
        """
        shared = {"loc_sigma": self.spot.width_nm, "loc_background": self.spot.background_photons}
        spots = {
            name: np.broadcast_to(np.float32(value), uncertainty_nm.size) for name, value in shared.items()
        }
        photons = self.spot.photons(uncertainty_nm)
        if np.isinf(photons.max(initial=0)):
            _log.info(
                "precision_nm=%g needs infinitely many photons; photons are left out", self.precision_nm
            )
            return spots
        return {**spots, "loc_intensity": photons}

    def _find(
        self,
        frame: npt.NDArray[np.int32],
        y: Floats,
        x: Floats,
        field: FieldOfView,
        acquisition: Acquisition,
        rng: np.random.Generator,
    ) -> _kernels.Spots:
        """Localize molecules in the field, and add false positives."""
        edges, key_of_errors = field.edges(), key(rng)
        false = self._false_positives(frame, y, x, field, acquisition, rng)
        most = frame.size + false[0].size
        found = np.empty(most, np.int32), *np.empty((3, most), np.float32)
        n = _kernels.localize(frame, y, x, self._errors(), key_of_errors, false, edges, found)
        loc_frame, loc_y, loc_x, loc_uncertainty = (values[:n] for values in found)
        return loc_frame, loc_y, loc_x, loc_uncertainty

    def _errors(self) -> _kernels.Errors:
        return (
            np.float32(self.precision_nm),
            np.float32(self.precision_spread),
            np.float32(self.error_factor),
            np.float32(self.linkage_nm),
        )

    def _false_positives(
        self,
        frame: npt.NDArray[np.int32],
        y: Floats,
        x: Floats,
        field: FieldOfView,
        acquisition: Acquisition,
        rng: np.random.Generator,
    ) -> _kernels.Spots:
        """Draw the false positives."""
        if self.false_positive_uniform == self.false_positive_structured == 0:
            nothing = np.empty(0, np.float32)
            return np.empty(0, np.int32), nothing, nothing, nothing
        molecules = _kernels.inside(y, x, field.edges())
        uniform = rng.poisson(self.false_positive_uniform * molecules.size)
        structured = rng.poisson(self.false_positive_structured * molecules.size)
        source = molecules[np.sort((rng.random(structured) * molecules.size).astype(np.int64))]
        frames = np.concatenate([np.sort(rng.integers(acquisition.frames, size=uniform)), frame[source]])
        order = np.argsort(frames, kind="stable")
        placed = []
        for at, low, extent in (
            (y, field.origin_y_nm, field.height_nm),
            (x, field.origin_x_nm, field.width_nm),
        ):
            astray = at[source] - low + self.structured_blur_nm * rng.standard_normal(structured)
            distance = np.concatenate([extent * rng.random(uniform), _reflect(astray, extent)])
            placed.append(low + distance[order])
        reported = self.precision_nm * np.exp(self.precision_spread * rng.standard_normal(order.size))
        y_false, x_false, uncertainty = (values.astype(np.float32) for values in (*placed, reported))
        return frames[order].astype(np.int32), y_false, x_false, uncertainty


def _reflect(distance: npt.NDArray[np.float64], extent: float) -> npt.NDArray[np.float64]:
    """Reflect distances from one border so that they lie between it and the other, ``extent`` away."""
    return extent - np.abs(np.mod(distance, 2 * extent) - extent)
