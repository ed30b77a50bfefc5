"""The settings that all movies of a grid share, in words and with units."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import Any

from smlmsim._settings import UNITS
from smlmsim.grid import Grid
from smlmsim.spec import Spec

NARROW = "\N{NARROW NO-BREAK SPACE}"
MICRO = "\N{MICRO SIGN}"


def shared_settings(grid: Grid) -> list[tuple[str, str]]:
    """Return the parts of the study, each with its settings that are not axes.

    A part whose kind is an axis is returned once for each kind, as in ``motion = rigid``, with the settings that the
    movies of this kind have.

    Examples
    --------
    >>> from smlmsim.grid import Axis
    >>> grid = Grid(axes=(Axis(setting="photophysics.rate_hz", values=(1,)),), reconstructors=("sparse",))
    >>> dict(shared_settings(grid))["acquisition"].split(", ")[:2]
    ['time points 300', 'frames per point 50']
    """
    of_kinds = {
        axis.setting.removesuffix(".kind"): axis for axis in grid.axes if axis.setting.endswith(".kind")
    }
    found = [(name, said) for name, said in _parts(grid.study, grid) if name not in of_kinds]
    for part, axis in of_kinds.items():
        for kind in axis.values:
            said = dict(_parts(grid.study.replace({axis.setting: kind}), grid)).get(part, _words(str(kind)))
            found.append((part, said))
    return [(_words(name), said) for name, said in found]


def _parts(study: Spec, grid: Grid) -> list[tuple[str, str]]:
    """The parts of one study, each with its kind and its settings that are not axes."""
    varied = {axis.setting for axis in grid.axes}
    parts: dict[str, list[str]] = {}
    for path, value in _leaves(study):
        part, _, name = path.partition(".")
        if not _is_within(path, varied) and value is not None and not name.endswith("kind"):
            parts.setdefault(part if name else "study", []).append(_said(name or part, value))
    kinds = {name: getattr(getattr(study, name), "kind", "") for name in parts if name != "study"}
    return [
        (name, ", ".join(filter(None, [_words(kinds.get(name, "")), *said])))
        for name, said in parts.items()
        if name != "study" or said
    ]


def _is_within(path: str, settings: set[str]) -> bool:
    """Whether a path is that of one of some settings, or of a part of one."""
    return any(f"{path}.".startswith(f"{setting}.") for setting in settings)


def _leaves(spec: Spec, path: str = "") -> Iterator[tuple[str, Any]]:
    given = spec.model_dump()  # without what another setting stands in place of
    for name in (name for name in type(spec).model_fields if name in given):
        value = getattr(spec, name)
        if isinstance(value, Spec):
            yield from _leaves(value, f"{path}{name}.")
        elif name != "kind":
            yield f"{path}{name}", value


def _said(path: str, value: Any) -> str:
    leaf = path.rpartition(".")[2]
    ending = next((ending for ending in UNITS if leaf.endswith(ending)), "")
    unit = UNITS.get(ending, "").replace("um", f"{MICRO}m")
    name = _words(leaf.removesuffix(ending)).strip() or _words(leaf)
    return f"{name} {_shown(value)}" + (f"{NARROW}{unit}" if unit else "")


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return " to ".join(map(_shown, value)) if len(value) == 2 else ", ".join(map(_shown, value))
    if isinstance(value, float):
        return f"{value:g}"
    return _words(str(value.value if isinstance(value, Enum) else value))


def _words(name: str) -> str:
    return name.replace("_", " ")
