"""What a table holds, in numbers and words, measured in one pass with little memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from pydantic import NonNegativeFloat, NonNegativeInt, PositiveFloat

from smlmsim import channels, io
from smlmsim.catalogue import thumbnail, vocabulary
from smlmsim.catalogue.shape import Shape
from smlmsim.io.metadata import Metadata
from smlmsim.io.publication import Plain
from smlmsim.io.reading import CountedFromZeroError, Reading
from smlmsim.schema import dataset
from smlmsim.spec import Spec

DRAWN = ("loc_y", "loc_x", "loc_uncertainty", "loc_channel")
MOST_DRAWN = 2**18
"""Localizations that are kept for the picture."""


def shown(value: float) -> str:
    """Show a number in at least three digits, large ones whole.

    Examples
    --------
    >>> shown(0.01234), shown(5000)
    ('0.0123', '5,000')
    """
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


class Card(Spec):
    """What a table holds.

    Parameters
    ----------
    name : str
        What it is called: its title, or else its file.
    format : str
        The format of the file.
    localizations, frames : int
        Their number; ``frames`` is 0 if the table has none.
    exposure_s : float, optional
        Duration of a frame.
    precision_nm : float, optional
        Median of the reported precision.
    photons : float, optional
        Median number of photons.
    height_nm, width_nm : float
        Extent, without a few stray localizations.
    channels : tuple of str
        Names of the channels, if there are several.
    tags : tuple of str
        As ``structure:microtubules``.
    description, license, citation, doi : str
        What is said of it; "" if nothing is.
    """

    name: Plain
    format: str
    localizations: NonNegativeInt
    frames: NonNegativeInt = 0
    exposure_s: PositiveFloat | None = None
    precision_nm: NonNegativeFloat | None = None
    photons: NonNegativeFloat | None = None
    height_nm: PositiveFloat
    width_nm: PositiveFloat
    channels: tuple[Plain, ...] = ()
    tags: tuple[Plain, ...] = ()
    description: Plain = ""
    license: Plain = ""
    citation: Plain = ""
    doi: Plain = ""

    @property
    def rate_hz(self) -> float | None:
        """Localizations per second, if that is known."""
        if not self.frames or self.exposure_s is None:
            return None
        return self.localizations / (self.frames * self.exposure_s)

    @property
    def density_per_um2(self) -> float:
        """Localizations per area of the field."""
        return self.localizations / (self.height_nm * self.width_nm) * 1e6

    @property
    def sentence(self) -> str:
        """The numbers in a sentence."""
        parts = [f"{self.localizations:,} localizations"]
        if self.frames:
            during = f" ({shown(self.frames * self.exposure_s)} s)" if self.exposure_s else ""
            parts.append(f"{self.frames:,} frames{during}")
        parts.append(f"{self.height_nm / 1000:.3g} x {self.width_nm / 1000:.3g} um")
        if self.rate_hz:
            parts.append(f"{shown(self.rate_hz)} per s")
        if self.precision_nm is not None:
            parts.append(f"precision {self.precision_nm:.3g} nm")
        if self.channels:
            parts.append(f"channels {' and '.join(self.channels)}")
        return ", ".join(parts)


class Measured(NamedTuple):
    """A card, the metadata from which it was made, a picture (y, x, colour) and the shape of the structure."""

    card: Card
    metadata: Metadata
    picture: thumbnail.Picture
    shape: Shape | None


def measured(path: Path, reading: Reading = Reading(), tags: tuple[str, ...] = ()) -> Measured:
    """Measure a table and draw it, in memory for a piece of it.

    Parameters
    ----------
    path : Path
        A table of any format that is read.
    reading : Reading
        What its file does not state, or states wrongly.
    tags : tuple of str
        Tags besides those of its metadata.

    Raises
    ------
    ValueError, OSError
        As :func:`smlmsim.io.read`.
    """
    from smlmsim import (
        estimate,
    )  # here, since it loads statistics and image processing, which no search needs

    sample, attrs = _Sample(), dict[str, Any]()
    try:
        summary = estimate.summarise(_kept(path, reading, sample, attrs))
    except CountedFromZeroError:
        sample, attrs = _Sample(), {}
        counted = reading.replace({"first_frame": 0})
        summary = estimate.summarise(_kept(path, counted, sample, attrs))
    metadata = Metadata.of(dataset(attrs))
    table = sample.table()
    height_nm, width_nm = thumbnail.extent_nm(table)
    said = channels.called(summary.channels, metadata.channels)
    card = Card(
        name=metadata.name or path.name,
        format=io.format_name(path),
        localizations=summary.localizations,
        frames=summary.frames,
        exposure_s=metadata.exposure_s,
        precision_nm=_known(summary.precision_nm(0.5)),
        photons=_known(summary.photons(0.5)),
        height_nm=height_nm,
        width_nm=width_nm,
        channels=tuple(said.values()) if len(said) > 1 else (),
        tags=tuple(_written(one) for one in vocabulary.tags(metadata, tags)),
        description=metadata.description or "",
        license=metadata.license or "",
        citation=metadata.citation or "",
    )
    return Measured(card, metadata, thumbnail.of_table(table), Shape.of(table))


def _written(one: vocabulary.Tag) -> str:
    return f"{vocabulary.said(one.category)}:{one.name}" if one.category else one.name


def _known(value: float) -> float | None:
    return float(f"{value:.4g}") if np.isfinite(value) else None


def _kept(path: Path, reading: Reading, sample: _Sample, attrs: dict[str, Any]) -> Iterator[xr.Dataset]:
    """Yield the pieces of a table unchanged, and keep their attributes and a sample."""
    for chunk in io.chunks(path, reading):
        attrs.update(chunk.attrs)
        sample.add(chunk)
        yield chunk


class _Sample:
    """Every n-th localization, as few as are drawn, however long the table is."""

    def __init__(self) -> None:
        self.parts: list[xr.Dataset] = []
        self.seen, self.step = 0, 1

    def add(self, chunk: xr.Dataset) -> None:
        """Keep every n-th localization of a piece."""
        number = chunk.sizes["localization"]
        first = -self.seen % self.step
        self.seen += number
        kept = [name for name in DRAWN if name in chunk]
        self.parts.append(chunk[kept].isel(localization=slice(first, None, self.step)).drop_attrs().copy())
        while sum(part.sizes["localization"] for part in self.parts) > MOST_DRAWN:
            self.parts = [self.table().isel(localization=slice(None, None, 2)).copy()]
            self.step *= 2

    def table(self) -> xr.Dataset:
        """What was kept; columns that not all pieces have are left out."""
        if len(self.parts) == 1:
            return self.parts[0]
        shared = set.intersection(*(set(map(str, part)) for part in self.parts))
        return dataset(
            **{
                name: np.concatenate([part[name].values for part in self.parts])
                for name in DRAWN
                if name in shared
            }
        )
