"""Spec: the base class of everything a user can set."""

from __future__ import annotations

import hashlib
import json
import numbers
import reprlib
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path, PurePath
from typing import Any, ClassVar, Self, TypeVar, get_args

import pydantic
import tomli_w
from pydantic_core import ErrorDetails, PydanticCustomError

from smlmsim._settings import nearest, suggestion
from smlmsim.families import FAMILIES, require_family

Made = TypeVar("Made")
Place = tuple[str, ...]
"""The dotted path of a setting, in parts."""

MOST_PROBLEMS = 3
"""Problems that a message names; the others are counted."""
WORDS = {
    "tuple_type": "should be a list",
    "list_type": "should be a list",
    "string_type": "should be a text",
    "dict_type": "should be a table of settings",
} | {
    f"{name}_{problem}": f"should be {meaning}"
    for name, meaning in (("int", "a whole number"), ("float", "a number"), ("bool", "true or false"))
    for problem in ("type", "parsing", "from_float")
}
"""What a setting should be, in plain words, by the problem that pydantic names."""
LARGEST_TOML = 2**20
"""Bytes of a file of settings, 1 MiB; a larger one is none."""
LONGEST = 60
"""Characters of a name that are compared with the known ones."""


class Spec(pydantic.BaseModel):
    """A frozen, hashable set of settings; unknown, infinite and NaN ones are refused.

    A setting is addressed by its dotted path, as in ``motion.velocity_nm_per_s``. ``family`` names the kind of its TOML
    file, so that an error can say what another file is.
    """

    family: ClassVar[str] = ""
    aside: ClassVar[frozenset[str]] = frozenset()
    """Settings on which results do not depend, so that the digest leaves them out."""
    instead: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """Setting -> those in whose place it can be given; :meth:`replace` drops them."""

    model_config = pydantic.ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, validate_default=True, ser_json_inf_nan="constants"
    )

    @pydantic.model_validator(mode="before")
    @classmethod
    def _known(cls, found: Any) -> Any:
        """Refuse an unknown setting, and suggest the one that is probably meant."""
        if isinstance(found, Mapping):
            for name in found:
                if name not in cls.model_fields:
                    raise _unknown(str(name), cls)
        return found

    def get(self, path: str) -> Any:
        """Return the setting at a dotted path.

        Raises
        ------
        KeyError
            If there is no such setting; the message lists the existing ones.
        """
        value: Any = self
        for name in path.split("."):
            if isinstance(value, Mapping) and name in value:
                value = value[name]
            elif isinstance(value, Spec) and name in type(value).model_fields:
                value = getattr(value, name)
            else:
                raise KeyError(_no_setting(self, path, value, name))
        return value

    def replace(self, values: Mapping[str, Any]) -> Self:
        """Return a validated copy with the settings at given dotted paths changed.

        A path that ends in ``.kind`` changes the kind of a part. Settings that differ from their defaults are kept if
        the new kind has them and accepts their values; all others take the defaults of the new kind. Kinds are changed
        before other settings, and parts before settings within them.

        Raises
        ------
        KeyError
            If a path names no setting.
        pydantic.ValidationError
            If a value is not valid.
        """
        kinds = {path: value for path, value in values.items() if path.endswith(".kind")}
        if any(self.get(path) != value for path, value in kinds.items()):
            parts = {path.removesuffix(".kind"): _of_kind(self, path, value) for path, value in kinds.items()}
            rest = {path: value for path, value in values.items() if path not in kinds}
            return self.replace(parts).replace(rest)
        whole = {path for path in values if any(other.startswith(f"{path}.") for other in values)}
        if whole:
            rest = {path: value for path, value in values.items() if path not in whole}
            return self.replace({path: values[path] for path in whole}).replace(rest)
        tree = self.model_dump()
        for path, value in values.items():
            self.get(path)
            *parents, leaf = path.split(".")
            node = tree
            for name in parents:
                node = node[name]
            node[leaf] = value.model_dump() if isinstance(value, Spec) else value
            part = self.get(".".join(parents)) if parents else self
            rivals = part.instead.get(leaf, ()) if isinstance(part, Spec) and value is not None else ()
            for other in rivals:
                if ".".join((*parents, other)) not in values:
                    node.pop(other, None)
        return type(self).model_validate(tree)

    def lost(self, kinds: Mapping[str, Any]) -> list[str]:
        """List what differs from the default here and is not kept where :meth:`replace` makes parts of other kinds.

        Parameters
        ----------
        kinds : mapping
            Dotted path that ends in ``.kind`` -> the kind.

        Returns
        -------
        list of str
            As ``path=value``.

        Raises
        ------
        KeyError, pydantic.ValidationError
            As :meth:`replace`.
        """
        other, found = self.replace(kinds), []
        for part in (path.removesuffix(".kind") for path in kinds):
            before, after = self.get(part), other.get(part)
            for name, value in _own(before).items():
                if getattr(after, name, None) != value:
                    found.append(f"{part}.{name}={brief(value)}")
        return found

    def to_toml(self) -> str:
        """Return the settings as TOML; those that are None are left out."""
        return tomli_w.dumps(self.model_dump(mode="json", exclude_none=True))

    @classmethod
    def from_toml(cls, path: str | Path) -> Self:
        """Read the settings from a TOML file.

        Raises
        ------
        ValueError
            If the file is not TOML, is of another family, or a setting in it is not valid.
        """
        return read_settings(path, cls.model_validate, family=cls.family)

    @property
    def digest(self) -> str:
        """The SHA-256 of the settings: equal on every machine for specs that give equal results."""
        plain = self.model_dump(mode="json", exclude=set(self.aside))
        canonical = json.dumps(plain, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()


def _of_kind(spec: Spec, path: str, kind: Any) -> Any:
    """Change the kind of the part at a path; return only the kind if no such part can be made of it."""
    part = spec.get(path.removesuffix(".kind"))
    of = [each for each in _beside(type(part)) if each.model_fields["kind"].default == kind]
    if part.kind == kind or not of:
        return part if part.kind == kind else {"kind": kind}
    kept = {name: value for name, value in _own(part).items() if name in of[0].model_fields}
    if any(field.is_required() for name, field in of[0].model_fields.items() if name not in kept):
        return {"kind": kind}
    try:
        return of[0].model_validate(kept)
    except pydantic.ValidationError as error:
        refused = {str(problem["loc"][0]) for problem in error.errors() if problem["loc"]}
        return of[0].model_validate({name: value for name, value in kept.items() if name not in refused})


def _own(part: Spec) -> dict[str, Any]:
    """The settings of a part, besides its kind, that differ from their defaults."""
    values = {name: (getattr(part, name), field) for name, field in type(part).model_fields.items()}
    return {
        name: value
        for name, (value, field) in values.items()
        if name != "kind" and value != field.get_default(call_default_factory=True)
    }


def kind_or(default: str) -> pydantic.BeforeValidator:
    """Use a default kind for settings, as in a TOML file, that do not state their ``kind``."""
    return pydantic.BeforeValidator(
        lambda found: {"kind": default, **found} if isinstance(found, Mapping) else found
    )


def read_toml(path: str | Path) -> dict[str, Any]:
    """Read a TOML file into plain dictionaries.

    Raises
    ------
    ValueError
        If the file is not TOML, or longer than ``LARGEST_TOML``; the message names the file, the line and the column.
    OSError
        If the file does not exist or cannot be read.
    """
    with open(path, "rb") as file:
        content = file.read(LARGEST_TOML + 1)
    if len(content) > LARGEST_TOML:
        raise ValueError(f"{path} is longer than {LARGEST_TOML} bytes: too long for a file of settings")
    return parse_toml(content, str(path))


def parse_toml(content: bytes | str, source: str) -> dict[str, Any]:
    """Read TOML of any origin; the message of a ValueError names the source."""
    try:
        return tomllib.loads(content.decode() if isinstance(content, bytes) else content)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{source} is not TOML: {one_line(error, 200)}") from None


def read_settings(path: str | Path, make: Callable[[dict[str, Any]], Made], *, family: str = "") -> Made:
    """Read a TOML file and make an object from its settings.

    Parameters
    ----------
    path : str or Path
        Path of the TOML file.
    make : callable
        Function that validates the settings and makes the object.
    family : str
        Kind of file, one of ``smlmsim.families.FAMILIES``; by default any.

    Raises
    ------
    ValueError
        In one line, if the file is not TOML, is of another family, or a setting in it is not valid.
    """
    tree = read_toml(path)
    if family:
        require_family(tree, path, FAMILIES[family])
    try:
        return make(tree)
    except pydantic.ValidationError as error:
        raise ValueError(f"{path}: {explain(error)}") from None


def explain(error: pydantic.ValidationError) -> str:
    """Describe in one line which settings were refused, by their dotted paths, why, and what was found."""
    kinds = _kinds()
    problems = {_path(problem, kinds): problem for problem in error.errors(include_url=False)}
    above = {path[:depth] for path in problems for depth in range(len(path))}
    own = [path for path in problems if path not in above]
    more = [f"and {len(own) - MOST_PROBLEMS} more"] if len(own) > MOST_PROBLEMS else []
    return "; ".join([*(_said(path, problems[path]) for path in own[:MOST_PROBLEMS]), *more])


def _said(path: Place, problem: ErrorDetails) -> str:
    """Describe one problem: the path of the setting, the reason and, if short, the value found."""
    context = problem.get("ctx", {})
    reason = WORDS.get(problem["type"], one_line(problem["msg"].removeprefix("Value error, "), 800))
    if problem["type"] == "no_setting":
        path, reason = (*path, context["name"]), f"no such setting; {context['hint']}"
    elif problem["type"] == "missing":
        path, reason = _missing(path)
    elif problem["type"].startswith("union_tag"):
        path, reason = (*path, "kind"), _which_kind(context)
    elif problem["type"] == "model_type":
        reason = f"should be a table of settings (found {brief(problem['input'])})"
    elif not isinstance(problem["input"], Mapping | Spec):
        reason += f" (found {brief(problem['input'])})"
    return f"{one_line('.'.join(path), 200)}: {reason}" if path else reason


def _missing(path: Place) -> tuple[Place, str]:
    """The setting that lacks a value, and what is missing: the setting, or one value of its list."""
    if path and path[-1].isdecimal():
        return path[:-1], f"value {int(path[-1]) + 1} is missing"
    return path, "is missing"


def _path(problem: ErrorDetails, kinds: set[object]) -> Place:
    """The path as written in a file, without the kinds that pydantic inserts for members of a union."""
    return tuple(str(part) for part in problem["loc"] if part not in kinds)


def _kinds() -> set[object]:
    fields = [each.model_fields["kind"] for each in _specs(Spec) if "kind" in each.model_fields]
    return {kind for field in fields for kind in get_args(field.annotation)}


def _which_kind(context: Mapping[str, Any]) -> str:
    known = [kind.strip("' ") for kind in str(context.get("expected_tags", "")).split(",")]
    if "tag" not in context:
        return "is missing"
    return f"no {brief(context['tag'])}; {suggestion(str(context['tag'])[:LONGEST], known)}"


def _unknown(name: str, model: type[Spec]) -> PydanticCustomError:
    name = one_line(name, LONGEST)
    others = [kind for kind in _beside(model) if name in kind.model_fields]
    if others:
        hint = f"kind = {others[0].model_fields['kind'].default!r} has it"
    else:
        near = nearest(name, model)
        hint = f"did you mean {near}?" if near else f"there are: {', '.join(model.model_fields)}"
    return PydanticCustomError("no_setting", "no setting '{name}'; {hint}", {"name": name, "hint": hint})


def brief(found: object, most: int = 200) -> str:
    """Show a value in one short line, in a time that does not depend on its size.

    Parameters
    ----------
    found : object
        Texts are quoted; anything but texts, numbers, paths and containers of these is shown as its type.
    most : int
        Largest number of characters.

    Examples
    --------
    >>> brief(list(range(10**6)))
    '[0, 1, 2, 3, ...]'
    """
    return one_line(_BRIEFLY.repr(found), most)


def one_line(text: object, most: int = 500) -> str:
    """Join a text or an error into one line, cut to a number of characters."""
    text = str(text)
    line = " ".join(text[: 2 * most].split())
    return line if len(line) <= most and len(text) <= 2 * most else line[: most - 3] + "..."


class _Briefly(reprlib.Repr):
    """Values as Python writes them, with large ones shortened."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = 3
        self.maxlist = self.maxtuple = self.maxdict = self.maxset = 4
        self.maxstring = self.maxother = 120

    def repr_int(self, found: int, level: int) -> str:
        bits = found.bit_length()
        return super().repr_int(found, level) if bits < 1000 else f"a whole number of {bits} bits"

    def repr_bytes(self, found: bytes, _level: int) -> str:
        return repr(found[:20]) + "..." * (len(found) > 20)

    def repr_instance(self, found: object, level: int) -> str:
        plain = found is None or isinstance(found, (numbers.Number, PurePath))
        return super().repr_instance(found, level) if plain else f"a {type(found).__name__}"


_BRIEFLY = _Briefly()


def _beside(model: type[Spec]) -> Iterator[type[Spec]]:
    """The classes of the other kinds in the package of a class."""
    package = model.__module__.rpartition(".")[0]
    for other in _specs(Spec) if "kind" in model.model_fields else ():
        if other.__module__.rpartition(".")[0] == package and "kind" in other.model_fields:
            yield other


def _specs(model: type[Spec]) -> Iterator[type[Spec]]:
    for each in model.__subclasses__():
        yield each
        yield from _specs(each)


def _no_setting(spec: Spec, path: str, at: Any, name: str) -> str:
    if isinstance(at, Mapping):
        return f"the table above {path!r} holds no {name!r}; give it a value there first"
    if not isinstance(at, Spec):
        return f"{type(spec).__name__} has no setting {path!r}: there is nothing below {name!r}"
    return f"{type(at).__name__} has no setting {name!r} (asked for {path!r}); it has: " + ", ".join(
        type(at).model_fields
    )
