"""The dialects of text tables of localizations, as described in ``dialects.toml``."""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import Field, NonNegativeInt, PositiveInt

from smlmsim.io.headings import split
from smlmsim.io.layout import Layout
from smlmsim.spec import Spec

SOURCE = Path(__file__).with_name("dialects.toml")
VARIABLES = {"photons": "loc_intensity"}  # names that differ in the vocabulary


class Dialect(Spec):
    """The column names of a program's tables, and how these tables are recognised; see ``dialects.toml``."""

    name: str
    verified: str
    headings: tuple[str, ...] = ()
    quoted: bool | None = None
    whole: tuple[str, ...] = ()
    comment: str | None = None
    first_frame: NonNegativeInt | None = None
    header_lines: PositiveInt = 1
    tail: bool = False
    columns: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    says: Mapping[str, str] = Field(default_factory=dict)

    def fits(self, layout: Layout) -> bool:
        """Whether a table is of the dialect."""
        if self.comment is not None:
            above = "\n".join((layout.comments, layout.header))
            return re.search(self.comment, above) is not None
        places = {
            name: place for place, heading in enumerate(layout.headings) for name in split(heading).names
        }
        return (
            set(self.headings) <= places.keys()
            and self.quoted in (None, layout.quoted)
            and all("." not in row[places[name]] for row in layout.rows[:1] for name in self.whole)
        )

    def synonyms(self, variable: str) -> tuple[str, ...]:
        """The names of a column of the vocabulary; those in any table if the dialect lists none."""
        key = next(
            (key for key, name in VARIABLES.items() if name == variable), variable.removeprefix("loc_")
        )
        if key in self.columns:
            return self.columns[key]
        return () if self == ANY() else ANY().synonyms(variable)

    def said(self, comments: str) -> dict[str, str]:
        """The values that the comments of a table give, by name."""
        found = {name: re.search(pattern, comments) for name, pattern in self.says.items()}
        return {name: match[1] for name, match in found.items() if match}


@functools.cache
def dialects() -> tuple[Dialect, ...]:
    """All dialects; the last one is that of any other table."""
    return tuple(Dialect.model_validate(tree) for tree in tomllib.loads(SOURCE.read_text("utf-8"))["dialect"])


def ANY() -> Dialect:  # noqa: N802
    """The dialect of a table that no other dialect fits."""
    return dialects()[-1]


def recognised(layout: Layout) -> Dialect:
    """The dialect of a table."""
    return next((dialect for dialect in dialects()[:-1] if dialect.fits(layout)), dialects()[-1])


def is_header(headings: Sequence[str]) -> bool:
    """Whether headings are those of a table, that is, include x and y in some dialect."""
    names = {name for heading in headings for name in split(heading).names}
    return any(
        all(
            names & {split(synonym).names[0] for synonym in dialect.synonyms(axis)}
            for axis in ("loc_x", "loc_y")
        )
        for dialect in dialects()
    )
