"""The index of a catalogue: one SQLite file with the cards, tags and pictures of tables."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import pydantic

from smlmsim.catalogue import shape as shapes
from smlmsim.catalogue import vocabulary
from smlmsim.catalogue.card import Card
from smlmsim.catalogue.shape import Shape
from smlmsim.catalogue.vocabulary import Tag
from smlmsim.io.reading import Reading
from smlmsim.spec import explain, one_line

VARIABLE = "SMLMSIM_CATALOGUE"
"""Environment variable with the path of the index."""
APPLICATION, VERSION = 0x534D4C4D, 1
"""What marks a SQLite file as an index, and the version of its tables; the table of shapes may be added later."""
WAIT_S = 10.0
"""How long a run waits for another one that writes."""
NUMBERS = (
    "localizations",
    "frames",
    "exposure_s",
    "rate_hz",
    "precision_nm",
    "photons",
    "density_per_um2",
    "field_nm",
)
"""What tables can be searched by; ``field_nm`` is the shorter side."""
_SHAPES = """
CREATE TABLE IF NOT EXISTS shape (
  entry INTEGER PRIMARY KEY REFERENCES entry(id) ON DELETE CASCADE, version INTEGER NOT NULL, numbers TEXT
);
"""
_TABLES = f"""
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS entry (
  id INTEGER PRIMARY KEY, path TEXT UNIQUE NOT NULL, size INTEGER NOT NULL, changed INTEGER NOT NULL,
  reading TEXT NOT NULL, given TEXT NOT NULL, card TEXT NOT NULL, words TEXT NOT NULL, picture BLOB NOT NULL,
  {", ".join(f"{name} REAL" for name in NUMBERS)}
);
CREATE TABLE IF NOT EXISTS tag (
  entry INTEGER NOT NULL REFERENCES entry(id) ON DELETE CASCADE, category TEXT NOT NULL, key TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS tags ON tag (category, key);
{_SHAPES}
PRAGMA application_id = {APPLICATION};
PRAGMA user_version = {VERSION};
COMMIT;
"""


class Entry(NamedTuple):
    """A table of a catalogue.

    Parameters
    ----------
    number : int
        Its number in the catalogue.
    path : Path
        Where its file is, or was.
    card : Card
        What it holds.
    reading : Reading
        How it was read.
    given : tuple of str
        Tags that were given when it was added.
    """

    number: int
    path: Path
    card: Card
    reading: Reading
    given: tuple[str, ...]

    @property
    def tags(self) -> tuple[Tag, ...]:
        """Its tags."""
        return tuple(map(vocabulary.tag, self.card.tags))


class Where(NamedTuple):
    """A condition on entries in SQL, with its values."""

    sql: str
    values: tuple[object, ...] = ()


def index_path(given: Path | None = None) -> Path:
    """The path of an index: the one given, ``$SMLMSIM_CATALOGUE``, or one in the folder of the user's data."""
    if given is not None:
        return given
    if named := os.environ.get(VARIABLE):
        return Path(named).expanduser()
    data = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(data).expanduser() / "smlmsim" / "catalogue.sqlite"


class Index:
    """An open index.

    Parameters
    ----------
    path : Path
    connection : sqlite3.Connection
    """

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path, self._connection = path, connection

    def put(
        self,
        path: Path,
        stamp: tuple[int, int],
        card: Card,
        picture: bytes,
        reading: Reading,
        given: Iterable[str],
        shape: Shape | None = None,
    ) -> None:
        """Add a table, or replace what is said of it; ``stamp`` are the size and the time of its file."""
        numbers = {name: getattr(card, name, None) for name in NUMBERS}
        numbers["field_nm"] = min(card.height_nm, card.width_nm)
        tags = [vocabulary.tag(text) for text in card.tags]
        row = {
            "path": str(path), "size": stamp[0], "changed": stamp[1],
            "reading": reading.model_dump_json(exclude_defaults=True), "given": "\n".join(given),
            "card": card.model_dump_json(), "words": _words(card, path), "picture": picture, **numbers,
        }  # fmt: skip
        changed = ", ".join(f"{name} = excluded.{name}" for name in row if name != "path")
        with self._connection as transaction:
            (number,) = transaction.execute(
                f"INSERT INTO entry ({', '.join(row)}) VALUES ({', '.join('?' * len(row))}) "
                f"ON CONFLICT (path) DO UPDATE SET {changed} RETURNING id",
                tuple(row.values()),
            ).fetchone()
            transaction.execute("DELETE FROM tag WHERE entry = ?", (number,))
            transaction.executemany(
                "INSERT INTO tag VALUES (?, ?, ?)",
                [(number, found.category, vocabulary.key(found.name)) for found in tags],
            )
            numbers_of_shape = json.dumps(shape) if shape else None
            transaction.execute(
                "INSERT OR REPLACE INTO shape VALUES (?, ?, ?)", (number, shapes.VERSION, numbers_of_shape)
            )

    def forget(self, numbers: Iterable[int]) -> None:
        """Remove entries; files are not touched."""
        with self._connection as transaction:
            transaction.executemany("DELETE FROM entry WHERE id = ?", [(number,) for number in numbers])

    def entries(self, wheres: Iterable[Where] = ()) -> list[Entry]:
        """The entries that fulfil all conditions, sorted by path."""
        wheres = list(wheres)
        condition = " AND ".join(f"({where.sql})" for where in wheres) or "1"
        rows = self._connection.execute(
            f"SELECT id, path, card, reading, given FROM entry WHERE {condition} ORDER BY path",
            tuple(value for where in wheres for value in where.values),
        )
        return [self._entry(*row) for row in rows]

    def stamp(self, path: Path) -> tuple[int, int] | None:
        """The size and time of a file when it was added; None if it was not."""
        row = self._connection.execute(
            "SELECT size, changed FROM entry WHERE path = ?", (str(path),)
        ).fetchone()
        return None if row is None else (int(row[0]), int(row[1]))

    def shapes(self) -> dict[int, Shape | None]:
        """The shapes of the entries by number: None for tables that are too small; others are not described yet."""
        if not self._connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'shape'").fetchone():
            return {}
        rows = self._connection.execute(
            "SELECT entry, numbers FROM shape WHERE version = ?", (shapes.VERSION,)
        )
        return {number: Shape.read(text) if text else None for number, text in rows}

    def picture(self, number: int) -> bytes:
        """The picture of an entry, as WebP."""
        (found,) = self._connection.execute("SELECT picture FROM entry WHERE id = ?", (number,)).fetchone()
        return bytes(found)

    def _entry(self, number: int, path: str, card: str, reading: str, given: str) -> Entry:
        try:
            read = Reading.model_validate_json(reading), Card.model_validate_json(card)
        except pydantic.ValidationError as error:
            raise ValueError(
                f"{self.path}: the entry {number} does not fit this version ({one_line(explain(error), 200)}); "
                "delete the index and add the tables again"
            ) from None
        return Entry(number, Path(path), read[1], read[0], tuple(filter(None, given.split("\n"))))


@contextlib.contextmanager
def opened(path: Path, *, make: bool = False) -> Iterator[Index]:
    """Open an index, to read it or, where ``make`` is true, also to write to it.

    Raises
    ------
    ValueError
        If there is none, it is no index, of another version, or damaged.
    OSError
        If another run writes to it for long, or it cannot be written.
    """
    if not make and not path.exists():
        raise ValueError(f"there is no catalogue at {path}; `smlmsim catalogue add PATH` begins one")
    if make:
        path.parent.mkdir(parents=True, exist_ok=True)
    new = make and not path.exists()
    mode = "rwc" if make else "ro"
    try:
        address = f"{path.absolute().as_uri()}?mode={mode}"
        with contextlib.closing(sqlite3.connect(address, uri=True, timeout=WAIT_S)) as connection:
            connection.execute("PRAGMA foreign_keys = ON")
            _require_index(path, connection, make=make)
            yield Index(path, connection)
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            raise OSError(f"another run is writing to the catalogue {path}; wait until it ends") from None
        if new and path.exists() and not path.stat().st_size:  # the disk is full
            path.unlink()
        raise OSError(
            f"the catalogue {path} cannot be used: {one_line(error, 200)}; choose another with index=PATH"
        ) from None
    except sqlite3.DatabaseError as error:
        raise ValueError(
            f"{path} is not a catalogue, or a damaged one ({one_line(error, 200)}); choose another with index=PATH"
        ) from None


def _require_index(path: Path, connection: sqlite3.Connection, *, make: bool) -> None:
    """Make the tables of a new index; refuse any other file."""
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if make and not tables:
        connection.executescript(_TABLES)
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application != APPLICATION:
        raise ValueError(f"{path} is not a catalogue; choose another with index=PATH")
    if version != VERSION:
        raise ValueError(
            f"{path} is a catalogue of version {version}, this is {VERSION}; delete it and add the tables again"
        )
    if make:
        connection.executescript(_SHAPES)


def _words(card: Card, path: Path) -> str:
    """What plain words are sought in."""
    return " ".join(
        [card.name, path.name, card.description, card.citation, card.license, *card.tags]
    ).casefold()
