"""The report: one HTML file without references to anything outside it."""

from __future__ import annotations

import functools
import html
import json
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from importlib import resources
from pathlib import Path
from string import Template
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from smlmsim import io, workers
from smlmsim.compare import compare, mean_ranks
from smlmsim.grid import Grid, read_scores
from smlmsim.report import content, words
from smlmsim.report.clips import read_clip, record_all
from smlmsim.report.cost import costs
from smlmsim.report.sprites import Quality, affordable

ASSETS = resources.files("smlmsim.report") / "assets"
BUDGET_BYTES = 24_000_000
BASE64 = 4 / 3
SAMPLES = 3


def write_report(
    result: str | Path,
    out: str | Path,
    *,
    processes: int | None = None,
    budget_bytes: int = BUDGET_BYTES,
    progress: bool = True,
) -> Path:
    """Write a grid's scores, what they say, and a movie of every cell as one HTML file.

    The movies are those of the first seed. They are simulated and reconstructed once and kept beside the store, in a
    folder ``clips``.

    Parameters
    ----------
    result : str or Path
        The store of a grid, or a folder that holds one as ``scores.zarr``.
    out : str or Path
        A folder, made if absent; the report is its ``index.html``.
    processes : int, optional
        Local processes; by default one per core.
    budget_bytes : int
        How large the file may be; the movies are made to fit.
    progress : bool
        Show a progress bar.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    StoreError
        If there is no grid store, or it is damaged.
    ValueError
        If the grid has more than two axes, if no cell has a score, or if the movies do not fit the budget.
    OSError
        If a folder cannot be written.
    """
    store = store_of(Path(result))
    scores = read_scores(store)
    grid = Grid.model_validate(tomllib.loads(scores.attrs["grid"]))
    layout = content.layout_of(scores, grid.metrics[0])
    clips = record_all(grid, store.parent / "clips", processes=processes, progress=progress)
    page = functools.partial(_page, scores, grid, layout, clips)
    left = budget_bytes - len(page({}).encode())
    movies = _movies(content.movie_places(clips, scores, grid.metrics[0], layout), left, processes)
    Path(out).mkdir(parents=True, exist_ok=True)
    target = Path(out) / "index.html"
    with io.replacing(target) as draft:
        draft.write_text(page(movies), encoding="utf-8")
    return target


def store_of(result: Path) -> Path:
    """The store of a grid: the folder itself, or the ``scores.zarr`` in it."""
    return result / "scores.zarr" if (result / "scores.zarr").exists() else result


def _movies(places: Mapping[str, Path], budget_bytes: int, processes: int | None) -> dict[str, str]:
    """All movies as JSON, at the best quality that fits."""
    paths = list(places.values())
    chosen = np.unique(np.linspace(0, len(paths) - 1, SAMPLES).astype(int))
    samples = [read_clip(paths[index]).brightness.values for index in chosen]
    quality = affordable(samples, len(paths), int(budget_bytes / BASE64))
    made = dict(workers.spread(functools.partial(_movie, quality), list(places.items()), workers=processes))
    if failed := [movie for movie in made.values() if isinstance(movie, Exception)]:
        raise failed[0]
    return {place: str(made[place, path]) for place, path in places.items()}


def _movie(quality: Quality, item: tuple[str, Path]) -> str:
    return content.movie(item[1], quality)


def _page(
    scores: xr.Dataset,
    grid: Grid,
    layout: content.Layout,
    clips: Mapping[tuple[int, ...], Path],
    movies: Mapping[str, str],
) -> str:
    """The page; the first metric of the grid is the one that the words speak of."""
    metric = grid.metrics[0]
    said, places, table = words.answers(scores, metric), words.places(scores, metric), compare(scores, metric)
    caution = words.too_few(scores, metric)
    return Template(_asset("page.html")).substitute(
        title="smlmsim: head to head",
        css=_asset("page.css"),
        js=_asset("page.js"),
        eyebrow="smlmsim, head to head",
        headline=html.escape(words.headline(said)),
        lead=html.escape(words.lead(scores, grid.study.acquisition.time_points)),
        caution=f'<p class="caution">{html.escape(caution)}</p>' if caution else "",
        answers="\n".join(_answer(answer) for answer in said),
        how_sure=html.escape(words.how_sure(scores, metric)),
        places="\n".join(f"<div><dt>{_safe(name)}</dt><dd>{_safe(text)}</dd></div>" for name, text in places.items()),
        ranks=_ranks(mean_ranks(scores), scores),
        cost=_cost(costs(scores, metric, clips.values())),
        metric=html.escape(scores[metric].attrs.get("long_name", metric)),
        comparisons=len(table),
        pairs=_pairs(table, scores[metric].attrs.get("units", "1")),
        grid=html.escape(str(scores.attrs["grid"])),
        made=html.escape(_made(scores)),
        content=content.safe_json(json.dumps(_content(scores, grid.metrics, layout), allow_nan=False)),
        movies="\n".join(content.scripts(movies)),
    )


def _content(scores: xr.Dataset, metrics: Sequence[str], layout: content.Layout) -> dict[str, Any]:
    box = layout.box()
    rows = layout.rows.values.size if layout.rows else 1
    middle = [(box[0] + box[1]) / 2, (box[2] + box[3]) / 2] if box else [rows / 2, layout.columns.values.size / 2]
    return {
        "reconstructors": scores.reconstructor.values.tolist(),
        "seeds": scores.sizes["seed"],
        "layout": layout.described(),
        "metrics": [content.maps(scores, metric, layout) for metric in metrics],
        "colours": content.colours(),
        "first": [int(place) for place in middle],
    }


def _answer(answer: words.Answer) -> str:
    mark = "sure" if answer.sure else "unsure"
    return (
        f"<div><dt>{_safe(answer.region.capitalize())} <small>{_safe(answer.where)}</small></dt>"
        f'<dd class="{mark}"><b>{_safe(answer.best)}</b> {_safe(answer.sentence)}</dd></div>'
    )


def _ranks(ranks: pd.DataFrame, scores: xr.Dataset) -> str:
    head = ["metric", *ranks.columns]
    rows = []
    for metric, row in ranks.iterrows():
        best = row.min()
        cells = [("best" if value == best else "", words.number(value, digits=2)) for value in row]
        rows.append((f"{scores[metric].attrs.get('long_name', metric)}", cells))
    caption = "Mean rank over all movies by every metric; 1 is the best of a movie."
    return _table(caption, head, rows)


def _cost(cost: pd.DataFrame) -> str:
    slowest = cost["seconds"].max()
    rows = []
    for name, row in cost.iterrows():
        share = 100 * row["seconds"] / slowest if slowest > 0 else 0
        rows.append(
            (
                str(name),
                [
                    ("", words.spread([row["score"]])),
                    ("meter", f"{_seconds(row['seconds'])}", share),
                    ("", f"{row['parameters']:,.0f}" if row["parameters"] else words.EN_DASH),
                ],
            )
        )
    label = cost.attrs["label"]
    caption = "Cost against quality: the median time for the movie of a cell on one thread, and the number of parameters."
    return _table(caption, ["reconstructor", f"{label}, everywhere", "time for a movie", "parameters"], rows)


def _seconds(seconds: float) -> str:
    return words.EN_DASH if not np.isfinite(seconds) else f"{seconds:.2f}{words.NARROW}s" if seconds >= 0.095 else (
        f"{seconds * 1e3:.0f}{words.NARROW}ms"
    )


def _pairs(table: pd.DataFrame, units: str) -> str:
    rows = []
    for row in table.itertuples():
        interval = f"{words.number(row.low)} to {words.number(row.high)}"
        cells = [
            ("text", row.first), ("text", row.second), ("", words.number(row.advantage, units)), ("", interval),
            ("", f"{row.wins} / {row.seeds}"), ("", f"{row.p:.2g}"), ("best" if row.told_apart else "", f"{row.p_holm:.2g}"),
        ]  # fmt: skip
        rows.append((str(row.region), cells))
    head = ["region", "better", "than", "by", "95 % interval", "seeds won", "p", "p, Holm"]
    return _table("Mean difference over the seeds. Bold: told apart at 5 %.", head, rows)


def _table(caption: str, head: Sequence[str], rows: Iterable[tuple[str, Sequence[tuple[Any, ...]]]]) -> str:
    """A table; a cell is its class, its text and, for a meter, the length of its bar in per cent."""
    heads = "".join(f'<th scope="col">{_safe(name)}</th>' for name in head)
    lines = []
    for name, cells in rows:
        inner = "".join(
            f'<td class="{kind}">{_safe(str(text))}{"".join(f"<i style=width:{share:.1f}%></i>" for share in bar)}</td>'
            for kind, text, *bar in cells
        )
        lines.append(f'<tr><th scope="row">{_safe(name)}</th>{inner}</tr>')
    return f"<table><caption>{_safe(caption)}</caption><thead><tr>{heads}</tr></thead><tbody>{''.join(lines)}</tbody></table>"


def _made(scores: xr.Dataset) -> str:
    versions = [f"{name} {scores.attrs[f'{name}_version']}" for name in ("smlmsim", "python", "numpy", "torch")]
    commit = scores.attrs.get("smlmsim_commit", "")
    return f"Made with {', '.join(versions)}{f', commit {commit}' if commit else ''}. Movies are shown in 8 bits; scores are of the originals."


def _safe(text: str) -> str:
    return html.escape(text)


def _asset(name: str) -> str:
    return (ASSETS / name).read_text(encoding="utf-8")
