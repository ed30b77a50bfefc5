"""The camera: from photons to grey levels."""

from __future__ import annotations

from typing import Annotated, NamedTuple, Self

import numpy as np
import numpy.typing as npt
import pydantic
from pydantic import NonNegativeFloat, NonNegativeInt, PositiveFloat

from smlmsim import _camera_kernels
from smlmsim.rng import stream
from smlmsim.spec import Spec

Floats = npt.NDArray[np.floating]


class Camera(Spec):
    """A pixelated detector with shot noise, amplifier noise, and a finite range of whole grey levels.

    Each photon becomes an electron with a fixed probability, so that electron numbers stay Poisson distributed. An
    electron-multiplying register turns n electrons into a number drawn from the gamma distribution of shape n and
    scale ``em_gain``, which doubles the variance of the shot noise (Basden, Haniff & Mackay 2003,
    doi:10.1046/j.1365-8711.2003.07020.x; Hirsch et al. 2013, doi:10.1371/journal.pone.0053671).

    Parameters
    ----------
    quantum_efficiency : float
        Electrons per photon, above 0 and at most 1.
    read_noise_e : float
        Standard deviation of the Gaussian noise of the readout, after the multiplication, in electrons.
    em_gain : float
        Mean gain of the electron-multiplying register, at least 1; 1 for a camera without one.
    spurious_e : float
        Mean number of clock-induced electrons per pixel and image.
    electrons_per_level : float
        Electrons, after the multiplication, per grey level.
    offset : float
        Grey level of a pixel without electrons.
    bit_depth : int
        Bits of a grey level, 8 to 16; brighter pixels are saturated.
    """

    quantum_efficiency: Annotated[float, pydantic.Field(gt=0, le=1)] = 1.0
    read_noise_e: NonNegativeFloat = 0.0
    em_gain: Annotated[float, pydantic.Field(ge=1)] = 1.0
    spurious_e: NonNegativeFloat = 0.0
    electrons_per_level: PositiveFloat = 1.0
    offset: NonNegativeFloat = 0.0
    bit_depth: Annotated[int, pydantic.Field(ge=8, le=16)] = 16

    def record(self, photons: Floats, rng: np.random.Generator) -> npt.NDArray[np.uint16]:
        """Record an image, of any shape, from the expected number of photons on every pixel.

        Raises
        ------
        ValueError
            If a number is negative or not finite.
        """
        _require_photons(photons)
        electrons = rng.poisson(self.quantum_efficiency * photons + self.spurious_e).astype(np.float64)
        if self.em_gain > 1:
            electrons = rng.gamma(electrons, self.em_gain)
        electrons += self.read_noise_e * rng.standard_normal(electrons.shape)
        levels = np.rint(self.offset + electrons / self.electrons_per_level)
        return levels.clip(0, 2**self.bit_depth - 1).astype(np.uint16)

    def record_frames(
        self,
        photons: npt.NDArray[np.float32],
        key: np.uint64,
        first_frame: int = 0,
        pixels: PixelMaps | None = None,
    ) -> npt.NDArray[np.uint16]:
        """Record frames from the expected number of photons on every pixel, (frame, y, x).

        The random numbers of a frame are those of its own number: frames may be recorded in any order and in any
        blocks. They are others than those of :meth:`record`, of the same distributions.

        Parameters
        ----------
        photons : ndarray of float32, (frame, y, x)
        key : uint64
            From :func:`smlmsim.rng.key`.
        first_frame : int
            Number of the first of the frames, from 0 to 2**32 - 1.
        pixels : PixelMaps, optional
            What differs between pixels; by default they are equal.

        Raises
        ------
        ValueError
            If a number is negative or not finite.
        """
        _require_photons(photons)
        levels = np.empty(photons.shape, np.uint16)
        maps = pixels or PixelMaps.equal(self, photons.shape[1:])
        _camera_kernels.record(
            np.ascontiguousarray(photons, np.float32).reshape(len(photons), -1),
            key,
            first_frame,
            (self.quantum_efficiency, self.spurious_e, self.em_gain, 2.0**self.bit_depth - 1),
            (maps.offset.ravel(), maps.electrons_per_level.ravel(), maps.read_noise_e.ravel()),
            levels.reshape(len(photons), -1),
        )
        return levels

    def photons(self, levels: npt.NDArray[np.number]) -> npt.NDArray[np.float64]:
        """The unbiased estimate of the expected photons from grey levels that are not saturated."""
        electrons = (levels.astype(np.float64) - self.offset) * self.electrons_per_level / self.em_gain
        return np.asarray((electrons - self.spurious_e) / self.quantum_efficiency)


class PixelMaps(NamedTuple):
    """What differs between the pixels of a camera, float32 (y, x) each, in the units of :class:`Camera`."""

    offset: npt.NDArray[np.float32]
    electrons_per_level: npt.NDArray[np.float32]
    read_noise_e: npt.NDArray[np.float32]

    @classmethod
    def equal(cls, camera: Camera, shape: tuple[int, ...]) -> Self:
        """The maps of a camera whose pixels are all equal."""
        return cls(*(np.full(shape, getattr(camera, name), np.float32) for name in cls._fields))


class PixelSpread(Spec):
    """How much the pixels of a sCMOS camera differ, each of which has an amplifier of its own.

    Offsets are normally distributed, gains and read noise log-normally; a few pixels are then much noisier than most
    (Huang et al. 2013, doi:10.1038/nmeth.2488). The medians are the settings of the camera.

    Parameters
    ----------
    offset : float
        Standard deviation of the offset in grey levels.
    gain : float
        Standard deviation of the logarithm of the electrons per grey level, 0 to 1.
    read_noise : float
        Standard deviation of the logarithm of the read noise, 0 to 2.
    seed : int
        Which camera: its pixels are the same in every movie.
    """

    offset: NonNegativeFloat = 1.0
    gain: Annotated[float, pydantic.Field(ge=0, le=1)] = 0.02
    read_noise: Annotated[float, pydantic.Field(ge=0, le=2)] = 0.3
    seed: NonNegativeInt = 0

    def maps(self, camera: Camera, shape: tuple[int, int]) -> PixelMaps:
        """The pixels of a camera, (y, x)."""
        normal = stream(self.seed, "pixels").standard_normal((3, *shape))
        return PixelMaps(
            (camera.offset + self.offset * normal[0]).astype(np.float32),
            (camera.electrons_per_level * np.exp(self.gain * normal[1])).astype(np.float32),
            (camera.read_noise_e * np.exp(self.read_noise * normal[2])).astype(np.float32),
        )


def _require_photons(photons: Floats) -> None:
    if not (np.isfinite(photons).all() and (photons >= 0).all()):
        raise ValueError("the expected number of photons on a pixel must be finite and at least 0")


CAMERAS = {
    "ideal": Camera(),
    "emccd": Camera(
        quantum_efficiency=0.9,
        read_noise_e=74,
        em_gain=300,
        spurious_e=0.002,
        electrons_per_level=45,
        offset=100,
        bit_depth=16,
    ),
    "scmos": Camera(
        quantum_efficiency=0.95, read_noise_e=1.5, electrons_per_level=0.75, offset=100, bit_depth=16
    ),
}
"""Typical cameras by name: shot noise alone, and the defaults of DECODE (Speiser et al. 2021,
doi:10.1038/s41592-021-01236-x) for an EMCCD and of LiteLoc for an sCMOS camera."""


def _named(camera: object) -> object:
    if isinstance(camera, str):
        if camera not in CAMERAS:
            raise ValueError(f"no camera {camera!r}; there are: {', '.join(CAMERAS)}")
        return CAMERAS[camera]
    return camera


AnyCamera = Annotated[Camera, pydantic.BeforeValidator(_named)]
"""A camera, or the name of one in ``CAMERAS``."""
