"""Tags in eleven categories: terms with synonyms, of which some are parts or kinds of others."""

from __future__ import annotations

import functools
import logging
import tomllib
import unicodedata
from collections.abc import Iterable, Iterator
from importlib import resources
from typing import NamedTuple

from smlmsim._settings import closest
from smlmsim.io.metadata import Metadata
from smlmsim.io.publication import plain
from smlmsim.io.smlm.tags import SYNONYMS, TAGS

CATEGORIES = TAGS
"""The eleven categories, which are fields of :class:`~smlmsim.io.metadata.Metadata`."""
GREEK = {
    "\N{GREEK SMALL LETTER ALPHA}": "alpha",
    "\N{GREEK SMALL LETTER BETA}": "beta",
    "\N{GREEK SMALL LETTER GAMMA}": "gamma",
}
_log = logging.getLogger(__name__)


class Term(NamedTuple):
    """A term of a category.

    Parameters
    ----------
    category, name : str
    synonyms : tuple of str
        Other names of the same.
    parents : tuple of str
        Terms of which it is a part or a kind.
    identifier : str
        Its identifier in an ontology, as ``GO:0005643``; "" if none is given.
    """

    category: str
    name: str
    synonyms: tuple[str, ...] = ()
    parents: tuple[str, ...] = ()
    identifier: str = ""


class Tag(NamedTuple):
    """A tag of a table: its category, "" if it has none, its name, and whether it is in the vocabulary."""

    category: str
    name: str
    known: bool

    def __str__(self) -> str:
        name = f"{said(self.category)}:{self.name}" if self.category else self.name
        return name if self.known else f"{name} (?)"


def said(category: str) -> str:
    """A category as it is written in a tag."""
    return category.replace("_", " ")


@functools.cache
def terms() -> dict[tuple[str, str], Term]:
    """The terms of the vocabulary by their category and name."""
    tree = tomllib.loads((resources.files(__package__) / "vocabulary.toml").read_text(encoding="utf-8"))
    return {
        (category, name): Term(
            category,
            name,
            tuple(about.get("synonyms", ())),
            tuple(about.get("parents", ())),
            about.get("id", ""),
        )
        for category, found in tree.items()
        for name, about in found.items()
    }


def term(category: str, name: str) -> Term | None:
    """Find a term by its name or a synonym, however it is spelt; None if it is not in the vocabulary."""
    sought = key(name)
    return _known(category).get(sought) or _known(category).get(sought.removesuffix("s"))


def below(category: str, name: str) -> set[str]:
    """The names of a term, of its parts and kinds, and of theirs.

    Examples
    --------
    >>> sorted(below("structure", "nuclear envelope"))
    ['nuclear envelope', 'nuclear lamina', 'nuclear pore']
    """
    return {other for kind, other in terms() if kind == category and name in above(category, other)}


def nearness(category: str, one: str, other: str) -> float:
    """How near two terms are in the hierarchy: 1 for the same, 0 if they have nothing in common.

    It is the measure of Wu and Palmer (doi:10.3115/981732.981751): twice the depth of their nearest common term over
    the sum of their own depths.
    """
    if one == other:
        return 1.0
    first, second = above(category, one), above(category, other)
    shared = max((first[name] for name in first.keys() & second.keys()), default=0)
    return 2 * shared / (first[one] + second[other]) if shared else 0.0


def tag(text: str) -> Tag:
    """Read a tag such as ``structure:microtubules``; one of an unknown category is kept whole.

    Examples
    --------
    >>> tag("cell: cos7"), tag("structure:foo").known, tag("2021").category
    (Tag(category='cell_line', name='COS-7', known=True), False, '')
    """
    kind, colon, value = plain(text).partition(":")
    category = category_of(kind)
    if not colon or not category or not value.strip():
        return Tag("", plain(text), False)
    found = term(category, value)
    return Tag(category, found.name if found else value.strip(), found is not None)


def tags(metadata: Metadata, more: Iterable[str] = ()) -> tuple[Tag, ...]:
    """All tags of a table, each once: the fields of its metadata, its other tags, and more; without category last."""
    found = dict.fromkeys([*_of_fields(metadata), *map(tag, [*metadata.tags, *more])])
    return tuple(sorted(found, key=lambda one: not one.category))


def category_of(text: str) -> str:
    """The category that a word names; "" if it names none."""
    name = "_".join(text.strip().lower().replace("_", " ").split())
    name = SYNONYMS.get(name, name)
    return name if name in CATEGORIES else ""


def doubt(text: str) -> str:
    """Say what is unusual about a tag, in a sentence; "" if it is in the vocabulary.

    Examples
    --------
    >>> doubt("structure:mictotubules")
    "the tag 'structure:mictotubules' is not in the vocabulary; did you mean 'structure:microtubules'?"
    """
    found = tag(text)
    if found.known:
        return ""
    kind, colon, value = plain(text).partition(":")
    if not found.category:
        near = closest(kind, map(said, CATEGORIES)) if colon else ""
        there = f"the categories are {', '.join(map(said, CATEGORIES))}"
        meant = f"did you mean '{near}:{value.strip()}'?" if near else there
        return f"the tag {plain(text)!r} is of no known category; {meant}"
    near = _nearest(found.category, value)
    meant = f"did you mean '{said(found.category)}:{near}'?" if near else "it is kept, and marked as unknown"
    return f"the tag '{said(found.category)}:{found.name}' is not in the vocabulary; {meant}"


def warn(texts: Iterable[str]) -> None:
    """Say what is unusual about tags that were given."""
    for sentence in filter(None, map(doubt, texts)):
        _log.warning("%s", sentence)


def _nearest(category: str, name: str) -> str:
    """The term that a misspelt name most likely means; "" if there is none."""
    spelt = {key(other): one.name for one in _terms_of(category) for other in (one.name, *one.synonyms)}
    return spelt.get(closest(key(name), spelt), "")


def _of_fields(metadata: Metadata) -> Iterator[Tag]:
    """The tags in the fields of metadata; a field may list several."""
    for category in CATEGORIES:
        value = getattr(metadata, category)
        if value is None:
            continue
        whole = tag(f"{category}:{value}")
        several = [part for part in value.replace(";", ",").split(",") if part.strip()]
        yield from (
            [whole] if whole.known or len(several) < 2 else (tag(f"{category}:{one}") for one in several)
        )


@functools.cache
def _known(category: str) -> dict[str, Term]:
    """The terms of a category by the keys of all their names; names go before synonyms."""
    found = {key(other): one for one in _terms_of(category) for other in one.synonyms}
    return found | {key(one.name): one for one in _terms_of(category)}


def _terms_of(category: str) -> list[Term]:
    return [one for one in terms().values() if one.category == category]


@functools.cache
def above(category: str, name: str) -> dict[str, int]:
    """A term and those of which it is a part or a kind, with their depths: 1 for those without parents."""
    found: dict[str, int] = {}
    parents = terms()[category, name].parents if (category, name) in terms() else ()
    for parent in parents:
        found |= above(category, parent)
    return found | {name: 1 + max((found[parent] for parent in parents), default=0)}


def key(name: str) -> str:
    """A name without case, blanks and signs, by which spellings are compared."""
    text = "".join(GREEK.get(letter, letter) for letter in unicodedata.normalize("NFKC", name).casefold())
    return "".join(letter for letter in text if letter.isalnum()) or text
