"""The report: one self-contained HTML file."""

from __future__ import annotations

import functools
import html
import itertools
import json
import os
from collections.abc import Callable, Mapping, Sequence
from importlib import resources
from pathlib import Path
from string import Template

import numpy as np
import xarray as xr

from smlmsim import io, taken
from smlmsim.agreement_ranks import agreement_ranks, has_agreement, in_words
from smlmsim.compare import compare, mean_ranks, win_map
from smlmsim.grid import Axis, Grid, read_scores
from smlmsim.grid.clips import read_clip, seed_bytes, shown_seeds
from smlmsim.grid.competitors import axis_of_pairs, grouped, joined_clip, paired, pairs_of
from smlmsim.grid.slices import At, sliced
from smlmsim.grid.store import grid_of
from smlmsim.pipeline import FixedPair, TwoColours
from smlmsim.report import content, tables, words
from smlmsim.report.cost import costs
from smlmsim.report.movies import record_all
from smlmsim.report.shared import shared_settings
from smlmsim.report.sprites import affordable, encode_all

ASSETS = resources.files("smlmsim.report") / "assets"
BUDGET_BYTES = 24_000_000
"""Greatest number of bytes of the page, to which the quality of movies is adapted."""
BASE64 = 4 / 3
"""Number of characters of text for one byte of a picture."""
SAMPLES = 3
"""Number of clips, evenly spaced, from which the size of all is estimated."""
MOVIES = "<!-- movies -->"


def write_report(
    result: str | Path,
    out: str | Path,
    *,
    at: At | None = None,
    pairs: str | None = None,
    movies_of: Sequence[int] | None = None,
    processes: int | None = None,
    budget_bytes: int = BUDGET_BYTES,
    progress: bool = True,
) -> Path:
    """Write the scores of a grid, their interpretation, and movies of every cell as one HTML file.

    Movies that were not kept in the folder ``clips`` beside the store while the grid was scored are simulated and
    reconstructed again, and kept there.

    Parameters
    ----------
    result : str or Path
        The store of a grid, or the folder that holds it as ``scores.zarr``.
    out : str or Path
        Folder for the report ``index.html``; made if absent.
    at : mapping, optional
        Setting of an axis -> the value at which to cut a grid that has more than two.
    pairs : str, optional
        An axis of the localization, as ``localization.localizer``, whose values are paired with the reconstructors: the
        pairs are what is compared.
    movies_of : sequence of int, optional
        Seeds whose movies can be played; by default those that the grid kept.
    processes : int, optional
        Number of local processes, and of threads that compress the movies; by default one per core.
    budget_bytes : int
        Greatest size of the file; the quality of movies is reduced to fit.
    progress : bool
        Whether to show a progress bar.

    Returns
    -------
    Path
        Path of the file.

    Raises
    ------
    StoreError
        If there is no grid store, or it is damaged.
    ValueError
        If more than two axes are left, or ``at`` is no value of the grid; if no cell has a score, if the grid lacks a
        seed of ``movies_of``, or if the movies do not fit the budget.
    OSError
        If a folder cannot be written.
    """
    io.require_writable(out)
    store = store_of(Path(result))
    scores = read_scores(store)
    scores, grid = sliced(scores, grid_of(scores.attrs, store), at or {})
    axis = axis_of_pairs(grid, pairs) if pairs else None
    scores = paired(scores, grid, axis.setting) if axis else scores
    layout = content.layout_of(scores, grid.metrics[0])
    if movies_of is not None:
        grid = grid.replace({"movies.seeds": tuple(movies_of)})
    seeds = shown_seeds(grid)
    if not seeds:
        raise ValueError(
            f"no movie can be shown: those of a seed take {seed_bytes(grid):.3g} bytes, and the sweep has "
            f"movies.seeds = {grid.movies.seeds} and movies.most_bytes = {grid.movies.most_bytes}; run it with more"
        )
    clips = record_all(grid, store.parent / "clips", processes=processes, progress=progress)
    page = _page(scores, grid, layout, clips, seeds, axis)
    of_cells = (
        grouped(clips, grid, axis.setting) if axis else {place: (path,) for place, path in clips.items()}
    )
    places = content.movie_places(of_cells, scores, grid.metrics[0], layout)
    read = functools.partial(_read, names=grid.reconstructors, axis=axis)
    movies = _movies(places, read, budget_bytes - len(page.encode()), processes)
    Path(out).mkdir(parents=True, exist_ok=True)
    target = Path(out) / "index.html"
    with io.replacing(target) as draft:
        draft.write_text(page.replace(MOVIES, "\n".join(content.scripts(movies)), 1), encoding="utf-8")
    return target


def store_of(result: Path) -> Path:
    """Return the store of a grid: the folder itself, or ``scores.zarr`` in it."""
    return result / "scores.zarr" if (result / "scores.zarr").exists() else result


def _read(paths: tuple[Path, ...], names: Sequence[str], axis: Axis | None) -> xr.Dataset:
    """Read the clip of a cell, or those at all values of an axis as one."""
    clips = [read_clip(path, names) for path in paths]
    return joined_clip(clips, axis) if axis else clips[0]


def _movies(
    places: Mapping[str, tuple[Path, ...]],
    read: Callable[[tuple[Path, ...]], xr.Dataset],
    budget_bytes: int,
    processes: int | None,
) -> dict[str, str]:
    """Return all movies as JSON, at the best quality that fits."""
    paths = list(places.values())
    chosen = np.unique(np.linspace(0, len(paths) - 1, SAMPLES).astype(int))
    samples = [read(paths[index]) for index in chosen]
    threads = processes or len(os.sched_getaffinity(0))
    quality, encoded = affordable(
        [clip.brightness.values for clip in samples], len(paths), int(budget_bytes / BASE64), threads=threads
    )
    known = {
        paths[index]: content.movie(clip, quality, sheets)
        for index, clip, sheets in zip(chosen, samples, encoded, strict=True)
    }

    def movie(of_cell: tuple[Path, ...]) -> str:
        clip = read(of_cell)
        return content.movie(clip, quality, encode_all(clip.brightness.values, quality, threads=threads))

    return {place: known.get(path) or movie(path) for place, path in places.items()}


def _page(
    scores: xr.Dataset,
    grid: Grid,
    layout: content.Layout,
    clips: Mapping[tuple[int, ...], Path],
    seeds: Sequence[int],
    pairs: Axis | None,
) -> str:
    """Return the page without movies; the text is about the first metric of the grid."""
    metric = grid.metrics[0]
    measured = isinstance(grid.study, FixedPair)
    shown = {**content.content(scores, layout, seeds), "truth": content.truth_units(measured=measured)}
    names = list(pairs_of(grid, pairs.setting).values()) if pairs else None
    return Template(_asset("page.html")).substitute(
        _said(scores, grid, pairs),
        css=_asset("page.css"),
        js=_asset("page.js"),
        ranks=tables.ranks_table(mean_ranks(scores), scores),
        cost=tables.cost_table(costs(scores, metric, clips.values(), names)),
        shared="\n".join(itertools.starmap(_group, shared_settings(grid))),
        grid=html.escape(str(scores.attrs["grid"])),
        made=html.escape(_made(scores)),
        content=content.safe_json(json.dumps(shown, allow_nan=False)),
        movies=MOVIES,
    )


def _said(scores: xr.Dataset, grid: Grid, pairs: Axis | None) -> dict[str, str]:
    """Return all texts of the page about the first metric."""
    metric = grid.metrics[0]
    table, wins = compare(scores, metric), win_map(scores, metric)
    measured = isinstance(grid.study, FixedPair)
    said, caution = words.answers(scores, metric, table), words.too_few(scores.sizes["seed"], table, wins)
    return {
        "headline": html.escape(words.headline(said)),
        "lead": html.escape(_lead(scores, metric, grid, pairs)),
        "caution": f'<p class="caution">{html.escape(caution)}</p>' if caution else "",
        "answers": "\n".join(map(_answer, said)),
        "truth": html.escape(words.truth(measured=measured)),
        "how_sure": html.escape(words.how_sure(scores.sizes["seed"], table, measured=measured)),
        "agreement": _agreement(scores, metric),
        "places": "\n".join(itertools.starmap(_place, words.places(wins).items())),
        "metric": html.escape(scores[metric].attrs.get("long_name", metric)),
        "comparisons": str(len(table)),
        "pairs": tables.pairs_table(table, scores[metric].attrs.get("units", "1")),
    }


def _lead(scores: xr.Dataset, metric: str, grid: Grid, pairs: Axis | None) -> str:
    """Return what was reconstructed, in words."""
    of_pairs = pairs.attrs["long_name"] if pairs else ""
    _, acquisition = grid.study.extent()
    table = grid.study.table.name if isinstance(grid.study, FixedPair) else ""
    said = words.lead(
        scores, metric, acquisition.time_points, acquisition.duration_s, table=table, pairs=of_pairs
    )
    if isinstance(grid.study, TwoColours):
        return f"{said} {words.TWO_COLOURS}"
    gap = taken.in_words(taken.advantage_of_random(scores[metric])) if taken.has_both(scores[metric]) else ""
    return f"{said} {gap[0].upper()}{gap[1:]}." if gap else said


def _agreement(scores: xr.Dataset, metric: str) -> str:
    """Return how far the agreement of two colours predicts the score, as a list; "" for one colour."""
    if not has_agreement(scores):
        return ""
    ranks = agreement_ranks(scores, metric)
    heading, *rest = in_words(ranks, scores[metric].attrs.get("long_name", metric))
    items = "".join(f"<br>{html.escape(line)}" for line in rest)
    return f'<p class="note">{html.escape(heading[0].upper() + heading[1:])}{items}</p>'


def _answer(answer: words.Answer) -> str:
    mark = "sure" if answer.sure else "unsure"
    return (
        f"<div><dt>{html.escape(answer.region.capitalize())} <small>{html.escape(answer.where)}</small></dt>"
        f'<dd class="{mark}"><b>{html.escape(answer.first)}</b> {html.escape(answer.sentence)}</dd></div>'
    )


def _group(name: str, sentence: str) -> str:
    return f"<dt>{html.escape(name)}</dt><dd>{html.escape(sentence)}</dd>"


def _place(name: str, sentence: str) -> str:
    return f"<div><dt>{html.escape(name)}</dt><dd>{html.escape(sentence)}</dd></div>"


def _made(scores: xr.Dataset) -> str:
    versions = [
        f"{name} {scores.attrs[f'{name}_version']}" for name in ("smlmsim", "python", "numpy", "torch")
    ]
    if commit := scores.attrs.get("smlmsim_commit", ""):
        versions.append(f"commit {commit}")
    return f"Made with {', '.join(versions)}. Movies are shown in 8 bits; scores are of the originals."


def _asset(name: str) -> str:
    return (ASSETS / name).read_text(encoding="utf-8")
