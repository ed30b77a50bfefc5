"""Channels: the colours of a movie, each of which is treated as a movie of its own."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import xarray as xr

from smlmsim import schema

CHANNEL = "channel"
ALONE = ""
"""What the one channel of a movie without channels is called."""
Movie = TypeVar("Movie", xr.Dataset, xr.DataArray)


def names(table: xr.Dataset) -> dict[int, str]:
    """The channels that localizations are of, by their numbers in ``loc_channel``; none if nothing says so.

    A channel is called as the attribute ``channels`` says, or else by its number.
    """
    if "loc_channel" not in table:
        return {}
    return called(np.unique(table.loc_channel.values), table.attrs.get("channels", ()))


def called(numbers: Iterable[int], known: Sequence[str]) -> dict[int, str]:
    """What some channels are called, given the names of channels from 0 on, if these tell all of them apart."""
    found = sorted(map(int, numbers))
    named = {number: str(known[number]) for number in found if number < len(known) and known[number]}
    if len(set(named.values())) == len(found):
        return named
    return {number: str(number) for number in found}


def choice(name: str) -> str:
    """The setting that chooses a channel, for messages; in quotes where a shell needs them."""
    return f"channel={shlex.quote(name)}"


def counted(table: xr.Dataset) -> xr.Dataset:
    """Count the channels of a table from 0 without gaps, and name them all in its attribute ``channels``."""
    known = names(table)
    numbers = np.searchsorted(list(known), table.loc_channel.values).astype(np.int32)
    counts = table.assign(loc_channel=schema.variable("loc_channel", numbers))
    return counts.assign_attrs(channels=list(known.values()))


def split(movie: Movie) -> dict[str, Movie]:
    """Take a movie, or an observation with its localizations, apart by channel.

    Parameters
    ----------
    movie : xr.Dataset or xr.DataArray
        Its ``loc_channel``, if there is one, counts the positions along the dim ``channel``.

    Returns
    -------
    dict of str to Dataset or DataArray
        By the name of the channel, without the dim. What has no such dim is in all of them. A movie without channels
        is returned alone, under an empty name.

    Raises
    ------
    SchemaError
        If two channels have one name.

    Examples
    --------
    >>> movie = xr.DataArray([[[[1]]], [[[2]]]], {"channel": ["red", "green"]}, ("channel", "time", "y", "x"))
    >>> {name: part.item() for name, part in split(movie).items()}
    {'red': 1, 'green': 2}
    """
    if CHANNEL not in movie.dims:
        return {ALONE: movie}
    called = [str(name) for name in movie[CHANNEL].values]  # without a coordinate they are counted
    if len(set(called)) < len(called):
        raise schema.SchemaError(f"the channels have names that repeat: {', '.join(called)}")
    return {name: _one(movie, number) for number, name in enumerate(called)}


def _one(movie: Movie, number: int) -> Movie:
    part = movie.isel({CHANNEL: number}, drop=True)
    if not isinstance(part, xr.Dataset) or "loc_channel" not in part:
        return part
    return part.isel(localization=np.flatnonzero(part.loc_channel.values == number))


def joined(parts: Mapping[str, xr.Dataset]) -> xr.Dataset:
    """Put what was made of each channel together along ``channel``: what :func:`split` takes apart.

    An attribute that differs between channels becomes a list, with a value for each.
    """
    if list(parts) == [ALONE]:
        return parts[ALONE]
    along = schema.variable(CHANNEL, list(parts)).to_index_variable()
    found: xr.Dataset = xr.concat(
        list(parts.values()), along, data_vars="all", coords="minimal", compat="override", join="exact",
        combine_attrs=_attributes,
    )  # fmt: skip
    return found


def repeated(movie: xr.DataArray, channels: Sequence[str]) -> xr.DataArray:
    """Show one movie in several channels; they share its memory, which cannot be written through the result."""
    along = schema.variable(CHANNEL, list(channels))
    return movie.expand_dims({CHANNEL: len(channels)}).assign_coords({CHANNEL: along})


def first(movie: xr.DataArray) -> xr.DataArray:
    """The first channel of a movie, or the movie if it has no channels."""
    return movie.isel({CHANNEL: 0}, drop=True) if CHANNEL in movie.dims else movie


def _attributes(found: Sequence[Mapping[str, Any]], context: Any = None) -> dict[str, Any]:
    """The attributes that all have alike, and lists of the others."""
    values = {name: [each.get(name, "") for each in found] for each in found for name in each}
    return {
        name: said[0] if all(np.array_equal(said[0], other) for other in said) else said
        for name, said in values.items()
    }


def labelled(label: str, channel: str) -> str:
    """What a movie of a channel is called: its own name, and that of the channel if there are several."""
    return f"{label} {channel}" if channel != ALONE else label


def panels(images: Mapping[str, xr.DataArray]) -> dict[str, xr.DataArray]:
    """Movies by name, with those of several channels apart: to be drawn or played beside each other."""
    return {
        labelled(name, channel): part
        for name, image in images.items()
        for channel, part in split(image).items()
    }
