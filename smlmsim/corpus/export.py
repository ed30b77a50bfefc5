"""A corpus as files that other programs read: TIFF stacks and ThunderSTORM tables."""

from __future__ import annotations

import csv
import json
from pathlib import Path

from smlmsim import io
from smlmsim.corpus.read import read_from
from smlmsim.corpus.store import CorpusStore
from smlmsim.io import require_writable
from smlmsim.pipeline import Movie


def export(source: str | Path | Movie, folder: str | Path) -> Path:
    """Write movies as files: counts and truth as image stacks, localizations as tables.

    Fiji opens the stacks at the right scale. The truth is the density in nm^-1.

    Parameters
    ----------
    source : str, Path or Movie
        A corpus, of which all existing movies are written, or a single movie.
    folder : str or Path
        Folder to write to; made if absent.

    Returns
    -------
    Path
        Path of ``manifest.csv``: the files, number of localizations, seed and settings of every movie.

    Raises
    ------
    CorpusError
        If there is no corpus.
    OSError
        If the folder cannot be written.
    """
    folder = Path(folder)
    require_writable(folder)
    folder.mkdir(parents=True, exist_ok=True)
    rows = [_write(source, 0, folder)] if isinstance(source, Movie) else _write_all(Path(source), folder)
    manifest = folder / "manifest.csv"
    names = list(dict.fromkeys(name for row in rows for name in row))
    with io.replacing(manifest) as draft, draft.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, names, lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
    return manifest


def _write_all(path: Path, folder: Path) -> list[dict[str, object]]:
    store = CorpusStore(path)
    rows = []
    for index in store.done().nonzero()[0].tolist():
        recipe = store.corpus.recipe(index)
        settings = {
            name: json.dumps(value) if isinstance(value, dict | list) else value
            for name, value in recipe.settings.items()
        }
        rows.append(_write(read_from(store, index), index, folder) | {"seed": recipe.seed} | settings)
    return rows


def _write(movie: Movie, index: int, folder: Path) -> dict[str, object]:
    """Write a movie and return its line of the manifest."""
    observation, truth = movie
    images = {"counts": observation.counts} | ({"truth": truth.density} if truth is not None else {})
    names = {kind: f"movie_{index:05d}_{kind}.tif" for kind in images}
    for kind, image in images.items():
        io.write(image, folder / names[kind])
    table = f"movie_{index:05d}_localizations.csv"
    io.write(observation, folder / table)
    return {"movie": index, **names, "table": table, "localizations": observation.sizes["localization"]}
