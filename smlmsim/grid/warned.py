"""Warnings about the movies of a grid, from whatever process made them, said once for each kind."""

from __future__ import annotations

import contextlib
import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

log = logging.getLogger(__name__)


class Warned(NamedTuple):
    """A warning: its text, and its kind, which is the text without what differs from movie to movie."""

    kind: str
    text: str


class _Gathering(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.found: list[Warned] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a warning, unless there is one of its kind."""
        if record.msg not in {each.kind for each in self.found}:
            self.found.append(Warned(str(record.msg), record.getMessage()))


@contextlib.contextmanager
def gathered_warnings() -> Iterator[list[Warned]]:
    """Gather the warnings of the package in a list, one of each kind, instead of showing them."""
    package, gathering = logging.getLogger("smlmsim"), _Gathering()
    before = package.handlers, package.propagate
    package.handlers, package.propagate = [gathering], False
    try:
        yield gathering.found
    finally:
        package.handlers, package.propagate = before


class Warnings:
    """The warnings about the movies of a grid, gathered by kind."""

    def __init__(self) -> None:
        self._movies: Counter[str] = Counter()
        self._first: dict[str, str] = {}

    def add(self, found: Sequence[Warned]) -> None:
        """Add the warnings about one movie."""
        for kind, text in found:
            self._movies[kind] += 1
            self._first.setdefault(kind, text)

    def say(self) -> None:
        """Log one warning of each kind, with the number of movies that it is about."""
        for kind, text in self._first.items():
            number = self._movies[kind]
            log.warning("%s%s", text, f" (this and the like in {number} movies)" if number > 1 else "")
