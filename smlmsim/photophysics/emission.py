"""How bright molecules are, and which of their frames are listed: what all kinds of photophysics share."""

from __future__ import annotations

import abc
from typing import Annotated, Literal, Self

import numpy as np
import numpy.typing as npt
import pydantic
from pydantic import NonNegativeFloat, PositiveFloat

from smlmsim.spec import Spec

Floats = npt.NDArray[np.float32]

CAMERA_PHOTONS = 1000.0
"""Mean photons of a molecule on camera frames where a study does not say them."""
LEAST_SHARE = 0.5
"""Part of a frame that a molecule must be on to count as localized; at one half, none counts twice."""


class Emission(Spec, abc.ABC):
    """What molecules emit, whatever makes them switch on and off.

    Parameters
    ----------
    photons : float, optional
        Mean number of photons that reach the camera in a frame during which a molecule is on all the time, above 0.
        By default events bring no photons, except for camera frames: 1000.
    photon_distribution : str
        How the photons differ between blinks: "exponential", or "lognormal". Frames of one blink have the same, in
        proportion to the time for which it is on.
    photon_spread : float
        Standard deviation of the logarithm if it is lognormal, 0 to 2; 0 for blinks of equal brightness.
    faint_frames : bool
        Whether events are listed for every frame in which a molecule is on, however short, as camera frames show them.
        Otherwise for those only in which it is on long enough to count as localized. The rate counts the latter.
    margin_nm : float
        Width of the margin around the field in which events are also listed, at least 0, so that localization errors
        can carry molecules across the border in both directions.
    """

    photons: PositiveFloat | None = None
    photon_distribution: Literal["exponential", "lognormal"] = "exponential"
    photon_spread: Annotated[float, pydantic.Field(ge=0, le=2)] = 0.5
    faint_frames: bool = False
    margin_nm: NonNegativeFloat = 150.0

    def for_camera(self, reach_nm: float) -> Self:
        """The same molecules for camera frames: with photons, in all frames, and as far outside as spots reach."""
        return self.replace(
            {
                "photons": self.photons or CAMERA_PHOTONS,
                "faint_frames": True,
                "margin_nm": max(self.margin_nm, reach_nm),
            }
        )

    def _brightness(self, blinks: int, rng: np.random.Generator) -> Floats:
        """Draw the photons per frame of some blinks."""
        assert self.photons is not None
        if self.photon_distribution == "exponential":
            return (self.photons * rng.standard_exponential(blinks)).astype(np.float32)
        spread = self.photon_spread
        return (self.photons * np.exp(spread * rng.standard_normal(blinks) - spread**2 / 2)).astype(
            np.float32
        )

    def _event_photons(
        self, blink: npt.NDArray[np.integer], on_fraction: Floats | float, rng: np.random.Generator
    ) -> dict[str, Floats]:
        """The variable ``event_photons`` of events, given the number of the blink of each; empty if not asked for."""
        if self.photons is None:
            return {}
        brightness = self._brightness(int(blink.max(initial=-1)) + 1, rng)
        return {"event_photons": np.asarray(brightness[blink] * on_fraction, np.float32)}


def blinks_of(frame: npt.NDArray[np.integer], molecule: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
    """Number the blinks that events belong to: those of a molecule in successive frames are one.

    Parameters
    ----------
    frame, molecule : int array, (event,)
        Ordered by molecule, then by frame.
    """
    begins = (np.diff(molecule) != 0) | (np.diff(frame) > 1)
    return np.concatenate([np.zeros(min(frame.size, 1), np.int64), np.cumsum(begins)])
