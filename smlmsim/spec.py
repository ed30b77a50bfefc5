"""Spec: the one base of everything a user can set."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import pydantic
import tomli_w


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
        If the file is not TOML; the message names the file, the line and the column.
    """
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not TOML: {error}") from None


def explain(error: pydantic.ValidationError) -> str:
    """Say in one line per problem which setting was refused, why, and what was found."""
    return "\n".join(
        f"{'.'.join(str(part) for part in problem['loc']) or error.title}: "
        f"{problem['msg'].removeprefix('Value error, ')} (found {problem['input']!r})"
        for problem in error.errors(include_url=False)
    )


def _no_setting(spec: Spec, path: str, at: Any, name: str) -> str:
    if not isinstance(at, Spec):
        return f"{type(spec).__name__} has no setting {path!r}: there is nothing below {name!r}"
    return f"{type(at).__name__} has no setting {name!r} (asked for {path!r}); it has: " + ", ".join(
        type(at).model_fields
    )
