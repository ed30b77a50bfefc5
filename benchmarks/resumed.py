"""Scores of movies in a folder, one JSON file for each, so that a run that was killed goes on where it was."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

from smlmsim import io
from smlmsim.spec import Spec
from smlmsim.store import Kind, complete, made_here, sole_run


class Named(Protocol):
    """A movie that names the file of its scores."""

    @property
    def file(self) -> str: ...


Movie = TypeVar("Movie", bound=Named)


def scored(
    kind: Kind,
    settings: Spec,
    folder: Path,
    movies: Sequence[Movie],
    score: Callable[[Movie], Any],
    *,
    processes: int | None = None,
    progress: bool = True,
) -> tuple[list[Any], dict[str, str]]:
    """Score the movies of which a folder has no scores yet, and return those of all, and what identifies the result.

    Raises
    ------
    ValueError
        That of the kind: if the folder holds scores of other settings or versions, or if a movie could not be scored.
    """
    io.require_writable(folder)
    (folder / "movies").mkdir(parents=True, exist_ok=True)
    if not (folder / "settings.json").is_file():
        _write(folder / "settings.json", kind.identity(settings))
    identity = json.loads((folder / "settings.json").read_text(encoding="utf-8"))
    kind.require_same(folder, identity, settings)
    with sole_run(folder):
        missing = [movie for movie in movies if not (folder / "movies" / movie.file).is_file()]
        if missing:
            made_here(folder, identity)
            _write(folder / "settings.json", identity)
        outcomes = complete(
            score, missing, total=len(movies), unit="movie", processes=processes, progress=progress
        )
        for movie, outcome in outcomes:
            if isinstance(outcome, Exception):
                raise kind.error(f"{movie} failed: {outcome}; earlier scores are kept") from outcome
            _write(folder / "movies" / movie.file, outcome)
    files = [folder / "movies" / movie.file for movie in movies]
    return [json.loads(file.read_text(encoding="utf-8")) for file in files], identity


def _write(path: Path, content: Any) -> None:
    with io.replacing(path) as draft:
        draft.write_text(json.dumps(content, indent=1), encoding="utf-8")
