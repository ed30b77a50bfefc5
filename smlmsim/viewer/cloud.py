"""A localization table as a quadtree of tiles, in an order whose beginning is a random sample."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import xarray as xr

from smlmsim import channels, io, schema
from smlmsim.io.reading import CountedFromZeroError
from smlmsim.progress import bar
from smlmsim.rng import stream
from smlmsim.selection import Selection
from smlmsim.viewer._tree_kernels import QUARTERS, gather, place

Array = npt.NDArray[Any]

ROOM = 2**14
"""Localizations that a tile holds."""
BLOCK = 2**11
"""Localizations of a tile that are sorted by time: the first n blocks are a random sample of the tile."""
AT_ONCE = 2**22
"""Localizations that are placed between two steps of the progress bar."""
DEEPEST = 20
"""Levels below the first tile, which divide 1 mm into 1 nm."""
STEPS = 2**16
"""Time steps that are told apart; of longer recordings, each is several camera frames."""
PER_NM = 10
"""Steps of the reported precision in a nm."""
UNKNOWN = 2**16 - 1
"""What stands for an unknown precision, and the least that is not told apart from greater ones."""
MOST_CHANNELS = 256
SHOWN = 0.999
"""Fraction of the localizations, along each axis, that the first view contains."""
WANTED = ("loc_x", "loc_y", "loc_frame", "loc_z", "loc_uncertainty", "loc_channel")
SENT = {"x": "<f4", "y": "<f4", "z": "<f4", "time": "<u2", "uncertainty": "<u2", "channel": "|u1"}
"""Columns of a tile and their types, in the order in which they are sent: larger types first, so that all align."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Time:
    """What the time steps of a cloud or movie stand for.

    Parameters
    ----------
    steps : int
        Number of steps.
    first : float
        The beginning of the first step, in ``unit``.
    step : float
        Duration of a step, in ``unit``.
    unit : str
        "s", or "frames" where the exposure is not known.
    """

    steps: int
    first: float
    step: float
    unit: str


@dataclass(frozen=True, eq=False)
class Cloud:
    """Localizations in tiles, whose blocks of ``BLOCK`` are sorted by time each.

    Parameters
    ----------
    columns : mapping of str to array (localization,)
        As in ``SENT``; x and y in nm from the corner of the tile, the time in steps, the uncertainty in 0.1 nm.
    start : array (tile + 1,), int
        Index of the first localization of each tile.
    corner : array (tile, 2)
        Upper left corner (y, x) of the tiles, nm.
    edge : array (tile,)
        Edge length of the tiles, nm.
    parent : array (tile,), int
        The tile above; -1 for the first.
    span : array (tile, 2)
        Where the first and the last localization of the tile come in the random order of all, from 0 to 1.
    shown_nm : tuple of 4 floats
        Rectangle of the first view: x0, x1, y0, y1.
    z_nm : tuple of 2 floats
        The range of z that nearly all lie in; equal where it is not known.
    time : Time or None
        None where the table does not say when.
    channels : tuple of str
        Names of several channels.
    """

    columns: Mapping[str, Array]
    start: Array
    corner: Array
    edge: Array
    parent: Array
    span: Array
    shown_nm: tuple[float, float, float, float]
    z_nm: tuple[float, float]
    time: Time | None
    channels: tuple[str, ...] = ()

    def __len__(self) -> int:
        return int(self.start[-1])

    @property
    def nbytes(self) -> int:
        """Bytes of all tiles."""
        return sum(column.nbytes for column in self.columns.values())

    def tile(self, number: int) -> bytes:
        """Return the localizations of a tile, one column after the other as in ``SENT``, little-endian.

        Raises
        ------
        IndexError
            If there is no such tile.
        """
        if not 0 <= number < self.edge.size:
            raise IndexError(f"there is no tile {number}")
        part = slice(int(self.start[number]), int(self.start[number + 1]))
        return b"".join(column[part].tobytes() for column in self.columns.values())

    @classmethod
    def of(cls, chunks: Iterable[xr.Dataset], *, room: int = ROOM) -> Self:
        """Arrange the localizations of a table.

        Parameters
        ----------
        chunks : iterable of xr.Dataset
            Pieces of a table, as from :func:`smlmsim.io.chunks`.
        room : int
            Localizations that a tile holds.

        Raises
        ------
        ValueError
            If there is no localization, or if there are more than 256 channels.
        """
        columns, attrs = _columns(chunks)
        if "loc_x" not in columns or columns["loc_x"].size == 0:
            raise ValueError("there are no localizations to show")
        sent: dict[str, Array] = {}
        time = _time(columns, attrs, sent)
        names = _channels(columns, attrs, sent)
        x, y = columns.pop("loc_x"), columns.pop("loc_y")
        z_nm = _depth(columns, sent)
        _precision(columns, sent)
        shown_nm = (*_most(x), *_most(y))
        tree, group_of = _tree(y, x, room)
        sent |= {"x": x, "y": y}
        del x, y
        return cls(
            _arranged(sent, tree, group_of), **tree, shown_nm=shown_nm, z_nm=z_nm, time=time, channels=names
        )


def read_cloud(path: Path, reading: io.Reading, selection: Selection) -> Cloud:
    """Read a table of any format, piece by piece unless localizations are selected.

    Raises
    ------
    ValueError, OSError
        As :func:`smlmsim.io.read` and :meth:`Cloud.of`.
    """
    if selection.limits:
        return Cloud.of([selection.select(io.read(path, reading))])
    try:
        return Cloud.of(_counting(io.chunks(path, reading)))
    except CountedFromZeroError:
        return Cloud.of(_counting(io.chunks(path, reading.replace({"first_frame": 0}))))


def _counting(chunks: Iterator[xr.Dataset]) -> Iterator[xr.Dataset]:
    with bar(None, "localizations", thousands=True) as progress:
        for chunk in chunks:
            yield chunk
            progress.update(chunk.sizes["localization"])


def _columns(chunks: Iterable[xr.Dataset]) -> tuple[dict[str, Array], dict[str, Any]]:
    """Join the columns that are shown, sorted by frame, and the attributes."""
    parts: dict[str, list[Array]] = {}
    attrs: dict[str, Any] = {}
    for chunk in chunks:
        attrs.update(chunk.attrs)
        schema.check(chunk, "loc_y", "loc_x")
        for name in WANTED:
            if name in chunk:
                parts.setdefault(name, []).append(chunk[name].values)
    columns = {name: np.concatenate(parts.pop(name)) for name in list(parts)}
    frame = columns.get("loc_frame")
    if frame is not None and (frame[1:] < frame[:-1]).any():
        order = np.argsort(frame, kind="stable")
        for name in list(columns):
            columns[name] = columns[name][order]
    return columns, attrs


def _time(columns: dict[str, Array], attrs: Mapping[str, Any], sent: dict[str, Array]) -> Time | None:
    """Take the frames away and leave the time steps; several frames are one step in a long recording."""
    frame = columns.pop("loc_frame", None)
    if frame is None:
        return None
    first, frames = int(frame[0]), int(frame[-1]) - int(frame[0]) + 1
    each = -(-frames // STEPS)
    sent["time"] = ((frame - first) // each).astype(np.uint16)
    scale = attrs.get("exposure_s")
    unit, exposure = ("s", float(scale)) if scale else ("frames", 1.0)
    return Time(-(-frames // each), first * exposure, each * exposure, unit)


def _channels(columns: dict[str, Array], attrs: Mapping[str, Any], sent: dict[str, Array]) -> tuple[str, ...]:
    """Take the channels away and leave their positions among those that occur, if there are several."""
    channel = columns.pop("loc_channel", None)
    if channel is None:
        return ()
    numbers = np.unique(channel)
    if numbers.size > MOST_CHANNELS:
        raise ValueError(
            f"there are {numbers.size} channels, at most {MOST_CHANNELS} are shown; choose one, channel=0"
        )
    if numbers.size < 2:
        return ()
    sent["channel"] = np.searchsorted(numbers, channel).astype(np.uint8)
    return tuple(channels.called(numbers, attrs.get("channels", ())).values())


def _depth(columns: dict[str, Array], sent: dict[str, Array]) -> tuple[float, float]:
    """Take z away and leave it from the middle, with the middle for those that have none."""
    z = columns.pop("loc_z", None)
    if z is None or not (known := np.isfinite(z)).any():
        return 0.0, 0.0
    low, high = _most(z[known])
    if missing := int(z.size - np.count_nonzero(known)):
        _log.info("%d of %d localizations have no z; they are shown in the middle", missing, z.size)
        z = np.where(known, z, np.float32((low + high) / 2))
    sent["z"] = z
    return low, high


def _precision(columns: dict[str, Array], sent: dict[str, Array]) -> None:
    """Take the reported precision away and leave it in steps."""
    found = columns.pop("loc_uncertainty", None)
    if found is not None and np.isfinite(found).any():
        steps = np.minimum(np.rint(found * np.float32(PER_NM)), UNKNOWN - 1)
        sent["uncertainty"] = np.where(np.isfinite(found), steps, UNKNOWN).astype(np.uint16)


def _most(values: Array) -> tuple[float, float]:
    """The interval between the quantiles that leave out very few, of a sample if there are many."""
    sample = values[:: max(1, values.size // 10**6)]
    low, high = np.quantile(sample, [(1 - SHOWN) / 2, (1 + SHOWN) / 2])
    return float(low), float(high)


def _tree(y: Array, x: Array, room: int) -> tuple[dict[str, Array], Array]:
    """The tiles, as fields of a cloud, and the block of each localization, counted through all tiles."""
    (top, bottom), (left, right) = ((float(axis.min()), float(axis.max())) for axis in (y, x))
    most = 1 + 4 * (y.size // room)  # only full tiles have others below them, at most four
    corner, edge, parent = np.zeros((most, 2)), np.zeros(most), np.zeros(most, np.int32)
    filled, first, last = (np.zeros(most, np.int64) for _ in range(3))
    corner[0], edge[0] = (top, left), max(bottom - top, right - left, 1.0)
    tile_of, group_of = np.empty(y.size, np.int32), np.empty(y.size, np.int32)
    below = np.full((most, QUARTERS), -1, np.int32)
    parent[0], tiles = -1, 1
    order = stream(0, "viewer").permutation(np.arange(y.size, dtype=np.uint32))
    with bar(y.size, "localizations in tiles", thousands=True) as progress:
        for before in range(0, y.size, AT_ONCE):
            some = order[before : before + AT_ONCE]
            tiles = place(
                some, y, x, room, DEEPEST, corner, edge, parent, filled, first, last, tile_of, group_of, below,
                before, tiles,
            )  # fmt: skip
            progress.update(some.size)
    group_of //= BLOCK
    group_of += _first_block(filled[:tiles])[tile_of]
    return {
        "start": np.concatenate([[0], np.cumsum(filled[:tiles])]),
        "corner": corner[:tiles],
        "edge": edge[:tiles],
        "parent": parent[:tiles],
        "span": np.stack([first[:tiles], last[:tiles]], axis=1) / y.size,
    }, group_of


def _first_block(counts: Array) -> npt.NDArray[np.int32]:
    """The number of the first block of each tile, and of all blocks."""
    return np.concatenate([[0], np.cumsum(-(-counts // BLOCK))]).astype(np.int32)


def _arranged(sent: dict[str, Array], tree: Mapping[str, Array], group_of: Array) -> dict[str, Array]:
    """Sort the columns by tile and block, and count positions from the corner of the tile."""
    counts = np.diff(tree["start"])
    blocks = np.diff(_first_block(counts))
    number = np.arange(blocks.sum()) - np.repeat(np.cumsum(blocks) - blocks, blocks)
    start = np.repeat(tree["start"][:-1], blocks) + BLOCK * number
    corner = np.repeat(tree["corner"], blocks, axis=0)
    origin = {"x": corner[:, 1].copy(), "y": corner[:, 0].copy()}
    arranged: dict[str, Array] = {}
    for name, dtype in SENT.items():
        if name in sent:
            arranged[name] = np.empty(group_of.size, dtype)
            gather(group_of, start, sent.pop(name), origin.get(name, np.zeros(start.size)), arranged[name])
    return arranged
