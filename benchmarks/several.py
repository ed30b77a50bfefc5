"""Settings of benchmarks that hold several values, and options that name them."""

from __future__ import annotations

from typing import Self

import pydantic

from smlmsim.spec import Spec

SOME = pydantic.Field(min_length=1)


class Several(Spec):
    """Settings among which a tuple holds no value twice."""

    @pydantic.model_validator(mode="after")
    def _distinct(self) -> Self:
        for name, values in self:
            if isinstance(values, tuple) and len(set(values)) < len(values):
                raise ValueError(f"{name} holds a value twice: {', '.join(map(str, values))}")
        return self


def numbers(text: str, option: str) -> tuple[float, ...]:
    """Read the numbers of an option, each once, as in "0.3,1,30"."""
    try:
        return tuple(dict.fromkeys(float(part) for part in text.split(",")))
    except ValueError:
        raise ValueError(f"{option} takes numbers, as in 0.3,1,30; found {text[:60]!r}") from None
