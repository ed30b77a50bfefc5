"""Movies that play in a browser, side by side."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from smlmsim import channels
from smlmsim.figures.image import colours, frames
from smlmsim.io import replacing

SHOWN_MS = 100
"""Time in ms for which a frame is shown: 10 frames/s."""
SMALLEST_SIDE = 256
"""Shorter side in px to which small movies are enlarged."""
MOST_FRAMES = 1000
"""Frames of an animation; more make files that no viewer opens."""
GAP = 4
"""White px between two movies side by side."""
SUFFIXES = (".png", ".gif", ".mp4")


def require_movie(path: str | Path) -> str:
    """Return the extension of a movie, if it is one that can be written here.

    Raises
    ------
    ValueError
        If the extension is not .png, .gif or .mp4, or the last needs the extra ``smlmsim[movie]``.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        raise ValueError(f"{path} has the extension {suffix!r}; a movie is saved as {', '.join(SUFFIXES)}")
    if suffix == ".mp4" and importlib.util.find_spec("imageio_ffmpeg") is None:
        raise ValueError("an MP4 needs an extra package: pip install 'smlmsim[movie]', or choose movie=gif")
    return suffix


def save_movie(images: Mapping[str, xr.DataArray], path: str | Path) -> None:
    """Save movies of one field side by side, at ten frames per second, each on its own brightness scale.

    Parameters
    ----------
    images : mapping
        Name -> movie (time, y, x), or (channel, time, y, x) with a picture for each channel, of the same pixels and
        times. Of more than 1,000 time points, that many are shown,
        evenly chosen.
    path : str or Path
        File ending in .png (animated), .gif or .mp4; the last needs the extra ``smlmsim[movie]``.

    Raises
    ------
    ValueError
        If the extension is not one of these, or the extra is not installed.
    OSError
        If the file cannot be written.
    """
    from matplotlib import colormaps
    from PIL import Image

    suffix = require_movie(path)
    images = channels.panels(images)
    first = next(iter(images.values()))
    number = first.sizes["time"]
    times_s = first.time.values[
        np.unique(np.linspace(0, number - 1, min(number, MOST_FRAMES)).round().astype(int))
    ]
    zoom = max(1, -(-SMALLEST_SIDE // min(first.sizes["y"], first.sizes["x"])))
    rows = [
        [
            colormaps[colours(image)](frame, bytes=True)[..., :3].repeat(zoom, 0).repeat(zoom, 1)
            for frame in shown
        ]
        for image, shown in ((image, frames(image, times_s)) for image in images.values())
    ]
    pictures = [_beside(parts) for parts in zip(*rows, strict=True)]
    with replacing(path) as draft:
        if suffix == ".mp4":
            _write_mp4(pictures, draft)
            return
        made = [Image.fromarray(picture) for picture in pictures]
        more: dict[str, Any] = {"save_all": True, "append_images": made[1:], "duration": SHOWN_MS, "loop": 0}
        made[0].save(draft, format="PNG" if suffix == ".png" else "GIF", **more)


def _beside(parts: tuple[npt.NDArray[np.uint8], ...]) -> npt.NDArray[np.uint8]:
    """Put pictures of the same height side by side, with a white gap between them."""
    gap = np.full((parts[0].shape[0], GAP, 3), 255, np.uint8)
    joined = [piece for part in parts for piece in (part, gap)][:-1]
    return np.concatenate(joined, axis=1)


def _write_mp4(pictures: list[npt.NDArray[np.uint8]], path: Path) -> None:
    import imageio_ffmpeg

    height, width = (
        size - size % 2 for size in pictures[0].shape[:2]
    )  # the codec needs an even number of pixels
    writer = imageio_ffmpeg.write_frames(str(path), (width, height), fps=1000 / SHOWN_MS, macro_block_size=2)
    writer.send(None)
    for picture in pictures:
        writer.send(np.ascontiguousarray(picture[:height, :width]))
    writer.close()
