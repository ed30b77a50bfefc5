"""The kinds of TOML files: a study, a sweep, a corpus, a study of robustness or the configuration of a network."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple


class Family(NamedTuple):
    """A kind of TOML file.

    Parameters
    ----------
    named : str
        Name of the kind in messages.
    use : str
        Command that takes such a file.
    keys : frozenset of str
        Top-level settings that no family before it in ``FAMILIES`` has.
    """

    named: str
    use: str
    keys: frozenset[str]


FAMILIES = {
    "robustness": Family(
        "a study of robustness",
        "benchmarks/robustness.py --study",
        frozenset({"laboratories", "perturbation", "classic"}),
    ),
    "sweep": Family("a sweep", "smlmsim grid", frozenset({"axes", "seeds", "reconstructors", "metrics"})),
    "corpus": Family("a corpus", "smlmsim corpus", frozenset({"choices", "ranges", "movies"})),
    "study": Family(
        "a study of one movie",
        "smlmsim simulate",
        frozenset({
            "kind", "field", "acquisition", "density", "photophysics", "localization", "widefield", "structure",
            "motion", "tables", "table", "frames_per_point", "exposure_s", "pixel_nm", "coverage", "reading",
            "selection", "frames", "take", "precision_nm", "second_label",
        }),
    ),
}  # fmt: skip
"""All families in the order in which they are tried: the keys of one distinguish it from those after it."""

TRAINING = Family("the configuration of a network", "smlmsim train --size", frozenset())
PARTS = frozenset({"network", "budget"})


def family_of(tree: Mapping[str, Any]) -> Family | None:
    """Return the family that the settings of a file belong to; None if they do not determine it."""
    for family in FAMILIES.values():
        if family.keys & tree.keys():
            return family
    tables = [value for value in tree.values() if isinstance(value, Mapping)]
    return TRAINING if any(PARTS & table.keys() for table in tables) else None


def require_family(tree: Mapping[str, Any], path: str | Path, expected: Family) -> None:
    """Refuse a file of another family.

    Raises
    ------
    ValueError
        Naming what the file is, and the command that takes it.
    """
    found = family_of(tree)
    if found not in (None, expected):
        assert found is not None
        raise ValueError(
            f"{path} is {found.named}, which `{found.use}` takes; {expected.named} was expected here"
        )
