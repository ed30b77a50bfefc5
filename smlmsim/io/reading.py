"""Settings with which a user describes a table; they take precedence over the file."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator

import numpy as np
import xarray as xr
from pydantic import NonNegativeInt, PositiveFloat

from smlmsim import channels
from smlmsim.spec import Spec

ALL = "all"
NOTES = "notes"
"""Attribute of a piece that lists the assumptions made."""
USUAL_EXPOSURE_S = 0.03
"""Exposure time in s that is taken where a table names none, and said so."""
MOST_CHANNELS = 10
"""Channels that a message names."""
_log = logging.getLogger(__name__)


class CountedFromZeroError(ValueError):
    """A frame 0 occurred in a table whose frames were taken to be counted from 1."""


class Headings(Spec):
    """Names of the columns of a text table whose header is of no known dialect, or their numbers from 1."""

    frame: str | None = None
    x: str | None = None
    y: str | None = None
    z: str | None = None
    sigma: str | None = None
    photons: str | None = None
    background: str | None = None
    uncertainty: str | None = None
    uncertainty_z: str | None = None
    channel: str | None = None


class Reading(Spec):
    """Units and columns of a localization table where its file does not state them, or states them wrongly.

    Parameters
    ----------
    exposure_s : float, optional
        Duration of a camera frame.
    camera_pixel_nm : float, optional
        Pixel of the camera: the unit of coordinates that are in pixels, or without a unit.
    first_frame : int, optional
        Number of the first camera frame in the file, usually 0 or 1. By default as stated by the file or its format; if
        neither states it, 0 if a frame 0 occurs and 1 otherwise.
    channel : str, optional
        The name or the number of the one channel to read, or "all". Images of all show each by itself; a structure made
        of all is made of all localizations together.
    columns : Headings
        Headings of columns with unusual names.
    drop_bad_rows : bool
        Leave out rows without a position or frame, instead of refusing the table.
    """

    exposure_s: PositiveFloat | None = None
    camera_pixel_nm: PositiveFloat | None = None
    first_frame: NonNegativeInt | None = None
    channel: str | None = None
    columns: Headings = Headings()
    drop_bad_rows: bool = False

    def applied(self, chunks: Iterable[xr.Dataset], source: str) -> Iterator[xr.Dataset]:
        """Replace metadata of the file by given values, and keep only one channel if one is chosen.

        Parameters
        ----------
        chunks : iterable of xr.Dataset
            The pieces of a table, with :class:`~smlmsim.io.metadata.Metadata` as attributes.
        source : str
            Name of the table in messages.

        Raises
        ------
        ValueError
            If the chosen channel does not exist.
        """
        given = {
            name: value
            for name in ("exposure_s", "camera_pixel_nm")
            if (value := getattr(self, name)) is not None
        }
        told, chosen = False, self.channel in (None, ALL)
        numbers: set[int] = set()
        for chunk in chunks:
            if not told:
                for name, value in given.items():
                    if chunk.attrs.get(name, value) != value:
                        _log.info(
                            "%s: %s = %g as given; the file says %g", source, name, value, chunk.attrs[name]
                        )
                told = True
            part = chunk if self.channel in (None, ALL) else self._of_channel(chunk, source)
            chosen = chosen or part.sizes["localization"] > 0
            yield part.assign_attrs(given)
            present = chunk.attrs.get("channels", ())
            if not chosen and "loc_channel" in chunk:
                numbers |= {int(number) for number in np.unique(chunk.loc_channel.values)}
        if told and not chosen:
            known = ", ".join(map(str, present or sorted(numbers)))
            raise ValueError(f"{source}: there is no channel {self.channel!r}; the channels are {known}")

    def require_one_channel(self, table: xr.Dataset, source: str, otherwise: str) -> None:
        """Refuse several channels, unless all are asked for.

        Parameters
        ----------
        table : xr.Dataset
        source : str
            What the table is called, for the message.
        otherwise : str
            What becomes of several channels that are asked for, as in "take each by itself".

        Raises
        ------
        ValueError
            If the table holds several channels and none is chosen.
        """
        if self.channel is None and len(known := list(channels.names(table).values())) > 1:
            raise ValueError(
                f"{source} holds {len(known)} channels, {', '.join(known[:MOST_CHANNELS])}; choose one, as in "
                f"{channels.choice(known[0])}, or {otherwise} with channel={ALL}"
            )

    def _of_channel(self, chunk: xr.Dataset, source: str) -> xr.Dataset:
        """The localizations of the chosen channel, which may first occur in a later piece."""
        names = [str(name) for name in chunk.attrs.get("channels", ())]
        if "loc_channel" not in chunk:
            if self.channel in names:
                return chunk
            raise ValueError(f"{source}: there is no channel {self.channel!r}; the table has a single one")
        asked = str(self.channel)
        number = names.index(asked) if asked in names else int(asked) if asked.isdecimal() else -1
        return chunk.isel(localization=np.flatnonzero(chunk.loc_channel.values == number))


def exposure_s(table: xr.Dataset, source: str) -> float:
    """The duration of a camera frame: the attribute of a table, or else 0.03 s, which is logged.

    Parameters
    ----------
    table : xr.Dataset
        Table as from :func:`smlmsim.read`.
    source : str
        What the table is called, for the message.
    """
    if "exposure_s" in table.attrs:
        return float(table.attrs["exposure_s"])
    _log.info(
        "%s: the exposure is taken to be %g s, as the table does not say it; if not, give exposure_s=0.01, say",
        source, USUAL_EXPOSURE_S,
    )  # fmt: skip
    return USUAL_EXPOSURE_S


def counted(
    chunks: Iterable[xr.Dataset],
    given: int | None,
    usual: int,
    source: str,
) -> Iterator[xr.Dataset]:
    """Count the frames of a table from 0, whatever the number of the first one in the file.

    Parameters
    ----------
    chunks : iterable of xr.Dataset
        Pieces of a table, with ``loc_frame`` as in the file, the attribute ``first_frame`` if the file states it, and
        ``NOTES``, other assumptions, which are logged on the same line.
    given : int or None
        Number of the first frame given by the user.
    usual : int
        Rule of the format: 1, unless a frame 0 occurs, or always 0.
    source : str
        Name of the table in messages.

    Yields
    ------
    xr.Dataset
        ``loc_frame`` counted from 0; the attribute ``first_frame`` is the number of frame 0 in the file.

    Raises
    ------
    ValueError
        If a frame comes before the first one.
    """
    first, assumed, told = given, list[str](), False
    for chunk in chunks:
        notes, least = chunk.attrs.pop(NOTES, ()), _least(chunk)
        if least is not None and (first is None or not told):
            first, assumed = _first_frame(chunk, given, usual, least)
        if not told and (said := [*notes, *assumed]):
            _log.info("%s: %s", source, "; ".join(said))
        told = True
        if least is None or first is None:
            yield chunk
            continue
        if least < first:
            kind = CountedFromZeroError if given is None and least == 0 else ValueError
            raise kind(
                f"{source}: found the frame {least}, though frames were taken to be counted from {first}; "
                f"give first_frame={least}"
            )
        if first:
            frame = chunk.loc_frame.values - np.int32(first)
            chunk["loc_frame"] = (chunk.loc_frame.dims, frame, chunk.loc_frame.attrs)
        yield chunk.assign_attrs(first_frame=first)


def _least(chunk: xr.Dataset) -> int | None:
    """The smallest frame of a piece; None if it is empty."""
    if "loc_frame" not in chunk or not chunk.sizes["localization"]:
        return None
    return int(chunk.loc_frame.values.min())


def _first_frame(chunk: xr.Dataset, given: int | None, usual: int, least: int) -> tuple[int, list[str]]:
    """The number of the first frame in a table, and notes about it."""
    said: int | None = chunk.attrs.get("first_frame")
    if given is not None:
        return given, [f"first_frame={given} as given; the file says {said}"] if said not in (
            None,
            given,
        ) else []
    if said is not None and (said <= least or least > 0):
        return said, []
    first = min(usual if said is None else said, least)
    if not usual:
        return first, []
    why = "since there is a frame 0" if first == 0 else "as most do; if not, give first_frame=0"
    return first, [f"frames are taken to be counted from {first}, {why}"]
