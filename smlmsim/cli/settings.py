"""The command that lists the settings of a study."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from smlmsim._settings import suggestion
from smlmsim.cli.table import table

if TYPE_CHECKING:
    from smlmsim._settings import Setting
    from smlmsim.spec import Spec

HEAD = ("setting", "default", "unit", "range", "kind", "meaning")


def settings(
    kind: Annotated[
        str,
        typer.Argument(
            help="A study: `simulated_dynamic`, `semi_simulated`, `hybrid`, `experimental`, `fixed_pair`, "
            "`two_colours`; a part of one, such as `motion`; or `sweep`, `corpus`, or a trainable network."
        ),
    ] = "simulated_dynamic",
) -> None:
    """List every setting of a study in TOML, with its path, default, unit and range.

    A setting that only one kind of a part has, such as of `motion`, is listed with that kind.
    `motion.velocity_nm_per_s` is `velocity_nm_per_s` in the table `[motion]` of a file, and `[]` marks a table that may
    be repeated.
    """
    from smlmsim import _settings

    rows = [
        (found.path, found.default, found.unit, found.range, found.kind, found.meaning)
        for found in _of_part(kind) or _settings.settings(_model(kind))
    ]
    typer.echo(table([HEAD, *rows]))


def _of_part(name: str) -> list[Setting]:
    """Return the settings of all kinds of a part, as in the first study that has it; none if no study has it."""
    found = ([row for row in rows if row.path.startswith(f"{name}.")] for rows in _of_studies())
    return next(filter(None, found), [])


def _of_studies() -> Iterator[list[Setting]]:
    """Yield the settings of one study after the other."""
    from smlmsim import _settings, pipeline

    for study in (
        pipeline.SimulatedDynamic, pipeline.TwoColours, pipeline.SemiSimulated, pipeline.Hybrid, pipeline.Experimental,
        pipeline.FixedPair,
    ):  # fmt: skip
        yield list(_settings.settings(study))


def _model(kind: str) -> type[Spec]:
    """Return the class of a kind of study, or of the configuration of a network.

    Raises
    ------
    ValueError
        If there is none of that name.
    """
    from smlmsim import pipeline, train
    from smlmsim.corpus import Corpus
    from smlmsim.grid import Grid
    from smlmsim.spec import Spec

    known: dict[str, type[Spec]] = {
        "simulated_dynamic": pipeline.SimulatedDynamic,
        "semi_simulated": pipeline.SemiSimulated,
        "hybrid": pipeline.Hybrid,
        "experimental": pipeline.Experimental,
        "fixed_pair": pipeline.FixedPair,
        "two_colours": pipeline.TwoColours,
        "sweep": Grid,
        "corpus": Corpus,
    }
    if kind in train.trainable():
        network = train.load_trainable(kind)
        if not issubclass(network, Spec):
            raise ValueError(f"{kind} does not list its settings")
        return network
    if kind not in known:
        paths = (row.path.split(".") for rows in _of_studies() for row in rows)
        parts = dict.fromkeys(path[0] for path in paths if len(path) > 1)
        raise ValueError(f"no settings of {kind!r}; {suggestion(kind, [*known, *train.trainable(), *parts])}")
    return known[kind]
