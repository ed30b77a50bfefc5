"""Decoding of text to UTF-8 from UTF-16, UTF-32, gzip and files with the line ends of old Macintoshes."""

from __future__ import annotations

import codecs
import gzip
import zlib
from typing import BinaryIO

from smlmsim.io.limits import require_plausible
from smlmsim.io.text import Readable

GZIP = b"\x1f\x8b"
HEAD = 2**16
"""Bytes from which the encoding of a text is told."""
MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}  # UTF-32 before UTF-16, since their byte order marks begin in the same way


class Source:
    """A text file, read as UTF-8 with newlines as line ends.

    Parameters
    ----------
    file : file
        Binary file at its beginning.
    stored_bytes : int
        Size of the file, which limits the size after unpacking.

    Raises
    ------
    ValueError
        Here or while reading, if the file is damaged or would unpack to far more than its size.
    """

    def __init__(self, file: BinaryIO, stored_bytes: int) -> None:
        zipped = file.read(len(GZIP)) == GZIP
        file.seek(0)
        self._file: Readable = _Unpacked(file, stored_bytes) if zipped else file
        head = self._file.read(HEAD)
        mark = next((mark for mark in MARKS if head.startswith(mark)), b"")
        encoding = MARKS[mark] if mark else _guessed(head)
        self._decoder = None if encoding == "utf-8" else codecs.getincrementaldecoder(encoding)("replace")
        self._returns = False
        head = self._as_utf8(head[len(mark) :])
        self._returns = _has_returns(head)
        self._head = self._as_lines(head)

    def read(self, size: int, /) -> bytes:
        """Read about ``size`` bytes; none at the end."""
        if self._head:
            head, self._head = self._head, b""
            return head
        return self._as_lines(self._as_utf8(self._file.read(size)))

    def _as_utf8(self, read: bytes) -> bytes:
        return read if self._decoder is None else self._decoder.decode(read).encode("utf-8", errors="replace")

    def _as_lines(self, read: bytes) -> bytes:
        return read.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if self._returns else read


class _Unpacked:
    """The content of a gzip file, up to a plausible size."""

    def __init__(self, file: BinaryIO, stored_bytes: int) -> None:
        self._file = gzip.GzipFile(fileobj=file)
        self._stored_bytes = stored_bytes
        self._read_bytes = 0

    def read(self, size: int, /) -> bytes:
        """Read ``size`` bytes, fewer at the end."""
        try:
            read = self._file.read(size)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise ValueError(f"not a gzip file, or a damaged one ({error})") from None
        self._read_bytes += len(read)
        require_plausible("the gzip file", self._read_bytes, self._stored_bytes)
        return read


def _has_returns(head: bytes) -> bool:
    """Whether lines end in a carriage return alone; some programs write such lines below another header."""
    parts = [part for line in head.split(b"\n") for part in line.rstrip(b"\r").split(b"\r")[:-1]]
    return any(part.count(b'"') % 2 == 0 for part in parts) or (b"\r" in head and b"\n" not in head)


def _guessed(head: bytes) -> str:
    """Guess the encoding: UTF-16 without a byte order mark has a NUL in every other byte of plain text."""
    odd, even = head[1:200:2], head[0:200:2]
    if len(even) > 1 and not any(odd) and all(even):
        return "utf-16-le"
    if len(even) > 1 and not any(even) and all(odd):
        return "utf-16-be"
    return "utf-8"
