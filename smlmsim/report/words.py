"""The result in words: the best reconstructor of every region, by how much, and how significantly."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from smlmsim.floor import floor_of
from smlmsim.interval import PRACTICAL
from smlmsim.regions import axes_of, inside, is_text, regions_of

EN_DASH, PLUS_MINUS = "\N{EN DASH}", "\N{PLUS-MINUS SIGN}"
NARROW, NO_BREAK = "\N{NARROW NO-BREAK SPACE}", "\N{NO-BREAK SPACE}"
TWO_COLOURS = (
    "Each movie has two labels on one structure, whose colours were reconstructed apart: scores are means of both, and "
    "the movies show the first."
)
MOST_NAMES = 6
"""Greatest number of names in a sentence; if there are more, their number is given."""


class Answer(NamedTuple):
    """The result in a region: its name, its limits, the best reconstructor ("" if none), and a sentence.

    ``equal`` names those that share the first place with the best because they are practically equal to it, and
    ``same`` is True if their scores are identical. ``unsure`` names others that are not significantly different from
    the best. ``sure`` is True if both are empty.
    """

    region: str
    where: str
    best: str
    sure: bool
    sentence: str
    equal: tuple[str, ...] = ()
    same: bool = False
    unsure: tuple[str, ...] = ()

    @property
    def first(self) -> str:
        """The names of all that share the first place, in words."""
        return _listed([self.best, *self.equal])


def answers(scores: xr.Dataset, metric: str, table: pd.DataFrame) -> list[Answer]:
    """Describe for every region of a grid which reconstructor is best, by how much, and how significantly.

    Parameters
    ----------
    scores : xr.Dataset
        The metric with the dims (*axes, seed, reconstructor).
    metric : str
        The metric of the comparison.
    table : pd.DataFrame
        The result of :func:`~smlmsim.compare.compare`.
    """
    movies = scores[metric]
    return [
        _answer(name, movies, inside(movies, region), table[table.region == name])
        for name, region in regions_of(movies).items()
    ]


def places(wins: xr.Dataset) -> dict[str, str]:
    """Describe for every reconstructor where it has the best mean, and where it is significantly better than others.

    Parameters
    ----------
    wins : xr.Dataset
        The result of :func:`~smlmsim.compare.win_map`.
    """
    return {str(name): _places(wins, str(name)) for name in wins.reconstructor.values}


def too_few(seeds: int, table: pd.DataFrame, wins: xr.Dataset) -> str:
    """Return a warning if no difference can be significant with so few seeds, otherwise ""."""
    wanted = {"regions": table.attrs["seeds_needed"], "single cells": wins.attrs["seeds_needed"]}
    lacking = [f"{needed} in {what}" for what, needed in wanted.items() if needed > seeds]
    if not lacking or table.empty:
        return ""
    where = "" if len(lacking) == len(wanted) else f" in {lacking[0].partition(' in ')[2]}"
    return (
        f"With {_seeds(seeds)}, no difference can be significant{where}, however large: a rank test of {seeds} pairs "
        f"cannot reach p = 0.05 after correction. At least {' and '.join(lacking)} are needed."
    )


def number(value: float, units: str = "1", *, digits: int | None = None) -> str:
    """Write a score with its meaningful digits."""
    if not np.isfinite(value):
        return EN_DASH
    digits = _digits(value) if digits is None else digits
    return f"{value:.{digits}f}" + (f"{NARROW}{units}" if units != "1" else "")


def spread(values: Iterable[float], units: str = "1") -> str:
    """Write the mean and the standard deviation of some scores."""
    found = np.array([value for value in values if np.isfinite(value)])
    if found.size < 2:
        return number(float(found[0]), units) if found.size else EN_DASH
    mean, sd = float(found.mean()), float(found.std(ddof=1))
    digits = min(_digits(mean), 2)
    return f"{number(mean, digits=digits)} {PLUS_MINUS} {number(sd, units, digits=digits)}"


def _digits(value: float) -> int:
    return next((digits for digits, below in ((3, 0.1), (2, 10), (1, 100)) if abs(value) < below), 0)


def probability(p: float) -> str:
    """Write a p-value."""
    text = "p < 0.001" if p < 0.001 else f"p = {p:.3f}" if p < 0.1 else f"p = {p:.2f}"
    return text.replace(" ", NO_BREAK)


def hull(scores: xr.DataArray, cells: xr.DataArray) -> str:
    """Return the smallest range of each axis that contains some cells, in words."""
    parts = []
    for axis in axes_of(scores):
        others = [dim for dim in cells.dims if dim != axis]
        held = scores[axis].values[cells.any(others).values]
        units = scores[axis].attrs.get("units", "1")
        if is_text(scores[axis]):
            parts.append(f"{scores[axis].attrs.get('long_name', axis)} {_listed(held.tolist())}")
            continue
        span = f"{held.min():g}" if held.min() == held.max() else f"{held.min():g}{EN_DASH}{held.max():g}"
        parts.append(
            f"{span}{NARROW}{units}"
            if units != "1"
            else f"{scores[axis].attrs.get('long_name', axis)} {span}"
        )
    return ", ".join(parts)


def _answer(region: str, scores: xr.DataArray, cells: xr.DataArray, table: pd.DataFrame) -> Answer:
    movies, where = scores.where(cells), hull(scores, cells)
    units, by_seed = scores.attrs.get("units", "1"), movies.mean(axes_of(scores))
    worse = by_seed.mean("seed") * (1 if scores.attrs.get("better") == "lower" else -1)
    order = [str(name) for name in worse.sortby(worse).dropna("reconstructor").reconstructor.values]
    if not order:
        return Answer(region, where, "", False, "no reconstructor has a score here.")
    best, label = order[0], scores.attrs.get("long_name", str(scores.name))
    score = f"{label} {spread(by_seed.sel(reconstructor=best).values, units)}"
    if len(order) == 1:
        return Answer(region, where, best, False, f"scores {score}; there is no other to compare it with.")
    rivals = {name: _row(table, best, name) for name in order[1:]}
    equal = [name for name, row in rivals.items() if _shares(row)]
    unsure = [name for name, row in rivals.items() if not row["told_apart"] and name not in equal]
    same = all(_is_same(rivals[name]) for name in equal)
    following = next((name for name in order[1:] if not (same and name in equal)), order[1])
    margin = _margin(following, rivals[following], best, units, table.attrs["seeds_needed"])
    doubt = (
        f", but {'are' if equal else 'is'} not significantly different from {_listed(unsure)}"
        if unsure
        else ""
    )
    if not equal:
        lead = "has the best mean" if unsure else "is best"
        said = f"{lead}, {score}{doubt}" if unsure else f"{lead}: {score}"
        colon = ":" if unsure else ","
    else:
        how = "score exactly the same" if same else f"are practically equal, {best} having the best mean"
        said, colon = f"share the first place: they {how}, {score}{doubt}", ":" if unsure else ","
    ending = "" if same and following in equal else f"{colon} {margin}"
    return Answer(
        region,
        where,
        best,
        not equal and not unsure,
        f"{said}{ending}.",
        tuple(equal),
        bool(equal) and same,
        tuple(unsure),
    )


def _shares(row: pd.Series) -> bool:
    """Whether two share a place: practically equal, and their difference is either significant or surely small."""
    sure = row["told_apart"] or max(abs(row["low"]), abs(row["high"])) < PRACTICAL
    return _is_same(row) or bool(row["practically_equal"] and sure)


def _is_same(row: pd.Series) -> bool:
    return bool(row["low"] == row["high"] == 0 or (row["advantage"] == 0 and row["seeds"] == 1))


def _row(table: pd.DataFrame, one: str, other: str) -> pd.Series:
    """Return the comparison of two reconstructors."""
    pair = {one, other}
    return table[table["first"].isin(pair) & table["second"].isin(pair)].iloc[0]


def _margin(name: str, row: pd.Series, best: str, units: str, needed: int) -> str:
    """Describe by how much the best is better than the next, and how significantly."""
    if _is_same(row):
        return f"{name}, the next, scores exactly the same"
    sign = 1 if row["first"] == best else -1
    low, high = sorted((sign * row["low"], sign * row["high"]))
    wins = row["wins"] if sign > 0 else row["seeds"] - row["wins"]
    sure = probability(row["p_holm"]) if row["seeds"] >= needed else "too few for a test"
    digits = _digits(min(abs(low), abs(high)) if np.isfinite(low) else row["advantage"])
    by, least, most = (number(value, digits=digits) for value in (sign * row["advantage"], low, high))
    unit = "" if units == "1" else f"{NARROW}{units}"
    seeds, equal = int(row["seeds"]), "practically equal, " * bool(row["practically_equal"])
    return (
        f"better than {name}, the next, by {by}{unit} [{least}, {most}], "
        f"in {wins:.0f} of {_seeds(seeds)}, {equal}{sure}"
    )


def _places(wins: xr.Dataset, name: str) -> str:
    """Describe the cells of a reconstructor; a cell belongs to all that are practically equal in it."""
    own, others = wins.sel(reconstructor=name), wins.drop_sel(reconstructor=name)
    mine = own.practically_equal & own["mean"].notnull() & (wins.best != "")
    rivals = others["mean"].notnull()
    ahead = (wins.best == name) & (others.told_apart & ~others.practically_equal | ~rivals).all(
        "reconstructor"
    )
    sharing = mine & (others.practically_equal & rivals).any("reconstructor")
    cells, shared = int(mine.sum()), int(sharing.sum())
    close = int((~own.told_apart & own["mean"].notnull() & ~mine).sum())
    more = f"{close} more" if cells else f"{close} of {mine.size} cells"
    tied = f" Not significantly different from the best in {more}." if close else ""
    if cells == 0:
        return f"Best in no cell.{tied}"
    margins = wins.advantage.values[(mine & ~sharing).values]
    units = wins.attrs.get("units", "1")
    known = margins.size and np.isfinite(margins).all()
    by = f", by {number(margins.min())} to {number(margins.max(), units)}" if known else ""
    lead = f"Best in {cells} of {mine.size} cells, within {hull(wins['mean'], mine)}"
    if shared == cells:
        return f"{lead}, all shared with others that are practically equal.{tied}"
    beside = f", {shared} shared with others that are practically equal" if shared else ""
    return (
        f"{lead}: alone in {cells - shared}{by}, significantly better than all others in {int(ahead.sum())} of them"
        f"{beside}.{tied}"
    )


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _seeds(number: int) -> str:
    return f"{number} seed{'s' * (number != 1)}"


def headline(said: list[Answer]) -> str:
    """Return the main answer in one line: for live cells, or else for the whole grid."""
    answer = next((found for found in said if found.region == "live cells"), said[0])
    where = "In live cells" if answer.region == "live cells" else "Everywhere"
    if not answer.best:
        return "No reconstructor has a score"
    if answer.sure:
        return f"{where}, {answer.best} reconstructs best"
    if answer.unsure:
        return f"{where}, {answer.first} lead{'s' * (not answer.equal)}, but not significantly"
    if answer.equal:
        return f"{where}, {answer.first} {'score the same' if answer.same else 'are practically equal'}"
    return f"{where}, {answer.best} leads, but not significantly"


def lead(
    scores: xr.Dataset,
    metric: str,
    time_points: int,
    duration_s: float | None = None,
    *,
    table: str = "",
    pairs: str = "",
) -> str:
    """Describe the movies and their reconstruction in a few sentences, with the duration if it was set.

    Movies that are parts of a measured table are described by its name, ``table``; all others are simulated. Where
    reconstructors are paired with something, ``pairs`` is its name.
    """
    length = f"{time_points} time points" if duration_s is None else f"{duration_s:g} s"
    axes, seeds = axes_of(scores[metric]), scores.sizes["seed"]
    cells = int(np.prod([scores.sizes[axis] for axis in axes]))
    names = [str(name) for name in scores.reconstructor.values]
    who = _listed(names) if len(names) <= MOST_NAMES else f"{len(names)} reconstructors"
    movies, seed = f"simulated movies of {length} with known truth", ""
    if table:
        movies = f"parts of {table}, a measured table of fixed cells; the truth is all of it"
        seed = " Seeds are other parts of the one table: differences between samples are not seen."
    same = "All were given the same movies."
    if pairs:
        same = f"Each is a {pairs} and a reconstructor; all were given the same molecules."
    return (
        f"{who} reconstructed {cells * seeds:,} {movies}: "
        f"{cells} cell{'s' * (cells != 1)} over {_listed([_axis_name(scores[axis]) for axis in axes])}, "
        f"{_seeds(seeds)} in each. "
        f"{same}{seed}{_floor(scores, metric)}"
    )


def _floor(scores: xr.Dataset, metric: str) -> str:
    """Describe the score of an empty estimate in a sentence; "" if it is unknown."""
    found, attrs = floor_of(scores, metric), scores[metric].attrs
    if found is None:
        return ""
    digits, units = _digits(found.high), attrs.get("units", "1")
    low, high = (number(value, digits=digits) for value in found)
    span = low if low == high else f"{low}{EN_DASH}{high}"
    unit = "" if units == "1" else f"{NARROW}{units}"
    return f" An empty estimate has {attrs.get('long_name', metric)} {span}{unit}."


def how_sure(seeds: int, table: pd.DataFrame, *, measured: bool = False) -> str:
    """Describe how the comparisons were made; with ``measured``, of parts of one measured table."""
    seed = (
        "A seed is another part of the one table, and all seeds have one truth, so the cells of a seed are averaged "
        "and not counted as independent; intervals and p hold for other parts of this table, not for other samples."
        if measured
        else "A seed is one structure, shown in every cell, so the cells of a seed are averaged and not counted as "
        "independent."
    )
    return (
        f"Scores are mean {PLUS_MINUS} standard deviation between seeds; brackets are 95 % intervals of the "
        f"mean difference by Student's t. p is that of a Wilcoxon signed-rank test over the {_seeds(seeds)}, after "
        f"Holm's correction for all {len(table)} comparisons of regions; a difference with p at most 0.05 is "
        f"significant (filled dots). Scores without units that differ by less than {PRACTICAL:g} are practically "
        f"equal, whatever p is, and share a place: a threshold on the output gains as much. {seed}"
    )


def truth(*, measured: bool) -> str:
    """Describe the units of the truth; with ``measured``, of a measured table."""
    if measured:
        return (
            "The truth is all localizations of the table, each a Gaussian of its precision, per \N{MICRO SIGN}m"
            "\N{SUPERSCRIPT TWO}."
        )
    return "The truth is in \N{MICRO SIGN}m of filament per \N{MICRO SIGN}m\N{SUPERSCRIPT TWO}."


def _axis_name(axis: xr.DataArray) -> str:
    if is_text(axis):
        return f"{axis.attrs.get('long_name', axis.name)} ({_listed(axis.values.tolist())})"
    span = EN_DASH.join(dict.fromkeys(f"{end:g}" for end in (axis.values.min(), axis.values.max())))
    units = axis.attrs.get("units", "1")
    return f"{axis.attrs.get('long_name', axis.name)} {span}" + (f"{NARROW}{units}" if units != "1" else "")
