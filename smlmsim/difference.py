"""How the settings of a stored result differ from the requested ones, in words."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

from smlmsim.spec import brief, parse_toml

SAME = "the settings are the same, but another version of smlmsim knew fewer or more of them"

VARYING = {"axes": "axis", "ranges": "range"}
"""Settings that are lists of tables, each about another setting, and the word for one entry."""


class Difference(NamedTuple):
    """How the stored settings differ from the requested ones, and whether adding values reconciles them."""

    words: str
    addable: bool


def difference(
    theirs: str, ours: str, addable: Collection[str] = (), aside: Collection[str] = ()
) -> Difference:
    """Describe how two settings in TOML differ: the differences that adding cannot reconcile, or else all others.

    Parameters
    ----------
    theirs, ours : str
        The stored settings, and the requested ones.
    addable : collection of str
        Names of the list settings to which more values can be added.
    aside : collection of str
        The names of the settings that may differ.
    """
    trees = (parse_toml(text, "its settings") for text in (theirs, ours))
    there, here = (
        dict(_settings({name: value for name, value in tree.items() if name not in aside})) for tree in trees
    )
    differing = [name for name in dict.fromkeys((*here, *there)) if there.get(name) != here.get(name)]
    fixed = [name for name in differing if name not in addable]
    if fixed:
        return Difference(_setting(fixed[0], there, here), addable=False)
    found = "; ".join(filter(None, (_listed(name, there.get(name), here.get(name)) for name in differing)))
    return Difference(found or SAME, addable=bool(differing))


def _setting(name: str, there: Mapping[str, Any], here: Mapping[str, Any]) -> str:
    one, other = there.get(name), here.get(name)
    if isinstance(one, list) and isinstance(other, list):
        return _listed(name, one, other)
    return f"{name} is {_shown(there, name)} there and {_shown(here, name)} here"


def _listed(name: str, there: object, here: object) -> str:
    """The values that only one of two lists holds."""
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
    """Yield every value with its dotted path; an axis or a range is named by its setting."""
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from _settings(value, f"{path}{name}.")
        elif not path and name in VARYING and isinstance(value, list):
            found = {each.get("setting"): each for each in value if isinstance(each, dict)}
            yield name, list(found)
            for setting, each in found.items():
                rest = {key: part for key, part in each.items() if key != "setting"}
                yield f"{VARYING[name]} {setting}", rest.get("values", rest)
        else:
            yield f"{path}{name}", value
