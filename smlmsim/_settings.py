"""Every setting of a class: its dotted path, its default, its unit, its range and what it means."""

from __future__ import annotations

import difflib
import inspect
import re
import types
from collections.abc import Iterable, Iterator
from enum import Enum
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

import pydantic
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

UNITS = {
    "_nm_per_s": "nm/s", "_pn_per_nm": "pN/nm", "_pa_s": "Pa s", "per_um2": "um-2", "per_um": "um-1", "_um2": "um2",
    "_um": "um", "_hz": "Hz", "_nm": "nm", "_s": "s", "_k": "K", "_photons": "photons", "_e": "electrons",
}  # fmt: skip
"""The unit that each ending of a name means; longer endings first."""

BOUNDS = {"gt": ">", "ge": ">=", "lt": "<", "le": "<="}
NEAR = 0.6
"""Similarity from 0 to 1 from which a known name is suggested for an unknown one (the default of ``difflib``)."""


class Setting(NamedTuple):
    """One setting, in words; ``kind`` names the kinds of table that have it, and is empty if all have it."""

    path: str
    default: str
    unit: str
    range: str
    kind: str
    meaning: str


def unit_of(name: str) -> str:
    """Return the unit that the name of a setting ends in, or "".

    Examples
    --------
    >>> unit_of("velocity_nm_per_s"), unit_of("seed")
    ('nm/s', '')
    """
    return next((unit for ending, unit in UNITS.items() if name.endswith(ending)), "")


def settings(model: type[pydantic.BaseModel], default: Any = None, prefix: str = "") -> Iterator[Setting]:
    """Yield every setting of a class, then the settings of its parts.

    Parameters
    ----------
    model : type
        A Spec.
    default : Spec, optional
        An object whose values are listed as the defaults; if left out, those of the class are.
    prefix : str
        The dotted path of the class, ending in a dot.
    """
    meanings = _meanings(model)
    for name, field in model.model_fields.items():
        value = getattr(default, name) if isinstance(default, model) else _default(field)
        parts = _parts(field.annotation)
        if not parts:
            shown, meaning = _shown(value), meanings.get(name, "")
            yield Setting(prefix + name, shown, unit_of(name), _range(field), "", meaning)
            continue
        many = "[]" if get_origin(_bare(field.annotation)) is tuple else ""
        below = {part: list(settings(part, value, f"{prefix}{name}{many}.")) for part in parts}
        yield from _joined(below, value, f"{prefix}{name}{many}.kind")


def _joined(below: dict[type[pydantic.BaseModel], list[Setting]], value: Any, kind: str) -> Iterator[Setting]:
    """List the settings of a part that may be of several kinds; settings that all kinds share appear once."""
    first, *others = below
    shared = set(below[first]).intersection(*(below[part] for part in others))
    for part, rows in below.items():
        for found in rows:
            if not others:
                yield found
            elif found.path == kind:
                if part is first:
                    kinds = ", ".join(map(_kind, below))
                    default = _kind(type(value)) or ("none" if value is None else "required")
                    yield found._replace(default=default, range=f"one of {kinds}")
            elif found not in shared:
                yield found._replace(kind=", ".join(filter(None, (_kind(part), found.kind))))
            elif part is first:
                yield found


def nearest(name: str, model: type[pydantic.BaseModel]) -> str:
    """Return the dotted path of the setting that a misspelt name most likely means, or "".

    Settings of the class itself are tried first, then the last part of every dotted path below it.

    Examples
    --------
    >>> from smlmsim.motion import Polymer
    >>> nearest("velocity", Polymer)
    'velocity_nm_per_s'
    """
    own = closest(name, model.model_fields)
    if own:
        return own
    leaves: dict[str, str] = {}
    for found in settings(model):
        if "[]" not in found.path:
            leaves.setdefault(found.path.rpartition(".")[2], found.path)
    leaves.pop("kind", None)
    return leaves.get(closest(name, leaves), "")


def closest(name: str, known: Iterable[str]) -> str:
    """Return which of the known names a misspelt name most likely means, or ""."""
    plain = {each: _plain(each) for each in known}
    wanted = _plain(name)
    for each, text in plain.items():
        if text == wanted:
            return each
    begun = [each for each, text in plain.items() if wanted and text.startswith(f"{wanted}_")]
    if begun:
        return begun[0]
    found = difflib.get_close_matches(wanted, list(plain.values()), n=1, cutoff=NEAR)
    return next((each for each, text in plain.items() if found and text == found[0]), "")


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return the end of an error about an unknown name: which known one it most likely means, or else all of them.

    Examples
    --------
    >>> suggestion("quik", ["quick", "thesis"]), suggestion("best", ["quick", "thesis"])
    ("did you mean 'quick'?", 'there are: quick, thesis')
    """
    near = closest(name, known := list(known))
    return f"did you mean {near!r}?" if near else f"there are: {', '.join(known)}"


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower())


def _bare(annotation: Any) -> Any:
    """A type annotation without its ``Annotated`` metadata, and without None."""
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) in (Union, types.UnionType):
        left = [part for part in get_args(annotation) if part is not type(None)]
        return _bare(left[0]) if len(left) == 1 else annotation
    return annotation


def _parts(annotation: Any) -> list[type[pydantic.BaseModel]]:
    """The classes that a setting, or an entry of a list, may have."""
    bare = _bare(annotation)
    if isinstance(bare, type) and issubclass(bare, pydantic.BaseModel):
        return [bare]
    if get_origin(bare) in (Union, types.UnionType, tuple):
        return [part for inner in get_args(bare) if inner is not Ellipsis for part in _parts(inner)]
    return []


def _kind(model: type) -> str:
    field = getattr(model, "model_fields", {}).get("kind")
    return str(field.default) if field else ""


def _default(field: FieldInfo) -> Any:
    if field.default_factory is not None:
        return "(see meaning)"
    return "required" if field.default is PydanticUndefined else field.default


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, tuple):
        return f"[{', '.join(map(_shown, value))}]"
    return "none" if value is None else str(value.value if isinstance(value, Enum) else value)


def _range(field: FieldInfo) -> str:
    """The bounds of a number, or the possible choices."""
    bare = _bare(field.annotation)
    if get_origin(bare) is Literal:
        return f"one of {', '.join(map(str, get_args(bare)))}"
    if bare is bool:
        return "true or false"
    bounds = [*_bounds(field.metadata), *_bounds(_annotated(field.annotation))]
    return " and ".join(f"{BOUNDS[name]} {value:g}" for name, value in dict(bounds).items())


def _annotated(annotation: Any) -> list[Any]:
    """The ``Annotated`` metadata inside an optional annotation."""
    found = list(get_args(annotation)[1:]) if get_origin(annotation) is Annotated else []
    if get_origin(annotation) in (Union, types.UnionType):
        found += [each for part in get_args(annotation) for each in _annotated(part)]
    return found


def _bounds(metadata: Iterable[Any]) -> Iterator[tuple[str, float]]:
    for constraint in metadata:
        inner = constraint.metadata if isinstance(constraint, FieldInfo) else [constraint]
        for each in inner:
            for name in BOUNDS:
                if (value := getattr(each, name, None)) is not None:
                    yield name, value


def _meanings(model: type) -> dict[str, str]:
    """The first sentence about every parameter in the docstrings of a class and of its base classes."""
    found: dict[str, str] = {}
    for owner in reversed(model.__mro__):
        text = inspect.cleandoc(owner.__dict__.get("__doc__") or "")
        section = text.partition("Parameters\n----------\n")[2].partition("\n\n")[0]
        for names, words in re.findall(r"^(\w[\w, ]*) :.*\n((?:    .*\n?)+)", section, re.MULTILINE):
            said = re.split(r"(?<=[.;:])\s", " ".join(words.split()).replace("``", ""))[0].rstrip(".;:")
            found |= {name.strip(): said for name in names.split(",")}
    return found
