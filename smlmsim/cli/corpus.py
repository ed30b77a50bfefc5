"""The commands for training corpora."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

import smlmsim
from smlmsim._settings import closest
from smlmsim.cli.messages import Command
from smlmsim.cli.options import Scheduler, Workers
from smlmsim.cli.presets import preset_path, presets
from smlmsim.spec import read_settings

if TYPE_CHECKING:
    from smlmsim.corpus import Corpus


class MakeByDefault(TyperGroup):
    """A group whose first word is the study of a corpus to make, unless it is one of the commands or looks like one."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Put ``make`` before a word that is a preset or a file; refuse one that is nothing of all these."""
        word = args[0]
        if word in self.commands:
            return super().resolve_command(ctx, args)
        known = presets("corpus")
        if word not in known and Path(word).suffix != ".toml" and not word.startswith("-"):
            near = closest(word, [*self.commands, *known])
            others = f"did you mean {near!r}?" if near else f"there are: {', '.join(known)}"
            raise ValueError(f"no preset or command {word!r}; {others}")
        return super().resolve_command(ctx, ["make", *args])


corpus_app = typer.Typer(
    cls=MakeByDefault,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="""Make, check and export many movies for training.

    * `smlmsim corpus tiny --out corpus.zarr` makes a corpus from a preset or a TOML file.
    * `smlmsim corpus info corpus.zarr` summarises a corpus.
    * `smlmsim corpus verify corpus.zarr --repair` checks every file, and makes damaged movies again.
    * `smlmsim corpus export corpus.zarr --out DIR` writes image stacks and tables for other programs.
    """,
)

Store = Annotated[Path, typer.Argument(metavar="PATH", help="A corpus.")]


@corpus_app.command(cls=Command)
def make(
    study: Annotated[str, typer.Argument(help="A preset (`smlmsim list` names them) or a TOML file.")],
    out: Annotated[Path, typer.Option(help="Folder of the corpus; made if absent.")],
    movies: Annotated[
        int | None, typer.Option(min=1, help="Number of movies. [default: as in STUDY]")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Seed of all random numbers. [default: as in STUDY]")
    ] = None,
    table: Annotated[
        list[Path] | None, typer.Option(help="A measured table for a hybrid corpus; may be repeated.")
    ] = None,
    workers: Workers = None,
    scheduler: Scheduler = None,
) -> None:
    """Make a corpus; if killed at any moment, run the same command again to continue."""
    smlmsim.corpus.generate(
        read_corpus(study, movies, seed, table), out, processes=workers, scheduler=scheduler
    )
    typer.echo(smlmsim.corpus.info(out))


@corpus_app.command(cls=Command)
def info(path: Store) -> None:
    """Summarise a corpus."""
    typer.echo(smlmsim.corpus.info(path))


@corpus_app.command(cls=Command)
def verify(
    path: Store,
    repair: Annotated[bool, typer.Option("--repair", help="Make damaged and missing movies again.")] = False,
    workers: Workers = None,
) -> None:
    """Read every file of a corpus and list damaged ones."""
    damages = smlmsim.corpus.repair(path, processes=workers) if repair else smlmsim.corpus.verify(path)
    for damage in damages:
        typer.echo(f"movie {damage.movie}: {damage.variable} {'was' if repair else 'is'} damaged")
    if damages and not repair:
        raise ValueError(f"{len(damages)} files are damaged; --repair makes their movies again")
    typer.echo(f"{path}: no file is damaged")


@corpus_app.command(cls=Command)
def export(path: Store, out: Annotated[Path, typer.Option(help="Folder; made if absent.")]) -> None:
    """Write the movies as TIFF stacks and ThunderSTORM tables."""
    typer.echo(f"{smlmsim.corpus.export(path, out)} lists the files")


def read_corpus(
    study: str, movies: int | None = None, seed: int | None = None, tables: list[Path] | None = None
) -> Corpus:
    """Read a corpus from a TOML file or a preset, with some settings replaced."""
    path = Path(study) if Path(study).suffix == ".toml" else preset_path("corpus", study)
    given = {name: value for name, value in {"movies": movies, "seed": seed}.items() if value is not None}

    def made(tree: dict[str, Any]) -> Corpus:
        return smlmsim.corpus.Corpus.model_validate(tree | given | _with_tables(tree, tables, study))

    return read_settings(path, made, family="corpus")


def _with_tables(tree: dict[str, Any], tables: list[Path] | None, name: str) -> dict[str, Any]:
    """Return the study of a hybrid corpus with measured tables."""
    found = tree.get("study", {})
    if not isinstance(found, dict):
        return {}
    if not tables:
        if found.get("kind") == "hybrid" and not found.get("tables"):
            raise ValueError(f"{name} makes movies from measured tables; give one or more with --table")
        return {}
    if found.get("kind") != "hybrid":
        kind = found.get("kind", "semi_simulated")
        raise ValueError(f"--table is for a hybrid corpus, such as hybrid-train; {name} is {kind}")
    return {"study": found | {"tables": [{"table": str(table)} for table in tables]}}
