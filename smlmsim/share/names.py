"""Names of files that a server or an archive gives, which could lead anywhere."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from smlmsim.spec import brief

LONGEST = 200
"""Bytes of a part of a path."""
REFUSED = frozenset('<>:"\\|?*')
"""Characters that a name may not have: some system gives them a meaning."""
DEVICES = frozenset(
    {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}
)


def safe(name: str) -> PurePosixPath:
    """Return a name as a relative path that stays in its folder on every system.

    Raises
    ------
    ValueError
        If it leads elsewhere, is hidden, names a device, or has characters that some system does not allow.

    Examples
    --------
    >>> str(safe("sample 1/table.smlm"))
    'sample 1/table.smlm'
    """
    parts = name.split("/")
    if not all(map(_is_safe, parts)) or len(name.encode(errors="replace")) > 4 * LONGEST:
        raise ValueError(f"{brief(name)} is not a name that a file can safely have here")
    return PurePosixPath(*parts)


def require_distinct(names: Iterable[str]) -> None:
    """Refuse names of which some system would make one file, or of which one is the folder of another.

    Raises
    ------
    ValueError
        Naming one of them.
    """
    seen: dict[str, str] = {}
    for name in names:
        plain = unicodedata.normalize("NFC", name).casefold()
        if plain in seen:
            raise ValueError(f"{brief(name)} and {brief(seen[plain])} would be one file on some systems")
        seen[plain] = name
    for plain, name in seen.items():
        if any(str(above) in seen for above in PurePosixPath(plain).parents):
            raise ValueError(f"{brief(name)} lies below another file")


def inside(folder: Path, name: str) -> Path:
    """Return the path of a file in a folder; refuses links that lead out of it.

    Raises
    ------
    ValueError
        As :func:`safe`, or if a folder on the way is a link to elsewhere.
    """
    path = folder / safe(name)
    if not path.parent.resolve().is_relative_to(folder.resolve()) or path.is_symlink():
        raise ValueError(f"{path} is a link, or below one, that leads elsewhere; remove it")
    return path


def _is_safe(part: str) -> bool:
    return (
        bool(part)
        and part[0] not in ".~- "
        and part[-1] not in ". "
        and len(part.encode(errors="replace")) <= LONGEST
        and not REFUSED & set(part)
        and all(unicodedata.category(character)[0] != "C" for character in part)
        and part.split(".")[0].casefold().strip() not in DEVICES
    )
