"""A page that shows the tables of a catalogue: one HTML file that needs no network."""

from __future__ import annotations

import base64
import html
import logging
from collections import defaultdict
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from string import Template

from smlmsim import io
from smlmsim.catalogue import vocabulary
from smlmsim.catalogue.card import shown
from smlmsim.catalogue.index import Entry, Index
from smlmsim.catalogue.query import nearest
from smlmsim.catalogue.vocabulary import Tag

MOST_CHIPS = 24
"""Tags that can be chosen by a click, the most frequent ones."""
TIMES = " \N{MULTIPLICATION SIGN} "
MICRO = "\N{MICRO SIGN}"
MOST_COMPARED = 400
"""Tables of a page that are compared with each other, 80,000 pairs."""
MOST_SIMILAR, LEAST_SIMILAR = 3, 0.5
"""How many similar tables a card names, and how similar they are at least."""
CHOSEN = ("structure", "modality", "fluorophore")
"""Categories of these tags."""
NARROW = "\N{NARROW NO-BREAK SPACE}"
_log = logging.getLogger(__name__)


def write_gallery(index: Index, entries: Sequence[Entry], out: str | Path, *, title: str = "") -> Path:
    """Write a page with a card for each table: its picture, tags, numbers, licence and citation.

    Parameters
    ----------
    index : Index
    entries : sequence of Entry
        The tables to show.
    out : str or Path
        The HTML file.
    title : str
        What was sought; "" for all.

    Raises
    ------
    ValueError
        If there is nothing to show, or the file has another ending.
    OSError
        If the file cannot be written.
    """
    path = Path(out)
    if path.suffix.lower() not in (".html", ".htm"):
        raise ValueError(f"a gallery is one HTML file, found {path}; give out=gallery.html")
    if not entries:
        raise ValueError(
            "no table fits, so there is no gallery; `smlmsim catalogue search` without a query lists all"
        )
    similar = _similar(index, entries)
    assets = resources.files(__package__) / "assets"
    page = Template((assets / "gallery.html").read_text(encoding="utf-8")).substitute(
        css=(assets / "gallery.css").read_text(encoding="utf-8"),
        js=(assets / "gallery.js").read_text(encoding="utf-8"),
        title=html.escape(title or "All tables"),
        lead=html.escape(_lead(entries)),
        chips="\n".join(_chips(entries)),
        cards="\n".join(_card(index, entry, similar[entry.number]) for entry in entries),
    )
    with io.replacing(path) as draft:
        draft.write_text(page, encoding="utf-8")
    return path


def _lead(entries: Sequence[Entry]) -> str:
    number, total = len(entries), sum(entry.card.localizations for entry in entries)
    return f"{number} table{'s' * (number != 1)} with {total:,} localizations."


def _chips(entries: Sequence[Entry]) -> list[str]:
    """Buttons for the terms that some tables have; of terms that the same tables have, for the most special one."""
    having: defaultdict[tuple[str, str], set[int]] = defaultdict(set)
    for entry in entries:
        for found in _sought(entry.tags):
            having[found].add(entry.number)
    special = {
        term
        for term, numbers in having.items()
        if not any(
            other != term and numbers == more and term[1] in vocabulary.above(*other)
            for other, more in having.items()
            if other[0] == term[0]
        )
    }
    frequent = sorted(special, key=lambda term: (-len(having[term]), term))
    chosen = [term for term in frequent if len(having[term]) < len(entries)][:MOST_CHIPS]
    return [
        f'<button type="button" aria-pressed="false" data-term="{html.escape(name)}">{html.escape(name)} '
        f"<span>{len(having[category, name])}</span></button>"
        for category, name in chosen
    ]


def _sought(tags: Sequence[Tag]) -> set[tuple[str, str]]:
    """The terms by which a table is found on the page: its own, and those of which they are parts or kinds."""
    return {
        (found.category, name)
        for found in tags
        if found.category in CHOSEN
        for name in vocabulary.above(found.category, found.name)
    }


def _similar(index: Index, entries: Sequence[Entry]) -> dict[int, list[Entry]]:
    """The tables of the page that are most similar to each."""
    if len(entries) > MOST_COMPARED:
        _log.info(
            "%d tables are not compared with each other, at most %d are; choose some by a query",
            len(entries),
            MOST_COMPARED,
        )
        return {entry.number: [] for entry in entries}
    shapes = index.shapes()
    found = {entry.number: nearest(entry, entries, shapes, MOST_SIMILAR) for entry in entries}
    return {
        number: [other for share, other in pairs if share >= LEAST_SIMILAR] for number, pairs in found.items()
    }


def _card(index: Index, entry: Entry, similar: Sequence[Entry]) -> str:
    card = entry.card
    picture = base64.b64encode(index.picture(entry.number)).decode()
    sought = sorted({name for _, name in _sought(entry.tags)})
    texts = [card.name, entry.path.name, card.description, *map(str, entry.tags), *sought]
    words = html.escape(" ".join(texts).casefold())
    terms = html.escape("|".join(sought))
    tags = "".join(_tag(found) for found in entry.tags)
    numbers = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in _numbers(entry))
    said = [html.escape(text) for text in (card.license, card.citation) if text]
    origin = f'<p class="origin">{" · ".join(said)}</p>' if said else ""
    description = f'<p class="about">{html.escape(card.description)}</p>' if card.description else ""
    return (
        f'<article id="table-{entry.number}" data-words="{words}" data-terms="{terms}" data-number="{entry.number}" '
        f'data-localizations="{card.localizations}" data-precision="{card.precision_nm or ""}" '
        f'data-rate="{card.rate_hz or ""}" data-name="{html.escape(card.name.casefold())}">'
        f'<img src="data:image/webp;base64,{picture}" alt="Localizations of {html.escape(card.name)}" loading="lazy">'
        f"<h2>{html.escape(card.name)}</h2>"
        f'<p class="file">{html.escape(entry.path.name)} · number {entry.number}</p>'
        f'<p class="tags">{tags}</p><dl>{numbers}</dl>{description}{_links(similar)}{origin}</article>'
    )


def _links(similar: Sequence[Entry]) -> str:
    """Links to the cards of similar tables."""
    links = ", ".join(
        f'<a href="#table-{other.number}">{html.escape(other.card.name)}</a>' for other in similar
    )
    return f'<p class="similar">Similar: {links}</p>' if links else ""


def _tag(found: Tag) -> str:
    if found.known:
        return f"<span>{html.escape(found.name)}</span>"
    return f'<span class="unknown" title="not in the vocabulary">{html.escape(found.name)}&nbsp;?</span>'


def _numbers(entry: Entry) -> list[tuple[str, str]]:
    """The numbers of a table with their units."""
    card = entry.card
    found = [
        ("localizations", f"{card.localizations:,}"),
        ("field", f"{card.height_nm / 1000:.3g}{TIMES}{card.width_nm / 1000:.3g}{NARROW}{MICRO}m"),
    ]
    if card.frames:
        found.append(("frames", f"{card.frames:,}"))
    if card.rate_hz:
        found.append(("rate", f"{shown(card.rate_hz)}{NARROW}Hz"))
    if card.precision_nm is not None:
        found.append(("precision", f"{card.precision_nm:.3g}{NARROW}nm"))
    found.append(("density", f"{shown(card.density_per_um2)}{NARROW}{MICRO}m<sup>-2</sup>"))
    return found
