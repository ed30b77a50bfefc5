"""The heading of a column: its name and its unit."""

from __future__ import annotations

import re
from typing import NamedTuple

from smlmsim.io.columns import LENGTHS_NM, PHOTONS, PIXEL

_IN_BRACKETS = re.compile(r"(?P<name>.*?)[\s_.,/]*[\[({<](?P<unit>[^\])}>]*)[\])}>]?\s*")
_IN_POINTS = re.compile(r"(?P<name>\w+)\.\.(?P<unit>\w+)\.")  # R turns "x [nm]" into "x..nm."
_BETWEEN = re.compile(r"[\s_.\-:/]+")
_LAST_WORDS = {*LENGTHS_NM, *PHOTONS, *PIXEL} - {"", "m"}


class Heading(NamedTuple):
    """Possible meanings of a heading: names, the most literal first, and the unit of each, "" if not stated."""

    names: tuple[str, ...]
    units: tuple[str, ...]

    def unit(self, name: str) -> str:
        """The unit that belongs to a name."""
        return self.units[self.names.index(name)]


def split(heading: str) -> Heading:
    """Split a heading such as ``x [nm]``, ``X (nm)`` or ``x_nm`` into a lower-case name and a unit.

    Examples
    --------
    >>> split("Position X [nm]")
    Heading(names=('position_x',), units=('nm',))
    >>> split("x_nm")
    Heading(names=('x_nm', 'x'), units=('', 'nm'))
    """
    stripped = heading.strip().strip("\"'").strip()
    if match := _IN_BRACKETS.fullmatch(stripped) or _IN_POINTS.fullmatch(stripped):
        return Heading((_plain(match["name"]),), (match["unit"].strip(),))
    name = _plain(stripped)
    rest, _, last = name.rpartition("_")
    if rest and last in _LAST_WORDS:
        return Heading((name, rest), ("", last))
    return Heading((name,), ("",))


def named(heading: str) -> tuple[str, str]:
    """Split ``name [unit]`` for a column that is kept unchanged: the name as written, and the unit."""
    name, bracket, unit = heading.strip().rpartition("[")
    return (
        (name.strip(), unit.removesuffix("]").strip()) if bracket and name.strip() else (heading.strip(), "")
    )


def _plain(name: str) -> str:
    return _BETWEEN.sub("_", name.strip().casefold()).strip("_")
