"""Queries: tags with all their parts and kinds, numbers in a range, and plain words."""

from __future__ import annotations

import logging
import math
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence

from smlmsim._settings import suggestion
from smlmsim.catalogue import vocabulary
from smlmsim.catalogue.index import NUMBERS, Entry, Index, Where
from smlmsim.catalogue.shape import Shape, likeness
from smlmsim.catalogue.vocabulary import CATEGORIES
from smlmsim.spec import brief

LIKE = "catalogue:"
"""What a query begins with where the path of a table could be."""
WEIGHTS = {"structure": 0.4, "shape": 0.4, "precision_nm": 0.1, "density_per_um2": 0.1}
"""How much the nearness of structures by tag, the likeness of shapes, and the ratios of two numbers count."""
_RANGE = re.compile(r"(\w+)(<=|>=|<|>|=)(\S+)")
_COMPARISON = re.compile(r"\s*(<=|>=|<|>|=)\s*")
_log = logging.getLogger(__name__)


def search(index: Index, words: Sequence[str]) -> list[Entry]:
    """Find the tables that fulfil all parts of a query.

    Parameters
    ----------
    index : Index
    words : sequence of str
        ``category:term`` finds tables with the term, or any part or kind of it; ``number<value`` those in a range of
        ``NUMBERS``; any other word those with such a tag or text. An empty query finds all.

    Raises
    ------
    ValueError
        If a category or number is not known, or a value is not a number.
    """
    return index.entries([_where(word) for word in _split(words)])


def similar(index: Index, entry: Entry, most: int = 5) -> list[tuple[float, Entry]]:
    """The tables most similar to one, with their similarity from 0 to 1, the most similar first.

    Similarity is that of the structures by their place in the vocabulary and by their shape in the localizations
    (:mod:`smlmsim.catalogue.shape`), and, with less weight, the ratio of the precisions and of the densities; what one
    of both does not have does not count.
    """
    entries, shapes = index.entries(), index.shapes()
    if waiting := sum(other.number not in shapes for other in entries):
        _log.info(
            "the shapes of %d tables are not in the catalogue; adding them again describes them", waiting
        )
    return nearest(entry, entries, shapes, most)


def nearest(
    entry: Entry, entries: Iterable[Entry], shapes: Mapping[int, Shape | None], most: int
) -> list[tuple[float, Entry]]:
    """The entries most similar to one, with their similarity, of those that are given."""
    shape = shapes.get(entry.number)
    found = [
        (similarity(entry, other, shape, shapes.get(other.number)), other)
        for other in entries
        if other.number != entry.number
    ]
    return [pair for pair in sorted(found, key=lambda pair: -pair[0]) if pair[0] > 0][:most]


def similarity(
    one: Entry, other: Entry, shape: Shape | None = None, other_shape: Shape | None = None
) -> float:
    """How similar two tables are, from 0 to 1; 0 if nothing is known of the structure of one of both."""
    pairs = [
        (a.name, b.name) for a in one.tags for b in other.tags if a.category == b.category == "structure"
    ]
    parts = {"structure": max(vocabulary.nearness("structure", *pair) for pair in pairs)} if pairs else {}
    alike = likeness(shape, other_shape) if shape and other_shape else None
    if alike is not None:
        parts["shape"] = alike
    if not any(parts.values()):
        return 0.0
    for name in ("precision_nm", "density_per_um2"):
        values = getattr(one.card, name), getattr(other.card, name)
        if all(values):
            parts[name] = math.exp(-abs(math.log(values[0] / values[1])))
    return sum(WEIGHTS[name] * part for name, part in parts.items()) / sum(WEIGHTS[name] for name in parts)


def _split(words: Iterable[str]) -> list[str]:
    """The parts of a query; a term of several words needs quotes, or hyphens in place of blanks."""
    found: list[str] = []
    for word in words:
        kind, colon, value = word.partition(":")
        category = vocabulary.category_of(kind) if colon else ""
        if category and vocabulary.term(category, value):
            found.append(word)
            continue
        try:
            found += shlex.split(_COMPARISON.sub(r"\1", word))
        except ValueError:
            missing = "what a backslash quotes" if word.endswith("\\") else "a quotation mark"
            raise ValueError(f"{missing} is missing in the query {brief(word)}") from None
    return found


def _where(word: str) -> Where:
    """The condition of one part of a query."""
    if compared := _RANGE.fullmatch(word):
        return _in_range(*compared.groups())
    kind, colon, value = word.partition(":")
    if not colon:
        return _of_word(word)
    category = vocabulary.category_of(kind)
    if not category:
        known = [vocabulary.said(one) for one in CATEGORIES]
        raise ValueError(f"no category {kind!r} in the query {brief(word)}; {suggestion(kind, known)}")
    if doubt := vocabulary.doubt(word):
        _log.info("%s", doubt)
    return _tagged(category, value)


def _in_range(name: str, comparison: str, text: str) -> Where:
    if name not in NUMBERS:
        raise ValueError(f"no number {name!r} is in the catalogue; {suggestion(name, NUMBERS)}")
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(
            f"{name}{comparison}{text}: {text!r} is not a number; write it as {name}{comparison}20"
        )
    return Where(f"{name} {comparison} ?", (value,))


def _tagged(category: str, value: str) -> Where:
    """Tables with a term, or a part or kind of it."""
    term = vocabulary.term(category, value)
    names = vocabulary.below(category, term.name) if term else {value}
    keys = sorted(map(vocabulary.key, names))
    places = ", ".join("?" * len(keys))
    return Where(f"id IN (SELECT entry FROM tag WHERE category = ? AND key IN ({places}))", (category, *keys))


def _of_word(word: str) -> Where:
    """Tables with a word in a text, or tagged with it in any category."""
    found = [_tagged(category, word) for category in CATEGORIES if vocabulary.term(category, word)]
    escaped = re.sub(r"([%_\\])", r"\\\1", word.casefold())
    wheres = [Where("words LIKE ? ESCAPE '\\'", (f"%{escaped}%",)), *found]
    return Where(
        " OR ".join(where.sql for where in wheres), tuple(value for where in wheres for value in where.values)
    )
