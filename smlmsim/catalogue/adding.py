"""Add tables to a catalogue: files, and all tables in folders."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from smlmsim import io
from smlmsim.catalogue import thumbnail, vocabulary
from smlmsim.catalogue.card import Card, measured
from smlmsim.catalogue.index import Index, Where
from smlmsim.io.publication import Publication
from smlmsim.io.reading import Reading
from smlmsim.progress import bar
from smlmsim.spec import one_line

ENDINGS = (".csv", ".tsv", ".txt", ".xls", ".smlm", ".hdf5", ".h5", ".mat", ".bin", ".3dlp", ".gz", ".dat")
"""Endings of files that may be tables; what they hold decides."""
TEXTS = ("citation.txt", "readme.txt", "license.txt", "licence.txt")
"""Files that are for people."""
_log = logging.getLogger(__name__)


class Added(NamedTuple):
    """Numbers of tables that are new or changed, as they were, and gone, and of files that are no tables."""

    added: int
    unchanged: int
    gone: int
    others: int


def add(index: Index, paths: Sequence[Path], reading: Reading, tags: Sequence[str] = ()) -> Added:
    """Add files and all tables in folders; those that did not change since they were added are not read again.

    Parameters
    ----------
    index : Index
        Opened to write.
    paths : sequence of Path
        Files and folders. Entries of a folder whose files are gone are removed.
    reading : Reading
        What the tables do not state, or state wrongly.
    tags : sequence of str
        Tags of all of them, besides their own and those of the ``rdf.yaml`` beside them.

    Raises
    ------
    ValueError, OSError
        If a file that is named cannot be read as a table; those in folders that cannot are left out.
    """
    vocabulary.warn(tags)
    files = [(file, path) for path in paths for file in _files(path)]
    counted = {"added": 0, "unchanged": 0, "others": 0}
    with bar(len(files), "tables") as progress:
        for file, named in files:
            try:
                counted[_one(index, file, named, reading, tags)] += 1
            except (ValueError, OSError) as error:
                if file == named:
                    raise
                counted["others"] += 1
                _log.info("%s is left out: %s", file, one_line(error, 200))
            progress.update()
    gone = [
        entry.number
        for path in paths
        if path.is_dir()
        for entry in index.entries()
        if entry.path.is_relative_to(path.resolve()) and not entry.path.exists()
    ]
    index.forget(gone)
    return Added(counted["added"], counted["unchanged"], len(gone), counted["others"])


def _one(index: Index, file: Path, named: Path, reading: Reading, tags: Sequence[str]) -> str:
    """Add a file unless it did not change; returns what was done."""
    path = file.resolve()
    about = path.stat()
    stamp = (about.st_size, about.st_mtime_ns)
    known = next(iter(index.entries([Where("path = ?", (str(path),))])), None)
    given = tuple(dict.fromkeys([*(known.given if known else ()), *tags]))
    described = known is not None and known.number in index.shapes()
    if (
        known
        and described
        and index.stamp(path) == stamp
        and known.reading == reading
        and known.given == given
    ):
        return "unchanged"
    if not io.holds_table(path):
        raise ValueError("it holds images")
    publication = _publication(path, named)
    found = measured(path, reading, (*given, *(publication.tags if publication else ())))
    card = _with(found.card, publication)
    index.put(path, stamp, card, thumbnail.webp(found.picture), reading, given, found.shape)
    return "added"


def _with(card: Card, publication: Publication | None) -> Card:
    """A card with what is said of the data in the folder, where the table says nothing."""
    if publication is None:
        return card
    said = {
        "description": publication.description, "license": publication.license or "",
        "citation": publication.citation, "doi": publication.doi or "",
    }  # fmt: skip
    return card.replace({name: value for name, value in said.items() if value and not getattr(card, name)})


def _publication(path: Path, named: Path) -> Publication | None:
    """What is said of the data in the folder of a table, or in one above it that was named."""
    top = named.resolve() if named.is_dir() else path.parent
    for folder in (path.parent, *path.parent.parents):
        if not folder.is_relative_to(top):
            return None
        try:
            if found := Publication.of_folder(folder):
                return found
        except ValueError as error:
            _log.warning("%s", one_line(error))
            return None
    return None


def _files(path: Path) -> Iterator[Path]:
    """The file itself, or all files of a folder that may be tables; hidden ones and Zarr stores are left out."""
    if not path.is_dir():
        yield path
        return
    for folder, folders, names in os.walk(path):
        if "zarr.json" in names or ".zattrs" in names:
            folders.clear()
            continue
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            lower = name.lower()
            if lower.endswith(ENDINGS) and not lower.startswith(".") and lower not in TEXTS:
                yield Path(folder, name)
