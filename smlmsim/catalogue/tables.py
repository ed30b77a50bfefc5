"""Queries in the place of paths of tables."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from smlmsim.catalogue.index import index_path, opened
from smlmsim.catalogue.query import LIKE, search
from smlmsim.spec import Spec

_log = logging.getLogger(__name__)


def expanded(tables: Any, index: Path | None = None) -> Any:
    """Replace queries in a list of tables by the tables that they find.

    Parameters
    ----------
    tables : list
        Settings with a ``table``, a path or a query such as ``catalogue:structure:microtubules precision_nm<20``.
        What a query finds takes its other settings from the query, and how it is read from the catalogue.
    index : Path, optional
        As in :func:`~smlmsim.catalogue.index.index_path`.

    Raises
    ------
    ValueError
        If there is no catalogue, or a query finds nothing that is still there.
    """
    if not isinstance(tables, list | tuple):
        return tables
    return [one for item in tables for one in _expanded(item, index)]


def _expanded(item: Any, index: Path | None) -> Iterator[Any]:
    settings = item.model_dump(exclude_unset=True) if isinstance(item, Spec) else item
    table = settings.get("table") if isinstance(settings, Mapping) else None
    if not str(table).startswith(LIKE):
        yield item
        return
    text = str(table).removeprefix(LIKE)
    place = index_path(index)
    with opened(place) as catalogue:
        found = search(catalogue, [text])
    there = [entry for entry in found if entry.path.is_file()]
    for entry in found:
        if entry not in there:
            _log.warning("%s is in the catalogue, but no longer there; it is left out", entry.path)
    if not there:
        raise ValueError(
            f"no table of the catalogue {place} fits {text!r}; `smlmsim catalogue search` shows which do"
        )
    _log.info("%s%s is %s", LIKE, text, ", ".join(entry.path.name for entry in there))
    for entry in there:
        reading = entry.reading.model_dump(exclude_defaults=True) | dict(settings.get("reading") or {})
        yield {**settings, "table": str(entry.path)} | ({"reading": reading} if reading else {})
