"""Reading of ``.smlm`` files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from smlmsim.io import columns as table_columns
from smlmsim.io.columns import LEFT_OUT
from smlmsim.io.flaws import Flaws
from smlmsim.io.metadata import Metadata
from smlmsim.io.reading import NOTES, Reading
from smlmsim.io.smlm.archive import member, opened
from smlmsim.io.smlm.hash import table_hash
from smlmsim.io.smlm.image import read_image
from smlmsim.io.smlm.manifest import Attachment, Entry, Manifest, read_manifest
from smlmsim.io.smlm.table import Table
from smlmsim.io.smlm.tags import read_metadata


def chunks(path: Path, reading: Reading, *, rows: int, others: bool) -> Iterator[xr.Dataset]:
    """Read the pieces of a table, as :class:`~smlmsim.io.formats.TableModule` says.

    The tables follow each other, each shifted by its offset, which places tiles side by side; ``loc_channel`` exists
    if there are several channels. Columns that not all tables have are left out.
    """
    with opened(path) as archive:
        manifest = read_manifest(archive)
        entries = manifest.entries("table")
        metadata = _metadata(manifest, entries)
        pixel_nm = reading.camera_pixel_nm or metadata.camera_pixel_nm
        names = metadata.channels or ("default",)
        tables = [Table.of(archive, manifest, entry, reading, pixel_nm) for entry in entries]
        shared = set.intersection(*(set(table.meaning.columns) for table in tables)) if tables else set()
        alike = set.intersection(*(set(table.others()) for table in tables)) if tables else set()
        notes: list[str] = []
        left_out = _left_out(tables, shared, alike, notes, others=others)
        attrs = metadata.tree() | {NOTES: notes} | ({LEFT_OUT: left_out} if others and left_out else {})
        notes.extend(dict.fromkeys(note for table in tables for note in table.meaning.notes))
        flaws = Flaws(str(path), drop_bad_rows=reading.drop_bad_rows)
        empty = True
        for table in tables:
            channel = names.index(_channel(table.entry, len(entries)))
            for found, more in table.chunks(rows, flaws, others=others):
                empty = False
                kept = {name: values for name, values in found.items() if name in shared}
                if len(names) > 1:
                    kept["loc_channel"] = np.full(kept["loc_x"].size, channel, np.int32)
                rest = [column for column in more if column.attrs["heading"] in alike]
                yield table_columns.dataset(kept, attrs, rest)
        flaws.require_rows()
        if empty:
            raise ValueError(f"{len(entries)} tables, but no localizations")
        flaws.say()


def _left_out(
    tables: list[Table], shared: set[str], alike: set[str], notes: list[str], *, others: bool
) -> list[str]:
    """The headers of columns that are not read, with notes; unknown ones only if others are requested."""
    partial = [
        column.heading
        for table in tables
        for variable, column in table.meaning.columns.items()
        if variable not in shared
    ]
    unread = []
    if others:
        partial += [header for table in tables for header in table.others() if header not in alike]
        unread = [header for table in tables for header in table.unread()]
    reasons = {
        "columns that not all of the tables have": partial,
        "unknown columns of text tables, or columns of several values a row,": unread,
    }
    for reason, headers in reasons.items():
        if headers:
            notes.append(f"{reason} are left out: {', '.join(map(repr, dict.fromkeys(headers)))}")
    return list(dict.fromkeys([*partial, *unread]))


def _metadata(manifest: Manifest, entries: list[Entry]) -> Metadata:
    """The metadata of the manifest and of the first table of each channel."""
    firsts = {_channel(entry, len(entries)): entry for entry in reversed(entries)}
    names = dict.fromkeys(_channel(entry, len(entries)) for entry in entries)
    return read_metadata(manifest, {name: firsts[name] for name in names})


def read_images(path: str | Path) -> dict[str, npt.NDArray[Any]]:
    """Read all images of an archive, by their file names without the extension.

    Raises
    ------
    ValueError, OSError
        As :func:`read`.
    """
    with opened(path) as archive:
        manifest = read_manifest(archive)
        return {entry.stem: read_image(archive, manifest, entry) for entry in manifest.entries("image")}


def read_attachments(path: str | Path) -> list[Attachment]:
    """Read all other files of an archive unchanged: images, and whatever else the manifest lists.

    Raises
    ------
    ValueError, OSError
        As :func:`read`.
    """
    with opened(path) as archive:
        manifest = read_manifest(archive)
        return [
            Attachment(
                archive.read(member(archive, entry.name)),
                entry.model_dump(exclude_unset=True),
                manifest.formats.get(entry.format),
            )
            for entry in manifest.files
            if entry.type != "table"
        ]


def hashes(path: str | Path) -> dict[str, bool]:
    """Check, for every table with a hash in the file, whether the hash matches its frames and positions.

    Raises
    ------
    ValueError, OSError
        As :func:`read`.
    """
    with opened(path) as archive:
        manifest = read_manifest(archive)
        claimed = {
            entry.name: (entry, str(said))
            for entry in manifest.entries("table")
            if (said := (entry.model_extra or {}).get("hash"))
        }
        return {
            name: table_hash(*Table.of(archive, manifest, entry).raw("frame", "x", "y")) == said.lower()
            for name, (entry, said) in claimed.items()
        }


def _channel(entry: Entry, tables: int) -> str:
    """The name of a table's channel, or the name of its file if all channels are called "default"."""
    named = entry.channel not in (None, "", "default")
    return str(entry.channel) if named else entry.stem if tables > 1 else "default"
