"""The images of a ``.smlm`` file: raw pixels, PNG or JPEG."""

from __future__ import annotations

import io
import math
import zipfile
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from smlmsim.io.limits import require_plausible
from smlmsim.io.smlm.archive import member
from smlmsim.io.smlm.manifest import Entry, Manifest, dtype, image_format

PICTURES = {"png": "PNG", "jpg": "JPEG", "jpeg": "JPEG"}


def read_image(archive: zipfile.ZipFile, manifest: Manifest, entry: Entry) -> npt.NDArray[Any]:
    """Read an image of an archive.

    Returns
    -------
    array
        Raw pixels in the shape of the manifest, or a picture (y, x) or (y, x, colour).

    Raises
    ------
    ValueError
        If the image does not match the manifest, is damaged, or declares an absurd size.
    """
    info = member(archive, entry.name)
    if entry.format.lower() in PICTURES and entry.format not in manifest.formats:
        return _picture(archive.read(info), entry)
    form = image_format(manifest, entry)
    kind = np.dtype(dtype(form.dtype))
    if not form.shape or math.prod(form.shape) * kind.itemsize != info.file_size:
        raise ValueError(
            f"{entry.name!r} is {info.file_size} bytes long; {form.shape} pixels of {form.dtype} are announced"
        )
    return np.frombuffer(archive.read(info), kind).reshape(form.shape)


def _picture(content: bytes, entry: Entry) -> npt.NDArray[Any]:
    try:
        with Image.open(io.BytesIO(content), formats=[PICTURES[entry.format.lower()]]) as picture:
            require_plausible(repr(entry.name), math.prod(picture.size) * 4, len(content))
            return np.asarray(picture)
    except (OSError, SyntaxError, Image.DecompressionBombError, ValueError) as error:
        raise ValueError(f"{entry.name!r} is no {entry.format} picture, or a damaged one ({error})") from None
