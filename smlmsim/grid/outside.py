"""What lies outside of what networks were trained for in the movies of a grid, said once for each network."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence

log = logging.getLogger(__name__)

TRAINED = ", trained for "
"""What separates, in a line of a domain, the value that was found from the range of the training."""


class Outside:
    """The lines about movies outside of the range of a training, gathered by reconstructor."""

    def __init__(self) -> None:
        self._movies: Counter[str] = Counter()
        self._found: dict[str, dict[str, list[str]]] = {}

    def add(self, lines: Mapping[str, Sequence[str]]) -> None:
        """Add the lines of one movie: reconstructor -> what :meth:`smlmsim.domain.Domain.outside` says of it."""
        for name, said in lines.items():
            self._movies[name] += bool(said)
            for line in said:
                found, _, trained = line.partition(TRAINED)
                values = self._found.setdefault(name, {}).setdefault(trained, [])
                if found not in values:
                    values.append(found)

    def say(self) -> None:
        """Log one warning for each reconstructor that was given movies outside of its training."""
        for name, kinds in self._found.items():
            log.warning(
                "%s: %d movie%s outside of what it was trained for: %s",
                name, self._movies[name], " lies" if self._movies[name] == 1 else "s lie",
                "; ".join(_said(values, trained) for trained, values in kinds.items()),
            )  # fmt: skip


def _said(values: Sequence[str], trained: str) -> str:
    """The first value that was found, how many others there are, and the range of the training."""
    more = f" and {len(values) - 1} other value{'s' * (len(values) > 2)}" if len(values) > 1 else ""
    return f"{values[0]}{more}{TRAINED}{trained}"
