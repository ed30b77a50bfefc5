"""Movies as sheets of small pictures that a browser can play, compressed to a given size."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

Frames = npt.NDArray[np.uint8]

MARGIN = 1.1  # ratio by which all clips may exceed the size expected from the sampled ones
FAST_SIZE = 2.0
"""Ratio of the sizes of a fast and of a careful lossless compression, at most: 1.7 was measured."""


class Quality(NamedTuple):
    """The number of frames that are kept, the factor by which width and height are reduced, and the WebP quality."""

    frames: int
    reduction: int
    webp: int


QUALITIES = (
    Quality(75, 1, 80),
    Quality(60, 1, 70),
    Quality(60, 1, 50),
    Quality(50, 1, 35),
    Quality(40, 1, 25),
    Quality(30, 2, 35),
    Quality(24, 2, 15),
    Quality(12, 2, 10),
)


def chosen_frames(number: int, most: int) -> npt.NDArray[np.int64]:
    """Return the frames to keep: all, or ``most`` evenly spaced ones from the first to the last."""
    return np.unique(np.linspace(0, number - 1, min(number, most)).round().astype(np.int64))


def reduced(movie: Frames, quality: Quality) -> Frames:
    """Return the kept frames (time, y, x) of a movie; a reduced pixel is the mean of those it replaces."""
    frames = movie[chosen_frames(len(movie), quality.frames)]
    step = quality.reduction
    if step == 1 or min(frames.shape[1:]) < step:
        return frames
    rows, columns = (size // step * step for size in frames.shape[1:])
    blocks: Frames = frames[:, :rows, :columns].reshape(
        len(frames), rows // step, step, columns // step, step
    )
    means: Frames = np.rint(blocks.mean(axis=(2, 4))).astype(np.uint8)
    return means


def sheet_columns(number: int) -> int:
    """Return the number of frames in a row of a sheet of ``number`` frames."""
    return math.ceil(math.sqrt(number))


def sheet(frames: Frames) -> Frames:
    """Arrange frames (time, y, x) row by row in one picture; unused places are black."""
    number, height, width = frames.shape
    columns = sheet_columns(number)
    rows = math.ceil(number / columns)
    cells = np.zeros((rows * columns, height, width), np.uint8)
    cells[:number] = frames
    return cells.reshape(rows, columns, height, width).swapaxes(1, 2).reshape(rows * height, columns * width)


def encode(movie: Frames, quality: Quality) -> bytes:
    """Encode a movie as a WebP sheet: lossless if that is smaller, as for single points and constant movies.

    The careful lossless compression takes longest. It is tried only if a fast one of the first row of frames shows that
    it may win.
    """
    frames = reduced(movie, quality)
    picture = Image.fromarray(sheet(frames))
    lossy = _webp(picture, lossless=False, quality=quality.webp, method=2)
    row = picture.crop((0, 0, picture.width, frames.shape[1]))
    whole = picture.height / row.height * len(_webp(row, lossless=True, quality=0, method=0))
    if whole > FAST_SIZE * len(lossy):
        return lossy
    return min(_webp(picture, lossless=True, quality=20, method=1), lossy, key=len)


def encode_all(movies: Sequence[Frames], quality: Quality, *, threads: int = 1) -> list[bytes]:
    """Return every movie as :func:`encode` gives it; equal movies are encoded once.

    Pillow releases the interpreter lock while it compresses, so that threads run side by side.
    """
    found = [movie.tobytes() for movie in movies]
    different = dict(zip(found, movies, strict=True))
    with ThreadPoolExecutor(threads) as pool:
        sheets = dict(
            zip(different, pool.map(lambda movie: encode(movie, quality), different.values()), strict=True)
        )
    return [sheets[key] for key in found]


def affordable(
    samples: Sequence[Sequence[Frames]], clips: int, budget_bytes: int, *, threads: int = 1
) -> tuple[Quality, list[list[bytes]]]:
    """Return the best quality at which ``clips`` clips like the sampled ones are expected to fit, and these encoded.

    Raises
    ------
    ValueError
        If even the lowest quality does not fit.
    """
    for quality in QUALITIES:
        encoded = [encode_all(layers, quality, threads=threads) for layers in samples]
        expected = MARGIN * clips * sum(len(sheet) for sheets in encoded for sheet in sheets) / len(encoded)
        if expected <= budget_bytes:
            return quality, encoded
    raise ValueError(
        f"{clips} clips do not fit {budget_bytes / 1e6:.0f} MB; show fewer cells or fewer reconstructors"
    )


def _webp(picture: Image.Image, *, lossless: bool, quality: int, method: int) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", lossless=lossless, quality=quality, method=method)
    return buffer.getvalue()
