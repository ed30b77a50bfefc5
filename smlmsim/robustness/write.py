"""Writing the results of a study of robustness: figures, tables, words and data."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from smlmsim import figures, io
from smlmsim.io import netcdf
from smlmsim.robustness.course import followed
from smlmsim.robustness.differences import differences
from smlmsim.robustness.measures import TRUTH
from smlmsim.robustness.quantity import quantities
from smlmsim.robustness.results import Results
from smlmsim.robustness.study import ALL, ONE
from smlmsim.robustness.widths import widths
from smlmsim.robustness.words import in_words

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def write_results(results: Results, out: Path) -> tuple[str, list[str]]:
    """Write all files of some results into a folder; return the words, and the names of the main files."""
    tables, words = dict(_tables(results)), in_words(results)
    names = []
    for name, dataset in results._asdict().items():
        if dataset is not None:
            netcdf.write(dataset, out / f"{name}.nc")
            names.append(f"{name}.nc")
    for name, table in tables.items():
        with io.replacing(out / f"{name}.csv") as draft:
            table.to_csv(draft, index=False)
        names.append(f"{name}.csv")
    with io.replacing(out / "report.txt") as draft:
        draft.write_text(words, encoding="utf-8")
    for name, figure in _figures(results, tables):
        for suffix in (".png", ".pdf"):
            figures.save(figure, out / f"{name}{suffix}")
        names.append(f"{name}.png")
    return words, names


def images_shown(results: Results) -> dict[str, list[str]]:
    """Return, for every laboratory, the truth, M0, the model that never saw it, that of all, and the classic one."""
    scores = results.scores
    unseen = {str(scores.trained_without.sel(model=m).item()): str(m) for m in scores.model.values}
    return {
        name: [TRUTH, ONE, unseen[name], ALL, scores.attrs["classic"]]
        for name in map(str, scores.laboratory.values)
    }


def _tables(results: Results) -> Iterator[tuple[str, pd.DataFrame]]:
    yield "robustness", differences(results.scores)
    if (few_many := results.quantity) is not None:
        yield "quantity", pd.concat([quantities(few_many, str(name)) for name in few_many], ignore_index=True)
    if results.course is not None:
        yield "course", followed(results.course)
    if results.profiles is not None:
        yield "widths", widths(results.profiles)


def _figures(results: Results, tables: dict[str, pd.DataFrame]) -> Iterator[tuple[str, Figure]]:
    scores, few_many, course, profiles = results
    table, metric = tables["robustness"], next(str(name) for name in scores)
    yield "laboratories", figures.laboratories(scores, table)
    yield "perturbation", figures.perturbation(scores, table)
    if few_many is not None:
        yield "quantity", figures.quantity(few_many, metric)
    if course is not None:
        yield "course", figures.course(course, tables["course"])
    if profiles is not None:
        yield "profiles", figures.profiles(profiles, images_shown(results))
    if few_many is not None and course is not None and profiles is not None:
        yield (
            "robustness",
            figures.robustness(
                scores, table, few_many, course, tables["course"], profiles, images_shown(results)
            ),
        )
