"""The ZIP archive of a ``.smlm`` file, checked before use; nothing in it is ever unpacked to the disk."""

from __future__ import annotations

import contextlib
import errno
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from smlmsim.io.limits import require_plausible
from smlmsim.spec import one_line

METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
ENCRYPTED = 0x1
"""Flag of an encrypted entry, as in the specification of ZIP."""


@contextlib.contextmanager
def opened(path: str | Path) -> Iterator[zipfile.ZipFile]:
    """Open an archive for reading; any fault, now or later, is raised as a ValueError.

    Raises
    ------
    ValueError
        If it is not a ZIP archive, is damaged, encrypted or compressed by a method other than DEFLATE, holds two
        files of the same name, or would unpack to far more than its size; the message names the archive.
    OSError
        If there is no such file, or it may not be read.
    """
    with open(path, "rb") as file:
        try:
            with zipfile.ZipFile(file) as archive:
                _require_sound(archive, Path(path).stat().st_size)
                yield archive
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OverflowError) as error:
            raise ValueError(
                f"{path}: not a ZIP archive, or a damaged one ({one_line(error, 200)})"
            ) from None
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            raise ValueError(
                f"{path}: not a ZIP archive, or a damaged one ({one_line(error, 200)})"
            ) from None
        except UnicodeError as error:
            raise ValueError(f"{path}: damaged names in the ZIP archive ({one_line(error, 200)})") from None
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None


def member(archive: zipfile.ZipFile, name: str) -> zipfile.ZipInfo:
    """Find a file of the archive by its path.

    Raises
    ------
    ValueError
        If the path leads outside the archive, or there is no such file.
    """
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts or any(c in name for c in "\\:\0"):
        raise ValueError(f"{name[:80]!r} is not the path of a file in the archive")
    try:
        return archive.getinfo(name)
    except KeyError:
        raise ValueError(f"there is no {name[:80]!r} in the archive") from None


def pieces(file: IO[bytes], size: int) -> Iterator[bytes]:
    """Read a file in pieces of a given size; the last may be shorter."""
    while piece := file.read(size):
        yield piece


def _require_sound(archive: zipfile.ZipFile, stored_bytes: int) -> None:
    """Refuse an archive that is damaged or dangerous to unpack."""
    members = archive.infolist()
    if any(info.filename.startswith("xl/") for info in members):
        raise ValueError("this is an Excel workbook; save it as CSV")
    require_plausible("the ZIP archive", sum(info.file_size for info in members), stored_bytes)
    if len({info.filename for info in members}) < len(members):
        raise ValueError("the ZIP archive holds two files of one name")
    for info in members:
        if info.flag_bits & ENCRYPTED:
            raise ValueError(f"{info.filename[:80]!r} is encrypted; write the archive without a password")
        if info.compress_type not in METHODS:
            raise ValueError(f"{info.filename[:80]!r} is compressed otherwise than by DEFLATE")
