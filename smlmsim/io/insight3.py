"""Localization tables of Insight3 and storm-analysis: ``.bin`` files that begin with "M425"; read only.

A head of 16 bytes is followed by records of 18 numbers of 4 bytes each. Drift-corrected positions are read. They are in
camera pixels, whose size ``camera_pixel_nm`` must be given, since the file does not state it. The centre of the first
pixel is at 1, and nothing is subtracted. Camera frames are counted from 1. Heights, areas and backgrounds are in camera
counts, not photons.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
import xarray as xr

from smlmsim.io import records
from smlmsim.io.metadata import Metadata
from smlmsim.io.reading import Reading

FIRST_FRAME = 1
"""Number of the first frame in this format."""
HEAD = np.dtype([("version", "S4"), ("frames", "<i4"), ("status", "<i4"), ("molecules", "<i4")])
RECORD = np.dtype(
    [
        *((name, "<f4") for name in ("x", "y", "xc", "yc", "h", "a", "w", "phi", "ax", "bg", "i")),
        *((name, "<i4") for name in ("c", "density", "frame", "length", "link")),
        *((name, "<f4") for name in ("z", "zc")),
    ]
)


def chunks(path: Path, reading: Reading, *, rows: int, others: bool) -> Iterator[xr.Dataset]:
    """Read the pieces of a table, as :class:`~smlmsim.io.formats.TableModule` says."""
    with path.open("rb") as file:
        try:
            number, frames = _head(file.read(HEAD.itemsize), path.stat().st_size)
            pixel_nm = reading.camera_pixel_nm
            if pixel_nm is None:
                raise ValueError(
                    "a .bin file does not say how large a camera pixel is; give camera_pixel_nm=160, say"
                )
            known = {
                "loc_frame": records.Known("frame"),
                "loc_x": records.Known("xc", pixel_nm),
                "loc_y": records.Known("yc", pixel_nm),
                "loc_z": records.Known("zc"),
            }
            attrs = Metadata(frames=frames if frames > 0 else None).tree()
            pieces = _pieces(file, number, rows)
            yield from records.tables(pieces, known, attrs, path, reading, others=others)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None


def _pieces(file: BinaryIO, number: int, rows: int) -> Iterator[records.Fields]:
    """Yield the records in pieces."""
    for start in range(0, number, rows):
        found = np.frombuffer(file.read(min(rows, number - start) * RECORD.itemsize), RECORD)
        yield {name: found[name] for name in RECORD.names or ()}


def _head(content: bytes, size: int) -> tuple[int, int]:
    """Read the number of localizations and of camera frames."""
    if len(content) < HEAD.itemsize or content[:4] != b"M425":
        raise ValueError("the file does not begin as .bin files of Insight3 do, with M425 and 12 more bytes")
    _, frames, _, number = np.frombuffer(content, HEAD)[0].tolist()
    if number <= 0:
        raise ValueError(f"the head of the file says that it holds {number} localizations")
    if HEAD.itemsize + number * RECORD.itemsize > size:
        raise ValueError(
            f"the head of the file says that it holds {number} localizations; it is too short for them"
        )
    return number, frames
