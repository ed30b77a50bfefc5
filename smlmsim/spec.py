"""Spec: the one base of everything a user can set."""

from __future__ import annotations

import hashlib
import json
import numbers
import reprlib
import tomllib
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Any, Self

import pydantic
import tomli_w

MOST_PROBLEMS = 5
LARGEST_TOML = 2**20


class Spec(pydantic.BaseModel):
    """A frozen, hashable description of one thing; unknown, infinite and NaN settings are refused.

    A setting is addressed by its dotted path, as in ``motion.velocity_nm_per_s``.
    """

    model_config = pydantic.ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, validate_default=True, ser_json_inf_nan="constants"
    )

    def get(self, path: str) -> Any:
        """Return the setting at a dotted path.

        Raises
        ------
        KeyError
            If there is no such setting; the message lists those there are.
        """
        value: Any = self
        for name in path.split("."):
            if not isinstance(value, Spec) or name not in type(value).model_fields:
                raise KeyError(_no_setting(self, path, value, name))
            value = getattr(value, name)
        return value

    def replace(self, values: Mapping[str, Any]) -> Self:
        """Return a copy with the settings at some dotted paths changed, validated as a whole.

        Raises
        ------
        KeyError
            If a path names no setting.
        pydantic.ValidationError
            If a value does not fit.
        """
        tree = self.model_dump()
        for path, value in values.items():
            self.get(path)
            *parents, leaf = path.split(".")
            node = tree
            for name in parents:
                node = node[name]
            node[leaf] = value.model_dump() if isinstance(value, Spec) else value
        return type(self).model_validate(tree)

    def to_toml(self) -> str:
        """Return the settings as TOML; those that are None are left out."""
        return tomli_w.dumps(self.model_dump(mode="json", exclude_none=True))

    @classmethod
    def from_toml(cls, path: str | Path) -> Self:
        """Read the settings from a TOML file.

        Raises
        ------
        ValueError
            If the file is not TOML, or a setting in it does not fit.
        """
        return cls.model_validate(read_toml(path))

    @property
    def digest(self) -> str:
        """The SHA-256 of the settings: equal for equal specs on every machine."""
        canonical = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()


def kind_or(default: str) -> pydantic.BeforeValidator:
    """Let settings that do not say their ``kind``, as in a TOML file, be of a default one."""
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
        If there is no such file, or it may not be read.
    """
    with open(path, "rb") as file:
        content = file.read(LARGEST_TOML + 1)
    if len(content) > LARGEST_TOML:
        raise ValueError(f"{path} is longer than {LARGEST_TOML} bytes, which no settings are")
    return parse_toml(content, str(path))


def parse_toml(content: bytes | str, source: str) -> dict[str, Any]:
    """Read TOML of any origin; the message of a ValueError names the source."""
    try:
        return tomllib.loads(content.decode() if isinstance(content, bytes) else content)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{source} is not TOML: {one_line(error, 200)}") from None


def explain(error: pydantic.ValidationError) -> str:
    """Say in one line per problem which setting was refused, why, and what was found, all of it in brief."""
    problems = error.errors(include_url=False)
    lines = [
        f"{_place(problem['loc']) or error.title}: {one_line(problem['msg'].removeprefix('Value error, '), 800)}"
        f" (found {brief(problem['input'])})"
        for problem in problems[:MOST_PROBLEMS]
    ]
    more = [f"and {len(problems) - MOST_PROBLEMS} more problems"] if len(problems) > MOST_PROBLEMS else []
    return "\n".join(lines + more)


def brief(found: object, most: int = 200) -> str:
    """Show a value of any size in one short line, at a cost that does not depend on its size.

    Parameters
    ----------
    found : object
        Text comes in quotes; what is neither text, a number, a path nor a container of them is called by its type.
    most : int
        The most characters.

    Examples
    --------
    >>> brief(list(range(10**6)))
    '[0, 1, 2, 3, ...]'
    """
    return one_line(_BRIEFLY.repr(found), most)


def one_line(text: object, most: int = 500) -> str:
    """Make one line of a text, or of an error, and no more than some characters."""
    text = str(text)
    line = " ".join(text[: 2 * most].split())
    return line if len(line) <= most and len(text) <= 2 * most else line[: most - 3] + "..."


class _Briefly(reprlib.Repr):
    """As Python writes a value, but for large ones."""

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


def _place(parts: tuple[int | str, ...]) -> str:
    return one_line(".".join(str(part) for part in parts), 200)


def _no_setting(spec: Spec, path: str, at: Any, name: str) -> str:
    if not isinstance(at, Spec):
        return f"{type(spec).__name__} has no setting {path!r}: there is nothing below {name!r}"
    return f"{type(at).__name__} has no setting {name!r} (asked for {path!r}); it has: " + ", ".join(
        type(at).model_fields
    )
