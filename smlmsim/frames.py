"""Camera frames: the raw movie of blinking molecules, from which localizers start."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt
import xarray as xr
from pydantic import NonNegativeFloat, PositiveFloat

from smlmsim import _frames_kernels, schema
from smlmsim.acquisition import Acquisition
from smlmsim.camera import CAMERAS, AnyCamera, PixelSpread
from smlmsim.field import FieldOfView
from smlmsim.memory import require_memory
from smlmsim.psf import PSF, Gaussian
from smlmsim.rng import key
from smlmsim.spec import Spec

Floats = npt.NDArray[np.float32]

PHOTONS = 1000.0
"""Expected photons per frame of a molecule that is on all the time, where the events do not say it."""
BLOCK_BYTES = 2**24
"""Memory of a block of frames, 16 MiB: it stays in the cache of most processors."""
BYTES_PER_PIXEL = 14
"""Of a frame while it is made: expected photons, electrons, and grey levels."""
_log = logging.getLogger(__name__)


class _Light(NamedTuple):
    """What shines: molecules sorted by frame, (event,), and the structure out of focus, if it does.

    Parameters
    ----------
    frame : int array
    y, x : float32 array
        In nm.
    photons : float32 array
        Expected in the frame.
    blurred : xr.DataArray, optional
        (time, camera_y, camera_x) of mean one.
    """

    frame: npt.NDArray[np.integer]
    y: Floats
    x: Floats
    photons: Floats
    blurred: xr.DataArray | None

    @classmethod
    def of(cls, events: xr.Dataset, acquisition: Acquisition) -> Self:
        """Check the events and take what matters of them."""
        known = [name for name in ("event_photons", "event_on_fraction", "out_of_focus") if name in events]
        schema.check(events, "event_frame", "event_y", "event_x", *known)
        if "event_channel" in events and np.unique(events.event_channel.values).size > 1:
            raise ValueError("the events are of several channels; each has a camera of its own: choose one")
        frame = events.event_frame.values
        if (np.diff(frame) < 0).any():
            raise ValueError("the events are not sorted by frame; sort them with .sortby('event_frame')")
        if frame.size and not (frame[0] >= 0 and frame[-1] < acquisition.frames):
            raise ValueError(
                f"the events are in the frames {frame[0]} to {frame[-1]}, the movie has {acquisition.frames}"
            )
        y, x = (np.ascontiguousarray(events[f"event_{axis}"].values, np.float32) for axis in "yx")
        return cls(frame, y, x, _photons(events), events.get("out_of_focus"))

    def out_of_focus(self, view: FieldOfView, acquisition: Acquisition, frames: range) -> Floats:
        """The light of the structure in given frames, between the time points by linear interpolation.

        Raises
        ------
        ValueError
            If the events do not bring it, or at other pixels.
        """
        if self.blurred is None or self.blurred.shape[1:] != view.shape:
            found = "none" if self.blurred is None else f"{self.blurred.shape[1:]} pixels"
            raise ValueError(
                f"out_of_focus_photons needs the blurred structure at {view.shape} pixels, found {found}; "
                "set out_of_focus_photons=0 where only events are known"
            )
        times_s = acquisition.frame_times_s(np.arange(frames.start, frames.stop))
        place = np.interp(times_s, self.blurred.time.values, np.arange(self.blurred.sizes["time"]))
        before = np.minimum(place.astype(np.int64), max(self.blurred.sizes["time"] - 2, 0))
        after = np.minimum(before + 1, self.blurred.sizes["time"] - 1)
        share, images = (place - before).astype(np.float32)[:, None, None], self.blurred.values
        return np.asarray((1 - share) * images[before] + share * images[after], np.float32)


def _photons(events: xr.Dataset) -> Floats:
    """The expected photons of every event."""
    if "event_photons" in events:
        photons = np.ascontiguousarray(events.event_photons.values, np.float32)
        if (photons < 0).any():
            raise ValueError("event_photons must be at least 0")
        return photons
    if events.sizes["event"]:
        _log.info("the events say no photons; a molecule is taken to emit %g per frame", PHOTONS)
    whole = np.full(events.sizes["event"], PHOTONS, np.float32)
    return (
        whole * events.event_on_fraction.values.astype(np.float32) if "event_on_fraction" in events else whole
    )


class Imaging(Spec):
    """A microscope and its camera, which record molecules frame by frame.

    The light of every molecule falls on the pixels as the point spread function says, background is added, and the
    camera adds its noise. Molecules outside the field contribute as far as the point spread function reaches. In a
    frame, a molecule is at one place, that of the event. Its motion within the frame is left out, which would widen
    the spot by a variance of path^2 / 12: 2e-4 of that of the spot at 220 nm/s and 0.03 s.

    Parameters
    ----------
    psf : Gaussian or Airy
        The point spread function.
    camera : Camera or str
        A camera, or the name of one in :data:`~smlmsim.camera.CAMERAS`: ``ideal``, ``emccd``, ``scmos``.
    pixel_spread : PixelSpread, optional
        How much the pixels of a sCMOS camera differ; by default they are equal.
    camera_pixel_nm : float
        Pixel of the camera, in the plane of the sample.
    background_photons : float
        Expected background photons per pixel and frame, the same everywhere.
    out_of_focus_photons : float
        Mean of the expected background photons per pixel and frame that come from the structure itself out of focus.
    out_of_focus_nm : float
        Standard deviation of the Gaussian by which the structure is blurred there.
    """

    psf: PSF = Gaussian()
    camera: AnyCamera = CAMERAS["scmos"]
    pixel_spread: PixelSpread | None = None
    camera_pixel_nm: PositiveFloat = 100.0
    background_photons: NonNegativeFloat = 10.0
    out_of_focus_photons: NonNegativeFloat = 0.0
    out_of_focus_nm: PositiveFloat = 500.0

    def view(self, field: FieldOfView) -> FieldOfView:
        """The pixels of the camera: the smallest number of whole pixels, centred on a field, that cover it."""
        return field.covered(self.camera_pixel_nm)

    def expected(
        self, events: xr.Dataset, field: FieldOfView, acquisition: Acquisition, frames: range | None = None
    ) -> Floats:
        """The expected photons on every pixel, (frame, camera_y, camera_x), before the camera; see :meth:`blocks`.

        Parameters
        ----------
        frames : range, optional
            Successive camera frames; by default all.
        """
        chosen = range(acquisition.frames) if frames is None else frames
        return self._lit(_Light.of(events, acquisition), self.view(field), acquisition, chosen)

    def blocks(
        self,
        events: xr.Dataset,
        field: FieldOfView,
        acquisition: Acquisition,
        rng: np.random.Generator,
        *,
        frames_per_block: int | None = None,
    ) -> Iterator[xr.Dataset]:
        """Record a movie in blocks of frames, so that it need not fit in memory.

        Every frame has random numbers of its own: the frames do not depend on how they are gathered in blocks.

        Parameters
        ----------
        events : xr.Dataset
            ``event_frame``, sorted, ``event_y`` and ``event_x`` in nm (event,); ``event_photons``, or else every
            molecule has 1000 photons per frame, times ``event_on_fraction`` if this is known. If the structure shines
            out of focus, ``out_of_focus`` (time, camera_y, camera_x) from
            :func:`smlmsim.pipeline.out_of_focus`, at the pixels of :meth:`view`.
        field : FieldOfView
        acquisition : Acquisition
        rng : np.random.Generator
        frames_per_block : int, optional
            Largest number of frames in a block; by default as many as take 16 MiB.

        Yields
        ------
        xr.Dataset
            As :func:`smlmsim.schema.check_frames` describes it.

        Raises
        ------
        smlmsim.schema.SchemaError
            If a variable is missing or not finite.
        ValueError
            If the events are not sorted by frame, lie outside the movie, are of several channels, or emit a negative
            number of photons.
        """
        light, view, seed = _Light.of(events, acquisition), self.view(field), key(rng)
        if frames_per_block is not None and frames_per_block < 1:
            raise ValueError(f"frames_per_block must be positive, found {frames_per_block}")
        size = frames_per_block or max(1, BLOCK_BYTES // (BYTES_PER_PIXEL * view.shape[0] * view.shape[1]))
        pixels = self.pixel_spread.maps(self.camera, view.shape) if self.pixel_spread else None
        known = {f"camera_{name}": values for name, values in pixels._asdict().items()} if pixels else {}
        brightest, full = 2**self.camera.bit_depth - 1, 0
        for first in range(0, acquisition.frames, size):
            frames = range(first, min(first + size, acquisition.frames))
            levels = self.camera.record_frames(
                self._lit(light, view, acquisition, frames), seed, first, pixels
            )
            full += int(np.count_nonzero(levels == brightest))
            yield schema.dataset(
                self._said(acquisition, first),
                frames=levels,
                camera_y=view.y_nm,
                camera_x=view.x_nm,
                **known,
            )
        if full:
            _log.warning(
                "%d pixels of the frames are saturated, at %d grey levels; lower photons, or the camera's em_gain",
                full,
                brightest,
            )

    def take(
        self, events: xr.Dataset, field: FieldOfView, acquisition: Acquisition, rng: np.random.Generator
    ) -> xr.Dataset:
        """Record a movie at once; parameters and errors as for :meth:`blocks`.

        Returns
        -------
        xr.Dataset
            All frames, as :func:`smlmsim.schema.check_frames` describes it.

        Raises
        ------
        ValueError
            If they do not fit in memory.
        """
        rows, columns = self.view(field).shape
        require_memory(
            2 * acquisition.frames * rows * columns + 2 * BLOCK_BYTES,
            f"{acquisition.frames} frames of {rows} x {columns} pixels",
            "ask for fewer acquisition.time_points, or take them in blocks",
        )
        blocks = list(self.blocks(events, field, acquisition, rng))
        levels = np.concatenate([block.frames.values for block in blocks])
        return blocks[0].drop_vars("frames").assign(frames=schema.variable("frames", levels))

    def _said(self, acquisition: Acquisition, first: int) -> dict[str, Any]:
        """The attributes of frames."""
        return {
            "camera_pixel_nm": self.camera_pixel_nm,
            "exposure_s": acquisition.exposure_s,
            "first_frame": first,
            **self.camera.model_dump(),
        }

    def _lit(self, light: _Light, view: FieldOfView, acquisition: Acquisition, frames: range) -> Floats:
        expected = np.full((len(frames), *view.shape), self.background_photons, np.float32)
        if self.out_of_focus_photons:
            expected += self.out_of_focus_photons * light.out_of_focus(view, acquisition, frames)
        table, sign, before = self.psf.profiles(self.camera_pixel_nm)
        begin = np.searchsorted(light.frame, np.arange(frames.start, frames.stop + 1))
        _frames_kernels.add_spots(
            (begin, light.y, light.x, light.photons),
            (view.origin_y_nm, view.origin_x_nm, 1 / view.pixel_nm),
            (table, sign, before),
            expected,
        )
        # Terms of an Airy pattern have both signs, and cancel in its dark rings to within rounding.
        return np.maximum(expected, 0, out=expected)
