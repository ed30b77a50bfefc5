"""Stacks of camera frames, read piece by piece, with the calibration of their camera."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr
from pydantic import NonNegativeInt, PositiveFloat

from smlmsim import schema
from smlmsim.camera import CAMERAS, Camera
from smlmsim.io import nikon
from smlmsim.io.formats import recognised
from smlmsim.io.movie import chosen
from smlmsim.io.raw_stack import Stack
from smlmsim.io.reading import USUAL_EXPOSURE_S
from smlmsim.shot_noise import MAPS
from smlmsim.spec import Spec, brief

BLOCK_PIXELS = 2**22
"""Pixels of a block of frames."""
MOST_UNEQUAL = 0.01
"""Relative difference of the edges of a pixel along y and x that counts as rounding."""
DARKEST = 20
"""Grey levels of the darkest pixel from which on a camera has an offset."""
CALIBRATION = ("offset", "electrons_per_level", "quantum_efficiency", "em_gain", "read_noise_e")
FULL = np.iinfo(np.uint16).max
MOST_FRAMES = 2**31 - 1
"""Numbers of frames are 32-bit integers in tables."""
_log = logging.getLogger(__name__)


class Recording(Spec):
    """How a stack was recorded, where its file does not state it, or states it wrongly.

    Parameters
    ----------
    camera_pixel_nm : float, optional
        Edge of a pixel of the camera, in the plane of the sample.
    exposure_s : float, optional
        Time from one frame to the next.
    first_frame : int, optional
        Number of the first frame of the stack in the recording, counted from 0, if others come before.
    camera : str, optional
        Name of a typical camera, one of ``smlmsim.camera.CAMERAS``, whose calibration is used.
    offset, electrons_per_level, quantum_efficiency, em_gain, read_noise_e : float, optional
        Calibration of the camera, as for :class:`~smlmsim.camera.Camera`; takes precedence over ``camera``.
    """

    camera_pixel_nm: PositiveFloat | None = None
    exposure_s: PositiveFloat | None = None
    first_frame: NonNegativeInt | None = None
    camera: str | None = None
    offset: float | None = None
    electrons_per_level: float | None = None
    quantum_efficiency: float | None = None
    em_gain: float | None = None
    read_noise_e: float | None = None


class Frames:
    """A stack as camera frames that localizers take; nothing is read before it is asked for.

    Parameters
    ----------
    path : str or Path
    stack : Stack
    recording : Recording
        Takes precedence over the file.

    Raises
    ------
    ValueError
        If the pixel is not known, or not square, or the calibration is impossible.
    """

    def __init__(self, path: str | Path, stack: Stack, recording: Recording) -> None:
        self.path, self.stack = path, stack
        if not stack.frames or not all(stack.shape):
            raise ValueError(f"{path} holds no frames")
        self.pixel_nm = _pixel_nm(stack, recording)
        given = recording.first_frame
        self.first_frame = stack.said.first_frame if given is None else given
        if self.first_frame + stack.frames > MOST_FRAMES:
            raise ValueError(
                f"the frames of a recording are counted to {MOST_FRAMES}, found {stack.frames} from "
                f"first_frame={self.first_frame} on"
            )
        self.exposure_s = _exposure_s(stack, recording)
        self.offset_is_known = (
            recording.offset is not None or bool(recording.camera) or "offset" in stack.said.camera
        )
        self.camera = _calibrated(stack, recording)
        self.maps = (
            {}
            if recording.camera
            else {
                name: stack.said.maps[name]
                for setting, name in MAPS.items()
                if name in stack.said.maps and getattr(recording, setting) is None
            }
        )
        if stack.frames == 1:
            _log.warning("%s holds a single frame; a stack of many was expected", path)

    def __len__(self) -> int:
        """The number of frames."""
        return self.stack.frames

    def blocks(self, frames_per_block: int | None = None) -> Iterator[xr.Dataset]:
        """Read the frames in blocks, as :func:`smlmsim.schema.check_frames` describes them.

        Raises
        ------
        ValueError
            If the file is damaged, or its values are not grey levels from 0 to 65535; the message names the frame.
        """
        height, width = self.stack.shape
        step = frames_per_block or max(1, BLOCK_PIXELS // (height * width))
        full, seen_full = 0, 0
        for begin in range(0, self.stack.frames, step):
            values = self.stack.read(begin, min(begin + step, self.stack.frames))
            levels = self._levels(values, begin)
            if begin == 0:
                self._doubt_offset(int(levels.min()))
            most = np.iinfo(values.dtype).max if values.dtype.kind in "ui" else FULL
            saturated = (levels == min(most, FULL)).sum(axis=(1, 2))
            full, seen_full = full + int(saturated.sum()), seen_full + int((saturated > 0).sum())
            yield self._dataset(levels, begin)
        if full:
            _log.warning(
                "%d pixels in %d frames of %s are saturated: photons of bright molecules are too few",
                full, seen_full, self.path,
            )  # fmt: skip

    def _dataset(self, levels: npt.NDArray[np.uint16], begin: int) -> xr.Dataset:
        first_nm = self.stack.said.first_pixel_nm or (self.pixel_nm / 2, self.pixel_nm / 2)
        y_nm, x_nm = (
            first + np.arange(size) * self.pixel_nm
            for first, size in zip(first_nm, self.stack.shape, strict=True)
        )
        attrs = {
            "camera_pixel_nm": self.pixel_nm,
            "exposure_s": self.exposure_s,
            "first_frame": self.first_frame + begin,
            **self.camera.model_dump(),
        }
        return schema.dataset(attrs, frames=levels, camera_y=y_nm, camera_x=x_nm, **self.maps)

    def _levels(self, values: npt.NDArray[Any], begin: int) -> npt.NDArray[np.uint16]:
        """Grey levels of frames, if they are such."""
        if values.dtype.kind == "f":
            for number, bad in enumerate(np.count_nonzero(~np.isfinite(values), axis=(1, 2))):
                if bad:
                    raise ValueError(
                        f"{self.path}: frame {begin + number} (counted from 0) holds {bad} values that are NaN or "
                        "infinite; grey levels are wanted, as the camera gave them"
                    )
        odd = (values < 0) | (values > FULL)
        if values.dtype.kind == "f":
            odd |= values != np.floor(values)
        if odd.any():
            number, y, x = (int(places[0]) for places in np.nonzero(odd))
            raise ValueError(
                f"{self.path}: the value {values[number, y, x]:g} in frame {begin + number} (counted from 0) is no "
                f"grey level, a whole number from 0 to {FULL}; save the stack as the camera gave it, in 16 bits"
            )
        return np.ascontiguousarray(values, np.uint16)

    def _doubt_offset(self, darkest: int) -> None:
        if not self.offset_is_known and darkest >= DARKEST:
            _log.warning(
                "the darkest pixel of the first frames has %d grey levels; a camera that has as many without light "
                "needs its offset, as in offset=%d, for correct photons and precisions", darkest, darkest,
            )  # fmt: skip


@contextmanager
def opened(path: str | Path, recording: Recording = Recording()) -> Iterator[Frames]:
    """Open a stack of camera frames: TIFF, OME-TIFF, BigTIFF, OME-Zarr, or Nikon ND2.

    What is assumed is logged.

    Parameters
    ----------
    path : str or Path
    recording : Recording
        How it was recorded; takes precedence over the file.

    Yields
    ------
    Frames
        To be read before the file is closed.

    Raises
    ------
    ValueError
        If the file is a table, of no known format, or damaged, has colours, several channels or slices over time, or
        does not say its pixel; the message names the file.
    OSError
        If there is no such file, or it may not be read.
    """
    with _stack(path) as stack:
        yield Frames(path, stack, recording)


def _stack(path: str | Path) -> AbstractContextManager[Stack]:
    """The frames of a file of any format that holds images."""
    if _begins_with(path, nikon.SIGNATURE):
        return nikon.stack(path)
    if single := _single_tiffs(Path(path)):
        raise ValueError(
            f"{path} is a folder of {single} TIFF files; save them as one stack, in Fiji with File > Import > Image "
            "Sequence, or give one of them"
        )
    form = recognised(path)
    if form.holds != "images":
        raise ValueError(
            f"{path} is taken for a table ({form.called(Path(path))}); camera frames are wanted, a stack "
            "such as .tif or .zarr"
        )
    return form.images.stack(path)


def _single_tiffs(folder: Path) -> int:
    """The number of TIFF files in a folder that is no OME-Zarr image; 0 for a file."""
    if not folder.is_dir() or any((folder / name).exists() for name in ("zarr.json", ".zgroup")):
        return 0
    return sum(path.suffix.lower() in (".tif", ".tiff") for path in folder.iterdir())


def _begins_with(path: str | Path, signature: bytes) -> bool:
    if Path(path).is_dir():
        return False
    with open(path, "rb") as file:
        return file.read(len(signature)) == signature


def _pixel_nm(stack: Stack, recording: Recording) -> float:
    y_nm, x_nm = stack.pixel_nm
    said = x_nm or y_nm
    if recording.camera_pixel_nm is None and y_nm and x_nm and abs(y_nm / x_nm - 1) > MOST_UNEQUAL:
        raise ValueError(
            f"pixels are square, the file says {y_nm:g} x {x_nm:g} nm; give the right edge, as in camera_pixel_nm=100"
        )
    pixel_nm = chosen("camera_pixel_nm", recording.camera_pixel_nm, said)
    if pixel_nm is None:
        raise ValueError("the file does not say how large a pixel is; give camera_pixel_nm=100, say")
    return pixel_nm


def _exposure_s(stack: Stack, recording: Recording) -> float:
    found = chosen("exposure_s", recording.exposure_s, stack.step_s)
    if found is None:
        _log.info(
            "the time from frame to frame is taken to be %g s, as the file does not say it; if not, give "
            "exposure_s=0.01, say", USUAL_EXPOSURE_S,
        )  # fmt: skip
        return USUAL_EXPOSURE_S
    return found


def _calibrated(stack: Stack, recording: Recording) -> Camera:
    """The camera as given, or as the file says, or else an ideal one, which is logged."""
    if recording.camera is not None and recording.camera not in CAMERAS:
        raise ValueError(f"no typical camera {brief(recording.camera)}; there are: {', '.join(CAMERAS)}")
    typical = CAMERAS[recording.camera] if recording.camera else None
    given = {name: value for name in CALIBRATION if (value := getattr(recording, name)) is not None}
    known = {} if typical else stack.said.camera
    said = {name: value for name, value in known.items() if name not in given}
    base = typical or Camera()
    assumed = {name: getattr(base, name) for name in CALIBRATION if name not in given and name not in said}
    if said:
        _log.info("from the file: %s", _listed(said))
    if assumed and typical:
        _log.info("of a typical camera, %s: %s", recording.camera, _listed(assumed))
    elif assumed:
        _log.info("assumed of the camera, as neither the file nor an option says it: %s", _listed(assumed))
    return Camera.model_validate(base.model_dump() | said | given)


def _listed(values: Mapping[str, float]) -> str:
    return ", ".join(f"{name}={value:g}" for name, value in values.items())
