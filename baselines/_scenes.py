"""Random camera frames with the molecules on them, on which networks learn to localize."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr
from pydantic import PositiveFloat, PositiveInt

from smlmsim import schema
from smlmsim.acquisition import Acquisition
from smlmsim.camera import CAMERAS, Camera, PixelSpread
from smlmsim.field import FieldOfView
from smlmsim.frames import Imaging
from smlmsim.psf import Gaussian
from smlmsim.shot_noise import Counts, counts_of
from smlmsim.spec import Spec

PIXEL_NM = 100.0
"""Edge of a pixel; a network only knows widths in pixels, so that its weights serve pixels of any size."""
MARGIN_PX = 4
"""How far beyond the frame there are molecules."""
EXPOSURE_S = 0.03
CAMERA_SHARES = {"scmos": 0.5, "emccd": 0.25, "ideal": 0.25}
"""How often each camera records."""
PHOTON_SPREADS = (0.0, 0.4, 0.8)
"""Standard deviation of the logarithm of the photons in a scene, each in a third of the scenes."""
SMOOTH_PX = 5.0
"""Standard deviation of the Gaussian that makes an uneven background of noise."""
LEAST_PHOTONS = 50.0
"""Molecules with fewer photons in a frame shine, but are not to be found."""

Floats = npt.NDArray[np.float32]
Ranges = tuple[PositiveFloat, PositiveFloat]


class Scene(NamedTuple):
    """Frames in counts, and what is on them.

    Parameters
    ----------
    counts : Counts
        The frames, (frame, y, x).
    sigma_px : float
        Standard deviation of the spots.
    frame : int array, shape (molecule,)
    y_px, x_px : float32 array, shape (molecule,)
        Positions; the middle of the first pixel is 0.
    light : float32 array, shape (molecule,)
        Expected counts in the frame.
    background : float32 array, shape (y, x)
        Expected counts of the background in every frame.
    """

    counts: Counts
    sigma_px: float
    frame: npt.NDArray[np.int64]
    y_px: Floats
    x_px: Floats
    light: Floats
    background: Floats


class Scenes(Spec):
    """Random scenes; every range holds the lowest and the highest value.

    In half of them a molecule shines in one frame, throughout; in the others, over several frames for an exponentially
    distributed time, so that it is dimmer in the first and the last of them.

    Parameters
    ----------
    edge : int
        Rows and columns of the frames.
    frames : int
        Successive frames.
    sigma_px : (float, float)
        Standard deviation of the spots, uniform.
    density_per_um2 : (float, float)
        Molecules per frame and um^2 with pixels of 100 nm, log-uniform.
    photons : (float, float)
        Median of the photons of a molecule in a whole frame, log-uniform.
    background_photons : (float, float)
        Mean of the background photons per pixel, log-uniform; in half of the scenes it is uneven.
    on_frames : (float, float)
        Mean time that a molecule shines, in frames, uniform.
    read_noise_e : (float, float)
        Read noise of sCMOS cameras in electrons, uniform.
    """

    edge: PositiveInt = 48
    frames: PositiveInt = 6
    sigma_px: Ranges = (1.0, 1.6)
    density_per_um2: Ranges = (0.2, 6.0)
    photons: Ranges = (200.0, 5000.0)
    background_photons: Ranges = (0.5, 50.0)
    on_frames: Ranges = (1.0, 4.0)
    read_noise_e: Ranges = (0.5, 3.0)

    @property
    def density_per_pixel(self) -> tuple[float, float]:
        """Molecules per frame and pixel, which is what matters to a network."""
        low, high = (density * (PIXEL_NM / 1000) ** 2 for density in self.density_per_um2)
        return low, high

    def make(self, rng: np.random.Generator) -> Scene:
        """Make a scene."""
        sigma_px = rng.uniform(*self.sigma_px)
        mean, uneven = _log_uniform(rng, self.background_photons), rng.uniform(0, 1) * rng.integers(2)
        camera = self._camera(rng)
        imaging = Imaging(
            psf=Gaussian(sigma_nm=sigma_px * PIXEL_NM),
            camera=camera,
            pixel_spread=self._spread(camera, rng),
            camera_pixel_nm=PIXEL_NM,
            background_photons=mean * (1 - uneven),
            out_of_focus_photons=mean * uneven,
        )
        extent_nm = self.edge * PIXEL_NM
        field = FieldOfView(height_nm=extent_nm, width_nm=extent_nm, pixel_nm=PIXEL_NM)
        acquisition = Acquisition(time_points=self.frames, frames_per_point=1, exposure_s=EXPOSURE_S)
        smooth = _smooth(rng, self.edge)
        frame, y_px, x_px, photons = self._molecules(rng)
        events = _events(frame, y_px, x_px, photons).assign(out_of_focus=self._blurred(smooth, acquisition))
        counts = counts_of(imaging.take(events, field, acquisition, rng))
        seen = photons >= LEAST_PHOTONS
        seen &= (np.abs(np.stack([y_px, x_px]) - np.float32((self.edge - 1) / 2)) < self.edge / 2).all(axis=0)
        background = mean * (1 - uneven + uneven * smooth) * counts.per_photon + counts.dark
        return Scene(
            counts, sigma_px, frame[seen], y_px[seen], x_px[seen],
            (photons[seen] * counts.per_photon).astype(np.float32), background.astype(np.float32),
        )  # fmt: skip

    def _camera(self, rng: np.random.Generator) -> Camera:
        name = rng.choice(list(CAMERA_SHARES), p=list(CAMERA_SHARES.values()))
        camera = CAMERAS[str(name)]
        return (
            camera.replace({"read_noise_e": rng.uniform(*self.read_noise_e)}) if name == "scmos" else camera
        )

    def _spread(self, camera: Camera, rng: np.random.Generator) -> PixelSpread | None:
        """The pixels of half of the sCMOS cameras differ."""
        seed, differ = int(rng.integers(2**31)), bool(rng.integers(2))
        one_amplifier = camera.em_gain > 1 or camera.read_noise_e == 0
        return PixelSpread(seed=seed) if differ and not one_amplifier else None

    def _molecules(self, rng: np.random.Generator) -> tuple[npt.NDArray[np.int64], Floats, Floats, Floats]:
        """Frame, position in pixels, and expected photons of every molecule in every frame, sorted by frame."""
        edge = self.edge + 2 * MARGIN_PX
        per_frame = _log_uniform(rng, self.density_per_um2) * (edge * PIXEL_NM / 1000) ** 2
        median, spread = _log_uniform(rng, self.photons), rng.choice(PHOTON_SPREADS)
        blinking, on = bool(rng.integers(2)), rng.uniform(*self.on_frames)
        before = 5 * on if blinking else 0.0
        number = rng.poisson(per_frame / (on + 1 if blinking else 1) * (self.frames + before))
        begin = rng.uniform(-before, self.frames, number)
        end = begin + rng.exponential(on, number)
        if not blinking:
            begin = np.floor(begin)
            end = begin + 1
        place = rng.uniform(-MARGIN_PX - 0.5, self.edge + MARGIN_PX - 0.5, (number, 2))
        photons = median * np.exp(spread * rng.standard_normal(number))
        each = np.arange(self.frames)[:, None]
        fraction = (np.minimum(end, each + 1) - np.maximum(begin, each)).clip(0)
        frame, molecule = np.nonzero(fraction > 0)
        y_px, x_px = place[molecule].T.astype(np.float32)
        return frame, y_px, x_px, (photons[molecule] * fraction[frame, molecule]).astype(np.float32)

    def _blurred(self, smooth: Floats, acquisition: Acquisition) -> xr.DataArray:
        """The uneven background as the structure out of focus."""
        middles, times_s = (np.arange(self.edge) + 0.5) * PIXEL_NM, acquisition.times_s
        light = np.broadcast_to(smooth, (len(times_s), *smooth.shape))
        return schema.dataset(
            out_of_focus=light, time=times_s, camera_y=middles, camera_x=middles
        ).out_of_focus


def _log_uniform(rng: np.random.Generator, ends: tuple[float, float]) -> float:
    return float(np.exp(rng.uniform(*np.log(ends))))


def _smooth(rng: np.random.Generator, edge: int) -> Floats:
    """A smooth positive image of mean one."""
    from scipy.ndimage import gaussian_filter  # here, since it takes longer to load than this module

    noise = gaussian_filter(rng.standard_normal((edge, edge)), SMOOTH_PX, mode="wrap")
    image = np.exp(noise / noise.std() * 0.7)
    return np.asarray(image / image.mean(), np.float32)


def _events(frame: npt.NDArray[np.int64], y_px: Floats, x_px: Floats, photons: Floats) -> xr.Dataset:
    return schema.dataset(
        event_frame=frame.astype(np.int32),
        event_y=(y_px + 0.5) * np.float32(PIXEL_NM),
        event_x=(x_px + 0.5) * np.float32(PIXEL_NM),
        event_photons=photons,
    )
