"""The commands for a catalogue of tables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from smlmsim.cli.messages import Command
from smlmsim.cli.options import reads_a_table
from smlmsim.cli.table import table
from smlmsim.io import Reading

if TYPE_CHECKING:
    from smlmsim.catalogue.index import Entry

catalogue_app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="""Find localization tables by what they show and how.

    * `smlmsim catalogue add DIR` adds all tables in a folder, such as what `smlmsim fetch` left.
    * `smlmsim catalogue search structure:nucleus 'precision_nm<20'` finds tables; nuclear pores are part
      of the nucleus.
    * `smlmsim catalogue show 3` shows all of one table, and similar ones.
    * `smlmsim catalogue gallery --out gallery.html` writes a page with their pictures.
    * `catalogue:structure:microtubules` stands for the tables that it finds in a hybrid study, and in
      `smlmsim corpus hybrid-train --table`.
    """,
)

Place = Annotated[
    Path | None,
    typer.Option(
        "--index", help="File of the catalogue. [default: $SMLMSIM_CATALOGUE, or one in your user folder]"
    ),
]
Query = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="QUERY...",
        help="Tags as structure:nucleus, numbers as 'rate_hz>100', or words; all must fit. [default: all tables]",
        show_default=False,
    ),
]
SHOWN = 40
"""Characters of tags in a list."""


@catalogue_app.command(cls=Command)
@reads_a_table
def add(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Tables, or folders of them.")],
    reading: Reading,
    tag: Annotated[
        list[str] | None, typer.Option(help="As structure:microtubules, for all of them; may be repeated.")
    ] = None,
    index: Place = None,
) -> None:
    """Add tables: count, measure and draw them, and keep their tags.

    What is in the `rdf.yaml` beside them, or what `smlmsim fetch` left there, is kept too. Tables that did not change
    are not read again, and those of a folder that are gone are removed.
    """
    from smlmsim.catalogue.adding import add
    from smlmsim.catalogue.index import index_path, opened

    place = index_path(index)
    with opened(place, make=True) as catalogue:
        done = add(catalogue, paths, reading, tag or ())
        total = len(catalogue.entries())
    typer.echo(
        f"{done.added} added, {done.unchanged} as they were, {done.gone} gone, {done.others} left out; "
        f"{_tables(total)} in {place}"
    )


@catalogue_app.command(cls=Command)
def search(query: Query = None, index: Place = None) -> None:
    """List the tables that fit a query.

    Numbers are `localizations`, `frames`, `exposure_s`, `rate_hz`, `precision_nm`, `photons`, `density_per_um2` and
    `field_nm`, the shorter side. Names of several words need quotes: `'structure:nuclear pore'`. Unknown tags are
    marked by (?).
    """
    from smlmsim.catalogue.index import index_path, opened
    from smlmsim.catalogue.query import search

    with opened(index_path(index)) as catalogue:
        found = search(catalogue, query or ())
    if not found:
        typer.echo("no table fits")
        return
    head = ("number", "name", "localizations", "rate", "precision", "field", "tags")
    typer.echo(table([head, *map(_row, found)]))


@catalogue_app.command(cls=Command)
def show(
    number: Annotated[int, typer.Argument(help="Its number in the catalogue; `search` lists them.")],
    index: Place = None,
) -> None:
    """Show all of one table, and the tables most similar to it by their tags and the shape of the structure."""
    from smlmsim.catalogue import vocabulary
    from smlmsim.catalogue.index import Where, index_path, opened
    from smlmsim.catalogue.query import similar

    with opened(index_path(index)) as catalogue:
        found = catalogue.entries([Where("id = ?", (number,))])
        if not found:
            raise ValueError(
                f"there is no table {number} in the catalogue; `smlmsim catalogue search` lists all"
            )
        near = similar(catalogue, found[0])
    (entry,) = found
    card = entry.card
    gone = "" if entry.path.is_file() else " (no longer there)"
    lines = [
        ("name", card.name),
        ("file", f"{entry.path}{gone}"),
        ("format", card.format),
        ("holds", card.sentence),
    ]
    for one in entry.tags:
        term = vocabulary.term(one.category, one.name) if one.known else None
        lines.append(("tag", f"{one}{f' = {term.identifier}' if term and term.identifier else ''}"))
    lines += [
        (name, value)
        for name, value in (
            ("description", card.description),
            ("licence", card.license),
            ("citation", card.citation),
        )
        if value
    ]
    lines += [("similar", f"{other.number}  {other.card.name} ({share:.2f})") for share, other in near]
    typer.echo(table(lines))


@catalogue_app.command(cls=Command)
def gallery(
    out: Annotated[Path, typer.Option("--out", help="The HTML file.")],
    query: Query = None,
    index: Place = None,
) -> None:
    """Write one HTML page with pictures of the tables that fit a query; it needs no internet connection."""
    from smlmsim.catalogue.gallery import write_gallery
    from smlmsim.catalogue.index import index_path, opened
    from smlmsim.catalogue.query import search

    with opened(index_path(index)) as catalogue:
        found = search(catalogue, query or ())
        path = write_gallery(catalogue, found, out, title=" ".join(query or ()))
    typer.echo(f"{_tables(len(found))} in {path}: {path.stat().st_size / 1e6:.2g} MB")


def _tables(number: int) -> str:
    return f"{number} table{'s' * (number != 1)}"


def _row(entry: Entry) -> tuple[str, ...]:
    from smlmsim.catalogue.card import shown

    card = entry.card
    tags = ", ".join(found.name + " (?)" * (not found.known) for found in entry.tags)
    gone = "" if entry.path.is_file() else " (no longer there)"
    return (
        str(entry.number),
        (card.name if len(card.name) <= SHOWN else card.name[:SHOWN] + "...") + gone,
        f"{card.localizations:,}",
        f"{shown(card.rate_hz)} Hz" if card.rate_hz else "-",
        f"{card.precision_nm:.3g} nm" if card.precision_nm is not None else "-",
        f"{card.height_nm / 1000:.3g} x {card.width_nm / 1000:.3g} um",
        tags,
    )
