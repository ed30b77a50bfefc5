"""A setting that is chosen among values for every movie of a corpus: numbers, texts or whole tables."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
import pydantic

from smlmsim.spec import Spec


def _plain(found: Any) -> Any:
    """Make the table of a Spec, of what differs from its defaults, and refuse what TOML cannot hold."""
    if isinstance(found, Spec):
        own = found.model_dump(mode="json", exclude_defaults=True)
        return {"kind": found.get("kind")} | own if "kind" in type(found).model_fields else own
    if not isinstance(found, bool | int | float | str | list | dict):
        raise ValueError("a value is a number, a text, true, false, a list or a table")
    if isinstance(found, float) and not math.isfinite(found):
        raise ValueError("a value is a finite number")
    return found


Value = Annotated[Any, pydantic.BeforeValidator(_plain)]


class Choice(Spec):
    """A setting of the study, by its dotted path, with one of a few values for every movie.

    Parameters
    ----------
    setting : str
        Dotted path of the setting or table, such as ``motion.kind`` or ``motion``.
    values : tuple
        Two or more values, equally probable; one that appears twice is chosen twice as often. A path that ends in
        ``.kind`` keeps the settings of the study that the chosen kind has too; a table replaces all of them.
        In Python, a Spec stands for its table.
    """

    setting: str
    values: tuple[Value, ...] = pydantic.Field(min_length=2, max_length=100)

    @property
    def is_number(self) -> bool:
        """Whether all values are numbers."""
        return all(isinstance(value, int | float) and not isinstance(value, bool) for value in self.values)

    def draw(self, rng: np.random.Generator) -> Any:
        """Draw a value."""
        return self.values[int(rng.integers(len(self.values)))]

    def sets(self, setting: str) -> bool:
        """Whether a value gives another setting, by its dotted path, a value too."""
        if setting == self.setting:
            return True
        if not setting.startswith(f"{self.setting}."):
            return False
        parts = setting.removeprefix(f"{self.setting}.").split(".")
        return any(_holds(value, parts) for value in self.values)


def _holds(value: Any, parts: list[str]) -> bool:
    for name in parts:
        if not isinstance(value, Mapping) or name not in value:
            return False
        value = value[name]
    return True


def written(value: Any) -> str:
    """Write a value in one line: numbers with six digits, texts as they are, all others as JSON.

    Examples
    --------
    >>> written(0.1234567), written("rigid"), written({"kind": "rigid"})
    ('0.123457', 'rigid', '{"kind": "rigid"}')
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{value:g}"
    return value if isinstance(value, str) else json.dumps(value)
