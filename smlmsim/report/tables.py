"""The tables of the report in HTML: ranks, cost, all pairs."""

from __future__ import annotations

import html
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from smlmsim.report.words import EN_DASH, NARROW, number


class Entry(NamedTuple):
    """A cell of a table: its text, its class, the length of the bar below it in per cent, and its value for sorting."""

    text: str
    kind: str = ""
    bar: float | None = None
    value: float | None = None


def ranks_table(ranks: pd.DataFrame, scores: xr.Dataset) -> str:
    """Return the table of :func:`~smlmsim.compare.mean_ranks`, with the best of every metric in bold."""
    labels = [str(scores[metric].attrs.get("long_name", metric)) for metric in ranks.index]
    best = ranks.min(axis=1).tolist()
    rows = [
        (
            str(name),
            [
                Entry(number(rank, digits=2), "best" if rank == least else "")
                for rank, least in zip(column.tolist(), best, strict=True)
            ],
        )
        for name, column in ranks.items()
    ]
    caption = "Mean rank over all movies by every metric; 1 is the best of a movie. Bold: the best mean rank."
    return _table(caption, ["reconstructor", *labels], rows)


def cost_table(cost: pd.DataFrame) -> str:
    """Return the table of :func:`~smlmsim.report.cost.costs`."""
    longest = float(cost["seconds"].max())
    rows = [
        (
            str(name),
            [
                Entry(number(row["score"], digits=2)),
                Entry(_duration(row["seconds"]), "meter", 100 * row["seconds"] / longest),
                Entry(f"{row['parameters']:,.0f}" if row["parameters"] else EN_DASH),
            ],
        )
        for name, row in cost.iterrows()
    ]
    caption = "Cost against quality: median time for a movie on one thread, and number of trained parameters."
    head = ["reconstructor", f"{cost.attrs['label']}, mean of all movies", "time for a movie", "parameters"]
    return _table(caption, head, rows)


def pairs_table(table: pd.DataFrame, units: str) -> str:
    """Return the table of :func:`~smlmsim.compare.compare`."""
    rows = [(row["region"], _pair(row, units)) for row in table.to_dict("records")]
    head = ["region", "better", "than", "by", "95 % interval", "seeds won", "p", "p, Holm"]
    caption = "Mean difference over the seeds. Bold: significant at 5 %. Choose a heading to sort by it."
    return _table(caption, head, rows, identity="pairs")


def _pair(row: Mapping[Hashable, Any], units: str) -> list[Entry]:
    by = number(row["advantage"], units) if row["advantage"] else "0, the same"
    by += ", practically equal" * bool(row["practically_equal"] and row["advantage"])
    return [
        Entry(str(row["first"]), "text"),
        Entry(str(row["second"]), "text"),
        Entry(by, value=row["advantage"]),
        Entry(f"{number(row['low'])} to {number(row['high'])}", value=row["low"]),
        Entry(f"{row['wins']:.0f} / {row['seeds']:.0f}", value=row["wins"]),
        Entry(f"{row['p']:.2g}", value=row["p"]),
        Entry(f"{row['p_holm']:.2g}", "best" if row["told_apart"] else "", value=row["p_holm"]),
    ]


def _duration(seconds: float) -> str:
    if not np.isfinite(seconds):
        return EN_DASH
    return f"{seconds:.2f}{NARROW}s" if seconds >= 0.095 else f"{seconds * 1e3:.0f}{NARROW}ms"


def _table(
    caption: str, head: Sequence[str], rows: Iterable[tuple[str, Sequence[Entry]]], *, identity: str = ""
) -> str:
    heads = "".join(f'<th scope="col">{html.escape(name)}</th>' for name in head)
    lines = "".join(
        f'<tr><th scope="row">{html.escape(name)}</th>{"".join(map(_entry, entries))}</tr>'
        for name, entries in rows
    )
    return (
        f"<table{f' id={identity}' * bool(identity)}><caption>{html.escape(caption)}</caption>"
        f"<thead><tr>{heads}</tr></thead><tbody>{lines}</tbody></table>"
    )


def _entry(entry: Entry) -> str:
    known = entry.bar is not None and np.isfinite(entry.bar)
    bar = f'<i style="width:{entry.bar:.1f}%"></i>' if known else ""
    value = f' data-value="{entry.value:.6g}"' if entry.value is not None and np.isfinite(entry.value) else ""
    return f'<td class="{entry.kind}"{value}>{html.escape(entry.text)}{bar}</td>'
