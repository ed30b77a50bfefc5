"""In what two grids differ, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from smlmsim.grid.grid import ADDABLE
from smlmsim.spec import brief, parse_toml

SAME = "the settings are the same, but another version of smlmsim knew fewer or more of them"


class Difference(NamedTuple):
    """What a stored grid is, beside the one that is asked for; and whether the two can be made one by adding."""

    words: str
    addable: bool


def difference(theirs: str, ours: str) -> Difference:
    """Say in what two grids, as TOML, differ: what cannot be added, or else all that can."""
    there, here = (dict(_settings(parse_toml(text, "its grid"))) for text in (theirs, ours))
    differing = [name for name in dict.fromkeys((*here, *there)) if there.get(name) != here.get(name)]
    settings = [name for name in differing if name not in ADDABLE]
    if settings:
        return Difference(_setting(settings[0], there, here), addable=False)
    found = "; ".join(filter(None, (_listed(name, there.get(name), here.get(name)) for name in differing)))
    return Difference(found or SAME, addable=bool(differing))


def _setting(name: str, there: Mapping[str, Any], here: Mapping[str, Any]) -> str:
    one, other = there.get(name), here.get(name)
    if isinstance(one, list) and isinstance(other, list):
        return _listed(name, one, other)
    return f"{name} is {_shown(there, name)} there and {_shown(here, name)} here"


def _listed(name: str, there: object, here: object) -> str:
    """What one of two lists has that the other has not."""
    if not isinstance(there, list) or not isinstance(here, list):
        return f"{name} is {brief(there)} there and {brief(here)} here"
    lacking, more = (
        [value for value in one if value not in other] for one, other in ((here, there), (there, here))
    )
    parts = [f"without {_values(lacking)}"] * bool(lacking) + [f"with {_values(more)} besides"] * bool(more)
    return f"{name} there are {' and '.join(parts) or 'in another order'}"


def _values(values: list[Any]) -> str:
    shown = ", ".join(brief(value, 60) for value in values[:4])
    return shown if len(values) <= 4 else f"{shown} and {len(values) - 4} more"


def _shown(settings: Mapping[str, Any], name: str) -> str:
    return brief(settings[name]) if name in settings else "not set"


def _settings(tree: dict[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """All leaves with their dotted paths; an axis by its setting."""
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from _settings(value, f"{path}{name}.")
        elif not path and name == "axes" and isinstance(value, list):
            yield "axes", [axis.get("setting") if isinstance(axis, dict) else axis for axis in value]
            yield from ((f"axis {axis['setting']}", axis.get("values")) for axis in value if _is_axis(axis))
        else:
            yield f"{path}{name}", value


def _is_axis(axis: object) -> bool:
    return isinstance(axis, dict) and isinstance(axis.get("setting"), str)
