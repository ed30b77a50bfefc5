"""Camera frames in Nikon's ND2 files, through the package nd2."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from smlmsim.io.image_units import positive
from smlmsim.io.limits import bounded_memory, require_plausible
from smlmsim.io.raw_stack import Said, Stack

SIGNATURE = b"\xda\xce\xbe\x0a"
"""First bytes of a file; those older than 2010 begin otherwise, and are not read."""


@contextmanager
def stack(path: str | Path) -> Iterator[Stack]:
    """Open the camera frames of a file, to be read piece by piece; a z-stack is read as frames.

    Parameters
    ----------
    path : str or Path
        A file of grey images of one channel.

    Raises
    ------
    ValueError
        If the package nd2 is not installed, or the file is damaged, has colours, several channels, or images along
        several axes; the message names the file.
    OSError
        If there is no such file, or it may not be read.
    """
    try:
        package = importlib.import_module("nd2")
    except ModuleNotFoundError:
        raise ValueError(
            f"{path} is a Nikon ND2 file, which needs the package nd2: pip install 'smlmsim[nd2]'; or save it as "
            "OME-TIFF"
        ) from None
    with _naming(path):
        file = package.ND2File(path)
    with file:
        with _naming(path):
            found = _stack(file, Path(path))
        yield found


def _stack(file: Any, path: Path) -> Stack:
    """The frames of an open file."""
    sizes = {str(axis): int(size) for axis, size in file.sizes.items()}
    if file.is_rgb:
        raise ValueError("frames of grey levels are localized, found colours")
    if (channels := sizes.pop("C", 1)) > 1:
        raise ValueError(f"frames of one channel are localized, found {channels} channels; save one alone")
    shape = sizes.pop("Y"), sizes.pop("X")
    if len(long := {axis: size for axis, size in sizes.items() if size > 1}) > 1:
        raise ValueError(f"one axis of frames is localized, found {long}; save the wanted ones alone")
    number = max(long.values(), default=1)
    frame_bytes = shape[0] * shape[1] * np.dtype(file.dtype).itemsize
    require_plausible("the file", number * frame_bytes, path.stat().st_size)
    size_um = file.voxel_size()
    pixels = [positive(size_um.y), positive(size_um.x)]

    def read(begin: int, end: int) -> npt.NDArray[Any]:
        with _naming(path), bounded_memory((end - begin) * frame_bytes):
            frames = [np.asarray(file.read_frame(place)).reshape(shape) for place in range(begin, end)]
            return np.stack(frames)

    y_nm, x_nm = (1e3 * size if size else None for size in pixels)
    return Stack(number, shape, (y_nm, x_nm), _step_s(file), Said(), read)


def _step_s(file: Any) -> float | None:
    """The interval between frames in the description of the experiment: as measured, or else as set."""
    for loop in file.experiment:
        about = getattr(loop, "parameters", None)
        measured = getattr(getattr(about, "periodDiff", None), "avg", None)
        interval_ms = positive(measured) or positive(getattr(about, "periodMs", None))
        if interval_ms:
            return interval_ms / 1e3
    return None


@contextmanager
def _naming(path: str | Path) -> Iterator[None]:
    """Name the file in errors, of whatever type a damaged one causes."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{path}: {' '.join(str(error).split())[:300]}") from None
    except FileNotFoundError:
        raise
    except Exception as error:
        raise ValueError(f"{path}: a damaged ND2 file ({' '.join(str(error).split())[:200]})") from error
