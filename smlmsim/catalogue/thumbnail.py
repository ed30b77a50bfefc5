"""Small pictures of tables: each localization as a Gaussian of its precision."""

from __future__ import annotations

import io
import itertools
import math

import numpy as np
import numpy.typing as npt
import xarray as xr

from smlmsim import schema
from smlmsim.brightness import white_level
from smlmsim.field import FieldOfView
from smlmsim.localization_density import RADIUS_IN_SIGMAS, localization_density, precisions

SIDE = 256
"""Pixels along the longer side."""
LEAST_SIDE = 48
"""Pixels along the shorter side, at least."""
STRAY = 0.0005
"""Share of the localizations at either end of an axis that may lie outside of the picture."""
FEW = 1000
"""With fewer localizations than this, none is left out."""
MOST_WEIGHTS = 2**24
"""Pixels under all Gaussians; of longer tables a part is drawn."""
CHANNEL_COLOURS = ((1.0, 0.0, 1.0), (0.0, 1.0, 0.0), (0.0, 1.0, 1.0), (1.0, 1.0, 0.0))
"""Colours of channels; the first two are white where they overlap."""

Picture = npt.NDArray[np.uint8]


def field_of(table: xr.Dataset, side: int = SIDE) -> FieldOfView:
    """The field of a picture that has all localizations but a few strays.

    Parameters
    ----------
    table : xr.Dataset
        ``loc_y``, ``loc_x`` (localization,), at least one.
    side : int
        Pixels along the longer side.
    """
    low, high = _ends(table)
    pixel_nm = max(float((high - low).max()), 1.0) / (side - 2)
    pixels = np.clip(np.ceil((high - low) / pixel_nm) + 2, LEAST_SIDE, side)
    middle = (low + high) / 2
    height, width = (float(number) * pixel_nm for number in pixels)
    return FieldOfView(
        height_nm=height, width_nm=width, pixel_nm=pixel_nm,
        origin_y_nm=float(middle[0]) - height / 2, origin_x_nm=float(middle[1]) - width / 2,
    )  # fmt: skip


def extent_nm(table: xr.Dataset) -> tuple[float, float]:
    """Height and width that a table covers, without a few strays; at least 1 nm each."""
    low, high = _ends(table)
    height, width = np.maximum(high - low, 1.0)
    return float(height), float(width)


def within(table: xr.Dataset) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """The positions (y, x) of the localizations that are no strays, nm."""
    positions = np.stack([table[name].values.astype(np.float64) for name in ("loc_y", "loc_x")])
    low, high = _ends(table)
    y, x = positions[:, ((positions >= low[:, None]) & (positions <= high[:, None])).all(axis=0)]
    return y, x


def of_table(table: xr.Dataset, side: int = SIDE) -> Picture:
    """Draw a table; channels have a colour each.

    Parameters
    ----------
    table : xr.Dataset
        ``loc_y``, ``loc_x`` and, where known, ``loc_uncertainty``, ``loc_channel`` (localization,), at least one.
    side : int
        Pixels along the longer side.

    Returns
    -------
    array (y, x, colour), uint8
    """
    schema.check(table, "loc_y", "loc_x")
    field = field_of(table, side)
    channel = (
        table.loc_channel.values if "loc_channel" in table else np.zeros(table.sizes["localization"], int)
    )
    found = [
        _brightness(table.isel(localization=np.flatnonzero(channel == one)), field)
        for one in np.unique(channel)
    ]
    if len(found) == 1:
        return coloured(found[0])
    colours = itertools.cycle(CHANNEL_COLOURS)
    mixed = sum(part[..., None] * np.array(next(colours)) for part in found)
    return np.asarray(255 * np.clip(mixed, 0, 1), np.uint8)


def coloured(image: npt.NDArray[np.floating]) -> Picture:
    """Colour an image (y, x) of brightness as all pictures of movies are, (y, x, colour)."""
    import matplotlib

    shown = np.clip(image / white_level(image.astype(np.float64)), 0, 1)
    return np.asarray(matplotlib.colormaps["inferno"](shown, bytes=True)[..., :3], np.uint8)


def png(picture: Picture) -> bytes:
    """Encode a picture without loss."""
    return _encoded(picture, "PNG", optimize=True)


def webp(picture: Picture) -> bytes:
    """Encode a picture for a page."""
    return _encoded(picture, "WEBP", quality=80, method=4)


def _ends(table: xr.Dataset) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """The lower and upper ends (y, x) of the positions, without a few strays; all of them in a short table."""
    stray = STRAY if table.sizes["localization"] > FEW else 0.0
    positions = np.stack([table[name].values.astype(np.float64) for name in ("loc_y", "loc_x")])
    low, high = np.quantile(positions, [stray, 1 - stray], axis=1)
    return low, high


def _encoded(picture: Picture, form: str, **options: int | bool) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, form, **options)
    return buffer.getvalue()


def _brightness(table: xr.Dataset, field: FieldOfView) -> npt.NDArray[np.float64]:
    """Draw the localizations of a channel, from 0 to 1."""
    sigma_nm = np.clip(precisions(table).nm, field.pixel_nm / 2, 20 * field.pixel_nm)
    across = 2 * RADIUS_IN_SIGMAS * sigma_nm / field.pixel_nm + 1
    step = max(1, math.ceil(float((across**2).sum()) / MOST_WEIGHTS))
    some = table.isel(localization=slice(None, None, step))
    image = localization_density(some, sigma_nm[::step], field).astype(np.float64)
    return np.clip(image / white_level(image), 0, 1)
