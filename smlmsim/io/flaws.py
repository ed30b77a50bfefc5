"""Unusable rows and values of a table: counted over all pieces, and logged once."""

from __future__ import annotations

import logging
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

_log = logging.getLogger(__name__)
MOST_NAMED = 5
"""Values that a message names; the others are counted."""


class Flaws:
    """Rows that are left out and values that are set to NaN.

    Parameters
    ----------
    source : str
        Name of the table in messages.
    drop_bad_rows : bool
        Whether rows without a position or a frame may be left out.
    """

    def __init__(self, source: str, *, drop_bad_rows: bool) -> None:
        self.source = source
        self.drop_bad_rows = drop_bad_rows
        self._rows = 0
        self._first_row = ""
        self._values: dict[str, int] = {}
        self._firsts: dict[str, str] = {}
        self._notes: list[str] = []

    @property
    def refused(self) -> bool:
        """Whether there are bad rows that must not be left out."""
        return self._rows > 0 and not self.drop_bad_rows

    def rows(self, bad: npt.NDArray[np.bool_], place: Callable[[int], str]) -> None:
        """Count bad rows; ``place`` describes where a row is and what is wrong with it."""
        if bad.any():
            self._first_row = self._first_row or place(int(np.argmax(bad)))
            self._rows += int(np.count_nonzero(bad))

    def values(self, heading: str, bad: npt.NDArray[np.bool_], place: Callable[[int], str]) -> None:
        """Count unusable values of a column; ``place`` describes where one is."""
        if bad.any():
            self._firsts.setdefault(heading, place(int(np.argmax(bad))))
            self._values[heading] = self._values.get(heading, 0) + int(np.count_nonzero(bad))

    def note(self, words: str) -> None:
        """Add another remark to the log message."""
        self._notes.append(words)

    def require_rows(self) -> None:
        """Refuse a table with bad rows, unless they may be left out.

        Raises
        ------
        ValueError
            Naming their number, and the first one.
        """
        if self.refused:
            raise ValueError(
                f"{_counted(self._rows, 'row')} without a usable position or frame, the first {self._first_row}; "
                "drop_bad_rows=True leaves them out"
            )

    def say(self) -> None:
        """Log all that was found, in one line."""
        said = []
        if self._rows:
            said.append(f"{_counted(self._rows, 'row')} left out, the first {self._first_row}")
        named = list(self._values)[:MOST_NAMED]
        said.extend(
            f"{_counted(self._values[name], 'value')} of {name!r} kept as NaN, the first {self._firsts[name]}"
            for name in named
        )
        if more := len(self._values) - len(named):
            said.append(f"the same in {_counted(more, 'other column')}")
        said.extend(self._notes)
        if said:
            _log.info("%s: %s", self.source, "; ".join(said))


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
